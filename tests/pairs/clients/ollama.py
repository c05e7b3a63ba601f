"""Ollama's chats, and its texts that are gone on with."""

from __future__ import annotations

from typing import Any

from tests.pairs.clients.ingress import Ingress, Json, add_call, counted, message_of
from tests.pairs.scenes import SCHEMA, Call, Scene, result_of
from tests.pairs.told import Told, lines


def _body(scene: Scene) -> Json:
    messages: list[Json] = [{"role": "system", "content": scene.system}] if scene.system else []
    messages.append({"role": "user", "content": scene.says, **({"images": [scene.shows]} if scene.shows else {})})
    if scene.earlier:
        calls = [{**_id("id", call), "function": {"name": call.name, "arguments": call.arguments}} for call in scene.earlier]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        messages += [
            {"role": "tool", "tool_name": call.name, **_id("tool_call_id", call), "content": result_of(call)} for call in scene.earlier
        ]
    body: Json = {"messages": messages}
    if scene.tools:
        body["tools"] = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}}]
    if scene.thinks:
        body["think"] = True
    return body


def _id(key: str, call: Call) -> Json:
    """The id of a call, or nothing: ollama-python drops it."""
    return {key: call.id} if call.id else {}


def _whole(answer: Any) -> Told:
    return _records([answer])


def _stream(body: bytes) -> Told:
    return _records(lines(body))


def _records(records: list[Any]) -> Told:
    told = Told()
    for place, record in enumerate(records, start=1):
        if "error" in record:
            assert place == len(records)
            told.error = message_of(record)
            return told
        message = record["message"]
        told.text += message["content"]
        told.thoughts += message.get("thinking", "")
        for call in message.get("tool_calls") or ():
            add_call(told, call.get("id", ""), call["function"]["name"], call["function"]["arguments"])
        assert record["done"] is (place == len(records))
        if record["done"]:
            told.ended = True
            told.finish = "tool_calls" if told.calls and record["done_reason"] == "stop" else record["done_reason"]
            counted(told, record, "prompt_eval_count", "eval_count")
    return told


def _generate_body(scene: Scene) -> Json:
    body: Json = {"prompt": scene.says}
    if scene.system:
        body["system"] = scene.system
    if scene.shows:
        body["images"] = [scene.shows]
    if scene.thinks:
        body["think"] = True
    return body


def _generated(record: Json) -> Json:
    """A line of `/api/generate` as one of `/api/chat`."""
    assert "message" not in record
    return record if "error" in record else {**record, "message": {"content": record["response"], "thinking": record.get("thinking", "")}}


OLLAMA_CHAT = Ingress("ollama.chat", "ollama", "/api/chat", _body, _stream, _whole, {})
OLLAMA_GENERATE = Ingress(
    "ollama.generate",
    "ollama",
    "/api/generate",
    _generate_body,
    lambda body: _records([_generated(line) for line in lines(body)]),
    lambda answer: _records([_generated(answer)]),
    {},
)
