"""The vendors' own client libraries, each asked for a scene and read by what it returns. They raise where the answer fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import ollama
import openai

from tests.pairs.clients import INGRESSES
from tests.pairs.scenes import Scene
from tests.pairs.told import Told
from tests.vendors import anthropic_at, ollama_at, openai_at

_INGRESSES = {ingress.name: ingress for ingress in INGRESSES}
FAILURES = (anthropic.APIError, openai.APIError, ollama.ResponseError, httpx.HTTPError)
"""What they raise."""

Ask = Callable[[str, str, Scene, bool], Told]


def ask_anthropic(address: str, model: str, scene: Scene, stream: bool) -> Told:
    """By `messages.create`, and by the helper for streams."""
    ingress = _INGRESSES["anthropic.messages"]
    with anthropic_at(address) as client:
        body: Any = {"model": model, **ingress.body(scene)}
        if not stream:
            return ingress.read_whole(client.messages.create(**body).model_dump())
        with client.messages.stream(**body) as told:
            return ingress.read_whole(told.get_final_message().model_dump())


def ask_openai_chat(address: str, model: str, scene: Scene, stream: bool) -> Told:
    """By `chat.completions.create`, and by the helper for streams, which wants strict tools, and raises what was cut off or filtered."""
    ingress = _INGRESSES["openai.chat"]
    with openai_at(address) as client:
        body: Any = {"model": model, **ingress.body(scene)}
        if not stream:
            del body["stream_options"]
            return ingress.read_whole(client.chat.completions.create(**body).model_dump())
        for tool in body.get("tools", ()):
            tool["function"] |= {"strict": True, "parameters": {**tool["function"]["parameters"], "additionalProperties": False}}
        try:
            with client.chat.completions.stream(**body) as told:
                return ingress.read_whole(told.get_final_completion().model_dump())
        except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError) as cut_short:
            completion: Any = cut_short.completion
            # With tools the helper raises it at the reason, and the counts come after that.
            usage = completion.usage or [chunk.usage for chunk in client.chat.completions.create(**body, stream=True)][-1]
            return ingress.read_whole({**completion.model_dump(), "usage": usage.model_dump()})


def ask_openai_responses(address: str, model: str, scene: Scene, stream: bool) -> Told:
    """By `responses.create`, and by the helper for streams."""
    ingress = _INGRESSES["openai.responses"]
    with openai_at(address) as client:
        body: Any = {"model": model, **ingress.body(scene)}
        if not stream:
            return ingress.read_whole(client.responses.create(**body).model_dump())
        with client.responses.stream(**body) as events:
            ends = [event for event in events if event.type in ("response.completed", "response.incomplete", "response.failed")]
        (end,) = ends
        if end.type == "response.failed":
            raise openai.APIError(str(end.response.error), httpx.Request("POST", address), body=None)
        return ingress.read_whole(end.response.model_dump())


def ask_ollama(address: str, model: str, scene: Scene, stream: bool) -> Told:
    """By `chat`, as a stream or whole."""
    ingress = _INGRESSES["ollama.chat"]
    with ollama_at(address) as client:
        answer: Any = client.chat(model=model, stream=stream, **ingress.body(scene))
        records = list(answer) if stream else [answer]
    told = Told()
    for record in records:
        told.text += record.message.content or ""
        told.thoughts += record.message.thinking or ""
        told.calls += [(call.function.name, dict(call.function.arguments)) for call in record.message.tool_calls or ()]
    last = records[-1]
    told.ended = bool(last.done)
    told.finish = "tool_calls" if told.calls and last.done_reason == "stop" else last.done_reason
    told.prompt_tokens, told.completion_tokens = last.prompt_eval_count, last.eval_count
    return told


SDKS: dict[str, Ask] = {
    "anthropic": ask_anthropic,
    "openai chat": ask_openai_chat,
    "openai responses": ask_openai_responses,
    "ollama": ask_ollama,
}


Plain = tuple[str, str | None, int | None]
"""The text, why it ended, and the tokens that were counted."""


def generate_by_ollama(address: str, model: str, stream: bool) -> Plain:
    """By `generate`, as a stream or whole."""
    with ollama_at(address) as client:
        answer: Any = client.generate(model, "hi", stream=stream)
        records = list(answer) if stream else [answer]
    return "".join(record.response for record in records), records[-1].done_reason, records[-1].eval_count


def complete_by_openai(address: str, model: str, stream: bool) -> Plain:
    """By `completions.create`, as a stream or whole."""
    counted: Any = {"stream_options": {"include_usage": True}} if stream else {}
    with openai_at(address) as client:
        answer: Any = client.completions.create(model=model, prompt="hi", stream=stream, **counted)
        chunks = list(answer) if stream else [answer]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return "".join(choice.text for choice in choices), choices[-1].finish_reason, chunks[-1].usage.completion_tokens


PLAIN_SDKS: dict[str, Callable[[str, str, bool], Plain]] = {"ollama generate": generate_by_ollama, "openai completions": complete_by_openai}
