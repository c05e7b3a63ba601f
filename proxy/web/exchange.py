"""The only door between Flask and the gateway: a Flask request becomes a payload, a `Reply` becomes a Flask response.

Views of dialects call these functions; nothing here knows a dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flask import Response, request

from proxy.dialect import EmbeddingsEndpoint, Payload, RelayEndpoint, Stopwatch, TextEndpoint
from proxy.errors import ProxyError
from proxy.gateway import Gateway
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.web.body import parse_json, parse_json_text, read_body
from proxy.web.departure import ClientGone, ClientWatch, NoWatch, watch_client
from proxy.web.failure import JSON, RenderError, error_reply
from proxy.web.observe import Observation, observation, stream_closed
from proxy.web.state import state
from proxy.wire.messages import Reply

_CLIENT_CLOSED_REQUEST = 499

T = TypeVar("T")


def converse(endpoint: TextEndpoint) -> Response:
    """The answer to a text endpoint's request, errors included."""
    return _carried(
        endpoint.name, endpoint.render_error, read_json, lambda payload, notes: gateway().converse(payload, endpoint, notes, stopwatch())
    )


def embed(endpoint: EmbeddingsEndpoint) -> Response:
    """The answer to an embeddings endpoint's request, errors included."""
    return _carried(
        endpoint.name, endpoint.render_error, read_json, lambda payload, notes: gateway().embed(payload, endpoint, notes, stopwatch())
    )


def relay(endpoint: RelayEndpoint) -> Response:
    """The upstream's own answer to the client's own bytes, errors included."""
    return _carried(
        endpoint.name,
        endpoint.render_error,
        lambda: parse_json_text(_read_body()),
        lambda asked, notes: gateway().relay(*asked, endpoint, notes),
        is_relay=True,
    )


def relay_get(name: str, path: str, render_error: RenderError, model: str = "", otherwise: bytes | None = None) -> Response:
    """The upstream's own answer to a GET, errors included.

    Args:
        model: the name asked for, where the path is about one.
        otherwise: the answer where the upstream has no such URL, if there is one.
    """
    return _carried(name, render_error, lambda: None, lambda _, notes: gateway().relay_get(path, notes, model, otherwise), is_relay=True)


def read_json() -> Payload:
    """The JSON object that the client sent, whatever content type it claimed.

    Raises:
        InvalidRequest: there is none, or it is none.
        RequestTooLarge, RequestTimeout: as `read_body`.
    """
    return parse_json(_read_body())


def json_reply(body: bytes, status: int = 200, content_type: str = JSON) -> Response:
    return Response(body, status, content_type=content_type)


def gateway() -> Gateway:
    return state().gateway


def settings() -> Settings:
    return state().settings


def stopwatch() -> Stopwatch:
    return observation().stopwatch


def _read_body() -> bytes:
    limits = state().settings
    return read_body(limits.request_max_size, limits.body_timeout)


def _carried(
    name: str, render_error: RenderError, read: Callable[[], T], carry: Callable[[T, ExchangeNotes], Reply], *, is_relay: bool = False
) -> Response:
    """What `carry` replies to what `read` read, as a response. While `carry` waits for an upstream, a client that leaves ends it.

    The watch starts when the body is complete: before that, a byte on the client's socket is no sign of anything.
    """
    notes = observation().notes
    notes.endpoint = name
    watch: ClientWatch | NoWatch = NoWatch()
    try:
        asked = read()
        watch = watch_client(request.environ)
        watch.armed = True
        reply = carry(asked, notes)
        watch.armed = False
    except ProxyError as error:
        watch.stop()
        return error_reply(error, render_error, is_relay=is_relay)
    except ClientGone:
        notes.end = "client_gone"
        return Response(status=_CLIENT_CLOSED_REQUEST)
    except BaseException:
        watch.stop()
        raise
    return _response(reply, watch)


def _response(reply: Reply, watch: ClientWatch | NoWatch) -> Response:
    if isinstance(reply.body, bytes):
        watch.stop()
        response = Response(reply.body, reply.status, content_type=reply.content_type)
    else:
        response = _streamed(reply, reply.body, watch)
    for name, value in reply.headers.items():
        response.headers[name] = value
    return response


def _streamed(reply: Reply, body: Iterator[bytes], watch: ClientWatch | NoWatch) -> Response:
    seen = observation()
    response = Response(_watched(body, watch, seen), reply.status, content_type=reply.content_type)
    # nginx would hold tokens back until its buffer is full.
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-cache"

    def close() -> None:
        watch.stop()
        seen.notes.end = seen.notes.end or "client_gone"
        close_body: Any = getattr(body, "close", None)
        if close_body is not None:
            close_body()
        reply.close()
        stream_closed(seen)

    response.call_on_close(close)
    return response


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
            if notes.first_byte_s is None:
                notes.first_byte_s = seen.stopwatch.elapsed_ns() / 1e9
            notes.bytes_sent += len(chunk)
            yield chunk
            seen.stream_begun()
    except ClientGone:
        return
    except Exception:
        # A defect of ours. The server that writes the body logs it, and cuts the connection, so that nobody takes this for the end.
        notes.end, notes.error_kind = "failed", ProxyError.kind
        raise
