"""`Sent`: what a client sent, for those who hand it on as it is and for those who read it."""

from __future__ import annotations

from collections.abc import Callable

from proxy.dialect import Payload


class Sent:
    """The body of a request.

    Args:
        payload: the JSON object in it, to be looked at: texts deep inside may be left out.
        read: makes the whole JSON object of a body. Raises `InvalidRequest`.
    """

    def __init__(self, body: bytes, payload: Payload, read: Callable[[bytes], Payload]) -> None:
        self.body = body
        self.payload = payload
        self._read = read

    def whole(self) -> Payload:
        """The whole JSON object. Raises `InvalidRequest`."""
        return self._read(self.body)

    def taken(self) -> Payload:
        """The whole JSON object, of a body that nobody needs any more: what is large in it is not held twice. Raises `InvalidRequest`."""
        body, self.body = self.body, b""
        self.payload = {}
        return self._read(body)
