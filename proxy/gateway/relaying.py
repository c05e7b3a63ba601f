"""The way of a request whose upstream speaks the client's own language: its bytes out, the upstream's bytes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from operator import methodcaller

from proxy.dialect import Payload, RelayEndpoint
from proxy.errors import ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.errands import Errand
from proxy.gateway.fallback import served
from proxy.gateway.foreign import is_foreign, no_answer
from proxy.gateway.noting import note_end, note_late_failure
from proxy.gateway.relayed import Relayed, RelayedStream, RelayedWhole, read_whole, relayed
from proxy.gateway.steps import Goal, Steps, Upstream, named, note_destination
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type, passed_on
from proxy.wire.json_text import add_first_member, replace_top_level_string
from proxy.wire.messages import ANYBODY, Client, Reply, UpstreamCall

_PASSED_ON = ("retry-after", "openai-processing-ms", "openai-version")
_STREAM_TYPE, _WHOLE_TYPE = "text/event-stream", "application/json"
_NO_SUCH_URL = (404, 405, 501)

_let_go = methodcaller("close")


@dataclass(slots=True)
class _Relaying:
    """One request, as all its destinations are asked."""

    steps: Steps
    body: bytes
    payload: Payload
    model: str
    endpoint: RelayEndpoint
    notes: ExchangeNotes
    client: Client

    def open(self, goal: Goal) -> Relayed:
        """An answer that has begun."""
        note_destination(self.notes, goal.destination)
        try:
            return self._open(goal, self._call(goal))
        except UpstreamRefused as refusal:
            raise named(refusal, self.model) from refusal

    def _open(self, goal: Goal, call: UpstreamCall) -> Relayed:
        """What turns out to be no answer before it said anything counts as refused, whatever its status was."""
        client, notes = goal.upstream.client, self.notes
        while True:
            reply = client.send(call, notes)
            try:
                answer = relayed(reply, self.endpoint, goal.upstream, notes, asked_stream=call.stream)
            except UpstreamError as error:
                if not client.ask_again(error, notes):
                    raise
            else:
                client.answered(call.model, notes, ended=isinstance(answer, RelayedWhole))
                return answer

    def _call(self, goal: Goal) -> UpstreamCall:
        body, upstream_model = self.body, goal.destination.upstream_model
        if self.model:
            body = _with_model(body, self.payload.get("model"), upstream_model)
        call = UpstreamCall(self.endpoint.path, body, upstream_model, stream=self.payload.get("stream") is True)
        return self.steps.signed(call, goal, self.client, partial(self.endpoint.affinity_key, self.payload))


def relay(steps: Steps, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes, client: Client = ANYBODY) -> Reply:
    """The upstream's own answer to the client's own request; only the value of `model` is replaced, and only where the names differ.

    Raises:
        ProxyError: for everything that goes wrong before the first byte, unless the status of a stream has not been open any longer.
    """
    asked = payload.get("model")
    model = steps.default_model if asked in (None, "") else asked
    if not isinstance(model, str) or not model.strip():
        model = ""  # No name; what it is, the upstream shall judge.
    notes.model, notes.stream = model, payload.get("stream") is True
    chain = steps.chain(model, client) if model else (steps.default_destination(),)
    relaying = _Relaying(steps, body, payload, model, endpoint, notes, client)
    commit_s = steps.upstream(chain[0].upstream).commit_s if notes.stream else 0
    errand = steps.errands.begin(partial(served, steps, chain, notes, client, relaying.open), _let_go, commit_s)
    if not errand.is_done:
        return Reply(200, _STREAM_TYPE, _late(errand, relaying), close=errand.abandon)
    answer = errand.result()
    reply, headers = answer.reply, passed_on(answer.reply.headers, _PASSED_ON)
    if isinstance(answer, RelayedStream):
        notes.stream = True
        pieces = answer.pieces(notes, steps.note_broken)
        return Reply(reply.status, content_type(reply.headers, _STREAM_TYPE), pieces, headers, close=answer.close)
    note_end(notes, endpoint.usage_of(answer.body), "")
    return Reply(reply.status, content_type(reply.headers, _WHOLE_TYPE), answer.body, headers)


def relay_get(
    steps: Steps, path: str, destination: Destination, notes: ExchangeNotes, client: Client, *, otherwise: bytes | None = None
) -> Reply:
    """The upstream's own answer to a GET; only the `id` of a model that clients know by another name is replaced.

    Args:
        path: as it reads; it is quoted on its way.
        destination: where what the client asked for is, by the name in `notes.model`.
        otherwise: the answer where the upstream has no such URL, if there is one.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    note_destination(notes, destination)
    goal = Goal(destination, steps.upstream(destination.upstream), is_last=True)
    try:
        call = steps.signed(UpstreamCall(path, method="GET", first_byte_s=goal.upstream.list_s), goal, client, lambda _: b"")
        reply, body = _told(goal.upstream, call, notes)
    except UpstreamRefused as refusal:
        if otherwise is None or refusal.upstream_status not in _NO_SUCH_URL:
            raise steps.explained(named(refusal, notes.model), destination, notes.model, client) from refusal
        return Reply(200, _WHOLE_TYPE, otherwise)
    headers = passed_on(reply.headers, _PASSED_ON)
    if notes.model and notes.model != destination.upstream_model:
        body = replace_top_level_string(body, "id", notes.model)
    return Reply(reply.status, content_type(reply.headers, _WHOLE_TYPE), body, headers)


def _told(upstream: Upstream, call: UpstreamCall, notes: ExchangeNotes) -> tuple[UpstreamReply, bytes]:
    """The answer to a question and all that it says, which is JSON. What is none, from one replica, is asked of the next."""
    while True:
        reply = upstream.client.send(call, notes)
        try:
            if is_foreign(reply):
                raise no_answer(reply, upstream)
            return reply, read_whole(reply, upstream, notes)
        except UpstreamError as error:
            if not upstream.client.ask_again(error, notes):
                raise
        finally:
            reply.close()


def _late(errand: Errand[Relayed], relaying: _Relaying) -> Iterator[bytes]:
    """The bytes of a stream that begins before the upstream's answer does."""
    steps, endpoint, notes = relaying.steps, relaying.endpoint, relaying.notes
    try:
        yield endpoint.keep_alive
        while not errand.done_within(steps.keepalive_s):
            yield endpoint.keep_alive
        answer = errand.result()
        if isinstance(answer, RelayedStream):
            pieces = answer.pieces(notes, steps.note_broken)
        else:
            pieces = iter((answer.as_stream(endpoint, relaying.payload, notes),))
    except ProxyError as error:
        note_late_failure(notes, error)
        yield endpoint.reader().render_failure(error)
        return
    yield from pieces


def _with_model(body: bytes, asked: object, upstream_model: str) -> bytes:
    if asked is None:
        return add_first_member(body, "model", upstream_model)
    if asked == upstream_model:
        return body
    return replace_top_level_string(body, "model", upstream_model)
