"""`Sent`: what a client sent, for those who hand it on as it is and for those who read it; `OwnWords`: what of it is handed on."""

from __future__ import annotations

from collections.abc import Callable

from proxy.dialect import Payload
from proxy.profiles import Profile
from proxy.wire.json_body import dumps

Pruned = Callable[[Payload, Profile], Payload | None]


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


class OwnWords:
    """What upstreams of the client's own language get: the bytes that it sent, without what others made and the upstream would refuse.

    Args:
        pruned: see `RelayEndpoint`.

    Attributes:
        payload: what the client sent, to be looked at.
    """

    def __init__(self, sent: Sent, pruned: Pruned | None = None) -> None:
        self.payload = sent.payload
        self._sent = sent
        self._pruned = pruned

    @property
    def has_foreign(self) -> bool:
        """Whether others may have made some of it."""
        return self._pruned is not None

    def for_(self, profile: Callable[[], Profile]) -> tuple[bytes, Payload]:
        """As bytes, and decoded to be looked at. Raises `InvalidRequest`."""
        sent, pruned = self._sent, self._pruned
        if pruned is None or pruned(sent.payload, known := profile()) is None:
            return sent.body, sent.payload
        whole = sent.whole()
        payload = pruned(whole, known) or whole
        return dumps(payload), payload
