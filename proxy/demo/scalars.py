"""Texts and numbers that satisfy a JSON schema, best first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from proxy.demo.hints import Hints

Schema = Mapping[str, Any]
Number = float | int
_LONGEST_TEXT = 10_000

_FORMATS = {
    "date": ("2026-01-31", r"\d{4}-\d\d-\d\d"),
    "date-time": ("2026-01-31T12:00:00Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "duration": ("PT1H", r"P(?=.)(\d+[YMWD])*(T(\d+[HMS])+)?"),
    "email": ("demo@example.com", r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "hostname": ("demo.example.com", r"[\w-]+(\.[\w-]+)*"),
    "ipv4": ("192.0.2.1", r"\d{1,3}(\.\d{1,3}){3}"),
    "ipv6": ("2001:db8::1", r"[0-9a-fA-F:]+"),
    "time": ("12:00:00Z", r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "uri": ("https://example.com/demo", r"[a-z][a-z0-9+.-]*:\S+"),
    "uuid": ("00000000-0000-4000-8000-000000000000", r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
# A field of such a name asks for the sentence itself.
_WHOLE_SENTENCE = re.compile(r"query|question|prompt|message|text|input|content|expression|search|task|body", re.IGNORECASE)
_FOR_PATTERNS = (
    "Demo",
    "DEMO",
    "d",
    "D",
    "AB",
    "ABC",
    "demo-1",
    "demo_1",
    "AB-123",
    "ABC-1234",
    "A1",
    "0",
    "1.0",
    "1.0.0",
    "12:00",
    "+15550100",
    "#00ff00",
)


def texts(schema: Schema, name: str, hints: Hints) -> Iterator[str]:
    """Texts for a field of this name: from the sentence, from the schema, made up."""

    def fits(text: str) -> bool:
        return text_fits(schema, text)

    if (hint := hints.take_text(fits)) is not None:
        yield hint
    made = [text for text in (schema.get("default"), *schema.get("examples", ())) if isinstance(text, str)]
    if hints.sentence and _WHOLE_SENTENCE.search(name):
        made.append(hints.sentence)
    made.extend(_made_texts(schema))
    yield from filter(fits, dict.fromkeys(made))


def _made_texts(schema: Schema) -> Iterator[str]:
    if schema.get("format") in _FORMATS:
        yield _FORMATS[schema["format"]][0]
    least, most = min(schema.get("minLength", 0), _LONGEST_TEXT), schema.get("maxLength")
    for text in ("demo", *(f"demo {number}" for number in range(2, 10))):
        yield text.ljust(least, ".")[:most]
    if "pattern" in schema:
        yield from _FOR_PATTERNS
        for length in range(1, 65):
            yield from (letter * length for letter in "1aAf")


def text_fits(schema: Schema, text: str) -> bool:
    """Whether the text obeys length, format and pattern."""
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", math.inf):
        return False
    known = _FORMATS.get(schema.get("format", ""))
    if known and not re.fullmatch(known[1], text):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], text) is not None


def numbers(schema: Schema, hints: Hints, *, whole: bool) -> Iterator[Number]:
    """Numbers from the sentence, from the schema, made up; `whole` asks for integers."""

    def fits(number: Number) -> bool:
        return number_fits(schema, number, whole=whole)

    if (hint := hints.take_number(fits)) is not None:
        yield hint
    made = [number for number in (schema.get("default"), *schema.get("examples", ())) if _is_number(number)]
    made.extend(_made_numbers(schema, whole=whole))
    yield from filter(fits, dict.fromkeys(made))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _made_numbers(schema: Schema, *, whole: bool) -> Iterator[Number]:
    """Small numbers, then steps up from the lower bound, then steps down from the upper one, then what lies between."""
    step = schema.get("multipleOf", 1 if whole else 0.5)
    yield from (step * count for count in range(1, 10))
    yield 0
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None:
        yield low
        yield from (step * (math.ceil(low / step) + count) for count in range(10))
    if high is not None:
        yield high
        yield from (step * (math.floor(high / step) - count) for count in range(10))
    if low is not None and high is not None:
        yield (low + high) / 2


def number_fits(schema: Schema, number: Number, *, whole: bool) -> bool:
    """Whether the number obeys the bounds and the step."""
    if whole and not isinstance(number, int):
        return False
    if not schema.get("minimum", -math.inf) <= number <= schema.get("maximum", math.inf):
        return False
    if not schema.get("exclusiveMinimum", -math.inf) < number < schema.get("exclusiveMaximum", math.inf):
        return False
    return "multipleOf" not in schema or Decimal(str(number)) % Decimal(str(schema["multipleOf"])) == 0
