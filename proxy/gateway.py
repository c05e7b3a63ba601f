"""The corridor: from a request to a `Reply`. The only place that knows the order of the steps.

It is handed its upstream and its model map, and imports no dialect. It moves bytes between pure machines and the upstream client:

    converse   parse -> route -> build -> send -> read -> render
    relay      route -> send the client's own bytes -> hand on the upstream's own bytes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult, ModelCard
from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartOpened, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import PromptRequest
from proxy.canonical.stops import StopCutter
from proxy.catalogue_file import Catalogue, describe
from proxy.dialect import (
    Egress,
    EmbeddingsEndpoint,
    Payload,
    RelayEndpoint,
    RelayReader,
    Stopwatch,
    StreamReader,
    StreamRenderer,
    TextEndpoint,
    TextRequest,
)
from proxy.errors import ModelNotFound, ProxyError, UpstreamBroken, UpstreamError, UpstreamRefused
from proxy.routing import ModelMap, ProfileBook, Route
from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.models import ModelList
from proxy.upstream.reply import UpstreamReply
from proxy.wire.json_text import add_first_member, replace_top_level_string
from proxy.wire.messages import Reply, UpstreamCall

MAX_REPAIRS = 3
MAX_SHORTENINGS = 3
MAX_WHOLE_BYTES = 256 * 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One backend: how it is reached, asked and known. `identity` tells it from others in digests, without naming its address."""

    name: str
    identity: str
    client: UpstreamClient
    egress: Egress
    models: ModelList


@dataclass(slots=True)
class _Opening:
    """A streamed answer that has proved itself: its first events are here and are no failure."""

    reply: UpstreamReply
    reader: StreamReader
    chunks: Iterator[bytes]
    events: list[ChatEvent]


@dataclass(slots=True)
class _Answer:
    """A streamed answer on its way to the client."""

    opening: _Opening
    renderer: StreamRenderer
    cutter: StopCutter | None
    notes: ExchangeNotes
    stopwatch: Stopwatch


