"""The values that cross the outer walls: who asks, what we ask an upstream, and what we answer a client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Attributes:
        key: tells this client from others, so that all get their turn; says nothing else of it.
        secret: the key that it came with, `""` for none. It leaves the house only to upstreams whose operator said so.
        headers: those of its request that its dialect hands on to upstreams of the same dialect (`RelayEndpoint.passed_headers`).
        query: that part of its query which goes the same way (`RelayEndpoint.passed_query`), as it came.
    """

    key: str = ""
    secret: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


ANYBODY = Client()


@dataclass(slots=True)
class Upload:
    """A body that nobody holds as a whole. It can be sent once.

    Attributes:
        size_bytes: its length, where the client told it.
        was_begun: whether some of it was sent.
    """

    pieces: Iterator[bytes]
    size_bytes: int | None = None
    was_begun: bool = False

    def __iter__(self) -> Iterator[bytes]:
        self.was_begun = True
        return self.pieces


class Purpose(Enum):
    """What a call is for, as far as its failure says something of the model's chats."""

    CHAT = "chat"
    # Vectors, plain texts, responses: a server, or a model, that chats may lack them. A 404 or 405 says nothing of its chats.
    EXTRA = "extra"
    # No work of a model: a number of tokens. It has limits and rights of its own: whether it is answered says nothing of chats.
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """A request to an upstream, ready to send.

    Attributes:
        path: what comes after the base URL, with its leading slash (`/chat/completions`).
        query: what comes after the path, already quoted, without its question mark (`alt=sse`).
        headers: that this request has besides those of all requests to its upstream.
        upload: the body, where it is to be sent as it comes.
        body: the JSON text, or `None` for a GET.
        model: the upstream's name of the model, `""` when the call is about none; failures are counted by it.
        stream: whether the answer is to be read as it arrives.
        first_byte_s: longest wait for the answer's head, when it is not the upstream's usual one (health checks).
        affinity_key: the same for requests that one replica serves best (`proxy.canonical.affinity`); `b""` for none.
        client_key: who asks, so that those who wait for a free replica are served in turn.
        client_secret: the client's own key, where it is to be shown to the upstream in place of ours.
        queue_wait_s: longest wait for a free replica, when it is not the upstream's usual one: there is somewhere else to ask.
        can_go_elsewhere: whether another upstream is asked when this one fails.
        purpose: what it is for, where it is about a model.
    """

    path: str
    body: bytes | None = None
    model: str = ""
    stream: bool = False
    method: str = "POST"
    first_byte_s: float | None = None
    affinity_key: bytes = b""
    client_key: str = ""
    client_secret: str = field(default="", repr=False)
    queue_wait_s: float | None = None
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: Upload | None = None
    can_go_elsewhere: bool = False
    purpose: Purpose = Purpose.CHAT


def nothing_to_close() -> None:
    """The `close` of a reply that holds nothing open."""


@dataclass(slots=True)
class Reply:
    """An answer to a client: `body` is whole, or an iterator of bytes to be written one by one; `close` must be called in both cases."""

    status: int
    content_type: str
    body: bytes | Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    close: Callable[[], None] = nothing_to_close
