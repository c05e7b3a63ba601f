"""Large texts come out as orjson reads them, whatever stands in them and around them."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire.large_json import LongText, dumps, loads, loads_outermost

MIB = 1024 * 1024
PICTURE = base64.b64encode(bytes(range(256)) * 4096).decode()
LONG = "A" * 70_000


def said(read: Callable[[bytes], Any], text: bytes) -> object:
    """What comes out: a value, or the words of the error."""
    try:
        return read(text)
    except orjson.JSONDecodeError as error:
        return str(error)


@pytest.mark.parametrize(
    "value",
    [
        {"model": "m", "messages": [{"role": "user", "content": "hi", "images": [PICTURE, PICTURE, "c2hvcnQ="]}]},
        {"images": [PICTURE], "prompt": "what is it? " * 20_000, "options": {"stop": [" ", ","]}},
        {"url": f"data:image/png;base64,{PICTURE}"},
        {"numbers": list(range(300_000)), "after": PICTURE},
        {"texts": ["é" * MIB, "ends with a backslash\\", PICTURE, 'and "quotes" ' * 9000]},
        {PICTURE: PICTURE},
        {"marks": ["\0" + "0", "\0", PICTURE]},
        [PICTURE, [PICTURE]],
        PICTURE,
    ],
)
@pytest.mark.parametrize("option", [0, orjson.OPT_INDENT_2])
def test_a_large_text_is_what_it_says(value: Any, option: int) -> None:
    text = orjson.dumps(value, option=option)
    assert len(text) > MIB
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"%s","a":"%s"}',
        b'{"a":"\\"%s"}',
        b'{"a":"\\\\%s"}',
        b'{"a":"\\u0041%s"}',
        b'{"a"%s"b":"%s"}',
        b'{"a":"x"%s,"b":"%s"}',
        b'{"a":"%s"',
        b'{"a":"%s',
        b'%s{"a":"%s"}',
        b'{"a":"%s\n","b":"%s"}',
        b'{"a":"%s\x00"}',
        b'{"a":"%s\xff"}',
        b'{"a":"%s\\ud800"}',
        b'{"\\u00000":1,"a":"%s"}',
        b'{"a":"\\u00000","b":"%s"}',
        b'{"b":"%s","a":"\\u00000"}',
        b'{"b":["%s"],"b":1,"c":"\\u00000"}',
    ],
)
def test_odd_texts_come_out_as_orjson_reads_them(text: bytes) -> None:
    odd = text.replace(b"%s", PICTURE.encode())
    assert said(loads, odd) == said(orjson.loads, odd)


QUOTED = b'"' + LONG.encode() + b'"'
PIECES = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b"\\", b" ", b"\n", b"1", b"null", b'"\\u00000"', b'"\\u00001"', b"\xc3\xa9"),
        *(LONG.encode(), QUOTED, b'"a":' + QUOTED, b'"a":[' + QUOTED + b"]"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=8))
def test_any_text_comes_out_as_orjson_reads_it(pieces: list[bytes]) -> None:
    for text in (b"".join(pieces), b'{"a":"' + b"".join(pieces) + b'"}', b"[" + b",".join(pieces) + b"]"):
        large = text + b" " * MIB
        assert said(loads, large) == said(orjson.loads, large)


@pytest.mark.parametrize(
    "value",
    [
        {"model": "m", "stream": True, "messages": [{"content": [{"image_url": {"url": PICTURE}}]}]},
        {"model": PICTURE, "messages": []},
        {"model": "\0" + "0", "input": [PICTURE]},
        {"model": "gpt", "prompt": "gemini:" + PICTURE},
    ],
)
def test_the_outermost_members_are_what_they_are(value: dict[str, Any]) -> None:
    found = loads_outermost(orjson.dumps(value))
    assert found.keys() == value.keys()
    assert {name: item for name, item in found.items() if type(item) is not list} == {
        name: item for name, item in value.items() if type(item) is not list
    }


@pytest.mark.parametrize(
    ("written", "seen"), [("gemini:" + LONG, "gemini:" + "A" * 57), ("é" + LONG, "é" + LONG)], ids=["ascii", "other letters"]
)
def test_how_long_strings_begin_is_seen(written: str, seen: str) -> None:
    found = loads_outermost(orjson.dumps({"input": [PICTURE, {"encrypted_content": written}]}))
    assert found["input"][1]["encrypted_content"].partition("\0")[0] == seen


@pytest.mark.parametrize("text", [b'["%s"]', b'{"a":"%s"', b'{"a":"%s"}}', b'"%s"'])
def test_what_is_no_object_comes_out_as_orjson_reads_it(text: bytes) -> None:
    odd = text.replace(b"%s", PICTURE.encode())
    assert said(loads_outermost, odd) == said(orjson.loads, odd)


def test_a_picture_is_copied_once() -> None:
    text = orjson.dumps({"messages": [{"images": [PICTURE * 8]}]})
    tracemalloc.start()
    try:
        value = loads(text)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert value["messages"][0]["images"][0] == PICTURE * 8
    assert peak_bytes < len(text) * 1.1


def test_long_texts_are_written_as_the_strings_that_they_are() -> None:
    picture = LongText(("data:image/png;base64,", PICTURE))
    value = {"a": [picture, "\0", {"b": picture}], "c": "é"}
    plain = {"a": [str(picture), "\0", {"b": str(picture)}], "c": "é"}
    assert dumps(value) == orjson.dumps(plain)
    assert dumps(plain) == orjson.dumps(plain)
    assert dumps({"a": LongText(())}) == b'{"a":""}'


def test_long_texts_are_written_beside_integers_that_orjson_cannot_write() -> None:
    assert dumps({"a": LongText(("x", "y")), "b": 1 << 70}) == b'{"a":"xy","b":1180591620717411303424}'


@pytest.mark.parametrize("value", ["\ud800", [LongText(("x",)), "\ud800"], object(), [LongText(("x",)), object()]])
def test_what_cannot_be_written_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dumps({"a": value})


def test_a_long_text_is_written_once() -> None:
    picture = LongText(("data:image/png;base64,", PICTURE * 8))
    tracemalloc.start()
    try:
        text = dumps({"a": picture})
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(text) > len(PICTURE) * 8
    # A growing buffer is a little too long, and is then moved to its place by the system, which takes no memory.
    assert peak_bytes < len(text) * 1.2
