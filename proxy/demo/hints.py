"""What a sentence offers as arguments: names, quoted texts, dates, addresses and numbers, in the order in which they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

_QUOTED = r"[\"“`](?P<double>[^\"“”`]+)[\"”`]|(?<!\w)'(?P<single>[^']+)'(?!\w)"
_SOLID = r"https?://[^\s,]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?"
_NAME = r"[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*"
_TEXT = re.compile(rf"{_QUOTED}|(?P<solid>{_SOLID})|(?P<name>\b{_NAME})|(?P<number>(?<![\w.])-?\d+(?:\.\d+)?(?![\w]))")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s)\s*$")
_OF_A_NAME = re.compile(r",|\s+(?:and|is|was|has|wants)\b")
_AFTER_PREPOSITION = re.compile(r"\b(?:in|at|for|from|to|of|about|named|called)\s+(?:the\s+|an?\s+)?([\w-]+)", re.IGNORECASE)

# Words that begin sentences with a capital letter without being names.
_STARTER_WORDS = """
    a add all also an and are ask at be both by calculate call can check compute could count describe do does explain extract find
    first for from get give go hello help hey hi how i i'm if in is it let list look make me multiply my no not now of on or please
    prefer repeat return say search send set show subtract sum tell that the their then there these this to translate use was we what
    what's when where which who why will with write yes you your
"""
_STARTERS = frozenset(_STARTER_WORDS.split())


class Hints:
    """The values of one sentence; each is given out once."""

    def __init__(self, sentence: str = "") -> None:
        self.sentence = sentence
        self._texts: list[str] = []
        self._numbers: list[float | int] = []
        self._doubtful: list[str] = []
        for match in _TEXT.finditer(sentence):
            self._note(match)
        self._texts = self._texts or self._doubtful
        if not self._texts:
            self._texts = [word for word in _AFTER_PREPOSITION.findall(sentence) if not word[0].isdigit()]

    def _note(self, match: re.Match[str]) -> None:
        kind = match.lastgroup
        if kind == "number":
            number = float(match[kind])
            self._numbers.append(int(number) if number.is_integer() else number)
        elif kind == "name":
            self._note_name(match)
        elif kind is not None:
            self._texts.append(match[kind])

    def _note_name(self, match: re.Match[str]) -> None:
        """Notes a name. A single word that opens a sentence may owe its capital letter to that: it counts when nothing else is found."""
        words = match["name"].split()
        opens = len(words) == 1 and _SENTENCE_START.search(self.sentence[: match.start()]) is not None
        while words and words[0].lower() in _STARTERS:
            del words[0]
        if words:
            sure = not opens or _OF_A_NAME.match(self.sentence, match.end())
            (self._texts if sure else self._doubtful).append(" ".join(words).removesuffix("'s"))

    @property
    def texts(self) -> int:
        """How many texts are left."""
        return len(self._texts)

    @property
    def numbers(self) -> int:
        """How many numbers are left."""
        return len(self._numbers)

    def take_text(self, fits: Callable[[str], bool]) -> str | None:
        """The first text left that fits."""
        return _take(self._texts, fits)

    def take_number(self, fits: Callable[[float | int], bool]) -> float | int | None:
        """The first number left that fits."""
        return _take(self._numbers, fits)

    def mentions(self, word: object) -> bool:
        """Whether the sentence has this word."""
        return isinstance(word, str) and bool(re.search(rf"\b{re.escape(word)}\b", self.sentence, re.IGNORECASE))


def _take(values: list[_T], fits: Callable[[_T], bool]) -> _T | None:
    for at, value in enumerate(values):
        if fits(value):
            return values.pop(at)
    return None
