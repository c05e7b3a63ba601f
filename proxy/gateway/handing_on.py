"""The way of what only upstreams of the client's own language can do, beside texts and vectors: Ollama's keeping of models.

The call is put together by the dialect, and which upstream gets it is decided in `homes`; here its answer is handed on as it comes. What
all replicas are to do is the business of `everywhere`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from proxy.dialect import Reach, RelayReader
from proxy.errors import ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.everywhere import Task, hand_to_all
from proxy.gateway.handed import news, tells_news, whole
from proxy.gateway.inner_errors import ErrorCover
from proxy.gateway.noting import note_failure
from proxy.gateway.relaying import WHOLE_TYPE
from proxy.gateway.steps import Goal, Steps, Upstream, named, note_destination
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type
from proxy.wire.messages import Client, Reply, UpstreamCall


def hand_on(
    steps: Steps,
    home: Destination,
    call: UpstreamCall,
    make_reader: Callable[[], RelayReader],
    notes: ExchangeNotes,
    client: Client,
    *,
    changes_models: bool,
    reach: Reach,
) -> Reply:
    """The upstream's own answer to `call`.

    Args:
        make_reader: watches a stream of NDJSON.
        changes_models: whether the upstream has other models afterwards.
        reach: which of its replicas are to do it.

    Raises:
        ProxyError: for everything that goes wrong before the first byte.
    """
    note_destination(notes, home)
    upstream = steps.upstream(home.upstream)
    call = steps.signed(call, Goal(home, upstream, is_last=True), client, lambda _: b"")
    after = partial(_renew_models, upstream, client) if changes_models else _nothing

    def explained(error: ProxyError) -> ProxyError:
        return steps.advised(named(error, notes.model), upstream, client) if isinstance(error, UpstreamRefused) else error

    replicas = {} if reach is Reach.ANY else upstream.client.of_each_replica()
    if len(replicas) > 1:
        return hand_to_all(Task(upstream, call, reach, make_reader, notes, explained, after), replicas)
    try:
        reply = upstream.client.send(call, notes, once=True)
    except UpstreamRefused as refusal:
        if call.method == "HEAD":  # Its answer is the status, and has no words that could say more.
            return Reply(refusal.upstream_status, WHOLE_TYPE, b"")
        raise explained(refusal) from refusal
    if tells_news(reply, upstream):
        return Reply(reply.status, content_type(reply.headers, ""), _lines(reply, make_reader(), upstream, notes, after), close=reply.close)
    answer = whole(reply, upstream, ErrorCover(upstream.client, notes))
    after()
    return answer


def _lines(
    reply: UpstreamReply, reader: RelayReader, upstream: Upstream, notes: ExchangeNotes, after: Callable[[], object]
) -> Iterator[bytes]:
    """The stream as it comes, without keys in its errors; an error where it is cut before its own end. What comes `after` is done before
    its client sees its end.
    """
    cover = ErrorCover(upstream.client, notes)
    try:
        rest = yield from news(reply, reader, cover)
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


def _renew_models(upstream: Upstream, client: Client) -> None:
    """Asks for the upstream's list, which is another one now, as the gateway asks for it."""
    if upstream.lists_by_key is None:
        upstream.models.renew()
    else:
        upstream.lists_by_key.renew(client.secret)


def _nothing() -> None:
    """For answers after which all is as it was."""
