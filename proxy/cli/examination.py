"""Questions to an upstream, asked as the gateway asks them, and what the answers mean for clients. `check` prints the findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from proxy.canonical.catalog import EmbeddingsRequest, ModelCard
from proxy.canonical.completion import Completion
from proxy.canonical.events import ChatEvent, Failed, PartDelta, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import ChatRequest, Message, Sampling, TextPart, Tool, ToolCallPart
from proxy.cli.base_url import NoAnswer, is_foreign, is_refused_key, list_models, read_whole
from proxy.cli.spoken import Spoken
from proxy.dialects.registry import api_of
from proxy.errors import NotSupported, ProxyError, UpstreamRefused
from proxy.gateway import MAX_REPAIRS, Upstream
from proxy.gateway.foreign import kind_of
from proxy.key_names import KeyNames
from proxy.routing import Route, ShownModels
from proxy.wire.messages import UpstreamCall

T = TypeVar("T")

_MAX_TOKENS = 64
# What an answer that came whole calls itself; lines of JSON, as Ollama streams them, have a type of their own.
_WHOLE = "application/json"
_NO_CHAT = re.compile(r"embed|rerank|whisper|transcribe|tts|speech|audio|realtime|dall-e|image|moderation|guard|ocr", re.IGNORECASE)
_FOR_EMBEDDINGS = re.compile(r"embed|\bbge|\be5-|minilm", re.IGNORECASE)
_WEATHER = Tool(
    name="get_weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question. `hint` says what to do when it is not `ok`."""

    question: str
    verdict: Literal["ok", "warning", "failed", "skipped"]
    finding: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined, and how it is asked.

    Attributes:
        route_to: where a request for a model goes.
        diagnose: why there is no connection, and what to do about it.
        takes_chats: whether something reads chats at the configured address.
        better_url: a base URL that leads to an API, when the configured one does not; `""` when none is found.
        spoken_instead: the dialect that the server speaks instead of the configured one, and where; `None` when none is found.
        key_names: what advice is to call the keys of the configuration.
        clients_bring_keys: whether the gateway has no key of its own, but hands on its clients'.
        model, embedding_model: the ones to ask, by the server's names; `""` to choose from its list.
        patience_s: longest wait for the list of models; other answers may take as long as the client's timeouts let them.
        shown: the models that clients may use, by the server's names. No other one is chosen.
    """

    upstream: Upstream
    route_to: Callable[[str, ModelCard | None], Route]
    diagnose: Callable[[], tuple[str, str]]
    takes_chats: Callable[[], bool]
    better_url: Callable[[], str]
    spoken_instead: Callable[[], Spoken | None]
    key_names: KeyNames
    clients_bring_keys: bool
    model: str
    embedding_model: str
    patience_s: float
    shown: ShownModels


_SHUT = "the server lets nobody in"
FOR_CLIENTS_ONLY = Finding("key", "skipped", "the server wants a key, and clients are to bring their own")


def examine(subject: Subject) -> Iterator[Finding]:
    """The findings, in the order in which one question leads to the next."""
    cards: Sequence[ModelCard] = ()
    trouble: ProxyError | None = None
    try:
        cards = list_models(subject.upstream, subject.patience_s)
    except NoAnswer:
        yield Finding("reachable", "failed", *subject.diagnose())
        yield from _skipped("the server was not reached", "base URL", "key", "models", *_OF_A_MODEL)
        return
    except ProxyError as error:
        trouble = error
    yield Finding("reachable", "ok", "the server answers")
    if is_refused_key(trouble):
        if spoken := subject.spoken_instead():
            yield from _wrong_dialect(spoken, subject)
            return
        yield from _skipped(_SHUT, "base URL")
        yield _refused_key(subject, trouble)
        why_no_list = "the server shows its list to a key; each client's own is asked with" if subject.clients_bring_keys else _SHUT
        yield from _skipped(why_no_list, "models")
        yield from _skipped(_SHUT, *_OF_A_MODEL)
    else:
        yield from _examine_models(subject, cards, trouble)


_OF_A_MODEL = ("chat", "streaming", "usage in streams", "tools", "embeddings")


def _examine_models(subject: Subject, listed: Sequence[ModelCard], trouble: ProxyError | None) -> Iterator[Finding]:
    cards = [card for card in listed if card.id in subject.shown]
    model = subject.model or _best_for_chat(cards)
    examined = _Model(subject, model, next((card for card in cards if card.id == model), None))
    chat_trouble = examined.try_chat() if model else None
    chat_is_foreign = is_foreign(chat_trouble) if model else True
    if chat_is_foreign and (spoken := subject.spoken_instead()):
        yield from _wrong_dialect(spoken, subject)
        return
    if trouble is not None and is_foreign(trouble) and chat_is_foreign and not subject.takes_chats():
        yield _wrong_url(trouble, subject.better_url(), subject)
        yield from _skipped("this is not the API's address", "key", "models", *_OF_A_MODEL)
        return
    chats = bool(model) and chat_trouble is None
    yield from _findings_before_models(subject, trouble, chat_trouble, chats)
    yield _list_finding(cards, len(listed) - len(cards), trouble, model)
    if not model:
        yield from _skipped("there is no model to ask; name one with --model", *_OF_A_MODEL[:-1])
    elif chat_trouble is not None:
        yield Finding("chat", "failed", chat_trouble.message, _hint_for_chat(chat_trouble, model))
        yield from _skipped("there was no chat", *_OF_A_MODEL[1:-1])
    else:
        yield Finding("chat", "ok", f"{model} answers")
        yield from examined.examine_stream()
        yield examined.examine_tools()
    yield _examine_embeddings(subject, cards)


def _wrong_dialect(spoken: Spoken, subject: Subject) -> Iterator[Finding]:
    names = subject.key_names
    hint = f'Set {names.dialect} to "{spoken.dialect}", and {names.base_url} to {spoken.base_url}.'
    yield Finding("dialect", "failed", f"there is {api_of(spoken.dialect)} here, not {subject.upstream.api}", hint)
    yield from _skipped("the server was asked in another language", "base URL", "key", "models", *_OF_A_MODEL)


def _wrong_url(trouble: ProxyError, better: str, subject: Subject) -> Finding:
    if better:
        return Finding("base URL", "failed", f"the API is not here, but at {better}", f"Set {subject.key_names.base_url} to {better}.")
    if isinstance(trouble, UpstreamRefused) and 300 <= trouble.upstream_status < 400:
        return Finding("base URL", "failed", trouble.message, "Redirects are not followed: a key must not go where nobody sent it.")
    hint = "Look up the base URL in the server's documentation; it often ends in /v1. Leave out what follows, such as /chat/completions."
    return Finding("base URL", "failed", f"there is no {subject.upstream.api.partition(' ')[2]} at this URL", hint)


def _findings_before_models(
    subject: Subject, trouble: ProxyError | None, chat_trouble: ProxyError | None, chats: bool
) -> Iterator[Finding]:
    """Of the base URL and the key; neither is `ok` when all answers were failures that could come from anything."""
    was_judged = chat_trouble is None or (isinstance(chat_trouble, UpstreamRefused) and chat_trouble.upstream_status < 500)
    is_api = trouble is None or chats or (is_foreign(trouble) and was_judged)
    if is_api:
        yield Finding("base URL", "ok", "an API is there")
    else:
        yield from _skipped("the server's errors do not tell", "base URL")
    if is_refused_key(chat_trouble):
        yield _refused_key(subject, chat_trouble)
    elif is_api:
        yield Finding("key", "ok", "accepted" if trouble is None or chats else "nothing asked for one")
    else:
        yield from _skipped("the server's errors do not tell", "key")


def _hint_for_chat(trouble: ProxyError, model: str) -> str:
    if is_refused_key(trouble):
        return ""
    if is_foreign(trouble):
        return "The rest of the API is there: does this server serve chats? Some serve embeddings only."
    return f"Does the server have the model {model}? Name another with --model."


class _Model:
    """One model under examination. What it refuses once is left out afterwards, as the gateway does it."""

    def __init__(self, subject: Subject, model: str, card: ModelCard | None) -> None:
        self._upstream = subject.upstream
        self._model = model
        self._route = subject.route_to(model, card)

    def try_chat(self) -> ProxyError | None:
        """What stands in the way of a chat; `None` when nothing does."""
        try:
            self._complete(self._request("Say hello."))
        except ProxyError as error:
            return error
        return None

    def examine_stream(self) -> Iterator[Finding]:
        """Whether answers come in pieces, and whether their tokens are counted."""
        try:
            whole, events = self._with_repairs(self._stream)
        except ProxyError as error:
            yield Finding("streaming", "failed", error.message, "Clients that stream, which is most of them, will see this error.")
            yield from _skipped("there was no stream", "usage in streams")
            return
        if whole:
            yield Finding("streaming", "warning", "the answer comes in one piece", "Clients see nothing until it is complete.")
        else:
            pieces = sum(isinstance(event, PartDelta) for event in events)
            yield Finding("streaming", "ok", f"an answer in {pieces} pieces")
        counted = any(isinstance(event, UsageSeen) and event.usage.completion_tokens is not None for event in events)
        if counted:
            yield Finding("usage in streams", "ok", "tokens are counted")
        else:
            yield Finding(
                "usage in streams", "warning", "the server does not count tokens", "Clients are told of streams without token counts."
            )

    def examine_tools(self) -> Finding:
        """Whether the model calls a tool when a question cries for it."""
        request = self._request("What is the weather in Paris? Call the tool get_weather.", tools=(_WEATHER,))
        try:
            completion = self._complete(request)
        except ProxyError as error:
            return Finding("tools", "warning", error.message, "Agents will not work with this model. Try another with --model.")
        if any(isinstance(part, ToolCallPart) for part in completion.parts):
            return Finding("tools", "ok", "the model calls them")
        return Finding(
            "tools",
            "warning",
            "accepted, but the model called none",
            "A small model may not know how, or the server needs a switch for it.",
        )

    def _request(self, text: str, *, stream: bool = False, tools: tuple[Tool, ...] = ()) -> ChatRequest:
        question = Message("user", (TextPart(text),))
        return ChatRequest(self._model, (question,), stream=stream, tools=tools, sampling=Sampling(max_tokens=_MAX_TOKENS))

    def _complete(self, request: ChatRequest) -> Completion:
        egress = self._upstream.egress

        def attempt(route: Route) -> Completion:
            body = _fetch(self._upstream, egress.build_chat(request, route))
            return collect(egress.read_completion(body, route, _new_id))

        return self._with_repairs(attempt)

    def _stream(self, route: Route) -> tuple[bool, Sequence[ChatEvent]]:
        """Whether the answer came whole, and its events."""
        egress = self._upstream.egress
        reply = self._upstream.client.send(egress.build_chat(self._request("Count to ten.", stream=True), route))
        try:
            reader = egress.stream_reader(route, _new_id)
            events = [event for chunk in reply.chunks() for event in reader.feed(chunk)]
            events += reader.close()
        finally:
            reply.close()
        if events and isinstance(events[-1], Failed):
            raise events[-1].error
        return kind_of(reply).partition(";")[0].strip() == _WHOLE, events

    def _with_repairs(self, attempt: Callable[[Route], T]) -> T:
        for _ in range(MAX_REPAIRS):
            try:
                return attempt(self._route)
            except UpstreamRefused as refusal:
                profile = self._upstream.egress.repair(refusal, self._route.profile)
                if profile is None:
                    raise
                self._route = replace(self._route, profile=profile)
        return attempt(self._route)


def _examine_embeddings(subject: Subject, cards: Sequence[ModelCard]) -> Finding:
    model = subject.embedding_model or next((card.id for card in cards if _can_embed(card)), "")
    request = EmbeddingsRequest(model, ("hello",))
    egress = subject.upstream.egress
    try:
        call = egress.build_embeddings(request, subject.route_to(model, next((card for card in cards if card.id == model), None)))
    except NotSupported:
        return Finding("embeddings", "skipped", f"{subject.upstream.api} has none")
    if not model:
        return Finding("embeddings", "skipped", "no listed model looks like one for embeddings; name one with --embedding-model")
    try:
        result = egress.read_embeddings(_fetch(subject.upstream, call), request)
    except ProxyError as error:
        return Finding(
            "embeddings", "warning", error.message, "/api/embed will not work with this model. Try another with --embedding-model."
        )
    return Finding("embeddings", "ok", f"{model} makes vectors of {len(result.vectors[0])} numbers")


def _list_finding(cards: Sequence[ModelCard], hidden: int, trouble: ProxyError | None, model: str) -> Finding:
    if cards:
        return Finding("models", "ok", f"{len(cards)} listed{f', and {hidden} hidden' if hidden else ''}")
    if hidden:
        hint = "Clients see none of this server's models. Are the globs spelled as the server spells its names?"
        return Finding("models", "warning", f"all {hidden} are hidden by models.show or models.hide", hint)
    if trouble is None:
        verdict: Literal["warning", "failed"] = "warning" if model else "failed"
        return Finding("models", verdict, "the list is empty", "Load a model on the server. /api/tags has nothing to show until then.")
    if is_foreign(trouble):
        return Finding(
            "models", "warning", "the server has no list of models", "Clients must know the names: /api/tags has nothing to show."
        )
    return Finding("models", "warning", trouble.message, "/api/tags fails in the same way, until the server can tell.")


def _refused_key(subject: Subject, trouble: ProxyError | None) -> Finding:
    if subject.clients_bring_keys:
        return FOR_CLIENTS_ONLY
    said = trouble.message if trouble is not None else ""
    return Finding("key", "failed", said, f"{subject.key_names.set_key} a key of this server. A key for another server is refused too.")


def _best_for_chat(cards: Sequence[ModelCard]) -> str:
    """The first model that can chat, better still one that is known for tools; `""` when there is none."""
    able = [card for card in cards if _can_chat(card)]
    with_tools = [card for card in able if card.capabilities and "tools" in card.capabilities]
    return next((card.id for card in with_tools or able), "")


def _can_chat(card: ModelCard) -> bool:
    return "completion" in card.capabilities if card.capabilities is not None else not _NO_CHAT.search(card.id)


def _can_embed(card: ModelCard) -> bool:
    return "embedding" in card.capabilities if card.capabilities is not None else bool(_FOR_EMBEDDINGS.search(card.id))


def _skipped(reason: str, *questions: str) -> Iterator[Finding]:
    return (Finding(question, "skipped", reason) for question in questions)


def _fetch(upstream: Upstream, call: UpstreamCall) -> bytes:
    return read_whole(upstream.client.send(call))


def _new_id() -> str:
    """Ids of calls that came without one; nobody answers them here."""
    return "check"
