"""Names of tools that Anthropic takes: letters, digits, `_` and `-`. Any other name is spelled with them, and read back in answers. Pure.

The spelling says all there is to know: the reader of an answer has never seen the request.

Source: Anthropic's refusal, "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'".
"""

from __future__ import annotations

import re
from typing import Final

from proxy.errors import InvalidRequest

ANSWER_TOOL: Final = "answer_in_json_"
"""The tool that a model must call where an answer of a certain form is wanted, and cannot be demanded in another way."""

_MAX_CHARS = 128
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")
_SPELLED = re.compile(r"_x([0-9a-f]{1,6})_")
# Underscores that would be read as the beginning of a spelled character, also after what follows is spelled.
_AMBIGUOUS = re.compile(r"_(?=x[0-9a-f]{1,6}(?:_|[^A-Za-z0-9_-]))")


def wire_name(name: str) -> str:
    """The name that goes on the wire, `name` itself where it is legal.

    Raises:
        InvalidRequest: it is too long, or empty.
    """
    spelled = _ILLEGAL.sub(_letter, _AMBIGUOUS.sub(_letter, name))
    if spelled == ANSWER_TOOL:
        spelled = _spell(spelled[0]) + spelled[1:]
    if not 1 <= len(spelled) <= _MAX_CHARS:
        what = f"the name {name[:60]!r} of a tool is too long" if name else "a tool has no name"
        raise InvalidRequest(f"{what}: this model's server takes 1 to {_MAX_CHARS} characters", param="tools")
    return spelled


def own_name(name: str) -> str:
    """The name that the client knows, of one on the wire."""
    return _SPELLED.sub(_unspelled, name)


def _letter(found: re.Match[str]) -> str:
    return _spell(found[0])


def _spell(letter: str) -> str:
    return f"_x{ord(letter):x}_"


def _unspelled(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code <= 0x10FFFF else found[0]
