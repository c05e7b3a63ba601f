"""The only door between Flask and the gateway: a Flask request becomes a payload, a `Reply` becomes a Flask response.

Views of dialects call these functions; nothing here knows a dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from flask import Response

from proxy.canonical.catalog import ListedModel, ModelCard
from proxy.dialect import CountEndpoint, EmbeddingsEndpoint, Payload, Reach, RelayEndpoint, RelayReader, Stopwatch, TextEndpoint
from proxy.errors import ProxyError
from proxy.gateway import Gateway, Sent
from proxy.routing import Destination
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.web.body import parse_json, parse_json_text, read_body
from proxy.web.client import client_of, headers_of, query_of
from proxy.web.departure import ClientGone, ClientWatch, NoWatch, watch_client
from proxy.web.failure import JSON, RenderError, error_reply
from proxy.web.observe import Observation, observation, stream_closed
from proxy.web.state import current_request, state
from proxy.wire.messages import ANYBODY, Client, Reply, Upload, UpstreamCall

T = TypeVar("T")

_CLIENT_CLOSED_REQUEST = 499
_UPLOAD_PIECE_BYTES = 64 * 1024


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

    def sent(self) -> Sent:
        """All that the client sends, looked at. Raises `InvalidRequest`, and as `read_body`."""
        return Sent(*parse_json_text(self.body()), parse_json)

    def client(self, passed_headers: Sequence[str] = (), passed_query: Sequence[str] = ()) -> Client:
        """Who asks, where that makes a difference.

        Args:
            passed_headers: those, by their lower-case names, that upstreams may get.
            passed_query: those members of the query that they may get.
        """
        environ = current_request().environ
        client = asking_client(self.gateway)
        headers = headers_of(environ, passed_headers) if passed_headers else {}
        query = query_of(environ, passed_query) if passed_query else ""
        return replace(client, headers=headers, query=query) if headers or query else client

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
        return asked.gateway.relay(*parse_json_text(asked.body()), endpoint, asked.notes, _client_of(asked, endpoint))

    return _carried(endpoint.name, endpoint.render_error, carry, relays=endpoint.dialect)


def answer(endpoint: TextEndpoint, own: RelayEndpoint) -> Response:
    """The answer to a text endpoint's request, errors included: the upstream's own where it speaks the client's language, as `own` says."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.answer(asked.sent(), endpoint, own, asked.notes, asked.stopwatch, _client_of(asked, own))

    return _carried(endpoint.name, endpoint.render_error, carry, relays=own.dialect)


def answer_vectors(endpoint: EmbeddingsEndpoint, own: RelayEndpoint) -> Response:
    """The answer to an embeddings endpoint's request, errors included. As `answer`."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.answer_vectors(asked.sent(), endpoint, own, asked.notes, asked.stopwatch, _client_of(asked, own))

    return _carried(endpoint.name, endpoint.render_error, carry, relays=own.dialect)


def count(endpoint: CountEndpoint, own: RelayEndpoint) -> Response:
    """The answer to a request whose tokens are to be counted, errors included. As `answer`."""

    def carry(asked: Asked) -> Reply:
        return asked.gateway.count(asked.sent(), endpoint, own, asked.notes, _client_of(asked, own))

    return _carried(endpoint.name, endpoint.render_error, carry, relays=own.dialect)


def hand_on(
    name: str,
    home: Destination,
    call: UpstreamCall,
    reader: Callable[[], RelayReader],
    render_error: RenderError,
    *,
    model: str = "",
    changes_models: bool = False,
    reach: Reach = Reach.ANY,
) -> Response:
    """The answer of an upstream of the client's own language to `call`, errors included.

    Args:
        name: for logs and metrics, `<dialect>.<word>`.
        home: the upstream, from `home_of`.
        reader: makes the watcher of a stream of NDJSON.
        model: the name that the client asked for.
        changes_models: whether the upstream has other models afterwards.
        reach: which of its replicas are to do it.
    """

    def carry(asked: Asked) -> Reply:
        asked.notes.model = model
        if call.upload is None:  # While a client sends, a byte on its socket is no sign of anything.
            asked.await_upstream()
        return asked.gateway.hand_on(home, call, reader, asked.notes, asked.client(), changes_models=changes_models, reach=reach)

    return _carried(name, render_error, carry)


def gather(
    name: str,
    dialect: str,
    call: UpstreamCall,
    read: Callable[[bytes], T],
    render: Callable[[Sequence[tuple[str, T]], Callable[[str, str], str]], bytes],
    render_error: RenderError,
) -> Response:
    """One answer made of those of all upstreams of the dialect to `call`, errors included.

    Args:
        read: what one of them says. Raises `UpstreamError`.
        render: the answer, from what they say by their names; the function that it gets is `Gateway.name_of`.
    """

    def carry(asked: Asked) -> Reply:
        client = asked.client()
        asked.await_upstream()
        told = asked.gateway.gather(dialect, call, read, client)
        return Reply(200, JSON, render(told, partial(asked.gateway.name_of, client=client)))

    return _carried(name, render_error, carry)


def upload() -> Upload:
    """The body of the current request, to be sent on as it comes."""
    asked = current_request()
    pieces = iter(partial(asked.stream.read, _UPLOAD_PIECE_BYTES), b"")
    return Upload(pieces, asked.content_length)


def relay_get(
    name: str, dialect: str, path: str, render_error: RenderError, *, query: str = "", passed_headers: Sequence[str] = ()
) -> Response:
    """The default upstream's own answer to a GET, errors included. It must speak `dialect`: see `Gateway.lists_as_its_own`."""

    def carry(asked: Asked) -> Reply:
        asked.await_upstream()
        return asked.gateway.relay_get(path, asked.notes, asked.client(passed_headers), query)

    return _carried(name, render_error, carry, relays=dialect)


