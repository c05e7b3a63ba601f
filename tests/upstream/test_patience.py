"""Signs of life are no answer: how long they are listened to."""

from __future__ import annotations

import pytest

from proxy.errors import UpstreamTimeout
from proxy.upstream.patience import FirstWord, Headway, Patience
from proxy.upstream.reply import Timeouts, UpstreamReply
from tests.upstream.test_reply import MAX, ScriptedBody


class Clock:
    """Goes on by a second with each look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


def read(*parts: bytes, patience_s: float) -> bytes:
    return UpstreamReply(200, {}, ScriptedBody(list(parts)), Timeouts()).read(MAX, headway=Headway(patience_s, Clock()))


def test_patience_ends_after_its_time_and_begins_with_the_first_fruitless_read() -> None:
    patience = Patience(3, Clock())
    for _ in range(3):
        patience.wait_on()
    with pytest.raises(UpstreamTimeout, match=r"no part of its answer for 3 s \(FIRST_BYTE_TIMEOUT\)") as ended:
        patience.wait_on()
    assert (ended.value.status, ended.value.code) == (504, "upstream_timeout")


@pytest.mark.parametrize(
    "silence", [[b" "], [b"\r\n"], [b": ping\n\n"], [b": pi", b"ng"], [b":", b' {"a": 1}', b"\n\n"], [b" :a\r", b":b\n:c\n", b"\t"], [b""]]
)
def test_white_space_and_comments_are_no_word(silence: list[bytes]) -> None:
    first_word = FirstWord()
    assert not any(first_word.is_in(part) for part in silence)


@pytest.mark.parametrize("parts", [[b"{"], [b" \n", b" x"], [b": ping\n{"], [b": pi", b"ng\n\n", b"data: 1"], [b":\n\n[", b"]"]])
def test_all_else_is_one(parts: list[bytes]) -> None:
    first_word = FirstWord()
    assert any(first_word.is_in(part) for part in parts)


@pytest.mark.parametrize("sign", [b" ", b"\n", b": ping\n\n"])
def test_a_whole_body_that_never_begins_is_a_timeout(sign: bytes) -> None:
    with pytest.raises(UpstreamTimeout, match="signs of life"):
        read(*[sign] * 6, b"{}", patience_s=4)


def test_a_body_that_lasts_too_long_is_let_go() -> None:
    body = ScriptedBody([b" "] * 9)
    with pytest.raises(UpstreamTimeout):
        UpstreamReply(200, {}, body, Timeouts()).read(MAX, headway=Headway(2, Clock()))
    assert body.closed == 1
