"""Opaque state as one word that a client keeps for us: what it is, and whose. Pure.

A client gives back what it was given, but knows one place for it, where all upstreams' signatures look alike. Shown to an upstream of
another dialect, a signature is an error; so the word names the dialect that the state came from.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

ANTHROPIC: Final = "anthropic"
"""Claude's origin. Its signatures are no words of ours where clients may take them to Anthropic's own servers."""

_WORD = re.compile(r"(?P<origin>[a-z]{1,32})(?P<redacted>\*?):(?P<opaque>.+)", re.DOTALL)


class Opaque(NamedTuple):
    """What `ReasoningPart` and `ToolCallPart` carry beside what they say."""

    opaque: str = ""
    origin: str = ""
    redacted: bool = False


def opaque_word(opaque: str, origin: str, *, redacted: bool = False) -> str:
    """The word for `opaque`: `anthropic:EqQB...`, with a star behind the dialect when it stands for thoughts that were hidden."""
    return f"{origin}{'*' if redacted else ''}:{opaque}" if opaque else ""


def read_opaque_word(word: str) -> Opaque | None:
    """What `opaque_word` made a word of; `None` for any other text. Signatures are base64, and never have a colon."""
    found = _WORD.fullmatch(word)
    return Opaque(found["opaque"], found["origin"], bool(found["redacted"])) if found else None
