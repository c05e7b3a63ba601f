"""The one name of a tool that is taken among those that Anthropic can read, and those that would be taken for it. Pure.

A client's tool of that name gets another, from which its own is read back: the reader of an answer has never seen the request. Names that
Anthropic cannot read are replaced before (`proxy.canonical.foreign_names`).
"""

from __future__ import annotations

import re
from typing import Final

from proxy.errors import InvalidRequest

ANSWER_TOOL: Final = "answer_in_json_"
"""The tool that a model must call where an answer of a certain form is wanted, and cannot be demanded in another way."""

_LIKE_IT: Final = re.compile(rf"{ANSWER_TOOL}_*")


def wire_name(name: str) -> str:
    """The name that goes on the wire. Raises `InvalidRequest` where there is none."""
    if not name:
        raise InvalidRequest("a tool has no name", param="tools")
    return f"{name}_" if _LIKE_IT.fullmatch(name) else name


def own_name(name: str) -> str:
    """The name of which `wire_name` made `name`."""
    return name[:-1] if name != ANSWER_TOOL and _LIKE_IT.fullmatch(name) else name
