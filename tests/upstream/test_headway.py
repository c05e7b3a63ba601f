"""Whole answers that begin and do not come on: how long they are read."""

from __future__ import annotations

import tracemalloc

import pytest

from proxy.errors import UpstreamBroken, UpstreamTimeout
from proxy.upstream.patience import HEADWAY_BYTES, Headway
from proxy.upstream.reply import Timeouts, UpstreamReply
from tests.upstream.test_patience import Clock
from tests.upstream.test_reply import MAX, ScriptedBody

TOO_SLOW = r"neither the end of its answer nor 64 KiB more of it for 3 s \(FIRST_BYTE_TIMEOUT\)"


def read(*parts: bytes) -> bytes:
    """The whole of `parts`, of which one comes each second, by a reader whose patience lasts three."""
    return UpstreamReply(200, {}, ScriptedBody(list(parts)), Timeouts()).read(MAX, headway=Headway(3, Clock()))


@pytest.mark.parametrize("drip", [b" ", b"x", b""], ids=["blanks", "words", "framing"])
def test_an_answer_that_begins_and_then_drips_is_a_timeout(drip: bytes) -> None:
    with pytest.raises(UpstreamTimeout, match=TOO_SLOW) as ended:
        read(b'{"id":', *[drip] * 9, b"1}")
    assert (ended.value.status, ended.value.code) == (504, "upstream_timeout")


def test_it_has_its_time_from_its_first_word() -> None:
    assert read(b" ", b" ", b" ", b"{", b" ", b" ", b"}") == b"   {  }"


def test_a_large_answer_over_a_slow_line_goes_on() -> None:
    parts = [b"[", *[b"1" * (HEADWAY_BYTES // 2)] * 9, b"]"]
    assert read(*parts) == b"".join(parts)


def test_one_that_stops_coming_on_is_a_timeout_however_much_has_come() -> None:
    with pytest.raises(UpstreamTimeout, match=TOO_SLOW):
        read(b"[", b"1" * HEADWAY_BYTES, b"1" * HEADWAY_BYTES, *[b" "] * 9)


def test_the_last_part_is_never_too_late() -> None:
    assert read(b"{", b" ", b" ", b"}") == b"{  }"


def test_who_is_too_slow_is_let_go() -> None:
    body = ScriptedBody([b"{", *[b" "] * 9])
    with pytest.raises(UpstreamTimeout):
        UpstreamReply(200, {}, body, Timeouts()).read(MAX, headway=Headway(2, Clock()))
    assert body.closed == 1


def test_an_error_that_is_kept_does_not_keep_what_was_read() -> None:
    kept = []
    tracemalloc.start()
    try:
        body = ScriptedBody([bytes([number]) * 1_000_000 for number in range(9)])
        with pytest.raises(UpstreamBroken, match="larger than 8000000 bytes") as caught:
            UpstreamReply(200, {}, body, Timeouts()).read(8_000_000)
        kept.append(caught.value)
        del body
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept[0].__traceback__ is not None
    assert held_bytes < 2_000_000
