"""Relayed streams up to their first record, however many reads bring it."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from proxy.dialects.ollama import relays
from proxy.dialects.openai import ingress
from proxy.errors import UpstreamBroken
from proxy.gateway.relayed import RelayedStream, relayed
from proxy.gateway.steps import Upstream
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import Timeouts, UpstreamReply
from proxy.wire.sse import MAX_EVENT_BYTES

UPSTREAM = Upstream("boxes", "boxes", client=cast(Any, None), egress=cast(Any, None), models=cast(Any, None))
LINE = b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"%b"},"done":false}\n'
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n'


class Pieces:
    """A body that comes in these pieces."""

    reusable = True

    def __init__(self, pieces: list[bytes]) -> None:
        self.ended = False
        self._left = iter(pieces)

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None: ...

    def receive(self) -> bytes:
        piece = next(self._left, b"")
        self.ended = not piece
        return piece

    def close(self) -> None: ...


def begun(record: bytes, endpoint: Any, piece_bytes: int = 50) -> Any:
    pieces = [record[at : at + piece_bytes] for at in range(0, len(record), piece_bytes)]
    reply = UpstreamReply(200, {"content-type": endpoint.stream_type}, Pieces(pieces), Timeouts())
    return relayed(reply, endpoint, UPSTREAM, ExchangeNotes(), asked_stream=True)


@pytest.mark.parametrize(("record", "endpoint"), [(LINE, relays.CHAT), (EVENT, ingress.CHAT)], ids=["ollama", "openai"])
def test_a_long_first_record_is_read_in_linear_time(record: bytes, endpoint: Any) -> None:
    whole = record % (b"x" * 2_000_000)
    began = time.process_time()
    stream = begun(whole, endpoint)
    assert time.process_time() - began < 3, "a quadratic reader takes half a minute"
    assert isinstance(stream, RelayedStream)
    assert stream.head + b"".join(stream.chunks) == whole


def test_a_first_record_without_end_is_given_up() -> None:
    with pytest.raises(UpstreamBroken, match=f"the upstream sent {MAX_EVENT_BYTES // 4 * 5} bytes without beginning to answer"):
        begun(b"x" * MAX_EVENT_BYTES * 2, ingress.CHAT, MAX_EVENT_BYTES // 4)
