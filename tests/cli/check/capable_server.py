"""A server that can do everything `check` asks for, and the answers of which it is made."""

from __future__ import annotations

from typing import Any

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of


def make_capable(server: FakeUpstream) -> None:
    server.on(
        "/models", json_answer({"object": "list", "data": [{"id": "text-embed", "object": "model"}, {"id": "talker", "object": "model"}]})
    )
    server.on("/chat/completions", answer_chat)
    vector = {"object": "embedding", "index": 0, "embedding": [0.6, 0.8, 0.0]}
    server.on(
        "/embeddings",
        json_answer({"object": "list", "data": [vector], "model": "text-embed", "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
    )


def answer_chat(request: Request) -> Answer:
    if request.json.get("stream"):
        return a_stream()
    if request.json.get("tools"):
        call = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
        return a_completion({"tool_calls": [call]}, "tool_calls")
    return a_completion({"content": "Hello."})


def a_completion(message: dict[str, Any], finish_reason: str = "stop") -> Answer:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish_reason}
    return json_answer({"id": "c1", "object": "chat.completion", "created": 1, "model": "talker", "choices": [choice], "usage": usage})


def a_stream(*, usage: bool = True) -> Answer:
    def chunk(**fields: Any) -> dict[str, Any]:
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "talker", **fields}

    said = [chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}]) for text in ("one ", "two")]
    end = chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    counted = [chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})] if usage else []
    return stream_of(*said, end, *counted)


def an_error(status: int, message: str, code: str | None = None) -> Answer:
    return json_answer({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}, status)
