"""Values made from JSON schemas, judged by the `jsonschema` library and by pydantic."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.demo.errors import Refusal
from proxy.demo.hints import Hints
from proxy.demo.samples import sample

CHECKED = jsonschema.Draft202012Validator


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "null"},
        {"type": "boolean"},
        {"const": {"a": [1]}},
        {"enum": [3, "x"]},
        {"type": ["null", "integer"]},
        {"type": "string", "minLength": 12, "maxLength": 14},
        {"type": "string", "maxLength": 2},
        {"type": "string", "pattern": "^[A-Z]{2}-\\d{3}$"},
        {"type": "string", "pattern": "^\\d{17}$"},
        {"type": "string", "default": "blue"},
        *({"type": "string", "format": name} for name in ("date", "date-time", "time", "duration", "email", "uri", "uuid", "ipv4", "ipv6")),
        {"type": "integer", "minimum": 17},
        {"type": "integer", "exclusiveMinimum": 5, "maximum": 6},
        {"type": "integer", "maximum": -40},
        {"type": "integer", "multipleOf": 7, "minimum": 20},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "multipleOf": 0.1, "minimum": 2.05},
        {"minimum": 3},
        {"type": "array"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 4},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"type": "array", "maxItems": 0},
        {"items": {"type": "boolean"}},
        {"type": "object", "required": ["x"]},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"properties": {"a": {"type": "string"}}, "required": ["a", "b"], "additionalProperties": {"type": "number"}},
        {"anyOf": [{"type": "integer", "minimum": 5, "maximum": 3}, {"type": "string"}]},
        {"oneOf": [{"type": "string"}, {"type": "null"}]},
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"const": 2}}, "required": ["b"]}]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
        {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]},
        {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "required": ["children"]},
    ],
    ids=str,
)  # fmt: skip
def test_sample_satisfies_the_schema(schema: Any) -> None:
    CHECKED(schema, format_checker=CHECKED.FORMAT_CHECKER).validate(sample(schema))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        5,
        {"type": "thing"},
        {"not": {"type": "string"}},
        {"type": "string", "pattern": "^q{3}x$"},
        {"type": "string", "pattern": "("},
        {"type": "string", "minLength": "long"},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "multipleOf": 0},
        {"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 3},
        {"type": "array", "minItems": 10_000_000},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
    ids=str,
)
def test_sample_is_refused_when_none_can_be_made(schema: Any) -> None:
    with pytest.raises(Refusal):
        sample(schema)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Wheel(pydantic.BaseModel):
    inches: Annotated[float, pydantic.Field(gt=10, le=20)]
    made: dt.date | None = None


class Car(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    id: uuid.UUID
    name: Annotated[str, pydantic.Field(min_length=3, max_length=9)]
    color: Color
    kind: Literal["car"]
    wheels: Annotated[list[Wheel], pydantic.Field(min_length=4, max_length=4)]
    owners: dict[str, int]
    pair: tuple[int, str]
    tags: set[str]
    trailer: Car | None


def test_sample_is_accepted_by_the_pydantic_model_that_gave_the_schema() -> None:
    car = Car.model_validate(sample(Car.model_json_schema(), Hints("A blue car named Greta with 12 inches")))
    assert car.color is Color.BLUE
    assert car.name == "Greta"
    assert car.wheels[0].inches == 12


@given(
    low=st.integers(-1000, 1000),
    width=st.integers(0, 50),
    step=st.integers(1, 20),
)
def test_integer_is_within_bounds_or_there_is_none(low: int, width: int, step: int) -> None:
    schema = {"type": "integer", "minimum": low, "maximum": low + width, "multipleOf": step}
    if any(number % step == 0 for number in range(low, low + width + 1)):
        CHECKED(schema).validate(sample(schema))
    else:
        with pytest.raises(Refusal):
            sample(schema)


@pytest.mark.parametrize(
    ("sentence", "texts", "numbers"),
    [
        ("What is the weather in San Francisco?", ["San Francisco"], 0),
        ('Translate "good night" to French', ["good night", "French"], 0),
        ("Write to ada@example.com on 2026-05-04 about 3 things", ["ada@example.com", "2026-05-04"], 1),
        ("add 2, -3.5 and 4th", [], 2),
    ],
)
def test_hints_are_found_in_a_sentence(sentence: str, texts: list[str], numbers: int) -> None:
    hints = Hints(sentence)
    assert [hints.take_text(lambda _: True) for _ in texts] == texts
    assert hints.numbers == numbers


def test_only_required_and_mentioned_properties_are_filled_when_optional_ones_are_left_out() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "style": {"enum": ["short", "long"]},
            "days": {"type": "integer"},
        },
        "required": ["city"],
    }
    assert sample(schema, Hints("weather in Oslo in celsius"), optional=False) == {"city": "Oslo", "unit": "celsius"}
