"""llama.cpp's server: Ollama's and OpenAI's lists in one, a grammar for formats that excludes tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import OPENAI, Refusal, format_of
from tests.fakes.server import CREATED, Fake, Json


class LlamaCppFake(Fake):
    name = "llamacpp"
    chat_models = ("qwen3.gguf",)
    known = OPENAI | {"top_k", "min_p", "typical_p", "repeat_penalty", "chat_template_kwargs", "reasoning_format", "cache_prompt"}
    reasoning_field = "reasoning_content"

    def models(self) -> Any:
        details = {"parent_model": "", "format": "gguf", "family": "", "families": [""], "parameter_size": "", "quantization_level": ""}
        beside = [
            {"name": model, "model": model, "modified_at": "", "size": "", "capabilities": ["completion"], "details": details}
            for model in self.chat_models
        ]
        return {"models": beside, **super().models()}

    def entry(self, model: str) -> Json:
        meta = {"vocab_type": 2, "n_vocab": 151936, "n_ctx_train": 40960, "n_embd": 4096, "n_params": 8190735360, "size": 5023121408}
        return {"id": model, "object": "model", "created": CREATED, "owned_by": "llamacpp", "meta": meta}

    def judge(self, body: Json) -> Iterator[Refusal]:
        if format_of(body) and body.get("tools"):
            yield Refusal("Cannot use custom grammar constraints with tools.")
        if body["messages"][-1]["role"] == "assistant" and self.thinks(body):
            yield Refusal("Assistant response prefill is incompatible with enable_thinking.")
        if body.get("logprobs") and body.get("tools") and body.get("stream"):
            yield Refusal("logprobs is not supported with tools + stream")

    def error(self, refusal: Refusal) -> Any:
        kind = "not_found_error" if refusal.status == 404 else "invalid_request_error"
        return {"error": {"code": refusal.status, "message": refusal.message, "type": kind}}

    def thinks(self, body: Json) -> bool:
        return bool(body.get("chat_template_kwargs", {}).get("enable_thinking", True))

    def closing(self, body: Json, last_choice: Json) -> Iterator[bytes]:
        timings = {"prompt_n": 9, "prompt_ms": 1.0, "predicted_n": 4, "predicted_ms": 2.0}
        yield self.event({**self.envelope(body, "chat.completion.chunk", [last_choice]), "timings": timings})
        if body.get("stream_options"):
            usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
            yield self.event(self.envelope(body, "chat.completion.chunk", [], usage=usage))
