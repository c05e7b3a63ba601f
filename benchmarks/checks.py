"""The canned truth, and whether an answer tells all of it. Pure.

The upstream's answers are made of the constants here; each `check_...` raises `WrongAnswer` for the body of an answer that adds to them,
loses something or says it twice.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
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
# A token of the paced upstream: which stream it belongs to, its number there, and when it left.
STAMP = "@{stream}.{number}.{left_ns};"
STAMP_PATTERN = rb"@(\d+)\.(\d+)\.(\d+);"
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
    _same_openai_usage(answer, CHAT_TOKENS)


def check_ollama_chat(body: bytes) -> None:
    answer = _object(body)
    _same("text", answer["message"]["content"], CHAT_TEXT)
    _same("done", answer["done"], True)
    _same_ollama_usage(answer, CHAT_TOKENS)


def check_openai_stream(body: bytes) -> None:
    _same("text", _openai_stream_text(body, len(STREAM_TOKENS)), STREAM_TEXT)


def check_ollama_stream(body: bytes) -> None:
    _same("text", _ollama_stream_text(body, len(STREAM_TOKENS)), STREAM_TEXT)


def check_openai_paced(body: bytes, tokens: int) -> None:
    _same_stamps(_openai_stream_text(body, tokens), tokens)


def check_ollama_paced(body: bytes, tokens: int) -> None:
    _same_stamps(_ollama_stream_text(body, tokens), tokens)


def check_openai_text(body: bytes, text: str) -> None:
    _same("text", _object(body)["choices"][0]["message"]["content"], text)


def check_ollama_text(body: bytes, text: str) -> None:
    _same("text", _object(body)["message"]["content"], text)


def check_openai_tool_call(body: bytes) -> None:
    answer = _object(body)
    choice = answer["choices"][0]
    function = choice["message"]["tool_calls"][0]["function"]
    _same("tool", function["name"], TOOL_NAME)
    _same("arguments", orjson.loads(function["arguments"]), {"city": CITY})
    _same("finish_reason", choice["finish_reason"], "tool_calls")
    _same_openai_usage(answer, CHAT_TOKENS)


def check_ollama_tool_call(body: bytes) -> None:
    answer = _object(body)
    function = answer["message"]["tool_calls"][0]["function"]
    _same("tool", function["name"], TOOL_NAME)
    _same("arguments", function["arguments"], {"city": CITY})
    _same_ollama_usage(answer, CHAT_TOKENS)


def check_openai_vectors(body: bytes) -> None:
    _same_vectors([item["embedding"] for item in _object(body)["data"]])


def check_ollama_vectors(body: bytes) -> None:
    _same_vectors(_object(body)["embeddings"])


def check_length(body: bytes, least_bytes: int) -> None:
    if len(body) < least_bytes:
        raise WrongAnswer(f"{len(body)} bytes, {least_bytes} at least were expected")


def problem_of_stamps(stamps: Sequence[tuple[int, int]], tokens: int) -> str:
    """What is wrong with a paced stream, `""` when nothing is. `stamps` has the stream and the number of each token, as they came."""
    numbers = [number for _, number in stamps]
    if len({stream for stream, _ in stamps}) > 1:
        return "tokens of several streams in one"
    if lost := set(range(tokens)) - set(numbers):
        return f"{len(lost)} of {tokens} tokens were lost, token {min(lost)} first"
    if len(numbers) != tokens:
        return f"{len(numbers)} tokens came where {tokens} were sent"
    return "" if numbers == sorted(numbers) else "tokens changed places"


def digest(base64_data: str) -> str:
    """What the upstream says of a picture that arrived."""
    return hashlib.sha256(base64_data.encode()).hexdigest()


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


def _same_openai_usage(answer: dict[str, Any], tokens: int) -> None:
    usage = answer["usage"]
    _same("usage", (usage["prompt_tokens"], usage["completion_tokens"]), (PROMPT_TOKENS, tokens))


def _same_ollama_usage(answer: dict[str, Any], tokens: int) -> None:
    _same("usage", (answer.get("prompt_eval_count"), answer.get("eval_count")), (PROMPT_TOKENS, tokens))


def _same_stamps(text: str, tokens: int) -> None:
    stamps = [(int(stamp[1]), int(stamp[2])) for stamp in re.finditer(STAMP_PATTERN, text.encode())]
    if problem := problem_of_stamps(stamps, tokens):
        raise WrongAnswer(problem)
    _same("text beside the stamps", re.sub(STAMP_PATTERN, b"", text.encode()), b"")


def _openai_stream_text(body: bytes, tokens: int) -> str:
    """The text of a stream whose end and usage are right."""
    records = list(_sse(body))
    choices = [record["choices"][0] for record in records if record["choices"]]
    _same("finish_reason", [choice["finish_reason"] for choice in choices if choice.get("finish_reason")], ["stop"])
    _same("end", body.rstrip().endswith(b"data: [DONE]"), True)
    told = [record for record in records if record.get("usage")]
    _same("records with usage", len(told), 1)
    _same_openai_usage(told[0], tokens)
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def _ollama_stream_text(body: bytes, tokens: int) -> str:
    """The text of a stream whose end and usage are right."""
    lines = [_object(line) for line in body.splitlines() if line]
    text = "".join(line["message"]["content"] for line in lines)
    _same("lines with done", [line["done"] for line in lines].count(True), 1)
    _same("last line's done", lines[-1]["done"], True)
    _same_ollama_usage(lines[-1], tokens)
    return text


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
