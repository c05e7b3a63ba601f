"""Whole answers that are no texts, vectors and numbers of tokens: sent for, read, and sent for again when they were none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from proxy.dialect import MAX_TEXT_BYTES
from proxy.errors import UpstreamError
from proxy.gateway.foreign import made_plain
from proxy.gateway.steps import Upstream, read_and_close
from proxy.telemetry import ExchangeNotes
from proxy.wire.messages import UpstreamCall
from proxy.wire.named_things import settle

T = TypeVar("T")


def read_whole_of(
    upstream: Upstream, call: UpstreamCall, notes: ExchangeNotes, read: Callable[[bytes], T], max_bytes: int = MAX_TEXT_BYTES
) -> T:
    """What `read` finds in the answer to `call`. What came with a status of success and is none is tried again, as an error with a status
    of its own was by then.

    Raises:
        UpstreamError: it is none, of the last attempt; no key stands in it.
    """
    client = upstream.client
    while True:
        reply = client.send(call, notes)
        try:
            found = read(read_and_close(reply, upstream.patience_s, max_bytes))
        except UpstreamError as failure:
            error = made_plain(failure, reply, upstream)
            settle(error, lambda: call)
            if not client.ask_again(error, notes):
                raise error from None
        else:
            client.answered(call.model, notes, ended=True)
            return found
