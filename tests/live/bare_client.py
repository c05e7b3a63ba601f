"""A bare HTTP client that sees every byte as it arrives, and can leave at any moment."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from tests.live.master import Master

MESSAGES = [{"role": "user", "content": "hi"}]


class Client:
    """One request, and its connection."""

    def __init__(self, gateway: Master, path: str, **body: Any) -> None:
        address = urlsplit(gateway.address)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=10)
        payload = json.dumps({"model": "m", "messages": MESSAGES, "prompt": "hi", "input": "hi", **body}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        self._socket.sendall(head.encode() + payload)

    def read_until(self, text: bytes) -> bytes:
        """What arrives up to where `text` does."""
        seen = b""
        while text not in seen:
            more = self._socket.recv(4096)
            assert more, seen
            seen += more
        return seen

    def leave(self) -> float:
        """Closes the connection and returns when."""
        self._socket.close()
        return time.monotonic()
