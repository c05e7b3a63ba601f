from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.ndjson import line_safe


@given(
    st.recursive(st.text() | st.integers(-(2**53), 2**53), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner), max_leaves=8)
)
def test_a_line_is_one_line_for_python_and_says_the_same(value: object) -> None:
    line = line_safe(orjson.dumps(value))
    assert line.decode().splitlines() == [line.decode()]
    assert orjson.loads(line) == value


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085"])
def test_characters_that_some_clients_take_for_line_ends_are_escaped(character: str) -> None:
    assert line_safe(orjson.dumps({"a": character})) == b'{"a":"\\u%04x"}' % ord(character)


def test_other_characters_stay_as_they_are() -> None:
    text = orjson.dumps({"a": "\u2019\u2013\u201c北\U0001f600\u0084\u2027"})
    assert line_safe(text) == text
