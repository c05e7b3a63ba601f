"""OpenRouter: tells of every model what it takes, and passes over the rest; comments while it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import Refusal
from tests.fakes.server import CREATED, Fake, Json

_CHAT = {"max_tokens", "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "seed"}
_LOCAL = {"top_k", "min_p", "repetition_penalty", "logprobs", "top_logprobs"}
_TAKEN = {
    "meta-llama/llama-3.3-70b-instruct": _CHAT | _LOCAL | {"tools", "tool_choice", "response_format", "structured_outputs"},
    "openai/gpt-5": {
        "max_tokens",
        "seed",
        "tools",
        "tool_choice",
        "response_format",
        "structured_outputs",
        "reasoning",
        "include_reasoning",
    },
    "deepseek/deepseek-r1": _CHAT | {"top_k", "min_p", "repetition_penalty", "reasoning", "include_reasoning", "tools", "tool_choice"},
}


class OpenRouterFake(Fake):
    name = "openrouter"
    host_url = "https://openrouter.ai/api/v1"
    chat_models = tuple(_TAKEN)
    known = frozenset({"model", "messages", "stream", "stream_options", "user", "parallel_tool_calls", "usage"})
    reasoning_field = "reasoning"

    def entry(self, model: str) -> Json:
        entry: Json = {
            "id": model,
            "name": model,
            "created": CREATED,
            "description": "A model",
            "context_length": 131072,
            "architecture": {"modality": "text->text", "input_modalities": ["text"], "output_modalities": ["text"], "tokenizer": "Other"},
            "pricing": {"prompt": "0.0000001", "completion": "0.0000002"},
            "supported_parameters": sorted(_TAKEN[model]),
        }
        if model == "deepseek/deepseek-r1":
            entry["reasoning"] = {"mandatory": True, "supported_efforts": None}
        return entry

    def judge(self, body: Json) -> Iterator[Refusal]:
        reasoning = body.get("reasoning", {})
        if reasoning.get("effort", "low") not in ("none", "minimal", "low", "medium", "high", "xhigh"):
            yield Refusal("Invalid reasoning.effort")
        if reasoning.get("enabled") is False and body["model"] == "deepseek/deepseek-r1":
            yield Refusal("Reasoning is mandatory for this endpoint and cannot be disabled.")

    def ignored(self, body: Json) -> list[str]:
        return sorted(body.keys() - self.known - _TAKEN[body["model"]])

    def error(self, refusal: Refusal) -> Any:
        return {"error": {"message": refusal.message, "code": refusal.status}, "user_id": "user_1"}

    def opening(self) -> list[bytes]:
        return [b": OPENROUTER PROCESSING\n\n"] * 2

    def thinks(self, body: Json) -> bool:
        return "reasoning" in _TAKEN[body["model"]] and body.get("reasoning", {}).get("enabled") is not False

    def envelope(self, body: Json, kind: str, choices: list[Json], **extra: Any) -> Json:
        for choice in choices:
            choice["native_finish_reason"] = choice["finish_reason"]
        return {"provider": "Acme", **super().envelope(body, kind, choices, **extra)}
