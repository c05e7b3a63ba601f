"""Anthropic's messages."""

from __future__ import annotations

import itertools
from typing import Any

from tests.fake_upstream import Request
from tests.pairs.scenes import REFUSAL, TROUBLE, Scene
from tests.pairs.told import Asked, Turn, same
from tests.pairs.upstreams.egress import SSE, Egress
from tests.pairs.upstreams.pieces import (
    Json,
    cut_text,
    cut_thoughts,
    has_arguments,
    is_late,
    marked_late,
    said_of,
    sse_data,
    text_of,
)


def _blocks(scene: Scene) -> list[Json]:
    blocks: list[Json] = []
    if scene.thoughts:
        blocks.append({"type": "thinking", "thinking": scene.thoughts, "signature": "c2lnbmVk"})
    if scene.text:
        blocks.append({"type": "text", "text": scene.text})
    # Of a call that ends before its arguments its clients would see the head, and take it for a call without any.
    calls = [call for call in scene.calls if has_arguments(call, scene)]
    return blocks + [{"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)} for call in calls]


_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def _message(scene: Scene, **more: Any) -> Json:
    usage = {"input_tokens": scene.prompt_tokens, "output_tokens": scene.completion_tokens}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None, "usage": usage, **more}


def _end(scene: Scene) -> Json:
    reason = "stop_sequence" if scene.matched else _REASONS[scene.finish]
    return {"stop_reason": reason, "stop_sequence": scene.matched or None}


def _whole(scene: Scene) -> Any:
    blocks = [block for block in _blocks(scene) if block.get("id") not in _half_calls(scene)]
    return _message(scene, content=blocks, **_end(scene))


def _half_calls(scene: Scene) -> set[str]:
    """The ids of calls that have no place in an answer, because they were not come to the end of, and arguments are an object there."""
    return {call.id for call in scene.calls if call not in scene.whole_calls}


def _records(scene: Scene) -> list[Json]:
    records: list[Json] = [
        {"type": "message_start", "message": _message(scene, content=[], stop_reason=None)},
        {"type": "ping"},
    ]
    for index, block in enumerate(_blocks(scene)):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        begun = {key: empty.get(key, value) for key, value in block.items()}
        deltas = _deltas(block, scene)
        records.append(marked_late({"type": "content_block_start", "index": index, "content_block": begun}, deltas[0][1]))
        records += [marked_late({"type": "content_block_delta", "index": index, "delta": delta}, late) for delta, late in deltas]
        records.append(marked_late({"type": "content_block_stop", "index": index}, deltas[-1][1]))
    records.append(marked_late({"type": "message_delta", "delta": _end(scene), "usage": {"output_tokens": scene.completion_tokens}}))
    return [*records, marked_late({"type": "message_stop"})]


def _deltas(block: Json, scene: Scene) -> list[tuple[Json, bool]]:
    match block["type"]:
        case "thinking":
            thoughts = [({"type": "thinking_delta", "thinking": piece}, late) for piece, late in cut_thoughts(scene)]
            return [*thoughts, ({"type": "signature_delta", "signature": block["signature"]}, thoughts[-1][1])]
        case "text":
            return [({"type": "text_delta", "text": piece}, late) for piece, late in cut_text(scene)]
        case _:
            (call,) = (call for call in scene.calls if call.id == block["id"])
            begin, *rest = said_of(call, scene)
            deltas = [({"type": "input_json_delta", "partial_json": piece}, is_late(scene, call)) for piece in ("", begin)]
            return deltas + [({"type": "input_json_delta", "partial_json": piece}, is_late(scene, call, begun=True)) for piece in rest]


def _asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), dict[str, str](), list[str]()
    assert request.headers["anthropic-version"]
    assert body["max_tokens"] > 0
    if body.get("system"):
        turns.append(("system", text_of(body["system"])))
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles)), roles
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        assert blocks[-1]["type"] not in ("thinking", "redacted_thinking"), "the final block cannot be `thinking`"
        if calls:  # The results of all calls come first, and at once.
            assert {block["tool_use_id"] for block in blocks[: len(calls)]} == set(calls)
        for block in blocks:
            ids += [block["id"]] if block["type"] == "tool_use" else []
            _add_anthropic_block(block, message["role"], turns, calls)
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream") is True, turns, tools, ids)


def _add_anthropic_block(block: Json, role: str, turns: list[Turn], calls: dict[str, str]) -> None:
    match block["type"]:
        case "text":
            assert block["text"].strip()
            turns.append(("model" if role == "assistant" else "user", block["text"]))
        case "image":
            assert block["source"]["media_type"] == "image/png"
            turns.append(("image", block["source"]["data"]))
        case "tool_use":
            calls[block["id"]] = same(block["input"])
            turns.append(("call", block["name"], calls[block["id"]]))
        case "tool_result":
            kind = "failed" if block.get("is_error") else "result"
            turns.append((kind, calls.pop(block["tool_use_id"]), text_of(block["content"])))
        case "thinking" | "redacted_thinking":
            turns.append(("thoughts", block.get("thinking", ""), block.get("signature", "")))
        case _:
            raise AssertionError(block)


ANTHROPIC = Egress(
    name="anthropic",
    root=True,
    models=(
        "/v1/models",
        {
            "data": [{"id": "m", "type": "model", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}],
            "has_more": False,
            "first_id": "m",
            "last_id": "m",
        },
    ),
    paths=("/v1/messages",),
    wants_stream=lambda request: request.json.get("stream") is True,
    whole=_whole,
    records=_records,
    written=lambda record: f"event: {record['type']}\n".encode() + sse_data(record),
    trouble={"type": "error", "error": {"type": "api_error", "message": TROUBLE}},
    refusal={"type": "error", "error": {"type": "invalid_request_error", "message": REFUSAL}, "request_id": "req_1"},
    stream_headers=SSE,
    asked=_asked,
    in_pieces=True,
)
