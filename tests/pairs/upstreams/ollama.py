"""Ollama's chats and texts."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_upstream import Request
from tests.pairs.scenes import REFUSAL, TROUBLE, Scene
from tests.pairs.told import Asked, Turn, same
from tests.pairs.upstreams.egress import Egress
from tests.pairs.upstreams.pieces import (
    Json,
    bare,
    cut_text,
    cut_thoughts,
    late_call,
    marked_late,
    result_turn,
)


def _end(scene: Scene) -> Json:
    counts = {"prompt_eval_count": scene.prompt_tokens, "eval_count": scene.completion_tokens}
    durations = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1000)
    return {"done": True, "done_reason": "stop" if scene.finish == "tool_calls" else scene.finish, **durations, **counts}


def _record(message: Json, **more: Any) -> Json:
    message = {"role": "assistant", "content": "", **message}
    return {"model": "m", "created_at": "2026-01-01T00:00:00.123456Z", "message": message, "done": False, **more}


def _calls(scene: Scene) -> list[Json]:
    return [
        {"id": call.id, "function": {"index": place, "name": call.name, "arguments": dict(call.arguments)}}
        for place, call in enumerate(scene.whole_calls)
    ]


def _whole(scene: Scene) -> Any:
    message: Json = {"content": scene.text}
    if scene.thoughts:
        message["thinking"] = scene.thoughts
    if scene.whole_calls:
        message["tool_calls"] = _calls(scene)
    return _record(message, **_end(scene))


def _records(scene: Scene) -> list[Json]:
    records = [marked_late(_record({"thinking": piece}), late) for piece, late in cut_thoughts(scene)]
    records += [marked_late(_record({"content": piece}), late) for piece, late in cut_text(scene)]
    calls = zip(scene.whole_calls, _calls(scene), strict=True)
    records += [late_call(_record({"tool_calls": [written]}), scene, call) for call, written in calls]
    return [*records, marked_late(_record({}, **_end(scene)))]


def _continued(record: Json) -> Json:
    record = dict(record)
    message = record.pop("message")
    thoughts = {"thinking": message["thinking"]} if "thinking" in message else {}
    return {**record, "response": message["content"], **thoughts}


def _asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), list[tuple[str, str, str]](), list[str]()
    if "prompt" in body:
        turns += [("system", body["system"])] if body.get("system") else []
        turns += [("user", body["prompt"]), *(("image", image) for image in body.get("images") or ())]
        return Asked(body["model"], body.get("stream", True), turns)
    for message in body["messages"]:
        role, content = message["role"], message.get("content") or ""
        assert isinstance(content, str)
        if role == "tool":
            names = (message.get("tool_call_id"), message["tool_name"])
            at = next(place for place, (call_id, name, _) in enumerate(calls) if names in ((call_id, name), (None, name)))
            turns.append(result_turn(calls.pop(at)[2], content))
            continue
        if message.get("thinking"):
            turns.append(("thoughts", message["thinking"]))
        if content:
            turns.append(({"assistant": "model"}.get(role, role), content))
        turns += [("image", image) for image in message.get("images") or ()]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            assert isinstance(function["arguments"], dict)
            ids.append(call.get("id", ""))
            calls.append((call.get("id", ""), function["name"], same(function["arguments"])))
            turns.append(("call", function["name"], calls[-1][2]))
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream", True), turns, tools, ids)


OLLAMA = Egress(
    name="ollama",
    root=True,
    models=(
        "/api/tags",
        {"models": [{"name": "m", "model": "m", "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "d", "details": {}}]},
    ),
    paths=("/api/chat",),
    wants_stream=lambda request: request.json.get("stream", True),
    whole=_whole,
    records=_records,
    written=lambda record: json.dumps(bare(record)).encode() + b"\n",
    trouble={"error": TROUBLE},
    refusal={"error": REFUSAL},
    stream_headers={"Content-Type": "application/x-ndjson"},
    asked=_asked,
    prompt_path="/api/generate",
    continued=_continued,
)
