from __future__ import annotations

import pytest

from proxy.errors import UpstreamBroken
from proxy.wire.sse import MAX_EVENT_BYTES
from proxy.wire.whole_answer import WholeAnswer


def test_a_stream_is_handed_back_without_what_is_blank_before_it() -> None:
    whole = WholeAnswer()
    assert [whole.take(chunk) for chunk in (b"\xef\xbb\xbf", b" \r\n", b"\ndata: {}")] == [b"", b"", b"data: {}"]
    assert whole.body == b""


@pytest.mark.parametrize("chunks", [[b'{"a":', b" 1}"], [b" ", b'\n{"a": 1}'], [b'{"a":', b" ", b"1}"]])
def test_what_begins_as_json_is_gathered(chunks: list[bytes]) -> None:
    whole = WholeAnswer()
    assert [whole.take(chunk) for chunk in chunks] == [b""] * len(chunks)
    assert whole.body == b"".join(chunks).lstrip()


def test_a_web_page_is_refused_at_once() -> None:
    with pytest.raises(UpstreamBroken, match="web page"):
        WholeAnswer().take(b"\n<html>")


def test_what_never_ends_is_refused() -> None:
    whole = WholeAnswer()
    whole.take(b"[")
    with pytest.raises(UpstreamBroken, match="more than"):
        whole.take(b" " * MAX_EVENT_BYTES)