class Gateway:
    """Carries requests through the house.

    Args:
        catalogue: what the operator says of models; here for those that the upstream does not list.
        new_id: makes ids for tool calls and answers that came without one.
        default_model: stands in for an absent or empty `model`.
        keepalive_s: the longest time for which a stream's client hears nothing.
    """

    def __init__(
        self,
        upstream: Upstream,
        model_map: ModelMap,
        profiles: ProfileBook,
        *,
        catalogue: Catalogue,
        new_id: Callable[[], str],
        default_model: str = "",
        keepalive_s: float = 15.0,
    ) -> None:
        self._upstream = upstream
        self._map = model_map
        self._profiles = profiles
        self._catalogue = catalogue
        self._new_id = new_id
        self._default_model = default_model
        self._keepalive_ns = round(keepalive_s * 1e9)

    # Text

    def converse(self, payload: Payload, endpoint: TextEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
        """The answer to a chat or a prompt, as a stream or whole, as the client wished.

        Raises:
            ProxyError: for everything that goes wrong before the first event; later failures are told inside the stream.
        """
        request = endpoint.parse(self._with_default_model(payload))
        notes.model, notes.stream = request.model, request.stream
        self._upstream.models.ensure_known()
        endpoint.admit(request, self.find_model(request.model))
        answer = endpoint.answer_locally(request, stopwatch)
        if answer is not None:
            return Reply(200, endpoint.whole_type, answer)
        route = self._route(request.model, notes)
        if request.stream:
            return self._stream(request, route, endpoint, notes, stopwatch)
        completion = self._with_repairs(route, notes, lambda repaired: self._complete(request, repaired, notes))
        _note_end(notes, completion.usage, completion.finish_reason)
        return Reply(200, endpoint.whole_type, endpoint.render_completion(completion, request, stopwatch))

    def _complete(self, request: TextRequest, route: Route, notes: ExchangeNotes) -> Completion:
        stops = _local_stops(request, route)
        while True:
            body = self._fetch(self._text_call(request, route), notes)
            events: Sequence[ChatEvent] = self._upstream.egress.read_completion(body, route, self._new_id)
            try:
                return collect(StopCutter(stops).feed(events) if stops else events)
            except UpstreamError as error:
                if not self._upstream.client.ask_again(error, notes):
                    raise

    def _stream(self, request: TextRequest, route: Route, endpoint: TextEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
        opening = self._with_repairs(route, notes, lambda repaired: self._open(request, repaired, notes))
        stops = _local_stops(request, route)
        cutter = StopCutter(stops) if stops else None
        answer = _Answer(opening, endpoint.stream_renderer(request, stopwatch), cutter, notes, stopwatch)
        return Reply(200, endpoint.stream_type, self._rendered(answer), close=opening.reply.close)

    def _open(self, request: TextRequest, route: Route, notes: ExchangeNotes) -> _Opening:
        """An answer that has begun. One that fails before it says anything counts as refused, whatever its status was."""
        while True:
            reply = self._upstream.client.send(self._text_call(request, route), notes)
            opening = _Opening(reply, self._upstream.egress.stream_reader(route, self._new_id), reply.chunks(), [])
            try:
                while not opening.events:
                    opening.events = _next_events(opening)
            except BaseException:
                reply.close()
                raise
            failure = opening.events[-1]
            if not isinstance(failure, Failed) or any(isinstance(event, PartOpened) for event in opening.events):
                return opening
            reply.close()
            if not isinstance(failure.error, UpstreamError) or not self._upstream.client.ask_again(failure.error, notes):
                raise failure.error

    def _rendered(self, answer: _Answer) -> Iterator[bytes]:
        """The bytes of a stream. A client that would get nothing for long, though the upstream is busy, gets a sign of life."""
        opening, renderer, notes = answer.opening, answer.renderer, answer.notes
        events: Sequence[ChatEvent] = opening.events
        sent_ns = answer.stopwatch.elapsed_ns()
        try:
            while True:
                if answer.cutter is not None:
                    events = answer.cutter.feed(events)
                data = renderer.render(events)
                is_over = _is_over(events, notes)
                if data:
                    yield data
                    sent_ns = answer.stopwatch.elapsed_ns()
                elif answer.stopwatch.elapsed_ns() - sent_ns >= self._keepalive_ns and not is_over:
                    yield renderer.render([KeepAlive()])
                    sent_ns = answer.stopwatch.elapsed_ns()
                if is_over:
                    break
                events = _next_events(opening)
            if renderer.failure is not None:
                _note_failure(notes, renderer.failure)
            opening.reply.drain_or_close()
        finally:
            opening.reply.close()

    def _text_call(self, request: TextRequest, route: Route) -> UpstreamCall:
        if isinstance(request, PromptRequest):
            return self._upstream.egress.build_prompt(request, route)
        return self._upstream.egress.build_chat(request, route)

    # Embeddings

    def embed(self, payload: Payload, endpoint: EmbeddingsEndpoint, notes: ExchangeNotes, stopwatch: Stopwatch) -> Reply:
        """Vectors for the client's texts.

        Raises:
            ProxyError: for everything that goes wrong.
        """
        request = endpoint.parse(self._with_default_model(payload))
        notes.model = request.model
        answer = endpoint.answer_locally(request, stopwatch)
        if answer is None:
            route = self._route(request.model, notes)
            result = self._with_repairs(route, notes, lambda repaired: self._vectors(request, repaired, notes))
            _note_end(notes, Usage(prompt_tokens=result.prompt_tokens), "")
            answer = endpoint.render_result(result, request, stopwatch)
        return Reply(200, endpoint.whole_type, answer)

    def _vectors(self, request: EmbeddingsRequest, route: Route, notes: ExchangeNotes) -> EmbeddingsResult:
        egress = self._upstream.egress
        for shortenings in range(MAX_SHORTENINGS + 1):
            try:
                body = self._fetch(egress.build_embeddings(request, route), notes)
                break
            except UpstreamRefused as refusal:
                shorter = egress.shorten(request, refusal) if shortenings < MAX_SHORTENINGS else None
                if shorter is None:
                    raise
                request = shorter
        return egress.read_embeddings(body, request)

    # Relay

    def relay(self, body: bytes, payload: Payload, endpoint: RelayEndpoint, notes: ExchangeNotes) -> Reply:
        """The upstream's own answer to the client's own request; only the value of `model` is replaced, and only where the names differ.

        Raises:
            ProxyError: for everything that goes wrong before the first byte.
        """
        asked = payload.get("model")
        model = self._default_model if asked in (None, "") else asked
        if not isinstance(model, str):
            model = ""  # No name; what it is, the upstream shall judge.
        notes.model, notes.stream = model, payload.get("stream") is True
        if model:
            route = self._route(model, notes)
            body = _with_model(body, asked, route.upstream_model)
        call = UpstreamCall(endpoint.path, body, notes.upstream_model, stream=notes.stream)
        reply = self._sent(call, model, notes)
        content_type = reply.headers.get("content-type", "")
        headers = _passed_on(reply.headers)
        if notes.stream and "json" not in content_type:
            chunks = _relayed(reply, endpoint.reader(), notes)
            return Reply(reply.status, content_type or "text/event-stream", chunks, headers, close=reply.close)
        whole = _read_and_close(reply)
        _note_end(notes, endpoint.usage_of(whole), "")
        return Reply(reply.status, content_type or "application/json", whole, headers)

    def relay_get(self, path: str, notes: ExchangeNotes, model: str = "") -> Reply:
        """The upstream's own answer to a GET.

        Args:
            path: as it reads; it is quoted on its way.
            model: the name that the client asked for, where the path is about a model.

        Raises:
            ProxyError: for everything that goes wrong.
        """
        reply = self._sent(UpstreamCall(path, method="GET"), model, notes)
        return Reply(reply.status, reply.headers.get("content-type", "application/json"), _read_and_close(reply), _passed_on(reply.headers))

    def _sent(self, call: UpstreamCall, model: str, notes: ExchangeNotes) -> UpstreamReply:
        try:
            return self._upstream.client.send(call, notes)
        except UpstreamRefused as refusal:
            raise _named(refusal, model) from refusal

    # Models

    @property
    def lists_models(self) -> bool:
        """Whether the upstream has a model list at all; true until it says otherwise."""
        return self._upstream.models.lists

    def models(self) -> Sequence[ModelCard]:
        """The upstream's models, from the cache where there is one; `()` when it cannot list.

        Raises:
            UpstreamError: the list was never fetched and cannot be fetched now.
        """
        return self._upstream.models.cards()

    def find_model(self, name: str) -> ModelCard | None:
        """What is known of the model that `name` leads to: from the upstream's list, else from the operator. Asks nobody."""
        model = self.upstream_model(name)
        card = self._upstream.models.by_name(model)
        if card is not None:
            return card
        facts = self._catalogue.facts(model)
        return None if facts is None else describe(ModelCard(model), facts)

    def aliases(self) -> Mapping[str, str]:
        """The operator's exact names -> the upstream's."""
        return self._map.aliases()

    def upstream_model(self, name: str) -> str:
        """The name under which the upstream is asked for `name`."""
        return self._map.upstream_model(name, self._upstream.models)

    def upstream_identity(self) -> str:
        """A word that is stable over restarts and differs between upstreams."""
        return self._upstream.identity

    # Operation

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each upstream, from memory."""
        return {self._upstream.name: {**self._upstream.client.health(), "models": self._upstream.models.count}}

    def probe(self, timeout_s: float) -> bool:
        """Whether the upstream answers now: an error of its own is an answer, unless it says that it is unwell."""
        call = replace(self._upstream.egress.build_models(), first_byte_s=timeout_s)
        try:
            _read_and_close(self._upstream.client.send(call, once=True))
        except UpstreamRefused as refusal:
            return refusal.upstream_status < 500
        except ProxyError:
            return False
        return True

    # Steps that several ways share

    def _with_default_model(self, payload: Payload) -> Payload:
        if self._default_model and not any(value for key, value in payload.items() if key.lower() == "model"):
            return {**payload, "model": self._default_model}
        return payload

    def _route(self, model: str, notes: ExchangeNotes) -> Route:
        models = self._upstream.models
        models.ensure_known()
        upstream_model = self._map.upstream_model(model, models)
        card = models.by_name(upstream_model)
        notes.upstream, notes.upstream_model, notes.known_model = self._upstream.name, upstream_model, card is not None
        return Route(self._upstream.name, model, upstream_model, self._profiles.current(self._upstream.name, upstream_model, card))

    def _with_repairs(self, route: Route, notes: ExchangeNotes, attempt: Callable[[Route], T]) -> T:
        """What `attempt` returns, after at most `MAX_REPAIRS` lessons in what the upstream does not take. The lessons are kept."""
        while True:
            try:
                result = attempt(route)
            except UpstreamRefused as refusal:
                profile = self._upstream.egress.repair(refusal, route.profile) if notes.repairs < MAX_REPAIRS else None
                if profile is None:
                    raise _named(refusal, route.model) from refusal
                notes.repairs += 1
                route = replace(route, profile=profile)
            else:
                if notes.repairs:
                    self._profiles.learn(route.upstream, route.upstream_model, route.profile)
                return result

    def _fetch(self, call: UpstreamCall, notes: ExchangeNotes) -> bytes:
        return _read_and_close(self._upstream.client.send(call, notes))


def _next_events(opening: _Opening) -> list[ChatEvent]:
    """The events of the next read; none when it brought only a part of one, or comments.

    A broken connection is no failure of an answer that has said why it stopped.
    """
    try:
        for chunk in opening.chunks:
            return opening.reader.feed(chunk)
        return opening.reader.close()
    except ProxyError as error:
        rest = opening.reader.close()
        return rest if rest and isinstance(rest[-1], Finished) else [Failed(error)]


def _relayed(reply: UpstreamReply, reader: RelayReader, notes: ExchangeNotes) -> Iterator[bytes]:
    broken: ProxyError | None = None
    try:
        try:
            for chunk in reply.chunks():
                if data := reader.feed(chunk):
                    yield data
        except ProxyError as error:
            broken = error
        yield from _end_of_relay(reader, notes, broken)
    finally:
        usage = reader.usage
        notes.prompt_tokens, notes.completion_tokens = usage.prompt_tokens, usage.completion_tokens
        reply.close()


def _end_of_relay(reader: RelayReader, notes: ExchangeNotes, broken: ProxyError | None) -> Iterator[bytes]:
    """What follows the last chunk. As everywhere, a broken connection is no failure of an answer that has said why it stopped."""
    try:
        rest = reader.close()
    except ProxyError as error:
        failure = broken or error
        _note_failure(notes, failure)
        yield reader.render_failure(failure)
        return
    if reader.failure is not None:
        _note_failure(notes, reader.failure)
    else:
        notes.finish_reason, notes.end = reader.finish_reason, "finished"
    if rest:
        yield rest


def _read_and_close(reply: UpstreamReply) -> bytes:
    try:
        return reply.read(MAX_WHOLE_BYTES)
    finally:
        reply.close()


def _local_stops(request: TextRequest, route: Route) -> tuple[str, ...]:
    """The stop sequences beyond those that the upstream takes; they are cut off here."""
    limit = route.profile.stop_limit
    return () if limit is None else request.sampling.stop[limit:]


def _named(refusal: UpstreamRefused, model: str) -> ProxyError:
    """`refusal`, or the house's own word for it when the upstream has no such model: clients know the name they asked for."""
    if model and refusal.status == 404 and refusal.code == "model_not_found":
        return ModelNotFound(model)
    return refusal


def _with_model(body: bytes, asked: object, upstream_model: str) -> bytes:
    if asked is None:
        return add_first_member(body, "model", upstream_model)
    if asked == upstream_model:
        return body
    return replace_top_level_string(body, "model", upstream_model)


_PASSED_ON = ("retry-after", "openai-processing-ms", "openai-version")


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in _PASSED_ON or name.startswith("x-ratelimit-")}


def _is_over(events: Sequence[ChatEvent], notes: ExchangeNotes) -> bool:
    """Whether these events end the stream; notes what they say about it."""
    for event in events:
        kind = type(event)
        if kind is UsageSeen:
            notes.prompt_tokens, notes.completion_tokens = event.usage.prompt_tokens, event.usage.completion_tokens  # type: ignore[union-attr]
        elif kind is Finished:
            notes.finish_reason, notes.end = event.finish_reason, "finished"  # type: ignore[union-attr]
            return True
        elif kind is Failed:
            _note_failure(notes, event.error)  # type: ignore[union-attr]
            return True
    return False


def _note_end(notes: ExchangeNotes, usage: Usage, finish_reason: str) -> None:
    notes.prompt_tokens, notes.completion_tokens = usage.prompt_tokens, usage.completion_tokens
    notes.finish_reason, notes.end = finish_reason, "finished"


def _note_failure(notes: ExchangeNotes, error: ProxyError) -> None:
    notes.end = "truncated" if isinstance(error, UpstreamBroken) else "failed"
    notes.error_kind, notes.error_message = error.kind, error.message
    notes.failures.append(error.kind)
