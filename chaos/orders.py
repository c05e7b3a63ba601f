"""What a request orders, and the text that answers it. Replica and judge know it to the letter, so that nothing can be lost, doubled,
mixed up or made up unseen: the text names its replica and its request, counts its tokens, and ends with its own checksum. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

MODEL = "chaos"
PROMPT_TOKENS = 7

_PROMPT = re.compile(r"order (\w+): (\d+) tokens, one each (\d+) ms")
_SPEAKER = re.compile(r"(\w+)/(\w+):")


@dataclass(frozen=True, slots=True)
class Order:
    """One request: by which marker it is known everywhere, and how long and how slow an answer it asks for.

    Attributes:
        tokens: at least three, the first and the last of which frame the text.
    """

    marker: str
    tokens: int
    pause_ms: int

    @property
    def prompt(self) -> str:
        return f"order {self.marker}: {self.tokens} tokens, one each {self.pause_ms} ms"

    @property
    def pacing_s(self) -> float:
        """From the first token to the last."""
        return (self.tokens - 1) * self.pause_ms / 1000

    def pieces(self, replica: str) -> list[str]:
        """The answer of a replica, token by token."""
        told = [f"{replica}/{self.marker}:", *(f" {number}" for number in range(self.tokens - 2))]
        return [*told, f" #{crc32(''.join(told).encode()):08x}"]

    def text(self, replica: str) -> str:
        """The answer of a replica."""
        return "".join(self.pieces(replica))


def find_order(text: str) -> Order | None:
    """The order that a prompt holds."""
    found = _PROMPT.search(text)
    return None if found is None else Order(found[1], int(found[2]), int(found[3]))


def speaker_of(text: str) -> tuple[str, str]:
    """The replica and the marker that a text names; both are empty when it does not get so far."""
    found = _SPEAKER.match(text)
    return ("", "") if found is None else (found[1], found[2])
