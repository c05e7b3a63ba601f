"""Why JSON could not be read: because it is none, or because it is too much, which is no fault of its grammar: nested too deeply, or with a
number beyond what a double can be. Pure.
"""

from __future__ import annotations


class TooDeep(ValueError):
    """The JSON is nested more deeply than Python's reader goes."""

    def __init__(self) -> None:
        super().__init__("the JSON is nested too deeply")


class TooLarge(ValueError):
    """A number in the JSON is beyond what a double can be. As infinity, or nothing, it would be another one."""

    def __init__(self) -> None:
        super().__init__("a number in the JSON is too large")


def is_too_large(error: ValueError) -> bool:
    """Whether that is why a reader gave up: Python's, or orjson, which has no class of its own for this."""
    return isinstance(error, TooLarge) or str(error).startswith("number is infinity")


def is_too_much(error: ValueError) -> bool:
    """Whether the text is JSON for all that the reader could tell, and the reader can't hold it."""
    return is_too_deep(error) or is_too_large(error)


def is_too_deep(error: ValueError) -> bool:
    """Whether that is why a reader gave up: Python's, or orjson, which goes 1024 levels deep and has no class of its own for this."""
    return isinstance(error, TooDeep) or str(error).startswith("depth limit exceeded")


def fault_of(error: ValueError) -> str:
    """What the text is that a reader gave up for this reason."""
    if is_too_large(error):
        return "JSON with a number too large to be read"
    return "nested too deeply to be read" if is_too_deep(error) else "no JSON"
