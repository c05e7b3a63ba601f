"""`GatewayWorker`: gunicorn's gevent worker, which loses no request when it is stopped, replaced, or tired of a connection.

Under `proxy.master` it stays until its successor serves. Under gunicorn's own master it comes and goes as gunicorn's worker does.
gunicorn's master loads this module too: it may import nothing that must not be there before gevent has patched the worker.
"""

from __future__ import annotations

import math
import select
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent
from gevent.monkey import get_original
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.config import Config
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker

from proxy.slate import Slate
from proxy.web import draining
from proxy.web.first_packet import FirstPacket

_PULSE_S = 1.0
# So long after it was stopped a worker waits for what may still come over open connections, however long these may be idle otherwise.
_LAST_WAIT_S = 5.0


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """A worker that listens to its slate.

    Attributes:
        led: whether the master is ours: set there, and inherited.
        slate: shared with the master.
    """

    led = False
    alive: bool
    max_requests: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slate = Slate()
        self._retires_after = sys.maxsize
        self._quits = False
        self._waits: set[IdleTimeout] = set()
        if self.led:
            # gunicorn's worker would stop at once, and leave its clients to a successor that has yet to start.
            self._retires_after, self.max_requests = self.max_requests, sys.maxsize

    def run(self) -> None:
        """Serves until it is told to stop, or its successor is there; then finishes what it has begun."""
        keep_at_hand(self.cfg)
        pools = [Pool(self.worker_connections) for _ in self.sockets]
        servers = [self._server(listener, pool) for listener, pool in zip(self.sockets, pools, strict=True)]
        self.slate.serve()
        for server in servers:
            server.start()
        while self.alive and not self.slate.is_dismissed:
            self.notify()
            gevent.sleep(_PULSE_S)
        for server in servers:
            close_listener(server)
        self.slate.close()
        self._finish(pools)

    def notify(self) -> None:
        """Shows the master that this worker lives, and sees what the master wants: its signal may have come too early to be heard."""
        super().notify()
        self.alive = self.alive and not draining.has_ended()
        if self.nr >= self._retires_after:
            self._retires_after = sys.maxsize
            self.log.info("Worker (pid:%s) has answered %s requests, and will be replaced", self.pid, self.nr)
            self.slate.retire()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. One that does not come from the master, because that still serves, asks for a successor first; a second one insists."""
        if self.led and not draining.has_ended() and not self.slate.retires:
            self.slate.retire()
        else:
            super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT, SIGQUIT. After Ctrl-C the master's comes behind the terminal's, and would tear up an interpreter that is about to end."""
        if not self._quits:
            self._quits = True
            super().handle_quit(sig, frame)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serves one connection."""
        greenlet: Any = gevent.getcurrent()
        greenlet.client = client
        super().handle(listener, client, addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answers one request: as the last one of its connection, if there will be nobody for the next.

        The head of an answer leaves with what follows it; over TLS it leaves as gunicorn sends it.
        """
        if draining.has_begun() or self.slate.is_dismissed:
            req.force_close()
        if isinstance(sock, ssl.SSLSocket):
            return super().handle_request(listener_name, req, sock, addr)
        joined = FirstPacket(sock)
        try:
            return super().handle_request(listener_name, req, joined, addr)
        finally:
            joined.flush()

    def timeout_ctx(self) -> Any:
        """What ends the wait for the next request of a connection."""
        greenlet: Any = gevent.getcurrent()
        return IdleTimeout(self.cfg.keepalive, greenlet.client, self._waits)

    def _server(self, listener: Any, pool: Pool) -> StreamServer:
        listener.setblocking(1)
        options = {"ssl_context": ssl_context(self.cfg)} if self.cfg.is_ssl else {}
        server = StreamServer(listener, handle=partial(self.handle, _Address(listener.getsockname())), spawn=pool, **options)
        if self.cfg.workers > 1:
            server.max_accept = 1  # the others shall have their share
        return server

    def _finish(self, pools: list[Pool]) -> None:
        """Waits for open connections: for a worker that was replaced for as long as they take, else for the graceful timeout."""
        until_s = idle_until_s = math.inf
        while busy := [pool for pool in pools if pool]:
            now_s = time.monotonic()
            if not self.alive:
                until_s = min(until_s, now_s + self.cfg.graceful_timeout)
                idle_until_s = min(idle_until_s, now_s + _LAST_WAIT_S)
            if now_s > idle_until_s:
                for wait in self._waits:
                    wait.give_up()
            if now_s > until_s:
                self.log.warning("Worker graceful timeout (pid:%s)", self.pid)
                for pool in busy:
                    pool.kill(block=True, timeout=1)
                return
            self.notify()
            busy[0].join(timeout=_PULSE_S)


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a connection came in. gunicorn asks the listener itself, which may be closed by then; the connection would be dropped."""

    name: Any

    def getsockname(self) -> Any:
        return self.name


class IdleTimeout:
    """Ends its block when no request has come in time, in silence: gunicorn then closes the connection.

    Not over bytes that are there and unread, though: the system would reset the connection instead of letting it be answered.

    Args:
        waits: has it while it waits.
    """

    def __init__(self, seconds: float, client: Any, waits: set[IdleTimeout]) -> None:
        self._client = client
        self._waits = waits
        self._expired = _Expired()
        self._greenlet: Any = gevent.getcurrent()
        self._timer: Any = gevent.get_hub().loop.timer(seconds)

    def __enter__(self) -> None:
        self._waits.add(self)
        self._start()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self._waits.discard(self)
        self._timer.stop()
        self._timer.close()
        return error is self._expired

    def give_up(self) -> None:
        """Waits no longer."""
        gevent.get_hub().loop.run_callback(self._expire)

    def _start(self) -> None:
        self._timer.start(self._expire, update=True)

    def _expire(self) -> None:
        """Runs in the hub."""
        if self not in self._waits:  # It has ended since it was given up.
            return
        if has_bytes(self._client):
            self._start()
        else:
            self._greenlet.throw(self._expired)


class _Expired(BaseException):
    """No `Exception`: nothing on the way may take it for a fault of the request."""


def keep_at_hand(cfg: Config) -> None:
    """Lets `cfg` hold its settings as attributes of its own. What is set afterwards is not seen.

    gunicorn asks for 25 of them in each request, and `Config` looks each up by a failure and two calls: 140,000
    instructions (6 to 8 % of a whole answer, 3 to 5 % of a stream).
    """
    vars(cfg).update({name: setting.get() for name, setting in cfg.settings.items()})


def has_bytes(client: Any) -> bool:
    """Whether something was received that nobody has read yet."""
    looking = get_original("select", "poll")()
    looking.register(client.fileno(), select.POLLIN)
    return bool(looking.poll(0))


def close_listener(server: StreamServer) -> None:
    """Takes the connections that wait to be taken, and closes the listener: with the last one the system resets those that are left."""
    server.stop_accepting()
    with suppress(OSError):
        while not server.full() and (accepted := server.do_read()):
            server.do_handle(*accepted)
    server.close()
