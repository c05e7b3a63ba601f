"""`GatewayWorker`: gunicorn's gevent worker, which sends the head of an answer together with what follows it.

gunicorn's master loads this module too: it may import nothing that must not be there before gevent has patched the worker.
"""

from __future__ import annotations

import ssl
from typing import Any

from gunicorn.workers.ggevent import GeventWorker

from proxy.web.first_packet import FirstPacket


class GatewayWorker(GeventWorker):  # type: ignore[misc]
    """A worker under gunicorn's own master. Over TLS its answers leave as gunicorn sends them."""

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answers one request."""
        if isinstance(sock, ssl.SSLSocket):
            return super().handle_request(listener_name, req, sock, addr)
        joined = FirstPacket(sock)
        try:
            return super().handle_request(listener_name, req, joined, addr)
        finally:
            joined.flush()
