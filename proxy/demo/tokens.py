"""Texts as tokens: words and runs of signs, each with the space before it. The demo streams, counts and cuts by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s]+)|\s+$")

Kind = Literal["reasoning", "content", "call"]


def split_tokens(text: str) -> list[str]:
    """The tokens of the text; joined they are the text again."""
    return _TOKEN.findall(text)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a script: a thought, a text, or the call of the function `name` with JSON text as arguments."""

    kind: Kind
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part as far as it is said."""

    kind: Kind
    tokens: Sequence[str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a script, and why it ends."""

    segments: tuple[Segment, ...]
    finish_reason: Literal["stop", "length", "tool_calls"]

    def text(self, kind: Kind) -> str:
        """All text of that kind."""
        return "".join(token for segment in self.segments if segment.kind == kind for token in segment.tokens)

    def count(self, *kinds: Kind) -> int:
        """How many tokens are of these kinds; of all kinds when none is named."""
        return sum(len(segment.tokens) for segment in self.segments if not kinds or segment.kind in kinds)


def say(parts: Iterable[Part], stop: Sequence[str], max_tokens: int | None) -> Answer:
    """The script under the request's limits: up to the first stop sequence in its content, and no more than `max_tokens`."""
    segments: list[Segment] = []
    left = max_tokens
    for part in parts:
        text = _before_stop(part.text, stop) if part.kind == "content" else part.text
        tokens = split_tokens(text)
        if left is not None and len(tokens) > left:
            return Answer((*segments, Segment(part.kind, tokens[:left], part.name)), "length")
        segments.append(Segment(part.kind, tokens, part.name))
        if left is not None:
            left -= len(tokens)
        if text != part.text:
            return Answer(tuple(segments), "stop")
    called = any(segment.kind == "call" for segment in segments)
    return Answer(tuple(segments), "tool_calls" if called else "stop")


def _before_stop(text: str, stop: Sequence[str]) -> str:
    places = [at for at in map(text.find, stop) if at >= 0]
    return text[: min(places)] if places else text
