"""Any JSON value at any field either parses or is refused by one of our errors that names the field.

And requests read directly come out as marshmallow reads them, value for value and word for word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, missing

from proxy.dialects.ollama import parsing
from proxy.dialects.ollama.fields import GoField, ListOf, String, Struct, read_members
from proxy.dialects.ollama.golang import present
from proxy.dialects.ollama.options import OPTIONS
from proxy.dialects.ollama.schemas import CHAT, COPY, CREATE, DELETE, EMBED, EMBEDDINGS, GENERATE, PULL, PUSH, SHOW, GoSchema
from proxy.errors import ProxyError

Parse = Callable[[Any], object]
Place = tuple[str | int, ...]

ENDPOINTS: dict[str, tuple[Parse, GoSchema]] = {
    "chat": (parsing.parse_chat, CHAT),
    "generate": (parsing.parse_generate, GENERATE),
    "embed": (parsing.parse_embed, EMBED),
    "embeddings": (parsing.parse_embeddings, EMBEDDINGS),
    "show": (parsing.parse_show, SHOW),
    "pull": (parsing.parse_pull, PULL),
    "push": (parsing.parse_push, PUSH),
    "create": (parsing.parse_create, CREATE),
    "copy": (parsing.parse_copy, COPY),
    "delete": (parsing.parse_delete, DELETE),
}

WORDS = st.sampled_from(
    ["", "json", "m", "tool", "assistant", "user", "5m", "-1", "high", "iVBORw0KGgo=", "data:image/png;base64,AAAA", "\u2028"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | WORDS
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6
)


def places(field: GoField[Any], place: Place) -> Iterator[Place]:
    """Where values of this field may stand, inwards."""
    yield place
    if isinstance(field, Struct):
        for name, member in field.members.items():
            yield from places(member, (*place, name))
    elif isinstance(field, ListOf):
        yield from places(field.item, (*place, 0))


def every_place() -> list[tuple[str, Place]]:
    return [
        (endpoint, place)
        for endpoint, (_, schema) in ENDPOINTS.items()
        for name, field in schema.load_fields.items()
        if isinstance(field, GoField)
        for place in places(field, (field.data_key or name,))
    ] + [(endpoint, ("options", name)) for endpoint in ("chat", "generate", "embed") for name in OPTIONS.fields]


def a_payload(place: Place, value: Any) -> dict[str, Any]:
    """A payload that would do, with `value` put at `place`."""
    payload: dict[str, Any] = {"model": "m", "prompt": "hi", "input": "hi", "source": "a", "destination": "b", "from": "c"}
    payload["messages"] = [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}]
    payload["tools"] = [{"type": "function", "function": {"name": "f"}}]
    inner: Any = payload
    for step, following in zip(place, (*place[1:], None), strict=True):
        if following is None:
            inner[step] = value
        elif isinstance(inner, dict):
            inner = inner.setdefault(step, [None] if following == 0 else {})
        else:
            inner[0] = inner[0] or {}
            inner = inner[0]
    return payload


def refusal(endpoint: str, payload: Any) -> ProxyError | None:
    try:
        ENDPOINTS[endpoint][0](payload)
    except ProxyError as error:
        return error
    return None


@pytest.mark.parametrize(("endpoint", "place"), every_place(), ids=str)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON)
def test_any_value_at_any_field_parses_or_is_refused_by_name(endpoint: str, place: Place, value: Any) -> None:
    error = refusal(endpoint, orjson.loads(orjson.dumps(a_payload(place, value))))
    if error is not None:
        field = str(place[0])
        assert field in error.message or (error.param or "").startswith(field), error.message
        assert error.status in (400, 404, 500)
        assert 0 < len(error.message) < 1000


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@settings(max_examples=100, deadline=None)
@given(payload=JSON)
def test_any_payload_parses_or_is_refused(endpoint: str, payload: Any) -> None:
    error = refusal(endpoint, payload)
    assert error is None or error.message


def outcome(read: Callable[[Any], object], payload: Any) -> object:
    """What `read` makes of the payload: a value, or all that the client would see of an error."""
    try:
        return read(payload)
    except ProxyError as error:
        return (type(error), error.status, error.message, error.param)


@st.composite
def payloads_with_two_oddities(draw: st.DrawFn, endpoint: str) -> Any:
    """Two values that may be wrong at once, in fields whose names may be spelled in another case, in any order."""
    known = [place for name, place in every_place() if name == endpoint]
    payload = a_payload(draw(st.sampled_from(known)), draw(JSON))
    for name, item in a_payload(draw(st.sampled_from(known)), draw(JSON)).items():
        if draw(st.booleans()):
            payload[draw(st.sampled_from((name, name.upper(), name.title())))] = item
    names = draw(st.permutations(list(payload)))
    return {name: payload[name] for name in names}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_request_is_read_as_marshmallow_loads_it(endpoint: str, data: st.DataObject) -> None:
    schema = ENDPOINTS[endpoint][1]
    payload = data.draw(payloads_with_two_oddities(endpoint))
    assert outcome(schema.read, payload) == outcome(schema.load, payload)


@pytest.mark.parametrize(("endpoint", "place"), every_place(), ids=str)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON)
def test_any_value_at_any_field_is_read_as_marshmallow_loads_it(endpoint: str, place: Place, value: Any) -> None:
    schema, payload = ENDPOINTS[endpoint][1], a_payload(place, value)
    assert outcome(schema.read, payload) == outcome(schema.load, payload)


@settings(max_examples=300, deadline=None)
@given(
    options=st.dictionaries(
        st.sampled_from(sorted(OPTIONS.fields)) | st.text(max_size=6), LEAVES | st.lists(LEAVES, max_size=2), max_size=5
    )
)
def test_options_are_read_as_marshmallow_loads_them(options: dict[str, Any]) -> None:
    assert outcome(OPTIONS.read, options) == outcome(OPTIONS.load, options)


def test_no_field_asks_marshmallow_for_what_reading_would_leave_out() -> None:
    for schema in (OPTIONS, *(schema for _, schema in ENDPOINTS.values())):
        for field in schema.load_fields.values():
            assert not field.required, field.name
            assert not field.validators, field.name
            assert field.load_default is missing, field.name


KEYS = st.sampled_from(["role", "Role", "ROLE", "content", "Content", "images", "IMAGES", "nobody"])


@given(row=st.dictionaries(KEYS, LEAVES))
def test_the_members_of_an_object_are_those_that_are_present(row: dict[str, Any]) -> None:
    readers = {name: String().read for name in ("role", "content", "images")}

    def as_defined(row: dict[str, Any]) -> dict[str, Any]:
        return {name: readers[name](item) for name, item in present(row, readers).items()}

    def said(read: Callable[[dict[str, Any]], object]) -> object:
        try:
            return read(row)
        except ValidationError as error:
            return error.messages

    assert said(lambda row: read_members(row, readers)) == said(as_defined)
