from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.openai.reading.json_depth import JsonDepth

VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.text('{}[]"\\a', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('{}"\\', max_size=2), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=2), VALUES, max_size=3), st.lists(st.integers(0, 200), max_size=6))
def test_only_the_last_character_makes_an_object_whole(value: dict[str, object], cuts: list[int]) -> None:
    text = orjson.dumps(value).decode()
    at = sorted(cut for cut in cuts if cut < len(text))
    depth = JsonDepth()
    for begin, end in zip([0, *at], [*at, len(text)], strict=True):
        assert not depth.is_whole
        depth.feed(text[begin:end])
    assert depth.is_whole


@pytest.mark.parametrize("text", ["", " ", "x", "12", '"{}"', "{", '{"', '{"a\\"}', "[1", '{"a":"}'])
def test_what_is_not_closed_is_not_whole(text: str) -> None:
    depth = JsonDepth()
    depth.feed(text)
    assert not depth.is_whole
