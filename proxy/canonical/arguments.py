"""Arguments of tool calls: JSON text as the model wrote it -> the JSON object that some languages must have. Pure."""

from __future__ import annotations

import orjson

from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.json_text import with_whole_characters

_WHITESPACE_TO_SPACES = str.maketrans("\t\n\r", "   ")


def arguments_object(text: str) -> bytes | None:
    """The arguments of a call as the model wrote them, on one line; `{}` for none at all; `None` when they are no JSON object.

    The text itself is kept: parsed and written again, large integers and `1.0` would come out as something else. Only half characters,
    which no client could read, are replaced.
    """
    if not text.strip():
        return b"{}"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        text = with_whole_characters(text.encode()).decode()
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
    if value is None:
        return b"{}"
    # Line ends between the tokens of a JSON text are whitespace; inside its strings they cannot be.
    return text.translate(_WHITESPACE_TO_SPACES).strip().encode() if isinstance(value, dict) else None


def unreadable_arguments(name: str, text: str) -> UpstreamBroken:
    """The error for a call of the tool `name` with which nobody can do anything, for its arguments are this text."""
    fault = _excess_of(text) or "not a JSON object"
    return UpstreamBroken(f"the model called the tool '{name}' with arguments that are {fault}; ask again")


def _excess_of(text: str) -> str:
    """What the text is, where it is too much to be read; `""` where it is not."""
    try:
        orjson.loads(with_whole_characters(text.encode()))
    except orjson.JSONDecodeError as error:
        return fault_of(error) if is_too_much(error) else ""
    return ""
