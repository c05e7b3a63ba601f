"""OpenAI's chats."""

from __future__ import annotations

from typing import Any

from tests.pairs.clients.ingress import Ingress, Json, add_call, counted, message_of
from tests.pairs.scenes import SCHEMA, Scene, result_of
from tests.pairs.told import Told, events


def _body(scene: Scene) -> Json:
    messages: list[Json] = [{"role": "system", "content": scene.system}] if scene.system else []
    shown = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{scene.shows}"}}] if scene.shows else []
    messages.append({"role": "user", "content": [{"type": "text", "text": scene.says}, *shown] if shown else scene.says})
    if scene.earlier:
        calls = [{"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.written}} for call in scene.earlier]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": call.id, "content": result_of(call)} for call in scene.earlier]
    body: Json = {"messages": messages, "stream_options": {"include_usage": True}}
    if scene.tools:
        body["tools"] = [{"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": SCHEMA}}]
    if scene.thinks:
        body["reasoning_effort"] = "high"
    return body


def _whole(answer: Any) -> Told:
    (choice,) = answer["choices"]
    message = choice["message"]
    told = Told(finish=choice["finish_reason"], ended=True, text=message.get("content") or "", thoughts=_thoughts(message))
    told.matched = choice.get("stop_reason") or ""
    for call in message.get("tool_calls") or ():
        add_call(told, call["id"], call["function"]["name"], call["function"]["arguments"])
    return counted(told, answer["usage"], "prompt_tokens", "completion_tokens")


def _thoughts(message: Json) -> str:
    thoughts = message.get("reasoning_content") or message.get("reasoning") or ""
    assert isinstance(thoughts, str)
    return thoughts


def _stream(body: bytes) -> Told:
    told, calls = Told(), dict[int, Json]()
    *chunks, (_, last) = events(body)
    for _, chunk in chunks if last == "[DONE]" else events(body):
        if chunk.get("error"):
            told.error = message_of(chunk)
            continue
        for choice in chunk["choices"]:
            delta = choice["delta"]
            told.text += delta.get("content") or ""
            told.thoughts += _thoughts(delta)
            told.finish = choice["finish_reason"] or told.finish
            told.matched = choice.get("stop_reason") or told.matched
            for piece in delta.get("tool_calls") or ():
                call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += piece.get("id") or ""
                call["name"] += piece["function"].get("name") or ""
                call["arguments"] += piece["function"].get("arguments") or ""
        if chunk.get("usage"):
            counted(told, chunk["usage"], "prompt_tokens", "completion_tokens")
    assert list(calls) == list(range(len(calls)))
    for call in calls.values() if told.finish else ():
        add_call(told, **call)
    told.ended = bool(told.finish) and not told.error
    assert last == "[DONE]" or told.error
    return told


CHAT = Ingress("openai.chat", "openai", "/v1/chat/completions", _body, _stream, _whole, {"Authorization": "Bearer of-the-client"})
