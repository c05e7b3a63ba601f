from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.json_text import add_first_member, replace_top_level_string


def replaced(body: bytes) -> bytes:
    return replace_top_level_string(body, "model", "new/one")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a"}', b'{"model":"new/one"}'),
        (b' {\n "model" : "a" ,\n "n": 1.50 }\n', b' {\n "model" : "new/one" ,\n "n": 1.50 }\n'),
        (
            b'{"n":12345678901234567890123,"model":"a","x":[1,{"model":"b"}]}',
            b'{"n":12345678901234567890123,"model":"new/one","x":[1,{"model":"b"}]}',
        ),
        (b'{"a":"\\"model\\":\\"x\\"","model":"b"}', b'{"a":"\\"model\\":\\"x\\"","model":"new/one"}'),
        (b'{"a":"model","model":"b"}', b'{"a":"model","model":"new/one"}'),
        (b'{"a":["model"],"b":{"model":1},"model":"c"}', b'{"a":["model"],"b":{"model":1},"model":"new/one"}'),
        (b'{"model":"a","model":"b"}', b'{"model":"new/one","model":"new/one"}'),
        (b'{"\\u006dodel":"a","\\u006Dode\\u006c" :"b"}', b'{"\\u006dodel":"new/one","\\u006Dode\\u006c" :"new/one"}'),
        (b'{"model":null}', b'{"model":"new/one"}'),
        (b'{"model":{"a":["}",{}]},"b":1}', b'{"model":"new/one","b":1}'),
        (b'{"model":[1,"]"] ,"b":1}', b'{"model":"new/one" ,"b":1}'),
        (b'{"model":-1.5e3}', b'{"model":"new/one"}'),
        (b'{"model":"a\\\\","b":"\\\\\\""}', b'{"model":"new/one","b":"\\\\\\""}'),
        (b'{"\\ud83d":"\\udc00 \xff","model":"a"}', b'{"\\ud83d":"\\udc00 \xff","model":"new/one"}'),
        (b'{"\\n\xff":1,"model":"a"}', b'{"\\n\xff":1,"model":"new/one"}'),
    ],
)
def test_only_the_value_changes(body: bytes, expected: bytes) -> None:
    assert replaced(body) == expected


@pytest.mark.parametrize("body", [b"{}", b'{"a":"model"}', b'{"a":{"model":"x"}}', b'["model","x"]', b'"model"', b'{"Model":"x"}'])
def test_a_body_without_the_member_stays(body: bytes) -> None:
    assert replaced(body) is body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b'{"model":"new/one"}'),
        (b' { "n":1.50}', b' {"model":"new/one", "n":1.50}'),
        (b'{"n":1,"model":null}', b'{"n":1,"model":"new/one"}'),
        (b'{"a":{"model":"x"}}', b'{"model":"new/one","a":{"model":"x"}}'),
    ],
)
def test_a_member_can_be_added(body: bytes, expected: bytes) -> None:
    assert add_first_member(body, "model", "new/one") == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["model", "a", '"', "\\", "é"]) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
BODIES = st.dictionaries(st.sampled_from(["model", "models", '"model"', "mode\\l", "n"]) | st.text(max_size=4), VALUES, max_size=5)


SPACES = st.sampled_from(["", " ", "\n\t"])


@given(
    st.lists(st.tuples(BODIES.map(lambda body: next(iter(body), "model")), VALUES), max_size=5), SPACES, st.booleans(), st.text(max_size=10)
)
def test_all_bytes_outside_the_values_stay(members: list[tuple[str, Any]], space: str, ascii_only: bool, model: str) -> None:
    def text_of(values: list[str]) -> bytes:
        keys = [json.dumps(key, ensure_ascii=ascii_only) for key, _ in members]
        pairs = [f"{space}{key}{space}:{space}{value}{space}" for key, value in zip(keys, values, strict=True)]
        return f"{space}{{{','.join(pairs)}}}{space}".encode()

    values = [json.dumps(value, ensure_ascii=ascii_only, indent=1) for _, value in members]
    body = text_of(values)
    expected = text_of([orjson.dumps(model).decode() if key == "model" else value for (key, _), value in zip(members, values, strict=True)])
    result = replace_top_level_string(body, "model", model)
    assert result == expected
    decoded = json.loads(body)
    assert json.loads(result) == decoded | ({"model": model} if "model" in decoded else {})


@given(BODIES, st.text(max_size=5))
def test_replacing_with_the_same_value_twice_changes_nothing_more(body: dict[str, Any], model: str) -> None:
    once = replace_top_level_string(orjson.dumps(body), "model", model)
    assert replace_top_level_string(once, "model", model) == once


@given(st.text(max_size=6), st.text(max_size=6))
def test_going_back_gives_the_first_text(first: str, second: str) -> None:
    text = orjson.dumps({"a": [{"model": "x"}], "model": first, "b": '"model":"y"'})
    there = replace_top_level_string(text, "model", second)
    assert replace_top_level_string(there, "model", first) == text


def test_ten_megabytes_of_picture_and_many_escapes_are_read_in_linear_time() -> None:
    body = b'{"p":"' + b"QUJD" * 2_500_000 + b'","q":"' + b'\\"\\\\' * 100_000 + b'","r":"\\u00e9","model":"a"}'
    began = time.perf_counter()
    assert replaced(body).endswith(b'"model":"new/one"}')
    assert time.perf_counter() - began < 2, "a quadratic scan takes minutes"


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="valid JSON"):
        replaced(b'{"model":[1')


@pytest.mark.parametrize("change", [replace_top_level_string, add_first_member])
@pytest.mark.parametrize("before", [b'{"model":"a","url":"', b'{"url":"', b'{"other":"a","model":"b","url":"'])
def test_a_large_text_is_copied_once(change: Callable[[bytes, str, str], bytes], before: bytes) -> None:
    body = before + b"A" * 4_000_000 + b'"}'
    tracemalloc.start()
    try:
        changed = change(body, "model", "b")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert orjson.loads(changed)["url"] == "A" * 4_000_000
    assert peak_bytes < len(body) * 1.1
