"""The way of a request whose upstream speaks the client's own language: its bytes out, the upstream's bytes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxy.dialect import Payload, RelayEndpoint, RelayReader
from proxy.errors import ProxyError, UpstreamRefused
from proxy.gateway.noting import note_end, note_failure, note_usage
from proxy.gateway.steps import Steps, named, read_and_close
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.json_text import add_first_member, replace_top_level_string
from proxy.wire.messages import Reply, UpstreamCall

_PASSED_ON = ("retry-after", "openai-processing-ms", "openai-version")


def relay(steps: Steps, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes) -> Reply:
    """The upstream's own answer to the client's own request; only the value of `model` is replaced, and only where the names differ.

    Raises:
        ProxyError: for everything that goes wrong before the first byte.
    """
    asked = payload.get("model")
    model = steps.default_model if asked in (None, "") else asked
    if not isinstance(model, str):
        model = ""  # No name; what it is, the upstream shall judge.
    notes.model, notes.stream = model, payload.get("stream") is True
    if model:
        body = _with_model(body, asked, steps.route(model, notes).upstream_model)
    reply = _sent(steps, UpstreamCall(endpoint.path, body, notes.upstream_model, stream=notes.stream), notes)
    content_type = reply.headers.get("content-type", "")
    headers = _passed_on(reply.headers)
    if notes.stream and "json" not in content_type:
        chunks = _relayed(reply, endpoint.reader(), notes)
        return Reply(reply.status, content_type or "text/event-stream", chunks, headers, close=reply.close)
    whole = read_and_close(reply)
    note_end(notes, endpoint.usage_of(whole), "")
    return Reply(reply.status, content_type or "application/json", whole, headers)


def relay_get(steps: Steps, path: str, notes: ExchangeNotes, model: str) -> Reply:
    """The upstream's own answer to a GET.

    Args:
        path: as it reads; it is quoted on its way.
        model: the name that the client asked for, `""` where the path is about no model.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    notes.model = model
    reply = _sent(steps, UpstreamCall(path, method="GET"), notes)
    return Reply(reply.status, reply.headers.get("content-type", "application/json"), read_and_close(reply), _passed_on(reply.headers))


def _sent(steps: Steps, call: UpstreamCall, notes: ExchangeNotes) -> UpstreamReply:
    try:
        return steps.upstream.client.send(call, notes)
    except UpstreamRefused as refusal:
        raise named(refusal, notes.model) from refusal


def _relayed(reply: UpstreamReply, reader: RelayReader, notes: ExchangeNotes) -> Iterator[bytes]:
    broken: ProxyError | None = None
    try:
        try:
            for chunk in reply.chunks():
                if data := reader.feed(chunk):
                    yield data
        except ProxyError as error:
            broken = error
        yield from _end(reader, notes, broken)
    finally:
        note_usage(notes, reader.usage)
        reply.close()


def _end(reader: RelayReader, notes: ExchangeNotes, broken: ProxyError | None) -> Iterator[bytes]:
    """What follows the last chunk. As everywhere, a broken connection is no failure of an answer that has said why it stopped."""
    try:
        rest = reader.close()
    except ProxyError as error:
        failure = broken or error
        note_failure(notes, failure)
        yield reader.render_failure(failure)
        return
    if reader.failure is not None:
        note_failure(notes, reader.failure)
    else:
        notes.finish_reason, notes.end = reader.finish_reason, "finished"
    if rest:
        yield rest


def _with_model(body: bytes, asked: object, upstream_model: str) -> bytes:
    if asked is None:
        return add_first_member(body, "model", upstream_model)
    if asked == upstream_model:
        return body
    return replace_top_level_string(body, "model", upstream_model)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in _PASSED_ON or name.startswith("x-ratelimit-")}
