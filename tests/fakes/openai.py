"""OpenAI: names one stranger at a time, counts stops, and has models that take no sampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tests.fakes.judging import LOGPROBS, OPENAI, SAMPLING, Refusal, check_strict_tools, format_of, speaks_of_json
from tests.fakes.server import CREATED, Fake, Json

_SAMPLING_REFUSED = (*sorted(SAMPLING), *sorted(LOGPROBS))
_EFFORTS = {"o3": ("low", "medium", "high"), "gpt-5": ("minimal", "low", "medium", "high"), "gpt-5.1": ("none", "low", "medium", "high")}


class OpenAIFake(Fake):
    name = "openai"
    host_url = "https://api.openai.com/v1"
    chat_models = ("gpt-4.1", "o3", "gpt-5", "gpt-5.1")
    embedding_models = ("text-embedding-3-small", "text-embedding-ada-002")
    known = OPENAI | {"reasoning_effort", "store", "metadata", "service_tier", "verbosity"}
    efforts: ClassVar[dict[str, tuple[str, ...]]] = _EFFORTS

    def entry(self, model: str) -> Json:
        return {"id": model, "object": "model", "created": CREATED, "owned_by": "system"}

    def judge(self, body: Json) -> Iterator[Refusal]:
        yield from self.refuse_strangers(body)
        if body["model"] in self.efforts:
            yield from self.refuse_what_reasoners_refuse(body)
        elif "reasoning_effort" in body:
            yield Refusal("Unrecognized request argument supplied: reasoning_effort")
        if len(body.get("stop", ())) > 4:
            yield too_many_stops(len(body["stop"]))
        if format_of(body) == "json_object" and not speaks_of_json(body):
            words = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            yield Refusal(words, param="messages")
        yield from check_strict_tools(body)

    def refuse_strangers(self, body: Json) -> Iterator[Refusal]:
        strangers = sorted(body.keys() - self.known)
        if strangers:
            yield Refusal(f"Unrecognized request argument{'s' if len(strangers) > 1 else ''} supplied: {', '.join(strangers)}")

    def refuse_what_reasoners_refuse(self, body: Json) -> Iterator[Refusal]:
        efforts = self.efforts[body["model"]]
        effort = body.get("reasoning_effort")
        if "max_tokens" in body:
            words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            yield unsupported(words, "max_tokens")
        if effort is not None and effort not in efforts:
            listed = ", ".join(f"'{word}'" for word in efforts)
            words = f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. Supported values are: {listed}."
            yield unsupported(words, "reasoning_effort", "unsupported_value")
        if body.get("temperature", 1) != 1 and effort != "none":
            words = "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported."
            yield unsupported(words, "temperature", "unsupported_value")
        for name in (*_SAMPLING_REFUSED, "stop", "logit_bias"):
            if name in body and (effort != "none" or name == "stop"):
                yield unsupported(f"Unsupported parameter: '{name}' is not supported with this model.", name)

    def judge_embeddings(self, body: Json) -> Iterator[Refusal]:
        if "dimensions" in body and body["model"] == "text-embedding-ada-002":
            yield Refusal("This model does not support specifying dimensions.")
        for index, text in enumerate(body["input"]):
            if len(text) > 8192:
                yield Refusal(f"Invalid 'input[{index}]': maximum context length is 8192 tokens.", param=f"input[{index}]")


def unsupported(words: str, name: str, code: str = "unsupported_parameter") -> Refusal:
    return Refusal(words, param=name, code=code)


def too_many_stops(count: int) -> Refusal:
    words = f"Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length {count} instead."
    return Refusal(words, param="stop", code="array_above_max_length")
