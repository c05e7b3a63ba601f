"""The canned truth, and whether an answer tells all of it. Pure.

The upstream's answers are made of the constants here; each `check_...` raises `WrongAnswer` for the body of an answer that adds to them,
loses something or says it twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import orjson

MODEL = "gpt-4o-mini"
CHAT_TEXT = "The sky is blue because air scatters short waves of sunlight more than long ones."
PROMPT_TOKENS = 27
CHAT_TOKENS = 17
STREAM_RECORDS = 200
# The last two records say why the answer ends and what it cost.
STREAM_TOKENS = tuple(f" word{number:03d}" for number in range(STREAM_RECORDS - 2))
STREAM_TEXT = "".join(STREAM_TOKENS)
TOOL_NAME = "get_weather"
CITY = "Reykjavik"
VECTOR_LENGTH = 256


def _unit_vector(step: int) -> tuple[float, ...]:
    """Numbers with as many digits as real ones. Ollama's vectors have the length 1, so that these need no change."""
    numbers = [math.sin(step * number + 1) for number in range(VECTOR_LENGTH)]
    length = math.hypot(*numbers)
    return tuple(number / length for number in numbers)


VECTORS = (_unit_vector(1), _unit_vector(5))


class WrongAnswer(Exception):
    """An answer is not what the upstream said."""


def check_openai_chat(body: bytes) -> None:
    answer = _object(body)
    _same("text", answer["choices"][0]["message"]["content"], CHAT_TEXT)
    _same("finish_reason", answer["choices"][0]["finish_reason"], "stop")
    _same("usage", answer["usage"]["completion_tokens"], CHAT_TOKENS)


def check_ollama_chat(body: bytes) -> None:
    answer = _object(body)
    _same("text", answer["message"]["content"], CHAT_TEXT)
    _same("done", answer["done"], True)
    _same("usage", answer["eval_count"], CHAT_TOKENS)


def check_openai_stream(body: bytes) -> None:
    records = list(_sse(body))
    choices = [record["choices"][0] for record in records if record["choices"]]
    _same("text", "".join(choice["delta"].get("content") or "" for choice in choices), STREAM_TEXT)
    _same("finish_reason", [choice["finish_reason"] for choice in choices if choice.get("finish_reason")], ["stop"])
    _same("end", body.rstrip().endswith(b"data: [DONE]"), True)


def check_ollama_stream(body: bytes) -> None:
    lines = [_object(line) for line in body.splitlines() if line]
    _same("text", "".join(line["message"]["content"] for line in lines), STREAM_TEXT)
    _same("lines with done", [line["done"] for line in lines].count(True), 1)
    _same("last line's done", lines[-1]["done"], True)
    _same("usage", lines[-1].get("eval_count"), len(STREAM_TOKENS))


def check_openai_tool_call(body: bytes) -> None:
    choice = _object(body)["choices"][0]
    function = choice["message"]["tool_calls"][0]["function"]
    _same("tool", function["name"], TOOL_NAME)
    _same("arguments", orjson.loads(function["arguments"]), {"city": CITY})
    _same("finish_reason", choice["finish_reason"], "tool_calls")


def check_ollama_tool_call(body: bytes) -> None:
    function = _object(body)["message"]["tool_calls"][0]["function"]
    _same("tool", function["name"], TOOL_NAME)
    _same("arguments", function["arguments"], {"city": CITY})


def check_openai_vectors(body: bytes) -> None:
    _same_vectors([item["embedding"] for item in _object(body)["data"]])


def check_ollama_vectors(body: bytes) -> None:
    _same_vectors(_object(body)["embeddings"])


def check_length(body: bytes, least_bytes: int) -> None:
    if len(body) < least_bytes:
        raise WrongAnswer(f"{len(body)} bytes, {least_bytes} at least were expected")


def problem_of(check: Any, body: bytes) -> str:
    """What is wrong with an answer; `""` when nothing is. An answer that cannot even be read is wrong too."""
    try:
        check(body)
    except WrongAnswer as wrong:
        return str(wrong)
    except (KeyError, IndexError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        return f"{type(error).__name__}: {error} in {body[:80]!r}"
    return ""


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongAnswer(f"{what}: {_short(found)} instead of {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:60]}... ({len(text)} characters)"


def _same_vectors(vectors: list[list[float]]) -> None:
    _same("number of vectors", len(vectors), len(VECTORS))
    for found, wanted in zip(vectors, VECTORS, strict=True):
        _same("length of a vector", len(found), len(wanted))
        if any(abs(one - other) > 1e-6 for one, other in zip(found, wanted, strict=True)):
            raise WrongAnswer("a vector has other numbers")


def _object(body: bytes) -> dict[str, Any]:
    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise WrongAnswer("no JSON object")
    return found


def _sse(body: bytes) -> Iterator[dict[str, Any]]:
    for line in body.splitlines():
        if line.startswith(b"data: {"):
            yield _object(line.removeprefix(b"data: "))
