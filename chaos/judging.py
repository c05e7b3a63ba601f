"""What an answer is worth: complete, a correct error, or a wrong end. Pure; it takes nothing on trust, not even a 200."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from chaos.load.hearing import Heard
from chaos.load.kinds import Dialect, Kind
from chaos.orders import Order, speaker_of

Verdict = Literal["complete", "told", "refused", "unreachable", "wrong"]

SANE_STATUSES = frozenset({401, 403, 429, 500, 502, 503, 504})
"""What a request with nothing wrong about it may be answered with when it is not 200."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended.

    Attributes:
        verdict: `complete`: every token in its order, and a finish; `told`: a stream that broke off, which an error in its dialect says;
            `refused`: a status and an error in the dialect; `unreachable`: no answer at all; `wrong`: anything else.
        why: what was wrong, or what the error said.
        status: 0 without an answer.
        replica: who answered.
    """

    verdict: Verdict
    why: str = ""
    status: int = 0
    replica: str = ""


class Wrong(Exception):
    """An answer that lies, or that its client cannot understand."""


def judge(kind: Kind, order: Order, heard: Heard) -> Ending:
    """What the answer to an order is worth."""
    if heard.end == "unreachable":
        return Ending("unreachable", heard.detail)
    try:
        if heard.end == "late":
            raise Wrong(f"hangs: {heard.detail}")
        if heard.end == "cut":
            raise Wrong(f"cut off without a word after {len(heard.body)} bytes of a {heard.status}")
        if heard.status != 200:
            return _refusal(kind.dialect, heard)
        return _stream(kind.dialect, order, bytes(heard.body)) if kind.streams else _whole(kind.dialect, order, bytes(heard.body))
    except Wrong as wrong:
        return Ending("wrong", str(wrong), heard.status)


def complete(order: Order, text: str, tokens: object) -> Ending:
    """The ending of an answer that has a finish. Raises `Wrong` unless every token is there."""
    replica, _ = speaker_of(text)
    if text != order.text(replica):
        raise Wrong(f"a finish, but the text is not what was said: {_difference(order, text)}")
    if tokens != order.tokens:
        raise Wrong(f"{tokens} tokens counted, {order.tokens} said")
    return Ending("complete", status=200, replica=replica)


def broken_off(order: Order, text: str, error: str) -> Ending:
    """The ending of an answer that an error ends. Raises `Wrong` when what came before it is not how an answer begins."""
    replica, _ = speaker_of(text)
    if not order.text(replica).startswith(text):
        raise Wrong(f"an error, but the text before it is not what was said: {_difference(order, text)}")
    return Ending("told", error, 200, replica)


def refused(status: int, message: str) -> Ending:
    """The ending of an answer that is an error from the start. Raises `Wrong` when the status blames the client."""
    if status not in SANE_STATUSES:
        raise Wrong(f"{status} for a request that is right: {message}")
    return Ending("refused", message, status)


def _difference(order: Order, text: str) -> str:
    """In what a text is not as it should be."""
    replica, marker = speaker_of(text)
    if marker and marker != order.marker:
        return f"it answers {marker} instead of {order.marker}"
    expected = order.text(replica)
    if expected.startswith(text):
        return f"it lacks the last {len(expected) - len(text)} of {len(expected)} characters"
    at = next((index for index, (told, said) in enumerate(zip(text, expected, strict=False)) if told != said), len(expected))
    return f"{text[at : at + 20]!r} instead of {expected[at : at + 20]!r}"


def _refusal(dialect: Dialect, heard: Heard) -> Ending:
    message = _error_message(dialect, _parsed(bytes(heard.body)))
    if message is None:
        raise Wrong(f"{heard.status} whose body is no error of the dialect: {bytes(heard.body[:80])!r}")
    return refused(heard.status, message)


def _whole(dialect: Dialect, order: Order, body: bytes) -> Ending:
    answer = _parsed(body)
    try:
        if dialect == "ollama":
            text, finish, tokens = answer["message"]["content"], answer["done"] and answer["done_reason"], answer["eval_count"]
        else:
            choice = answer["choices"][0]
            text, finish, tokens = choice["message"]["content"], choice["finish_reason"], answer["usage"]["completion_tokens"]
    except (KeyError, TypeError, IndexError):
        raise Wrong(f"200 without an answer in it: {body[:80]!r}") from None
    if finish != "stop":
        raise Wrong(f"the finish is {finish!r}")
    return complete(order, text, tokens)


def _stream(dialect: Dialect, order: Order, body: bytes) -> Ending:
    reading = _Reading(dialect)
    for record in _records(dialect, body):
        reading.read(record)
    if reading.error is not None:
        return broken_off(order, reading.text, reading.error)
    if not reading.over:
        raise Wrong(f"it just ends, after {len(reading.text)} characters")
    if reading.finish != "stop":
        raise Wrong(f"the finish is {reading.finish!r}")
    return complete(order, reading.text, reading.tokens)


class _Reading:
    """What the records of a stream come to."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.text = ""
        self.error: str | None = None
        self.finish: object = None
        self.tokens: object = None
        self.over = False

    def read(self, record: Any) -> None:
        """The next record; `None` is `[DONE]`. Raises `Wrong` when it must not come, or has no sense."""
        if self.over or (self.error is not None and record is not None):
            raise Wrong(f"something comes after the end: {str(record)[:80]}")
        if record is None:
            self.over = True
            return
        self.error = _error_message(self._dialect, record)
        if self.error is not None:
            if self.finish is not None:
                raise Wrong(f"an error after a finish: {self.error}")
            return
        try:
            self._read_ollama(record) if self._dialect == "ollama" else self._read_openai(record)
        except (KeyError, TypeError, IndexError):
            raise Wrong(f"a record without sense: {str(record)[:80]}") from None

    def _read_ollama(self, record: Mapping[str, Any]) -> None:
        self.text += record["message"]["content"]
        if record["done"]:
            self.over, self.finish, self.tokens = True, record["done_reason"], record["eval_count"]

    def _read_openai(self, record: Mapping[str, Any]) -> None:
        if record.get("usage"):
            self.tokens = record["usage"]["completion_tokens"]
        for choice in record["choices"]:
            self.text += choice["delta"].get("content") or ""
            self.finish = choice["finish_reason"] or self.finish


def _records(dialect: Dialect, body: bytes) -> Iterator[Any]:
    """The records of a stream; `None` for `[DONE]`. Raises `Wrong` when the last one is not ended."""
    if body and not body.endswith(b"\n"):
        raise Wrong(f"the last line is not ended: {body[-80:]!r}")
    if dialect == "ollama":
        yield from map(_parsed, body.splitlines())
        return
    for line in body.splitlines():
        if line.startswith(b"data:"):
            data = line.removeprefix(b"data:").strip()
            yield None if data == b"[DONE]" else _parsed(data)
        elif line and not line.startswith((b":", b"event:")):
            raise Wrong(f"this is no SSE: {line[:80]!r}")


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Wrong(f"this is no JSON: {text[:80]!r}") from None


def _error_message(dialect: Dialect, payload: Any) -> str | None:
    """The message of an error in a dialect; `None` when it is none. Raises `Wrong` for one in another dialect."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if error is None:
        return None
    message = error if dialect == "ollama" else error.get("message") if isinstance(error, dict) else None
    if not isinstance(message, str) or not message:
        raise Wrong(f"an error that is not in the dialect: {str(payload)[:80]}")
    return message
