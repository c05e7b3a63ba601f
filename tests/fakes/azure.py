"""Azure OpenAI: deployments whose names say nothing, an old API version without `stream_options`, filter results in streams."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.judging import Refusal
from tests.fakes.openai import OpenAIFake, unsupported
from tests.fakes.server import CREATED, Json


class AzureFake(OpenAIFake):
    name = "azure"
    host_url = "https://acme.openai.azure.com/openai/v1"
    chat_models = ("chat", "reasoner", "chat-2024-02-01")
    embedding_models = ()
    efforts = {"reasoner": ("low", "medium", "high")}  # noqa: RUF012

    def entry(self, model: str) -> Json:
        capabilities = {"fine_tune": False, "inference": True, "completion": False, "chat_completion": True, "embeddings": False}
        about = {"capabilities": capabilities, "lifecycle_status": "generally-available", "deprecation": {"inference": CREATED}}
        return {"id": model, "object": "model", "status": "succeeded", "created_at": CREATED, **about}

    def judge(self, body: Json) -> Iterator[Refusal]:
        if body["model"] == "chat-2024-02-01":
            for name in sorted(body.keys() & {"stream_options", "max_completion_tokens"}):
                yield unsupported(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        yield from super().judge(body)

    def opening(self) -> list[bytes]:
        filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        return [self.event({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": filters})]

    def closing(self, body: Json, last_choice: Json) -> Iterator[bytes]:
        offsets = {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 9}, "content_filter_results": {}}
        yield self.event({"id": "", "object": "", "created": 0, "model": "", "choices": [offsets]})
        yield from super().closing(body, last_choice)
