"""`Row`: an object of a request that knows its place, so that whatever is wrong in it can be told by its name. Pure.

No field turns one type into another, and `null` is absence. Places are put together only when there is something to tell of them: a long
conversation has thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.errors import InvalidRequest


def invalid(place: str, what: str) -> InvalidRequest:
    """The error about what stands at `place` (`messages.0.content`)."""
    return InvalidRequest(f"{place}: {what}" if place else what, param=place or None)


class Row:
    """An object. The fields that were sent have the type that is asked for, or reading them raises `InvalidRequest`.

    Args:
        value: decoded JSON.
        inside: the object that it stands in, if any.
        name: where it stands there (`source`, `content.3`).
    """

    __slots__ = ("_inside", "_name", "_values")

    def __init__(self, value: object, inside: Row | None = None, name: str = "") -> None:
        self._inside = inside
        self._name = name
        if type(value) is not dict:
            raise invalid(self.place(), "Input should be an object")
        self._values: dict[str, Any] = value

    def place(self, field: str = "") -> str:
        """Where this object, or a field of it, stands in the request."""
        outer = self._inside.place(self._name) if self._inside is not None else self._name
        return f"{outer}.{field}" if outer and field else outer or field

    def refuse(self, field: str, what: str) -> InvalidRequest:
        """The error about a field of this object."""
        return invalid(self.place(field), what)

    def has(self, field: str) -> bool:
        """Whether it was sent."""
        return self._values.get(field) is not None

    def raw(self, field: str) -> Any:
        """Whatever was sent, `None` if nothing was."""
        return self._values.get(field)

    def text(self, field: str) -> str:
        """A text that must be there."""
        value = self._values.get(field)
        if type(value) is str:
            return value
        raise self.refuse(field, "Field required" if value is None else "Input should be a valid string")

    def text_or(self, field: str, default: str) -> str:
        """A text, or `default` in its place."""
        return default if self._values.get(field) is None else self.text(field)

    def flag(self, field: str) -> bool | None:
        """A boolean."""
        value = self._values.get(field)
        if value is None or type(value) is bool:
            return value
        raise self.refuse(field, "Input should be a valid boolean")

    def whole_number(self, field: str, least: int) -> int | None:
        """An integer that is `least` or more."""
        value = self._values.get(field)
        if value is None:
            return None
        if type(value) is not int:
            raise self.refuse(field, "Input should be a valid integer")
        if value < least:
            raise self.refuse(field, f"Input should be greater than or equal to {least}")
        return value

    def share(self, field: str) -> float | None:
        """A number from 0 to 1."""
        value = self._values.get(field)
        if value is None:
            return None
        if type(value) not in (int, float):
            raise self.refuse(field, "Input should be a valid number")
        if not 0 <= value <= 1:
            raise self.refuse(field, "range: 0..1")
        return float(value)

    def row(self, field: str) -> Row | None:
        """An object."""
        value = self._values.get(field)
        return None if value is None else Row(value, self, field)

    def needed_row(self, field: str) -> Row:
        """An object that must be there."""
        if self._values.get(field) is None:
            raise self.refuse(field, "Field required")
        return Row(self._values[field], self, field)

    def rows(self, field: str) -> list[Row]:
        """A list of objects; `[]` when nothing was sent."""
        return [Row(item, self, f"{field}.{index}") for index, item in enumerate(self._items(field))]

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        items = self._items(field)
        for index, item in enumerate(items):
            if type(item) is not str:
                raise self.refuse(f"{field}.{index}", "Input should be a valid string")
        return tuple(items)

    def members(self, field: str) -> Mapping[str, Any] | None:
        """An object, passed on as it came, keys in their order."""
        value = self._values.get(field)
        if value is None or type(value) is dict:
            return value
        raise self.refuse(field, "Input should be an object")

    def _items(self, field: str) -> list[Any]:
        value = self._values.get(field)
        if value is None:
            return []
        if type(value) is not list:
            raise self.refuse(field, "Input should be a valid list")
        return value
