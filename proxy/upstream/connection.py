"""Connections to upstreams: urllib3's, with what only a connection can know or do.

- A connection that was used before, and takes no request or dies of it at once, was closed by the upstream while it was idle. This error
  is told apart from all others (`StaleConnection`), because the request may then be repeated. One that dies later was worked on.
- Connecting ends with the connected socket in our hands, TLS included: every failure before that is a failure to connect.
- Whether an idle connection still stands is asked without a turn of gevent's loop, which its patched `poll` takes even for no wait at all.
- Head and body of a request leave in one piece: one system call and one packet instead of two.
- An answer keeps the socket that it comes from, as `answer_socket`, because its body is read straight from it.
- A pool hands out connections that stand, for those who speak HTTP over them by themselves.
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
from collections.abc import Callable
from functools import cache
from http.client import HTTPException
from time import monotonic
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError
from urllib3.response import HTTPResponse

from proxy.upstream.head import AnswerHead, NoAnswer

_ONE_PIECE_BYTES = 64 * 1024
# The news that a connection had been closed before the request came takes no longer than a round trip, and we may be busy when it comes.
_AT_ONCE_S = 0.05
# Connecting takes a round trip, or several, and may take long for other reasons.
_LONGEST_ROUND_TRIP_S = 0.25


class StaleConnection(ConnectionError):
    """The upstream had closed this idle connection before we used it again."""


class UpstreamConnection(HTTPConnection):
    """A connection over plain TCP.

    Attributes:
        send_timeout_s: a request must be sent within this time; urllib3's connect timeout is too short for pictures on a slow line.
        answers: how many came over it since it was connected.
        pool: where it belongs, while it is taken from there. One that lies idle must not hold its pool: urllib3 closes what a pool holds
            when nobody holds the pool.
    """

    response_class = AnswerHead
    send_timeout_s = 120.0
    answers = 0
    pool: UpstreamPool | None = None
    _round_trip_s = 0.0
    _was_sent = False
    _unsent: list[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands and is silent. Bytes on an idle connection are none of ours: it cannot be used."""
        if self.sock is None:
            return False
        poll = _real_poll()()
        poll.register(self.sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    def connect(self) -> None:
        """Connects. A socket error that urllib3 would take for the request's becomes one of connecting."""
        self.answers = 0
        began_s = monotonic()
        try:
            super().connect()
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise NewConnectionError(self, "closed in the TLS handshake") from error
        except ssl.SSLError:
            raise
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the TLS handshake took too long") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        self._round_trip_s = min(monotonic() - began_s, _LONGEST_ROUND_TRIP_S)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Sends a request."""
        if self.is_closed:
            self.connect()
        self.timeout = self.send_timeout_s
        self._unsent = []
        self._was_sent = False
        try:
            super().request(*args, **kwargs)
            self._send_in_one_piece()
            self._was_sent = True
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            self.raise_if_stale(error)
            raise
        finally:
            self._unsent = None

    def send(self, data: Any) -> None:
        """Sends `data`; while a request is being written, keeps it for the end of it."""
        if self._unsent is not None and isinstance(data, bytes):
            self._unsent.append(data)
        else:
            super().send(data)

    def _send_in_one_piece(self) -> None:
        unsent, self._unsent = self._unsent or [], None
        if sum(map(len, unsent)) <= _ONE_PIECE_BYTES:
            unsent = [b"".join(unsent)]
        for data in unsent:
            self.send(data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The head of the answer."""
        source = self.sock
        try:
            response = super().getresponse()
        except NoAnswer as end:
            self.raise_if_stale(end, after_s=end.after_s if self._was_sent else 0.0)
            raise
        self.answers += 1
        response.answer_socket = source  # type: ignore[attr-defined]
        return response

    def raise_if_stale(self, error: Exception, after_s: float = 0.0) -> None:
        """Raises `StaleConnection` from `error`, by which the connection ended, when it was closed before the request came.

        Args:
            after_s: how long after the request was sent; 0 when it could not be.
        """
        if self.answers and after_s <= self._round_trip_s + _AT_ONCE_S:
            raise StaleConnection from error

    def give_back(self) -> None:
        """Keeps the connection for the next request, when it was taken from its pool."""
        pool, self.pool = self.pool, None
        if pool is not None:
            pool._put_conn(cast("Any", self))  # noqa: SLF001 - urllib3 has no other word for it.

    def drop(self) -> None:
        """Ends the connection, when it was taken from its pool."""
        self.close()
        self.give_back()


class UpstreamTLSConnection(UpstreamConnection, HTTPSConnection):
    """A connection over TLS."""


class UpstreamPool(HTTPConnectionPool):
    """Connections to one host, of which any number may be in use."""

    def take(self, connect_s: float | None, *, through_tunnel: bool) -> UpstreamConnection:
        """A connection that stands. It must come back by its `give_back` or `drop`.

        Args:
            through_tunnel: whether it is made by a CONNECT to the pool's proxy.

        Raises:
            HTTPError, HTTPException, OSError: there is none to be had.
        """
        connection: Any = self._get_conn()
        connection.pool = self
        if connection.sock is None:
            connection.timeout = connect_s
            try:
                self._connect(connection, through_tunnel=through_tunnel)
            except BaseException:
                connection.drop()
                raise
        return cast("UpstreamConnection", connection)

    def _connect(self, connection: Any, *, through_tunnel: bool) -> None:
        try:
            if through_tunnel:
                self._prepare_proxy(connection)
            else:
                connection.connect()
        except (HTTPError, HTTPException, OSError) as error:
            if connection.proxy and not connection.has_connected_to_proxy:
                raise ProxyError("no connection to the proxy", error) from error
            raise


class UpstreamTLSPool(UpstreamPool, HTTPSConnectionPool):
    """The same, over TLS."""


def pool_classes(limit_s: float) -> dict[str, type[UpstreamPool]]:
    """The pools of such connections, by URL scheme; a request must be sent within `limit_s`."""

    class Connection(UpstreamConnection):
        send_timeout_s = limit_s

    class TLSConnection(UpstreamTLSConnection):
        send_timeout_s = limit_s

    class Pool(UpstreamPool):
        ConnectionCls = Connection

    class TLSPool(UpstreamTLSPool):
        ConnectionCls = TLSConnection

    return {"http": Pool, "https": TLSPool}


@cache
def _real_poll() -> Callable[[], Any]:
    monkey = sys.modules.get("gevent.monkey")
    poll: Callable[[], Any] = monkey.get_original("select", "poll") if monkey else select.poll
    return poll


def _probe_options() -> list[tuple[int, int, int | bytes]]:
    """The system's own probes: else a router that forgets silent connections would hold a slow model's answer back for ever."""
    wanted = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 4}
    known = [(socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *known]


SOCKET_OPTIONS = [*HTTPConnection.default_socket_options, *_probe_options()]
