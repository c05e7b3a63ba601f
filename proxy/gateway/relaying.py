"""The way of a request whose upstream speaks the client's own language: its bytes out, the upstream's bytes back."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.dialect import Payload, RelayEndpoint, RelayReader
from proxy.errors import ProxyError, UpstreamBroken, UpstreamRefused
from proxy.gateway.noting import note_end, note_failure, note_usage
from proxy.gateway.steps import Steps, named, read_and_close
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type, passed_on
from proxy.wire.json_text import add_first_member, replace_top_level_string
from proxy.wire.messages import Reply, UpstreamCall

_PASSED_ON = ("retry-after", "openai-processing-ms", "openai-version")
_NO_SUCH_URL = (404, 405, 501)
_NO_CONTENT = 204


def relay(steps: Steps, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes) -> Reply:
    """The upstream's own answer to the client's own request; only the value of `model` is replaced, and only where the names differ.

    Raises:
        ProxyError: for everything that goes wrong before the first byte.
    """
    asked = payload.get("model")
    model = steps.default_model if asked in (None, "") else asked
    if not isinstance(model, str) or not model.strip():
        model = ""  # No name; what it is, the upstream shall judge.
    notes.model, notes.stream = model, payload.get("stream") is True
    if model:
        route, _ = steps.route(model, notes)
        body = _with_model(body, asked, route.upstream_model)
    reply = _sent(steps, UpstreamCall(endpoint.path, body, notes.upstream_model, stream=notes.stream), notes)
    headers = passed_on(reply.headers, _PASSED_ON)
    if _is_stream(reply, notes.stream):
        notes.stream = True
        chunks = _relayed(reply, endpoint.reader(), notes)
        return Reply(reply.status, content_type(reply.headers, "text/event-stream"), chunks, headers, close=reply.close)
    whole = _whole(reply)
    note_end(notes, endpoint.usage_of(whole), "")
    return Reply(reply.status, content_type(reply.headers, "application/json"), whole, headers)


def relay_get(steps: Steps, path: str, notes: ExchangeNotes, model: str, otherwise: bytes | None = None) -> Reply:
    """The upstream's own answer to a GET.

    Args:
        path: as it reads; it is quoted on its way.
        model: the name that the client asked for, `""` where the path is about no model.
        otherwise: the answer where the upstream has no such URL, if there is one.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    notes.model = model
    try:
        reply = _sent(steps, UpstreamCall(path, method="GET"), notes)
    except UpstreamRefused as refusal:
        if otherwise is None or refusal.upstream_status not in _NO_SUCH_URL:
            raise
        return Reply(200, "application/json", otherwise)
    headers = passed_on(reply.headers, _PASSED_ON)
    return Reply(reply.status, content_type(reply.headers, "application/json"), _whole(reply), headers)


def _sent(steps: Steps, call: UpstreamCall, notes: ExchangeNotes) -> UpstreamReply:
    """The upstream's answer, unless it can't be one: this API has no web pages, and none of its answers is nothing."""
    try:
        reply = steps.upstream.client.send(call, notes)
    except UpstreamRefused as refusal:
        raise named(refusal, notes.model) from refusal
    if reply.status == _NO_CONTENT or "html" in _kind(reply):
        reply.close()
        raise _no_answer("nothing" if reply.status == _NO_CONTENT else "a web page")
    steps.upstream.client.answered(call.model)
    return reply


def _is_stream(reply: UpstreamReply, asked: bool) -> bool:
    """Whether the answer is to be read as a stream: what calls itself one, and what was to be one and doesn't call itself JSON.

    An upstream may read more as a wish for a stream than `true`. JSON where a stream was asked for is the upstream's own answer.
    """
    kind = _kind(reply)
    return "event-stream" in kind or (asked and "json" not in kind and reply.headers.get("content-length") != "0")


def _kind(reply: UpstreamReply) -> str:
    return reply.headers.get("content-type", "").lower()


def _whole(reply: UpstreamReply) -> bytes:
    body = read_and_close(reply)
    if not body or body.isspace():
        raise _no_answer("nothing")
    return body


def _no_answer(what: str) -> UpstreamBroken:
    hint = "check that OPENAI_API_BASE_URL leads to an OpenAI-compatible API, and that nothing on the way there answers in its place"
    return UpstreamBroken(f"the upstream answered with {what} where JSON was due; {hint}")


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
