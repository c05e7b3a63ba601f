"""The way of a request whose upstream speaks the client's own language: its bytes out, the upstream's bytes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from operator import methodcaller

from proxy.dialect import Payload, RelayEndpoint
from proxy.errors import ProxyError, UpstreamError, UpstreamRefused
from proxy.gateway.errands import Errand, signs_until_done
from proxy.gateway.fallback import served
from proxy.gateway.foreign import is_foreign, no_answer
from proxy.gateway.noting import note_end, note_late_failure
from proxy.gateway.relayed import Relayed, RelayedStream, RelayedWhole, read_whole, relayed
from proxy.gateway.sent import OwnWords
from proxy.gateway.steps import MAX_REPAIRS, Goal, Steps, Upstream, named, note_destination
from proxy.routing import Destination
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import UpstreamReply
from proxy.wire.headers import content_type, passed_on
from proxy.wire.json_text import add_first_member, replace_top_level_string
from proxy.wire.messages import ANYBODY, Client, Reply, UpstreamCall
from proxy.wire.named_things import settle
from proxy.wire.told_model import ToldModel

WHOLE_TYPE = "application/json"
_OF_LISTS = ("retry-after", "openai-processing-ms", "openai-version", "request-id")
_NO_SUCH_URL = (404, 405, 501)

_let_go = methodcaller("close")


@dataclass(slots=True)
class Relaying:
    """One request, as all its destinations are asked."""

    steps: Steps
    words: OwnWords
    model: str
    endpoint: RelayEndpoint
    notes: ExchangeNotes
    client: Client

    def open(self, goal: Goal) -> Relayed:
        """An answer that has begun."""
        note_destination(self.notes, goal.destination)
        while True:
            try:
                return self._open(goal, self._call(goal))
            except UpstreamRefused as refusal:
                if not self._learns(refusal, goal):
                    raise named(refusal, self.model) from refusal

    def _learns(self, refusal: UpstreamRefused, goal: Goal) -> bool:
        """Whether the refusal tells that the upstream takes less of what others made than was known. It lasts."""
        if not self.words.has_foreign or self.notes.repairs >= MAX_REPAIRS:
            return False
        before = self.steps.profile(goal.destination)
        after = goal.upstream.egress.repair(refusal, before)
        if after is None or self.words.for_(lambda: after)[0] == self.words.for_(lambda: before)[0]:
            return False
        self.steps.learn(goal.destination, after)
        self.notes.repairs += 1
        return True

    def _open(self, goal: Goal, call: UpstreamCall) -> Relayed:
        """What turns out to be no answer before it said anything counts as refused, whatever its status was."""
        client, notes = goal.upstream.client, self.notes
        while True:
            reply = client.send(call, notes)
            try:
                answer = relayed(reply, self.endpoint, goal.upstream, notes, asked_stream=call.stream, told_model=self._told_model(goal))
            except UpstreamError as error:
                settle(error, lambda: call)
                if not client.ask_again(error, notes):
                    raise
            else:
                client.answered(call.model, notes, ended=isinstance(answer, RelayedWhole))
                return answer

    def _told_model(self, goal: Goal) -> ToldModel | None:
        endpoint, model = self.endpoint, self.model
        if not endpoint.echoes_model or not model or endpoint.same_model(model, goal.destination.upstream_model):
            return None
        return ToldModel(model)

    def _call(self, goal: Goal) -> UpstreamCall:
        endpoint, upstream_model = self.endpoint, goal.destination.upstream_model
        body, payload = self.words.for_(partial(self.steps.profile, goal.destination))
        if self.model:
            body = _with_model(body, endpoint, payload, upstream_model)
        headers, query = self.client.headers, self.client.query
        call = UpstreamCall(
            endpoint.path,
            body,
            upstream_model,
            stream=endpoint.wants_stream(payload),
            query=query,
            headers=headers,
            purpose=endpoint.purpose,
        )
        return self.steps.signed(call, goal, self.client, partial(endpoint.affinity_key, payload))


def relay(steps: Steps, words: OwnWords, endpoint: RelayEndpoint, notes: ExchangeNotes, client: Client = ANYBODY) -> Reply:
    """The upstream's own answer to the client's own request; only the value of `model` is replaced, and only where the names differ:
    in the answer, too, where clients of that language look for the name that they asked for.

    Raises:
        ProxyError: for everything that goes wrong before the first byte, unless the status of a stream has not been open any longer.
    """
    model = asked_model(steps, words.payload, endpoint)
    notes.model, notes.stream = model, endpoint.wants_stream(words.payload)
    chain = steps.chain(model, client) if model else (steps.default_destination(),)
    relaying = Relaying(steps, words, model, endpoint, notes, client)
    commit_s = steps.upstream(chain[0].upstream).commit_s if notes.stream else 0
    errand = steps.errands.begin(partial(served, steps, chain, notes, client, relaying.open), _let_go, commit_s)
    if not errand.is_done:
        return Reply(200, endpoint.stream_type, _late(errand, relaying), close=errand.abandon)
    return relayed_reply(errand.result(), steps, endpoint, notes)


def asked_model(steps: Steps, payload: Payload, endpoint: RelayEndpoint) -> str:
    """The model that a request names; `""` for no name: what it is, the upstream shall judge."""
    asked = payload.get(endpoint.model_key(payload))
    model = steps.default_model if asked in (None, "") else asked
    return model if isinstance(model, str) and model.strip() else ""


def relayed_reply(answer: Relayed, steps: Steps, endpoint: RelayEndpoint, notes: ExchangeNotes) -> Reply:
    """What the client gets of an upstream's own answer."""
    reply, headers = answer.reply, passed_on(answer.reply.headers, endpoint.answer_headers)
    if isinstance(answer, RelayedStream):
        notes.stream = True
        pieces = answer.pieces(notes, steps.note_broken)
        return Reply(reply.status, content_type(reply.headers, endpoint.stream_type), pieces, headers, close=answer.close)
    note_end(notes, endpoint.usage_of(answer.body), "")
    return Reply(reply.status, content_type(reply.headers, WHOLE_TYPE), answer.body, headers)


