"""Relayed streams that tell their cost or their failure long before they end."""

from __future__ import annotations

import pytest

from proxy.canonical.completion import Usage
from proxy.dialects.openai.relay import RelayTail
from proxy.errors import UpstreamRefused

RECORD = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"hal"},"finish_reason":null}],"usage":null}\n\n'
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":40}}\n\n'
ERROR = b'data: {"error":{"message":"boom","code":500}}\n\n'
END = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def read(stream: bytes, piece_bytes: int) -> RelayTail:
    """The watcher of `stream` at its end; what it handed on is what came."""
    tail, given = RelayTail(), b""
    for at in range(0, len(stream), piece_bytes):
        given += tail.feed(stream[at : at + piece_bytes])
    assert given + tail.close() == stream
    return tail


@pytest.mark.parametrize("piece_bytes", [100_000, 15_000, 4_000, 137])
@pytest.mark.parametrize("following", [2, 150, 400])
def test_usage_is_known_however_long_before_the_end_it_came(following: int, piece_bytes: int) -> None:
    tail = read(RECORD + USAGE + RECORD * following + END, piece_bytes)
    assert (tail.usage, tail.finish_reason, tail.failure) == (Usage(3, 40), "stop", None)


@pytest.mark.parametrize("piece_bytes", [100_000, 15_000, 4_000, 137])
@pytest.mark.parametrize("following", [2, 150, 400])
def test_a_failure_is_known_however_long_before_the_end_it_came(following: int, piece_bytes: int) -> None:
    failure = read(RECORD + ERROR + RECORD * following + END, piece_bytes).failure
    assert isinstance(failure, UpstreamRefused)
    assert failure.message == "boom"


def test_the_last_usage_counts() -> None:
    later = USAGE.replace(b"40", b"41")
    assert read(USAGE + RECORD * 400 + later + RECORD * 400 + END, 5_000).usage == Usage(3, 41)
    assert read(USAGE + RECORD * 400 + later + END, 5_000).usage == Usage(3, 41)
