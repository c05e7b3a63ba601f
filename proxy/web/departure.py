"""Notices that a client left while its upstream is silent, and wakes the greenlet that waits.

A gunicorn worker sees a closed connection only at its next write; while an upstream thinks, there is none, and the model would go on
working for nobody. gunicorn hands out the client's socket as `environ["gunicorn.socket"]`: it becomes readable when the client closes it.
Under other servers, without gevent, or with TLS in gunicorn itself (a peek would see ciphertext) there is nothing to watch, and the next
write must do.
"""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

_READ = 1

# The watches of all requests that this worker has under way.
_watches: set[ClientWatch] = set()


class ClientGone(BaseException):
    """The client closed its connection. No `Exception`: nothing on the way up may take it for a failure of the upstream."""


class ClientWatch:
    """Watches one client's socket from construction to `stop`. Raises `ClientGone` in the watched greenlet, but only while `armed`.

    Attributes:
        armed: set while the greenlet waits for an upstream; cleared while it writes to the client, where the server itself sees it go.
        gone: whether the client left.
    """

    __slots__ = ("_greenlet", "_io", "_socket", "armed", "gone")

    def __init__(self, client_socket: socket.socket, greenlet: Any, hub: Any) -> None:
        self.armed = False
        self.gone = False
        self._socket = client_socket
        self._greenlet = greenlet
        self._io = hub.loop.io(client_socket.fileno(), _READ)
        self._io.start(self._readable)
        _watches.add(self)

    def stop(self) -> None:
        """Stops watching; may be called more than once. Must be called before the server reads the next request."""
        if self._io is not None:
            self._io.stop()
            self._io.close()
            self._io = None
            _watches.discard(self)

    def interrupt(self, error: BaseException) -> None:
        """Raises `error` in the watched greenlet if it waits for an upstream. To be called in the hub."""
        if self.armed:
            self._greenlet.throw(error)

    def _readable(self) -> None:
        """Runs in the hub. A byte means a pipelined request: nothing more can be learnt from this socket."""
        try:
            left = self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return
        except OSError:
            left = True
        self.stop()
        self.gone = left
        if left:
            self.interrupt(ClientGone())


class NoWatch:
    """Stands in where a departure cannot be seen."""

    __slots__ = ("armed", "gone")

    def __init__(self) -> None:
        self.armed = False
        self.gone = False

    def stop(self) -> None:
        """Nothing to stop."""


def interrupt_all(make_error: Callable[[], BaseException], run_in_hub: Callable[..., object]) -> None:
    """Ends every wait for an upstream with an error of its own. Those that write to their clients find out when they wait again."""
    for watch in tuple(_watches):
        run_in_hub(watch.interrupt, make_error())


def watch_client(environ: dict[str, Any]) -> ClientWatch | NoWatch:
    """A watch on the client of this request, for the greenlet that calls."""
    client_socket = environ.get("gunicorn.socket")
    gevent = sys.modules.get("gevent")
    if gevent is None or client_socket is None or isinstance(client_socket, ssl.SSLSocket) or not hasattr(client_socket, "_sock"):
        return NoWatch()
    return ClientWatch(
        client_socket._sock,  # noqa: SLF001 (gevent's own socket would wait where a look is wanted)
        gevent.getcurrent(),
        gevent.get_hub(),
    )
