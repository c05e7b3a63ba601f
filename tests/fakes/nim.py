"""NVIDIA's NIM: problem details instead of errors, functions that know fewer fields than others, texts that need a purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.judging import BASIC, LOGPROBS, Refusal
from tests.fakes.server import Fake, Json

_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})


class NimFake(Fake):
    name = "nim"
    host_url = "https://integrate.api.nvidia.com/v1"
    chat_models = ("meta/llama-3.1-8b-instruct", "nvidia/nemotron-4-340b-instruct")
    embedding_models = ("nvidia/nv-embedqa-e5-v5",)
    known = BASIC | LOGPROBS | {"max_tokens", "seed", "stream_options"}

    def entry(self, model: str) -> Json:
        return {"id": model, "object": "model", "created": 735790403, "owned_by": model.partition("/")[0]}

    def judge(self, body: Json) -> Iterator[Refusal]:
        known = self.known
        if body["model"] == "nvidia/nemotron-4-340b-instruct":
            known = known - _PENALTIES - LOGPROBS - {"stream_options"}
        strangers = sorted(body.keys() - known)
        if strangers:
            yield Refusal("", status=422, fields=strangers)

    def judge_embeddings(self, body: Json) -> Iterator[Refusal]:
        if "input_type" not in body:
            yield Refusal(f"'input_type' parameter is required for the input model: '{body['model']}'")

    def error(self, refusal: Refusal) -> Any:
        if not refusal.fields:
            return {"error": refusal.message}
        detail = "\n".join(f"body -> {name}\n  Extra inputs are not permitted (type=extra_forbidden)" for name in refusal.fields)
        kind = "urn:inference-service:problem-details:unprocessable-entity"
        about = {"title": "Unprocessable Entity", "status": refusal.status, "detail": detail}
        return {"type": kind, **about, "instance": "/v2/nvcf/pexec/functions/b0fcd392", "requestId": "380d3287"}
