from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamBroken
from proxy.wire.ndjson import NdjsonReader, line_safe, ndjson_line


def read(*chunks: bytes) -> list[bytes]:
    reader = NdjsonReader()
    return [record for chunk in chunks for record in reader.feed(chunk)] + reader.close()


def test_crlf_blank_lines_and_a_last_line_without_its_end_are_no_matter() -> None:
    assert read(b'{"a":1}\r\n\n{"b":2}\n\r\n{"c":3}') == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@given(st.lists(st.sampled_from([b'{"a":1}', b"", b"\r", b"[]"]), max_size=8).map(b"\n".join), st.data())
def test_any_cut_gives_the_same_records(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == read(stream)


def test_a_record_that_is_too_long_breaks_the_stream() -> None:
    reader = NdjsonReader(max_record_bytes=10)
    reader.feed(b"x" * 11)
    with pytest.raises(UpstreamBroken, match="more than 10 bytes"):
        reader.feed(b"\n")


@given(
    st.recursive(st.text() | st.integers(-(2**53), 2**53), lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner), max_leaves=8)
)
def test_a_line_is_one_line_for_python_and_says_the_same(value: object) -> None:
    line = ndjson_line(value)
    assert line.decode().splitlines() == [line.decode().removesuffix("\n")]
    assert line.endswith(b"\n")
    assert orjson.loads(line) == value


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085"])
def test_characters_that_some_clients_take_for_line_ends_are_escaped(character: str) -> None:
    assert line_safe(orjson.dumps({"a": character})) == b'{"a":"\\u%04x"}' % ord(character)


def test_other_characters_stay_as_they_are() -> None:
    text = orjson.dumps({"a": "\u2019\u2013\u201c北\U0001f600\u0084\u2027"})
    assert line_safe(text) == text
