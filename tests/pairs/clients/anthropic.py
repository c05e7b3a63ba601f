"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.pairs.clients.ingress import Ingress, Json, add_call, counted, message_of
from tests.pairs.scenes import SCHEMA, Scene, result_of
from tests.pairs.told import Told, events


def _body(scene: Scene) -> Json:
    source = {"type": "base64", "media_type": "image/png", "data": scene.shows}
    shown = [{"type": "image", "source": source}] if scene.shows else []
    messages: list[Json] = [{"role": "user", "content": [*shown, {"type": "text", "text": scene.says}] if shown else scene.says}]
    if scene.earlier:
        calls = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in scene.earlier]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": result_of(call)} for call in scene.earlier]
        messages += [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    body: Json = {"messages": messages, "max_tokens": 8192}
    if scene.system:
        body["system"] = scene.system
    if scene.tools:
        body["tools"] = [{"name": "get_weather", "description": "The weather", "input_schema": SCHEMA}]
    if scene.thinks:
        body["thinking"] = {"type": "enabled", "budget_tokens": 4096}
    return body


_OF_ANTHROPIC = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}


def _whole(answer: Any) -> Told:
    told = Told(finish=_OF_ANTHROPIC[answer["stop_reason"]], ended=True, matched=answer["stop_sequence"] or "")
    assert bool(told.matched) is (answer["stop_reason"] == "stop_sequence")
    for block in answer["content"]:
        match block["type"]:
            case "text":
                told.text += block["text"]
            case "thinking":
                told.thoughts += block["thinking"]
            case "tool_use":
                add_call(told, block["id"], block["name"], block["input"])
    return counted(told, answer["usage"] or {}, "input_tokens", "output_tokens")


def _stream(body: bytes) -> Told:
    message: Json = {}
    told, arguments, is_open = Told(), dict[int, str](), False
    for name, event in events(body):
        assert name == event["type"]
        match event["type"]:
            case "message_start":
                message = {**event["message"], "usage": dict(event["message"]["usage"])}
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(message["content"])
                message["content"].append(dict(event["content_block"]))
                is_open = True
            case "content_block_delta":
                assert is_open
                _add_delta(message["content"][event["index"]], event["delta"], arguments, event["index"])
            case "content_block_stop":
                assert is_open
                is_open = False
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case "error":
                told = _broken(message.get("content", ()), arguments, is_open=is_open)
                told.error, told.finish = message_of(event), message.get("stop_reason") or ""
            case "message_stop":
                assert not told.error
                return _whole(_with_inputs(message, arguments))
    return told


def _with_inputs(message: Json, arguments: Mapping[int, str]) -> Json:
    """A message whose calls have what was said of their arguments; without one that was cut off."""
    for index, text in arguments.items():
        try:
            message["content"][index]["input"] = json.loads(text or "{}")
        except json.JSONDecodeError:
            assert message["stop_reason"] in ("max_tokens", "refusal")
            assert index == len(message["content"]) - 1
            message["content"].pop()
    return message


def _broken(blocks: Sequence[Json], arguments: Mapping[int, str], *, is_open: bool) -> Told:
    """What was said before an answer broke off. Clients may act upon a call when its block is closed."""
    told = Told()
    for index, block in enumerate(blocks):
        told.text += block.get("text", "")
        told.thoughts += block.get("thinking", "")
        if block["type"] == "tool_use" and not (is_open and index == len(blocks) - 1):
            add_call(told, block["id"], block["name"], arguments.get(index) or "{}")
    return told


def _add_delta(block: Json, delta: Json, arguments: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            arguments[index] = arguments.get(index, "") + delta["partial_json"]


MESSAGES = Ingress(
    "anthropic.messages",
    "anthropic",
    "/v1/messages",
    _body,
    _stream,
    _whole,
    {"x-api-key": "of-the-client", "anthropic-version": "2023-06-01"},
)
