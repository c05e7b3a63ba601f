"""Errors inside answers that are handed on as they came: servers repeat keys in them, and nobody but its owner may read a key."""

from __future__ import annotations

import re

from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient

# An error is a member, the type of an event, or an event by its name. Inside a text of the model, the quotes would have backslashes.
_ERROR = re.compile(rb'"error"\s*:\s*(?!\s|null)|"type"\s*:\s*"error"|(?:^|[\r\n])(?:error:|event:[ \t]*error)')


class ErrorCover:
    """Covers keys in one answer, from the first bytes on that tell of an error: the rest of the error may come with the next ones.

    Args:
        client: of the upstream that answers.
        notes: those of the exchange.

    Attributes:
        is_on: whether an error was told.
    """

    __slots__ = ("_client", "_notes", "is_on")

    def __init__(self, client: UpstreamClient, notes: ExchangeNotes) -> None:
        self._client = client
        self._notes = notes
        self.is_on = False

    def over(self, data: bytes) -> bytes:
        """`data`, which are whole lines, as the client may read them."""
        self.is_on = self.is_on or tells_error(data)
        return self._client.covered(data, self._notes) if self.is_on else data


def tells_error(data: bytes) -> bool:
    """Whether an error begins in `data`."""
    return b"error" in data and _ERROR.search(data) is not None
