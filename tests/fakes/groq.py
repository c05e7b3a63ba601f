"""Groq: knows exactly the properties that it knows, in messages too; formats go neither with streams nor with tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import BASIC, Refusal, format_of, speaks_of_json
from tests.fakes.openai import too_many_stops
from tests.fakes.server import CREATED, Fake, Json

_EFFORTS = {"qwen/qwen3-32b": ["none", "default"], "openai/gpt-oss-20b": ["low", "medium", "high"]}
_IN_MESSAGES = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


class GroqFake(Fake):
    name = "groq"
    host_url = "https://api.groq.com/openai/v1"
    chat_models = ("llama-3.1-8b-instant", *_EFFORTS)
    known = (
        BASIC
        | {"max_tokens", "max_completion_tokens", "seed", "stream_options", "parallel_tool_calls", "user", "n"}
        | {
            *("reasoning_effort", "reasoning_format", "include_reasoning", "service_tier"),
            # Known, and refused with words of their own.
            *("logprobs", "top_logprobs", "logit_bias"),
        }
    )
    reasoning_field = "reasoning"

    def entry(self, model: str) -> Json:
        about = {"active": True, "context_window": 131072, "public_apps": None, "max_completion_tokens": 32768}
        return {"id": model, "object": "model", "created": CREATED, "owned_by": "Meta", **about}

    def judge(self, body: Json) -> Iterator[Refusal]:
        for name in sorted(body.keys() - self.known):
            yield Refusal(f"property '{name}' is unsupported")
        for name in sorted(body.keys() & {"logprobs", "logit_bias", "top_logprobs"}):
            yield Refusal(f"`{name}` is not supported with this model")
        for index, message in enumerate(body["messages"]):
            for name in sorted(message.keys() - _IN_MESSAGES):
                place = f"'messages.{index}'"
                words = f"for 'role:{message['role']}' the following must be satisfied[({place} : property '{name}' is unsupported)]"
                yield Refusal(f"{place} : {words}")
        yield from self._judge_reasoning(body)
        yield from self._judge_format(body)
        if len(body.get("stop", ())) > 4:
            yield too_many_stops(len(body["stop"]))

    def _judge_reasoning(self, body: Json) -> Iterator[Refusal]:
        efforts = _EFFORTS.get(body["model"])
        if "reasoning_format" in body and (efforts is None or "gpt-oss" in body["model"]):
            yield Refusal("`reasoning_format` is not supported with this model")
        if "reasoning_effort" in body and efforts is None:
            yield Refusal("`reasoning_effort` is not supported with this model")
        elif body.get("reasoning_effort") not in (None, *(efforts or ())):
            yield Refusal(f"'reasoning_effort' : value is not one of the allowed values {efforts}")

    def _judge_format(self, body: Json) -> Iterator[Refusal]:
        if format_of(body) and body.get("tools"):
            yield Refusal("json mode cannot be combined with tool/function calling")
        if format_of(body) and body.get("stream"):
            yield Refusal("response_format` does not support streaming")
        if format_of(body) == "json_object" and not speaks_of_json(body):
            yield Refusal("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")

    def error(self, refusal: Refusal) -> Any:
        error = {"message": refusal.message, "type": "invalid_request_error"}
        return {"error": error | ({"code": refusal.code} if refusal.code else {})}

    def thinks(self, body: Json) -> bool:
        return body["model"] in _EFFORTS and body.get("reasoning_format") != "hidden" and body.get("reasoning_effort") != "none"

    def closing(self, body: Json, last_choice: Json) -> Iterator[bytes]:
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        yield self.event(self.envelope(body, "chat.completion.chunk", [last_choice], x_groq={"id": "req_1", "usage": usage}))
        if body.get("stream_options"):
            yield self.event(self.envelope(body, "chat.completion.chunk", [], usage=usage))
