"""The operator's catalogue of models: what a file says of them, laid over what the upstream says. Pure: takes decoded JSON, reads no file.

    {"llama-3*": {"context_length": 131072, "capabilities": ["completion", "tools"], "family": "llama", "parameter_size": "8B"}}

A name is an upstream model's id, or a glob over such ids. Exact names come first, then globs in the file's order; the first fit counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load
from marshmallow.validate import OneOf, Regexp

from proxy.canonical.catalog import CAPABILITIES, ModelCard

Facts = Mapping[str, Any]
"""Fields of a `ModelCard` -> what the operator says they are."""

_PARAMETER_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMBT]?)$", re.IGNORECASE)
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


class InvalidCatalogue(ValueError):
    """The file says something that cannot be; the message has a line for each wrong entry, `problems` has them one by one."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the file says, by name."""

    exact: Mapping[str, Facts] = field(default_factory=dict)
    globs: tuple[tuple[re.Pattern[str], Facts], ...] = ()

    def describe(self, card: ModelCard) -> ModelCard:
        """`card` with what the file says of its model; the same card when it says nothing."""
        facts = self.facts(card.id)
        return card if facts is None else describe(card, facts)

    def facts(self, model: str) -> Facts | None:
        """What the file says of the upstream's model `model`, in whatever case it is written."""
        name = model.lower()
        if name in self.exact:
            return self.exact[name]
        return next((facts for pattern, facts in self.globs if pattern.match(name)), None)


def describe(card: ModelCard, facts: Facts) -> ModelCard:
    """`card` with `facts` in the place of its own."""
    return replace(card, **facts)


def read_catalogue(payload: object) -> Catalogue:
    """The catalogue in a decoded file.

    Raises:
        InvalidCatalogue: something in it is wrong; all of it is named.
    """
    if not isinstance(payload, dict):
        raise InvalidCatalogue(["the catalogue must be a JSON object: names of models, and what is to be said of each"])
    problems: list[str] = []
    exact: dict[str, Facts] = {}
    globs: list[tuple[re.Pattern[str], Facts]] = []
    for name, entry in payload.items():
        try:
            facts = _ENTRY.load(entry)
        except ValidationError as error:
            problems += [f"{name}: {problem}" for problem in _flattened(error.messages)]
            continue
        if any(letter in name for letter in "*?["):
            globs.append((re.compile(translate(name.lower())), facts))
        else:
            exact[name.lower()] = facts
    if problems:
        raise InvalidCatalogue(problems)
    return Catalogue(exact, tuple(globs))


def _whole_number(least: int) -> fields.Field[int]:
    """A whole number, `least` or more. marshmallow's own field takes "8192" and true for one."""

    def read(value: object) -> int:
        if type(value) is not int or value < least:
            raise ValidationError(f"must be a whole number, {least} or more")
        return value

    return fields.Function(deserialize=read)


def _text() -> fields.String:
    return fields.String(error_messages={"invalid": "must be text"})


def _words(*allowed: str) -> fields.Field[list[Any]]:
    """A list of some of the `allowed` words."""
    each = OneOf(allowed, error=f"must be one of {', '.join(allowed)}")
    return fields.List(fields.String(validate=each), error_messages={"invalid": "must be a list of words"})


class _EntrySchema(Schema):
    """What may be said of a model: fields of its card, two of them also by Ollama's names, `parameter_size` and `quantization_level`."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "unknown field", "type": "must be a JSON object"}  # noqa: RUF012 (an instance variable for mypy, as marshmallow declares it)

    capabilities = _words(*CAPABILITIES)
    context_length = _whole_number(1)
    embedding_length = _whole_number(1)
    parameter_count = _whole_number(1)
    parameter_size = fields.String(
        validate=Regexp(_PARAMETER_SIZE, error="must be a number with K, M, B or T behind it, such as 8B or 137M")
    )
    size_bytes = _whole_number(0)
    family = _text()
    quantization = _text()
    quantization_level = _text()
    description = _text()
    owned_by = _text()
    created = _whole_number(0)

    @post_load
    def as_facts(self, entry: dict[str, Any], **_: Any) -> Facts:
        """The entry with the names and types of a card."""
        if "parameter_size" in entry:
            entry["parameter_count"] = _parameter_count(entry.pop("parameter_size"))
        if "quantization_level" in entry:
            entry["quantization"] = entry.pop("quantization_level")
        if "capabilities" in entry:
            entry["capabilities"] = frozenset(entry["capabilities"])
        return entry


_ENTRY = _EntrySchema()


def _parameter_count(size: str) -> int:
    """Of a text that `_PARAMETER_SIZE` matches."""
    scale = size[-1].upper() if size[-1].isalpha() else ""
    return round(float(size.rstrip("KMBTkmbt ")) * _SCALES[scale])


def _flattened(messages: Any, path: str = "") -> Iterator[str]:
    if isinstance(messages, dict):
        for key, below in messages.items():
            yield from _flattened(below, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        yield from (f"{path}: {message}".removeprefix(": ") for message in messages)
