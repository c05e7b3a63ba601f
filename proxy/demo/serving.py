"""The demo as a running server on loopback, inside of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from gevent import monkey
from gevent.pywsgi import WSGIServer
from werkzeug.serving import WSGIRequestHandler, make_server

from proxy.demo.server import make_demo_app

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A running demo: where it is (`.../v1`), and how to end it."""

    base_url: str
    stop: Callable[[], None]


class _QuietHandler(WSGIRequestHandler):
    """Speaks HTTP/1.1, so that streams are chunked, and logs nothing: the gateway's own log says all."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


def start_demo_server(*, pace_s: float = 0.01) -> DemoServer:
    """A demo server on a free port of loopback: a greenlet where gevent has patched the sockets, else a thread."""
    app = make_demo_app(pace_s=pace_s)
    if monkey.is_module_patched("socket"):
        return _start_greenlet(app)
    return _start_thread(app)


def _start_greenlet(app: Flask) -> DemoServer:
    server = WSGIServer((_HOST, 0), app, log=None)
    server.start()
    return DemoServer(f"http://{_HOST}:{server.server_port}/v1", server.stop)


def _start_thread(app: Flask) -> DemoServer:
    server = make_server(_HOST, 0, app, threaded=True, request_handler=_QuietHandler)
    threading.Thread(target=server.serve_forever, name="demo-upstream", daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return DemoServer(f"http://{_HOST}:{server.server_port}/v1", stop)
