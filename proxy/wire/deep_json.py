"""Why JSON could not be read: because it is none, or because it is nested too deeply, which is no fault of its grammar. Pure."""

from __future__ import annotations


class TooDeep(ValueError):
    """The JSON is nested more deeply than Python's reader goes."""

    def __init__(self) -> None:
        super().__init__("the JSON is nested too deeply")


def is_too_deep(error: ValueError) -> bool:
    """Whether that is why a reader gave up: Python's, or orjson, which goes 1024 levels deep and has no class of its own for this."""
    return isinstance(error, TooDeep) or str(error).startswith("depth limit exceeded")


def fault_of(error: ValueError) -> str:
    """What the text is that a reader gave up for this reason."""
    return "nested too deeply to be read" if is_too_deep(error) else "no JSON"