def relay_model(name: str, dialect: str, path: str, render_error: RenderError, model: ListedModel, entry: bytes) -> Response:
    """What the upstream itself says of a model that clients can use, errors included: see `Gateway.relay_model`. `entry` where nothing is
    to be had, and something is known.
    """
    otherwise = None if model.card == ModelCard(model.card.id) else entry

    def carry(asked: Asked) -> Reply:
        asked.await_upstream()
        reply = asked.gateway.relay_model(model.name, dialect, path, otherwise, asked.notes, asked.client())
        return Reply(200, JSON, entry) if reply is None else reply

    return _carried(name, render_error, carry, relays=dialect)


def read_json() -> Payload:
    """The JSON object that the client sent, whatever content type it claimed.

    Raises:
        InvalidRequest: there is none, or it is none.
        RequestTooLarge, RequestTimeout: as `read_body`.
    """
    return parse_json(_read_body())


def read_json_text() -> tuple[bytes, Payload]:
    """What the client sent, and the JSON object in it. Raises as `read_json`."""
    return parse_json_text(_read_body())


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


def home_of(dialect: str, model: str = "") -> Destination | None:
    """The upstream of the dialect that is to be asked about `model`, or about no model. Raises as `Gateway.home_of`."""
    asked = gateway()
    return asked.home_of(dialect, model, asking_client(asked))


def source_of(dialect: str, model: str, *, wanted: str = "") -> Destination | None:
    """The upstream of the dialect that has `model`, of which another one is to be made on `wanted`. Raises as `Gateway.source_of`."""
    asked = gateway()
    return asked.source_of(dialect, model, asking_client(asked), wanted=wanted)


def keeper_of(dialect: str, model: str, *, is_new: bool = False) -> Destination | None:
    """The upstream of the dialect that has, or is to get, the model that is itself called so. Raises as `Gateway.keeper_of`."""
    asked = gateway()
    return asked.keeper_of(dialect, model, asking_client(asked), is_new=is_new)


def new_name(upstream: str, name: str, *, param: str = "model") -> str:
    """What the upstream is to call a new model that clients are to know as `name`. Raises as `Gateway.new_name`."""
    asked = gateway()
    return asked.new_name(upstream, name, asking_client(asked), param=param)


def named_upstream(name: str) -> str:
    """See `Gateway.named_upstream`."""
    return gateway().named_upstream(name)


def gateway() -> Gateway:
    return state().gateway


def settings() -> Settings:
    return state().settings


def _client_of(asked: Asked, own: RelayEndpoint) -> Client:
    """Who asks, and what of that is for upstreams of the client's own language."""
    return asked.client(own.passed_headers, own.passed_query)


def _read_body() -> bytes:
    limits = state().settings
    return read_body(limits.request_max_size, limits.body_timeout)


def _carried(name: str, render_error: RenderError, carry: Carry, *, relays: str = "") -> Response:
    """What `carry` replies, as a response. While it waits for an upstream, a client that leaves ends it.

    Args:
        relays: the dialect whose upstreams answer for themselves.
    """
    seen = observation()
    seen.notes.endpoint = name
    asked = Asked(seen, gateway())
    try:
        reply = carry(asked)
    except ProxyError as error:
        asked.watch.stop()
        is_relay = relays != "" and asked.gateway.speaks(asked.notes.upstream, relays)
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
