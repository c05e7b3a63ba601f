"""Mistral: pydantic's errors for every stranger, ids of nine letters, no names, no empty turns; thinking inside of content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import BASIC, Refusal
from tests.fakes.server import CREATED, Fake, Json

_IN_MESSAGES = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}


class MistralFake(Fake):
    name = "mistral"
    host_url = "https://api.mistral.ai/v1"
    chat_models = ("mistral-small-latest", "magistral-small-latest")
    embedding_models = ("mistral-embed",)
    known = BASIC | {"max_tokens", "random_seed", "parallel_tool_calls", "n", "safe_prompt", "prediction", "prompt_mode"}

    def entry(self, model: str) -> Json:
        chats = model in self.chat_models
        capabilities = {"completion_chat": chats, "completion_fim": False, "function_calling": chats, "fine_tuning": False, "vision": False}
        return {
            "id": model,
            "object": "model",
            "created": CREATED,
            "owned_by": "mistralai",
            "capabilities": capabilities,
            "name": model,
            "max_context_length": 131072,
            "aliases": [],
            "type": "base",
        }

    def judge(self, body: Json) -> Iterator[Refusal]:
        strangers = [name for name in body if name not in self.known]
        for index, message in enumerate(body["messages"]):
            role = message["role"]
            strangers += [f"messages.{index}.{role}.{name}" for name in message if name not in _IN_MESSAGES.get(role, ())]
        if strangers:
            yield Refusal("", status=422, fields=strangers)
        if body.get("tool_choice", "auto") not in ("auto", "none", "any"):
            yield Refusal("Invalid tool_choice")
        for message in body["messages"]:
            if message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls"):
                yield Refusal("Assistant message must have either content or tool_calls, but not none.")
            for call_id in (*(call["id"] for call in message.get("tool_calls", ())), message.get("tool_call_id", "a" * 9)):
                if not re.fullmatch("[a-zA-Z0-9]{9}", call_id):
                    yield Refusal(f"Tool call id was {call_id} but must be a-z, A-Z, 0-9, with a length of 9.", code="3280")
        if body["messages"][-1]["role"] not in ("user", "tool") and not body["messages"][-1].get("prefix"):
            yield Refusal("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant", code="3230")

    def judge_embeddings(self, body: Json) -> Iterator[Refusal]:
        strangers = sorted(body.keys() - {"model", "input", "encoding_format", "output_dimension", "output_dtype"})
        if strangers:
            yield Refusal("", status=422, fields=strangers)

    def error(self, refusal: Refusal) -> Any:
        detail = [
            {"type": "extra_forbidden", "loc": ["body", *name.split(".")], "msg": "Extra inputs are not permitted", "input": None}
            for name in refusal.fields
        ]
        about = {"type": "invalid_request_error", "param": None, "code": refusal.code}
        return {"object": "error", "message": {"detail": detail} if detail else refusal.message, **about}

    def thinks(self, body: Json) -> bool:
        return bool(body["model"] == "magistral-small-latest")

    def reasoning_delta(self, text: str) -> Json:
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}

    def whole(self, body: Json) -> Json:
        answer = super().whole(body)
        deltas = self.deltas(body)
        parts = [part for delta in deltas if isinstance(delta.get("content"), list) for part in delta["content"]]
        texts = [{"type": "text", "text": delta["content"]} for delta in deltas if isinstance(delta.get("content"), str)]
        if parts:
            answer["choices"][0]["message"]["content"] = parts + texts
        return answer

    def closing(self, body: Json, last_choice: Json) -> Iterator[bytes]:
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        yield self.event(self.envelope(body, "chat.completion.chunk", [last_choice], usage=usage))

    def call_id(self) -> str:
        return "aB3dE6gH9"
