"""vLLM: ignores what it does not know, takes nearly everything, and can't call tools unless it was started for that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import OPENAI, Refusal
from tests.fakes.server import CREATED, Fake, Json


class VllmFake(Fake):
    name = "vllm"
    chat_models = ("Qwen/Qwen3-8B", "openai/gpt-oss-20b")
    embedding_models = ("BAAI/bge-m3",)
    known = OPENAI | {
        *("top_k", "min_p", "repetition_penalty", "chat_template_kwargs", "reasoning_effort", "include_reasoning"),
        *("continue_final_message", "add_generation_prompt"),
    }
    reasoning_field = "reasoning"

    def entry(self, model: str) -> Json:
        permission = [{"id": "modelperm-1", "object": "model_permission", "created": CREATED, "allow_sampling": True}]
        about = {"root": model, "parent": None, "max_model_len": 32768, "permission": permission}
        return {"id": model, "object": "model", "created": CREATED, "owned_by": "vllm", **about}

    def judge(self, body: Json) -> Iterator[Refusal]:
        if body.get("reasoning_effort", "low") not in ("low", "medium", "high"):
            yield Refusal(
                "[{'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\"}]"
            )
        if body.get("top_k", 1) < -1:
            yield Refusal("top_k must be 0 (disable), or at least 1, got -2.")
        if not isinstance(body.get("chat_template_kwargs", {}), dict):
            yield Refusal("[{'type': 'dict_type', 'loc': ('body', 'chat_template_kwargs'), 'msg': 'Input should be a valid dictionary'}]")
        if body.get("continue_final_message") and body.get("add_generation_prompt", True):
            yield Refusal("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
        if body.get("tool_choice") == "required" and body["model"] == "openai/gpt-oss-20b":
            yield Refusal('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')

    def judge_embeddings(self, body: Json) -> Iterator[Refusal]:
        if "dimensions" in body:
            words = "does not support matryoshka representation, changing output dimensions will lead to poor results."
            yield Refusal(f'Model "{body["model"]}" {words}')

    def error(self, refusal: Refusal) -> Any:
        kind = "NotFoundError" if refusal.status == 404 else "BadRequestError"
        return {"error": {"message": refusal.message, "type": kind, "param": None, "code": refusal.status}}

    def thinks(self, body: Json) -> bool:
        return bool(body.get("chat_template_kwargs", {}).get("enable_thinking", True))
