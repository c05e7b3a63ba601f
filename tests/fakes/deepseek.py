"""DeepSeek: wants its thinking back with every tool call, knows no schemas, and speaks of JSON only with those who do."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.judging import BASIC, LOGPROBS, Refusal, format_of, speaks_of_json
from tests.fakes.server import Fake, Json


class DeepSeekFake(Fake):
    name = "deepseek"
    host_url = "https://api.deepseek.com"
    chat_models = ("deepseek-chat", "deepseek-reasoner")
    known = BASIC | LOGPROBS | {"max_tokens", "stream_options", "thinking"}
    reasoning_field = "reasoning_content"

    def entry(self, model: str) -> Json:
        return {"id": model, "object": "model", "owned_by": "deepseek"}

    def judge(self, body: Json) -> Iterator[Refusal]:
        if format_of(body) == "json_schema":
            yield Refusal("This response_format type is unavailable now", code="invalid_request_error")
        if format_of(body) == "json_object" and not speaks_of_json(body):
            words = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
            yield Refusal(words, code="invalid_request_error")
        if len(body.get("stop", ())) > 16:
            yield Refusal("Invalid stop value: at most 16 are allowed", code="invalid_request_error")
        if body.get("top_logprobs") is not None and not body.get("logprobs"):
            yield Refusal("Invalid top_logprobs and logprobs value")
        if self.thinks(body):
            called = (message for message in body["messages"] if message.get("tool_calls"))
            if not all(message.get("reasoning_content") for message in called):
                words = "The `reasoning_content` in the thinking mode must be passed back to the API."
                yield Refusal(words, code="invalid_request_error")

    def opening(self) -> list[bytes]:
        return [b": keep-alive\n\n", b"\n"]

    def thinks(self, body: Json) -> bool:
        switch = body.get("thinking", {}).get("type")
        return body["model"] == "deepseek-reasoner" if switch is None else bool(switch == "enabled")
