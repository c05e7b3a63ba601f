"""LM Studio: errors are texts, formats are schemas, tools are demanded by a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import BASIC, Refusal, format_of
from tests.fakes.server import Fake, Json


class LMStudioFake(Fake):
    name = "lmstudio"
    chat_models = ("qwen2.5-7b-instruct",)
    embedding_models = ("text-embedding-nomic-embed-text-v1.5",)
    known = BASIC | {"max_tokens", "seed", "stream_options", "top_k", "repeat_penalty", "logit_bias"}

    def entry(self, model: str) -> Json:
        return {"id": model, "object": "model", "owned_by": "organization_owner"}

    def judge(self, body: Json) -> Iterator[Refusal]:
        if format_of(body) not in ("", "json_schema", "text"):
            yield Refusal("'response_format.type' must be 'json_schema' or 'text'")
        if not isinstance(body.get("tool_choice", ""), str):
            yield Refusal("Invalid tool_choice type: 'object'. Supported string values: none, auto, required")

    def error(self, refusal: Refusal) -> Any:
        return {"error": refusal.message}
