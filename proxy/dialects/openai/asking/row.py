"""An object of a request, read member by member; what is wrong with one is said in OpenAI's words. Pure.

`null` is absence. A member knows its place (`messages[0].content`), which is what OpenAI calls `param`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy.errors import InvalidRequest

_SHOWN_CHARS = 80
_KINDS = {bool: "a boolean", int: "an integer", float: "a decimal number", str: "a string", list: "an array", dict: "an object"}


class Row:
    """One object.

    Args:
        members: what it says.
        where: its place in the request, `""` for the request itself.
    """

    __slots__ = ("_members", "where")

    def __init__(self, members: Mapping[str, Any], where: str = "") -> None:
        self._members = members
        self.where = where

    def place(self, name: str) -> str:
        """The place of the member `name`."""
        return f"{self.where}.{name}" if self.where else name

    def get(self, name: str) -> Any:
        """The member as it came, `None` when there is none."""
        return self._members.get(name)

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of these members is there."""
        return not names.isdisjoint(self._members)

    def text(self, name: str) -> str:
        """A string, `""` when there is none. Raises `InvalidRequest`, as all of these do."""
        value = self._members.get(name)
        if value is None:
            return ""
        if type(value) is not str:
            raise wrong_type(self.place(name), "a string", value)
        return value

    def required_text(self, name: str) -> str:
        """A string that must not be empty."""
        value = self.text(name)
        if not value:
            raise missing(self.place(name))
        return value

    def present_text(self, name: str) -> str:
        """A string that may be empty, but must be there."""
        if self._members.get(name) is None:
            raise missing(self.place(name))
        return self.text(name)

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self._members.get(name)
        if value is not None and type(value) is not bool:
            raise wrong_type(self.place(name), "a boolean", value)
        return value

    def number(self, name: str) -> float | None:
        """A number."""
        value = self._members.get(name)
        if value is not None and type(value) is not int and type(value) is not float:
            raise wrong_type(self.place(name), "a number", value)
        return value

    def integer(self, name: str, least: int | None = None, most: int | None = None) -> int | None:
        """An integer within these limits; `3.0` is one, too."""
        value = self._members.get(name)
        if type(value) is float and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if type(value) is not int:
            raise wrong_type(self.place(name), "an integer", value)
        if least is not None and value < least:
            raise _beyond(self.place(name), f">= {least}", value)
        if most is not None and value > most:
            raise _beyond(self.place(name), f"<= {most}", value)
        return value

    def word(self, name: str, allowed: Iterable[str]) -> str:
        """One of these words, `""` when there is none."""
        value = self.text(name)
        if value and value not in allowed:
            raise wrong_value(self.place(name), value, allowed)
        return value

    def row(self, name: str) -> Row:
        """An object, without members when there is none."""
        value = self._members.get(name)
        if value is None:
            value = {}
        elif type(value) is not dict:
            raise wrong_type(self.place(name), "an object", value)
        return Row(value, self.place(name))

    def items(self, name: str) -> Sequence[Any]:
        """An array, empty when there is none."""
        value = self._members.get(name)
        if value is None:
            return ()
        if type(value) is not list:
            raise wrong_type(self.place(name), "an array", value)
        return value

    def rows(self, name: str) -> list[Row]:
        """An array of objects."""
        return rows_of(self.items(name), self.place(name))

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """An object as it came."""
        value = self._members.get(name)
        if value is not None and type(value) is not dict:
            raise wrong_type(self.place(name), "an object", value)
        return value


def rows_of(items: Sequence[Any], where: str) -> list[Row]:
    """The objects of an array at `where`. Raises `InvalidRequest` when something else is among them."""
    rows = []
    for index, item in enumerate(items):
        if type(item) is not dict:
            raise wrong_type(f"{where}[{index}]", "an object", item)
        rows.append(Row(item, f"{where}[{index}]"))
    return rows


def wrong_type(place: str, expected: str, value: object) -> InvalidRequest:
    """The error about a value of another type."""
    got = "null" if value is None else _KINDS.get(type(value), "something else")
    return InvalidRequest(f"Invalid type for '{place}': expected {expected}, but got {got} instead.", param=place, code="invalid_type")


def wrong_value(place: str, value: str, allowed: Iterable[str]) -> InvalidRequest:
    """The error about a word that has no meaning there."""
    words = ", ".join(f"'{word}'" for word in allowed)
    message = f"Invalid value: '{value[:_SHOWN_CHARS]}'. Supported values are: {words}."
    return InvalidRequest(message, param=place, code="invalid_value")


def missing(place: str) -> InvalidRequest:
    """The error about what must be there."""
    return InvalidRequest(f"Missing required parameter: '{place}'.", param=place, code="missing_required_parameter")


def empty_array(place: str) -> InvalidRequest:
    """The error about an array in which something must be."""
    message = f"Invalid '{place}': empty array. Expected an array with minimum length 1, but got an empty array instead."
    return InvalidRequest(message, param=place, code="empty_array")


def unsupported(place: str, why: str) -> InvalidRequest:
    """The error about what OpenAI's own server may take, but nobody can do for this model."""
    return InvalidRequest(f"Unsupported parameter: '{place}' {why}.", param=place, code="unsupported_parameter")


def _beyond(place: str, limit: str, value: int) -> InvalidRequest:
    message = f"Invalid '{place}': integer out of range. Expected a value {limit}, but got {value} instead."
    return InvalidRequest(message, param=place, code="integer_out_of_range")
