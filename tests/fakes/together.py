"""Together: a bare array for a list, `eos` for a finish, everything that open models take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import OPENAI, Refusal
from tests.fakes.server import CREATED, Fake, Json


class TogetherFake(Fake):
    name = "together"
    host_url = "https://api.together.xyz/v1"
    chat_models = ("meta-llama/Llama-3.3-70B-Instruct-Turbo",)
    embedding_models = ("BAAI/bge-base-en-v1.5",)
    known = (OPENAI - {"max_completion_tokens", "user", "parallel_tool_calls"}) | {"top_k", "min_p", "repetition_penalty"}

    def models(self) -> Any:
        return super().models()["data"]

    def entry(self, model: str) -> Json:
        return {
            "id": model,
            "object": "model",
            "created": CREATED,
            "type": "chat" if model in self.chat_models else "embedding",
            "running": False,
            "display_name": model,
            "organization": "Meta",
            "context_length": 131072,
            "config": {"chat_template": None, "stop": []},
            "pricing": {"hourly": 0, "input": 0.88, "output": 0.88, "base": 0, "finetune": 0},
        }

    def judge(self, body: Json) -> Iterator[Refusal]:
        if body.get("top_k", 1) < 0:
            yield Refusal("Input validation error")

    def finish_reason(self, calls: bool) -> str:
        return "tool_calls" if calls else "eos"
