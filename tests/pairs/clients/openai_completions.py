"""OpenAI's plain texts that are gone on with."""

from __future__ import annotations

from typing import Any

from tests.pairs.clients.ingress import Ingress, Json, counted, message_of
from tests.pairs.scenes import Scene
from tests.pairs.told import Told, events


def _body(scene: Scene) -> Json:
    return {"prompt": scene.says, "stream_options": {"include_usage": True}}


def _whole(answer: Any) -> Told:
    assert answer["object"] == "text_completion"
    (choice,) = answer["choices"]
    told = Told(finish=choice["finish_reason"], ended=True, text=choice["text"], matched=choice.get("stop_reason") or "")
    return counted(told, answer["usage"], "prompt_tokens", "completion_tokens")


def _stream(body: bytes) -> Told:
    told = Told()
    *chunks, (_, last) = events(body)
    for _, chunk in chunks if last == "[DONE]" else events(body):
        if chunk.get("error"):
            told.error = message_of(chunk)
            continue
        assert chunk["object"] == "text_completion"
        for choice in chunk["choices"]:
            told.text += choice["text"]
            told.finish = choice["finish_reason"] or told.finish
            told.matched = choice.get("stop_reason") or told.matched
        if chunk.get("usage"):
            counted(told, chunk["usage"], "prompt_tokens", "completion_tokens")
    told.ended = bool(told.finish) and not told.error
    assert last == "[DONE]" or told.error
    return told


COMPLETIONS = Ingress("openai.completions", "openai", "/v1/completions", _body, _stream, _whole, {"Authorization": "Bearer of-the-client"})