def relay_get(
    steps: Steps,
    path: str,
    destination: Destination,
    notes: ExchangeNotes,
    client: Client,
    *,
    query: str = "",
    otherwise: bytes | None = None,
) -> Reply:
    """The upstream's own answer to a GET; only the `id` of a model that clients know by another name is replaced.

    Args:
        path: as it reads; it is quoted on its way. The query is quoted already.
        destination: where what the client asked for is, by the name in `notes.model`.
        otherwise: the answer where the upstream has no such URL, if there is one.

    Raises:
        ProxyError: for everything that goes wrong.
    """
    note_destination(notes, destination)
    goal = Goal(destination, steps.upstream(destination.upstream), is_last=True)
    try:
        call = UpstreamCall(path, method="GET", query=query, headers=client.headers, first_byte_s=goal.upstream.list_s)
        reply, body = _told(goal.upstream, steps.signed(call, goal, client, lambda _: b""), notes)
    except UpstreamRefused as refusal:
        if otherwise is None or refusal.upstream_status not in _NO_SUCH_URL:
            raise steps.explained(named(refusal, notes.model), destination, notes.model, client) from refusal
        return Reply(200, WHOLE_TYPE, otherwise)
    headers = passed_on(reply.headers, _OF_LISTS)
    if notes.model and notes.model != destination.upstream_model:
        body = replace_top_level_string(body, "id", notes.model)
    return Reply(reply.status, content_type(reply.headers, WHOLE_TYPE), body, headers)


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


def _late(errand: Errand[Relayed], relaying: Relaying) -> Iterator[bytes]:
    """The bytes of a stream that begins before the upstream's answer does."""
    steps, endpoint, notes = relaying.steps, relaying.endpoint, relaying.notes
    try:
        yield from signs_until_done(errand, steps.keepalive_s, lambda: endpoint.keep_alive)
        answer = errand.result()
        if isinstance(answer, RelayedStream):
            pieces = answer.pieces(notes, steps.note_broken)
        else:
            pieces = iter((answer.as_stream(endpoint, relaying.words.payload, notes),))
    except ProxyError as error:
        note_late_failure(notes, error)
        yield endpoint.reader().render_failure(error)
        return
    yield from pieces


def _with_model(body: bytes, endpoint: RelayEndpoint, payload: Payload, upstream_model: str) -> bytes:
    key = endpoint.model_key(payload)
    asked = payload.get(key)
    if asked is None:
        return add_first_member(body, key, upstream_model)
    if isinstance(asked, str) and endpoint.same_model(asked, upstream_model):
        return body
    return replace_top_level_string(body, key, upstream_model)
