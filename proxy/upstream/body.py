"""The body of an upstream's answer, read as it arrives.

`SocketBody` asks the socket itself for what is there: one system call for all that has come, and a time-out that loses nothing, which
neither http.client nor urllib3 can offer (their readers cannot be used again after one). What they have read ahead is taken over.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, Protocol, cast

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from proxy.upstream.alarm import ReadAlarm, alarm_for
from proxy.upstream.framing import BrokenFraming, framing_of
from proxy.upstream.packing import unpacker_of

READ_BYTES = 64 * 1024


class Body(Protocol):
    """What `UpstreamReply` reads from.

    Attributes:
        ended: all of it was read; the connection was given back.
        reusable: the connection can be given back when the body has ended.
    """

    ended: bool

    @property
    def reusable(self) -> bool: ...

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None:
        """Sets how long `receive` waits for the next bytes. `many_reads` says that it will be called often."""

    def receive(self) -> bytes:
        """What has arrived, after waiting for it; `b""` when that was framing alone, or the end.

        What came with an end that is none, of the packing for instance, is handed out first.

        Raises:
            TimeoutError: nothing came; it may be called again.
            OSError, BrokenFraming, zlib.error: the connection is lost, or its bytes make no sense. `close` must follow.
        """

    def close(self) -> None:
        """Ends the connection, so that the upstream stops working on the rest."""


def body_of(raw: HTTPResponse) -> Body:
    """The body that follows a head. Answers of adapters that are not ours, of tests for instance, have no socket to read from."""
    source = getattr(raw, "answer_socket", None)
    return RawBody(raw) if source is None else SocketBody(raw, source)


class SocketBody:
    """A body that is read from the socket `source`, behind the back of the answer whose head is `raw`."""

    def __init__(self, raw: HTTPResponse, source: socket.socket) -> None:
        self.ended = False
        self._raw = raw
        self._head = cast("Any", raw._original_response)  # noqa: SLF001 - requests relies on this name, too.
        self._socket = source
        self._wait_s: float | None = None
        self._alarm: ReadAlarm | None = None
        self._framing = framing_of(self._head)
        self._unpacker = unpacker_of(raw.headers.get("content-encoding", ""))
        self._begun = False
        self._is_cut = False
        if self._framing.ended:
            self._give_back()

    @property
    def reusable(self) -> bool:
        return self._framing.reusable

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None:
        """See `Body`. Nothing after the end: the socket is another answer's, and an alarm would ring for ever."""
        if self.ended:
            return
        if many_reads and self._alarm is None:
            self._alarm = alarm_for(self._socket)
        if self._alarm is not None:
            self._alarm.set(seconds)
        self._wait_s = seconds if self._alarm is None else None
        self._socket.settimeout(self._wait_s)

    def receive(self) -> bytes:
        """See `Body`."""
        if self._is_cut:
            raise BrokenFraming("it ended inside its packing")
        data = b"" if self._begun else self._read_ahead()
        if not data:
            data = self._socket.recv(READ_BYTES) if self._alarm is None else self._alarm.watch(self._socket.recv, READ_BYTES)
        if data:
            body = self._framing.feed(data)
        else:
            self._framing.connection_ended()
            body = b""
        if self._unpacker is not None:
            body = self._unpacker.feed(body)
        if self._framing.ended:
            self._is_cut = self._unpacker is not None and not self._unpacker.whole
            if not self._is_cut:
                self._give_back()
        return body

    def close(self) -> None:
        """See `Body`."""
        if self._alarm is not None:
            self._alarm.stop()
        self._raw.close()
        self._raw.release_conn()

    def _read_ahead(self) -> bytes:
        """What the head's reader holds already: asked in a way that cannot wait."""
        self._begun = True
        self._socket.settimeout(0)
        try:
            data: bytes | None = self._head.fp.read1(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            data = None
        self._socket.settimeout(self._wait_s)
        return data or b""

    def _give_back(self) -> None:
        self.ended = True
        if self._framing.reusable:
            if self._alarm is not None:
                self._alarm.stop()
            self._head.close()
            self._raw.release_conn()
        else:
            self.close()


class RawBody:
    """A body that urllib3 reads. It hands on what has arrived, too, but a silence ends it."""

    reusable = False

    def __init__(self, raw: HTTPResponse) -> None:
        self.ended = False
        self._raw = raw

    def wait_at_most(self, seconds: float, *, many_reads: bool = False) -> None:
        """Nothing: the time-out was set with the request."""

    def receive(self) -> bytes:
        """See `Body`."""
        try:
            data = self._raw.read1(READ_BYTES, decode_content=True)
        except HTTPError as error:
            raise BrokenFraming(str(error)) from error
        self.ended = not data
        return data

    def close(self) -> None:
        """See `Body`."""
        self._raw.close()
        self._raw.release_conn()
