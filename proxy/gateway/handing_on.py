"""The way of what only upstreams of the client's own language can do, beside texts and vectors: Ollama's keeping of models.

The call is put together by the dialect; here it is decided which upstream gets it, and its answer is handed on as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from proxy.dialect import RelayReader
from proxy.errors import ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.foreign import kind_of, no_answer
from proxy.gateway.inner_errors import ErrorCover
from proxy.gateway.noting import note_failure
from proxy.gateway.relaying import WHOLE_TYPE
from proxy.gateway.steps import Goal, Steps, Upstream, named, note_destination, read_and_close
from proxy.routing import Destination, Rule
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type
from proxy.wire.messages import Client, Reply, UpstreamCall

_HTML = "html"


def home_of(steps: Steps, upstreams: list[Upstream], model: str, client: Client) -> Destination | None:
    """Where one of `upstreams` is to be asked about `model`, or about no model; `None` where another one has it, or there are none.

    What nobody lists, and nobody was named for, is the first one's: it may be about to be fetched.

    Raises:
        ModelNotFound: the name leads nowhere: it is hidden.
    """
    if not upstreams:
        return None
    names = [upstream.name for upstream in upstreams]
    found = steps.chain(model, client)[0] if model else steps.default_destination()
    if found.upstream in names:
        return found
    return replace(found, upstream=names[0]) if found.rule is Rule.DEFAULT else None


def hand_on(
    steps: Steps,
    home: Destination,
    call: UpstreamCall,
    make_reader: Callable[[], RelayReader],
    notes: ExchangeNotes,
    client: Client,
    *,
    changes_models: bool,
) -> Reply:
    """The upstream's own answer to `call`.

    Args:
        make_reader: watches a stream of NDJSON.
        changes_models: whether the upstream has other models afterwards.

    Raises:
        ProxyError: for everything that goes wrong before the first byte.
    """
    note_destination(notes, home)
    upstream = steps.upstream(home.upstream)
    goal = Goal(home, upstream, is_last=True)
    try:
        reply = upstream.client.send(steps.signed(call, goal, client, lambda _: b""), notes, once=True)
    except UpstreamRefused as refusal:
        if call.method == "HEAD":  # Its answer is the status, and has no words that could say more.
            return Reply(refusal.upstream_status, WHOLE_TYPE, b"")
        raise steps.advised(named(refusal, notes.model), upstream, client) from refusal
    kind = kind_of(reply)
    if _HTML in kind:
        reply.close()
        raise no_answer(reply, upstream)
    after = partial(_renew_models, upstream, client) if changes_models else _nothing
    if "ndjson" in kind:
        return Reply(
            reply.status, content_type(reply.headers, kind), _lines(reply, make_reader(), upstream, notes, after), close=reply.close
        )
    body = ErrorCover(upstream.client, notes).over(read_and_close(reply, upstream.patience_s))
    after()
    return Reply(reply.status, content_type(reply.headers, WHOLE_TYPE), body)


def _lines(
    reply: UpstreamReply, reader: RelayReader, upstream: Upstream, notes: ExchangeNotes, after: Callable[[], object]
) -> Iterator[bytes]:
    """The stream as it comes, without keys in its errors; an error where it is cut before its own end. What comes `after` is done before
    its client sees its end.
    """
    cover = ErrorCover(upstream.client, notes)
    broken: ProxyError | None = None
    try:
        try:
            for chunk in reply.chunks():
                if data := reader.feed(chunk):
                    yield cover.over(data)
        except ProxyError as error:
            broken = error
        rest = _closed(reader, broken)
        after()
        if reader.failure is not None:
            note_failure(notes, reader.failure)
        if rest:
            yield cover.over(rest)
    except ProxyError as error:
        if isinstance(error, UpstreamError):
            upstream.client.make_fit(error, notes)
        note_failure(notes, error)
        yield reader.render_failure(error)
    finally:
        reply.close()


def _closed(reader: RelayReader, broken: ProxyError | None) -> bytes:
    """The bytes that waited. Raises why the stream broke off, unless it had come to its own end before."""
    try:
        return reader.close()
    except ProxyError:
        if broken is not None:
            raise broken from None
        raise


def _renew_models(upstream: Upstream, client: Client) -> None:
    """Asks for the upstream's list, which is another one now, as the gateway asks for it."""
    if upstream.lists_by_key is None:
        upstream.models.renew()
    else:
        upstream.lists_by_key.renew(client.secret)


def _nothing() -> None:
    """For answers after which all is as it was."""
