"""The only door between Flask and the gateway: a Flask request becomes a payload, a `Reply` becomes a Flask response.

Views of dialects call these functions; nothing here knows a dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from flask import Response

from proxy.canonical.catalog import ListedModel
from proxy.dialect import EmbeddingsEndpoint, Payload, RelayEndpoint, Stopwatch, TextEndpoint
from proxy.errors import ProxyError
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.web.body import parse_json, parse_json_text, read_body
from proxy.web.client import client_of
from proxy.web.departure import ClientGone, ClientWatch, NoWatch, watch_client
from proxy.web.failure import JSON, RenderError, error_reply
from proxy.web.observe import Observation, observation, stream_closed
from proxy.web.state import current_request, state
from proxy.wire.messages import ANYBODY, Client, Reply

_CLIENT_CLOSED_REQUEST = 499


class Asked:
    """The current request as those see it who answer it. Its client is watched from when the request is complete.

    Attributes:
        watch: armed while an upstream is waited for.
    """

    __slots__ = ("gateway", "notes", "stopwatch", "watch")

    def __init__(self, seen: Observation, gateway: Gateway) -> None:
        self.gateway = gateway
        self.notes: ExchangeNotes = seen.notes
        self.stopwatch: Stopwatch = seen.stopwatch
        self.watch: ClientWatch | NoWatch = NoWatch()

    def body(self) -> bytes:
        """All that the client sends. Raises as `read_body`."""
        body = _read_body()
        self.await_upstream()
        return body

    def client(self) -> Client:
        """Who asks, where that makes a difference."""
        return asking_client(self.gateway)

    def await_upstream(self) -> None:
        """Lets a client that leaves end the wait. Before its request is complete, a byte on its socket is no sign of anything."""
        self.watch = watch_client(current_request().environ)
        self.watch.armed = True


Carry = Callable[[Asked], Reply]


def converse(endpoint: TextEndpoint) -> Response:
    """The answer to a text endpoint's request, errors included."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.converse(parse_json(asked.body()), endpoint, asked.notes, asked.stopwatch, asked.client())

    return _carried(endpoint.name, endpoint.render_error, carry)


def embed(endpoint: EmbeddingsEndpoint) -> Response:
    """The answer to an embeddings endpoint's request, errors included."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.embed(parse_json(asked.body()), endpoint, asked.notes, asked.stopwatch, asked.client())

    return _carried(endpoint.name, endpoint.render_error, carry)


def relay(endpoint: RelayEndpoint) -> Response:
    """The upstream's own answer to the client's own bytes, errors included."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.relay(*parse_json_text(asked.body()), endpoint, asked.notes, asked.client())

    return _carried(endpoint.name, endpoint.render_error, carry, is_relay=True)


def relay_get(name: str, path: str, render_error: RenderError) -> Response:
    """The upstream's own answer to a GET, errors included."""

    def carry(asked: Asked) -> Reply:
        asked.await_upstream()
        return asked.gateway.relay_get(path, asked.notes, asked.client())

    return _carried(name, render_error, carry, is_relay=True)


def relay_model(name: str, path: str, render_error: RenderError, model: str, otherwise: bytes | None) -> Response:
    """What the upstream itself says of a model, errors included. See `Gateway.relay_model`."""

    def carry(asked: Asked) -> Reply:
        asked.await_upstream()
        return asked.gateway.relay_model(model, path, otherwise, asked.notes, asked.client())

    return _carried(name, render_error, carry, is_relay=True)


def read_json() -> Payload:
    """The JSON object that the client sent, whatever content type it claimed.

    Raises:
        InvalidRequest: there is none, or it is none.
        RequestTooLarge, RequestTimeout: as `read_body`.
    """
    return parse_json(_read_body())


def json_reply(body: bytes, status: int = 200, content_type: str = JSON) -> Response:
    return Response(body, status, content_type=content_type)


def asking_client(gateway: Gateway) -> Client:
    """Who asks, where that makes a difference."""
    return client_of(current_request().environ) if gateway.tells_clients_apart else ANYBODY


def models() -> Sequence[ListedModel]:
    """The models that the client can use. Raises as `Gateway.models`."""
    asked = gateway()
    return asked.models(asking_client(asked))


def find_model(name: str, *, may_be_unlisted: bool = False) -> ListedModel:
    """The model that the client gets by `name`. As `Gateway.find_model`."""
    asked = gateway()
    return asked.find_model(name, asking_client(asked), may_be_unlisted=may_be_unlisted)


def gateway() -> Gateway:
    return state().gateway


def settings() -> Settings:
    return state().settings


def _read_body() -> bytes:
    limits = state().settings
    return read_body(limits.request_max_size, limits.body_timeout)


def _carried(name: str, render_error: RenderError, carry: Carry, *, is_relay: bool = False) -> Response:
    """What `carry` replies, as a response. While it waits for an upstream, a client that leaves ends it."""
    seen = observation()
    seen.notes.endpoint = name
    asked = Asked(seen, gateway())
    try:
        reply = carry(asked)
    except ProxyError as error:
        asked.watch.stop()
        return error_reply(error, render_error, is_relay=is_relay)
    except ClientGone:
        seen.notes.end = "client_gone"
        return Response(status=_CLIENT_CLOSED_REQUEST)
    except BaseException:
        asked.watch.stop()
        raise
    asked.watch.armed = False
    return _response(reply, asked.watch, seen)


def _response(reply: Reply, watch: ClientWatch | NoWatch, seen: Observation) -> Response:
    if isinstance(reply.body, bytes):
        watch.stop()
        response = Response(reply.body, reply.status, content_type=reply.content_type)
    else:
        response = Response(_watched(reply.body, watch, seen), reply.status, content_type=reply.content_type)
        # nginx would hold tokens back until its buffer is full.
        response.headers["X-Accel-Buffering"] = "no"
        response.headers["Cache-Control"] = "no-cache"
        response.call_on_close(partial(_close_stream, reply, watch, seen))
    for name, value in reply.headers.items():
        response.headers[name] = value
    return response


def _close_stream(reply: Reply, watch: ClientWatch | NoWatch, seen: Observation) -> None:
    watch.stop()
    seen.notes.end = seen.notes.end or "client_gone"
    close_body: Any = getattr(reply.body, "close", None)
    if close_body is not None:
        close_body()
    reply.close()
    stream_closed(seen)


def _watched(body: Iterator[bytes], watch: ClientWatch | NoWatch, seen: Observation) -> Iterator[bytes]:
    """Hands on `body`, notes its first byte and its length, and ends when the client is gone."""
    notes = seen.notes
    try:
        while not watch.gone:
            watch.armed = True
            chunk = next(body, None)
            watch.armed = False
            if chunk is None:
                notes.end = notes.end or "finished"
                return
            is_first = notes.first_byte_s is None
            if is_first:
                notes.first_byte_s = seen.stopwatch.elapsed_ns() / 1e9
            notes.bytes_sent += len(chunk)
            yield chunk
            if is_first:
                seen.stream_begun()
    except ClientGone:
        return
    except Exception:
        # A defect of ours. The server that writes the body logs it, and cuts the connection, so that nobody takes this for the end.
        notes.end, notes.error_kind = "failed", ProxyError.kind
        raise
