"""The body of an upstream's answer, read as it arrives.

`SocketBody` asks the socket itself for what is there: one system call for all that has come, and a time-out that loses nothing, which
neither http.client nor urllib3 can offer (their readers cannot be used again after one). What has come with the head is taken over.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, Protocol

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from proxy.upstream.alarm import ReadAlarm, alarm_for
from proxy.upstream.exchange import READ_BYTES
from proxy.upstream.framing import BrokenFraming, Framing
from proxy.upstream.packing import unpacker_of


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


class Lease(Protocol):
    """The connection that an answer comes over. One of the two methods is called, once."""

    def give_back(self) -> None:
        """Keeps the connection for the next request."""

    def drop(self) -> None:
        """Ends the connection."""


class SocketBody:
    """A body that is read from a socket.

    Args:
        source: where it comes from.
        lease: is let go when the body has ended, or is closed.
        coding: the answer's `Content-Encoding`.
        ahead: what of it has come already.
    """

    def __init__(self, source: socket.socket, lease: Lease, framing: Framing, coding: str, ahead: bytes) -> None:
        self.ended = False
        self._socket = source
        self._lease: Lease | None = lease
        self._framing = framing
        self._ahead = ahead
        self._wait_s: float | None = None
        self._alarm: ReadAlarm | None = None
        self._unpacker = unpacker_of(coding) if coding else None
        self._is_cut = False
        if framing.ended:
            framing.reusable = framing.reusable and not ahead
            self._end()

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
        data = self._ahead
        if data:
            self._ahead = b""
        else:
            data = self._socket.recv(READ_BYTES) if self._alarm is None else self._alarm.watch(self._socket.recv, READ_BYTES)
        framing = self._framing
        if data:
            body = framing.feed(data)
        else:
            framing.connection_ended()
            body = b""
        if self._unpacker is not None:
            body = self._unpacker.feed(body)
        if framing.ended:
            self._end()
        return body

    def close(self) -> None:
        """See `Body`."""
        lease, self._lease = self._lease, None
        if lease is not None:
            self._stop_alarm()
            lease.drop()

    def _end(self) -> None:
        if self._unpacker is not None and not self._unpacker.whole:
            self._is_cut = True
            return
        self.ended = True
        if self._framing.reusable and self._lease is not None:
            self._stop_alarm()
            self._lease.give_back()
            self._lease = None
        else:
            self.close()

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.stop()


class PooledBody(SocketBody):
    """The body of an answer whose head urllib3 has read. What it has read ahead is taken over."""

    def __init__(self, raw: HTTPResponse, source: socket.socket) -> None:
        head: Any = raw._original_response  # noqa: SLF001 - requests relies on this name, too.
        self._head = head
        self._begun = False
        super().__init__(source, _Urllib3Lease(raw), head.framing, raw.headers.get("content-encoding", ""), b"")

    def receive(self) -> bytes:
        """See `Body`."""
        if not self._begun:
            self._begun = True
            self._ahead = self._read_ahead()
        return super().receive()

    def _read_ahead(self) -> bytes:
        """What the head's reader holds already: asked in a way that cannot wait."""
        self._socket.settimeout(0)
        try:
            data: bytes | None = self._head.fp.read1(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            data = None
        self._socket.settimeout(self._wait_s)
        return data or b""


class _Urllib3Lease:
    """A connection that urllib3 leads."""

    def __init__(self, raw: HTTPResponse) -> None:
        self._raw = raw

    def give_back(self) -> None:
        """See `Lease`."""
        head: Any = self._raw._original_response  # noqa: SLF001 - requests relies on this name, too.
        head.close()
        self._raw.release_conn()

    def drop(self) -> None:
        """See `Lease`."""
        self._raw.close()
        self._raw.release_conn()


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
