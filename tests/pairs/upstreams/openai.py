"""OpenAI's chats, and plain texts that are gone on with."""

from __future__ import annotations

from typing import Any

from tests.fake_upstream import Request
from tests.pairs.scenes import REFUSAL, TROUBLE, Call, Scene
from tests.pairs.told import Asked, Turn, same
from tests.pairs.upstreams.egress import SSE, Egress
from tests.pairs.upstreams.pieces import (
    Json,
    cut_text,
    cut_thoughts,
    has_arguments,
    is_late,
    marked_late,
    result_turn,
    said_of,
    sse_data,
    text_of,
)


def _message(scene: Scene) -> Json:
    message: Json = {"role": "assistant", "content": scene.text or None}
    if scene.thoughts:
        message["reasoning_content"] = scene.thoughts
    if scene.calls:
        message["tool_calls"] = [_call(call, scene, "".join(said_of(call, scene))) for call in scene.calls]
    return message | _details(scene)


def _call(call: Call, scene: Scene, arguments: str) -> Json:
    begun: Json = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
    if scene.beside == "signature" and not has_arguments(call, scene):
        begun["extra_content"] = {"google": {"thought_signature": "c2lnbmVk"}}
    return begun


def _details(scene: Scene) -> Json:
    """State that comes behind the head of the last call."""
    if scene.broken != "arguments" or scene.beside != "details":
        return {}
    return {"reasoning_details": [{"type": "reasoning.encrypted", "data": "c2VjcmV0", "index": 0}]}


def _usage(scene: Scene) -> Json:
    both = scene.prompt_tokens + scene.completion_tokens
    return {"prompt_tokens": scene.prompt_tokens, "completion_tokens": scene.completion_tokens, "total_tokens": both}


def _whole(scene: Scene) -> Any:
    choice = {"index": 0, "message": _message(scene), "finish_reason": scene.finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": _usage(scene)}


def _records(scene: Scene) -> list[Json]:
    def chunk(delta: Json, finish: str | None = None) -> Json:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    records = [chunk({"role": "assistant", "content": ""})]
    records += [marked_late(chunk({"reasoning_content": piece}), late) for piece, late in cut_thoughts(scene)]
    records += [marked_late(chunk({"content": piece}), late) for piece, late in cut_text(scene)]
    for index, call in enumerate(scene.calls):
        begun = {"index": index, **_call(call, scene, "")}
        begin, *rest = ({"index": index, "function": {"arguments": piece}} for piece in said_of(call, scene))
        records += [marked_late(chunk({"tool_calls": [piece]}), is_late(scene, call)) for piece in (begun, begin)]
        records += [marked_late(chunk({"tool_calls": [piece]}), is_late(scene, call, begun=True)) for piece in rest]
    records += [chunk(details)] if (details := _details(scene)) else []
    return [*records, marked_late(chunk({}, scene.finish)), marked_late({**chunk({}), "choices": [], "usage": _usage(scene)})]


def _continued(record: Json) -> Json:
    def continued(choice: Json) -> Json:
        said = choice.get("message") or choice.get("delta")
        return {"index": 0, "text": said.get("content") or "", "logprobs": None, "finish_reason": choice["finish_reason"]}

    return {**record, "object": "text_completion", "choices": [continued(choice) for choice in record["choices"]]}


def _asked(request: Request) -> Asked:
    body, turns, calls, ids = request.json, list[Turn](), dict[str, str](), list[str]()
    if "prompt" in body:
        return Asked(body["model"], body.get("stream") is True, [("user", body["prompt"])])
    assert body.get("tools") != []
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        if role == "tool":
            turns.append(result_turn(calls.pop(message["tool_call_id"]), text_of(content)))
            continue
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for part in parts:
            if part["type"] == "image_url":
                turns.append(("image", part["image_url"]["url"].partition("base64,")[2]))
            elif part["text"]:
                turns.append(({"assistant": "model", "developer": "system"}.get(role, role), part["text"]))
        for call in message.get("tool_calls") or ():
            ids.append(call["id"])
            calls[call["id"]] = same(call["function"]["arguments"])
            turns.append(("call", call["function"]["name"], calls[call["id"]]))
    assert not calls
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body.get("tools") or ()}
    return Asked(body["model"], body.get("stream") is True, turns, tools, ids)


OPENAI = Egress(
    name="openai",
    root=False,
    models=("/models", {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}),
    paths=("/chat/completions",),
    wants_stream=lambda request: request.json.get("stream") is True,
    whole=_whole,
    records=_records,
    written=sse_data,
    trouble={"error": {"message": TROUBLE, "type": "server_error", "param": None, "code": None}},
    refusal={"error": {"message": REFUSAL, "type": "invalid_request_error", "param": "temperature", "code": None}},
    stream_headers=SSE,
    asked=_asked,
    end=b"data: [DONE]\n\n",
    in_pieces=True,
    prompt_path="/completions",
    continued=_continued,
)
