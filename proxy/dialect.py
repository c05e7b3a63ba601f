"""What a dialect must offer: endpoints for the clients that speak it, an egress for the upstreams that do. It may have only one half.

Both are made of plain modules and small machines without I/O: bytes in, events out; events in, bytes out. The gateway moves the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import eq
from typing import Any, Protocol

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult, ModelCard
from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent
from proxy.canonical.request import ChatRequest, PromptRequest
from proxy.errors import ProxyError, UpstreamBroken, UpstreamError, UpstreamRefused
from proxy.profiles import Profile
from proxy.routing import Route
from proxy.wire.messages import Purpose, UpstreamCall

Payload = dict[str, Any]
# A whole answer that is larger is none: each takes twice its size of a worker's memory. Vectors for many texts are long.
MAX_TEXT_BYTES = 32 * 1024 * 1024
MAX_VECTORS_BYTES = 256 * 1024 * 1024

TextRequest = ChatRequest | PromptRequest


class Stopwatch(Protocol):
    """The clock of one exchange; pure code gets its time from here."""

    def time_ns(self) -> int:
        """Wall clock, nanoseconds since the epoch."""

    def elapsed_ns(self) -> int:
        """Nanoseconds since the request came in, by a clock that never goes back."""


class StreamReader(Protocol):
    """Reads one upstream stream. Cuts between chunks have no meaning; an empty chunk says that the upstream is silent."""

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """The events that `chunk` completes; `[KeepAlive()]` for an empty chunk. After `Failed` or `Finished` it returns nothing more."""

    def close(self) -> list[ChatEvent]:
        """The events that the end of the bytes completes: the rest up to `Finished`, or `Failed` when the stream was cut."""


class StreamRenderer(Protocol):
    """Writes one client stream.

    Attributes:
        failure: the error that the renderer itself had to end the stream with, because the dialect cannot say what the model said.
    """

    failure: ProxyError | None

    def render(self, events: Sequence[ChatEvent]) -> bytes:
        """The bytes for these events, `b""` when they give the client nothing to read yet. Never called after `Finished` or `Failed`."""


@dataclass(frozen=True, slots=True)
class TextEndpoint:
    """One endpoint that makes text: how its requests are read and its answers written.

    Attributes:
        name: for logs and metrics, `<dialect>.<word>`.
        parse: decoded JSON -> request. Raises `InvalidRequest`.
        answer_locally: the whole JSON answer when no model has to be asked (Ollama's load and unload), else `None`.
        admit: raises when the card says that the model lacks what the request needs; the card is `None` for unlisted models.
        stream_type, whole_type: content types.
        render_error: the body of an error answer, before a stream has begun.
    """

    name: str
    parse: Callable[[Payload], TextRequest]
    answer_locally: Callable[[TextRequest, Stopwatch], bytes | None]
    admit: Callable[[TextRequest, ModelCard | None], None]
    stream_renderer: Callable[[TextRequest, Stopwatch], StreamRenderer]
    render_completion: Callable[[Completion, TextRequest, Stopwatch], bytes]
    render_error: Callable[[ProxyError], bytes]
    stream_type: str
    whole_type: str


@dataclass(frozen=True, slots=True)
class CountEndpoint:
    """One endpoint that counts the tokens of a request. The fields mean what they mean in `TextEndpoint`.

    Attributes:
        estimate: about how many tokens it has, for upstreams that do not count.
        estimate_unread: the same of a payload in which something cannot be read that such upstreams can.
        render_count: writes the answer.
    """

    name: str
    parse: Callable[[Payload], ChatRequest]
    estimate: Callable[[ChatRequest], int]
    estimate_unread: Callable[[Payload], int]
    render_count: Callable[[int], bytes]
    render_error: Callable[[ProxyError], bytes]
    whole_type: str


class Reach(Enum):
    """Which of an upstream's replicas are to do what a call asks for."""

    ANY = "one that is well"
    ALL = "each of them"
    HOLDERS = "each that has the model; the others have nothing to do"


class RelayReader(Protocol):
    """Watches a stream that is handed on untouched: what it cost, and whether it came to its own end.

    Attributes:
        failure: the error that the upstream itself told the client in the stream; known after `close`.
    """

    failure: ProxyError | None

    @property
    def usage(self) -> Usage:
        """The tokens that the stream has reported so far."""

    @property
    def finish_reason(self) -> str:
        """The upstream's word, `""` when none came."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to hand on now. A record that is not complete may wait; an empty chunk gives nothing."""

    def sign_of_life(self) -> bytes:
        """What tells the client of a silent upstream that somebody is there: a record of its own, to be added after the last byte that was
        handed on. `b""` where that is in the midst of a record, or behind the end, and for streams that know no such thing.
        """

    def close(self) -> bytes:
        """The bytes that waited, when the stream came to its own end.

        Raises:
            UpstreamError: the stream was cut, or ended with an error in a way that clients do not hear.
        """

    def render_failure(self, error: ProxyError) -> bytes:
        """The dialect's error record, to be added after the last byte that was handed on."""


def says_model(_: Payload) -> str:
    """`model`, where nothing else can be meant."""
    return "model"


def refuses_nothing(_: bytes) -> UpstreamRefused | None:
    """`None`: where an error in place of an answer has a status of its own."""
    return None


def says_stream(payload: Payload) -> bool:
    """Whether a payload says `"stream": true`."""
    return payload.get("stream") is True


def fits_always(_: bytes) -> None:
    """`None`: whatever JSON it is, clients judge it themselves."""


def is_no_stream(_: bytes, __: Payload) -> bytes:
    """Raises `UpstreamBroken`: there is no way to say in a stream what came whole."""
    raise UpstreamBroken("the upstream answered in one piece where a stream was asked for, too late to hand that on; ask again")


@dataclass(frozen=True, slots=True)
class RelayEndpoint:
    """One endpoint whose upstream speaks the client's own language.

    Attributes:
        dialect: whose upstreams can be asked so.
        path: the upstream's path.
        passed_headers: which headers of the client the upstream gets, by their lower-case names.
        passed_query: which members of the client's query the upstream gets.
        answer_headers: which headers of the upstream the client gets beside those of rate limits, by their lower-case names.
        model_key: under which key of a payload the model's name stands.
        same_model: whether the upstream takes two names for one model: then it gets the client's own, and answers with it.
        wants_stream: whether the answer to a payload is a stream.
        purpose: what it is for.
        is_optional: whether upstreams of the dialect may not have the path; what they answer with 404 or 405 is then translated.
        stream_type: the content type of streams, where the upstream has not said one yet.
        reader: makes the watcher of one stream.
        begins: whether an answer has begun to say something with these first lines of a stream; there may be more to come that do. Raises
            `UpstreamRefused` when they are an error, and `UpstreamBroken` when they are of nothing that a stream is made of.
        pruned: a payload without what an upstream of that profile would refuse because others made it; `None` where there is nothing of
            that. No function where there never is.
        keep_alive: what tells the client of a stream that has not begun that somebody is there.
        refusal_in: the error that a whole answer with a status of success is, if it is one.
        usage_of: the tokens that a whole answer reports.
        affinity_key: the key of a request (`proxy.canonical.affinity`) by its payload and the upstream's name of its model.
        misfit_in: the error that a whole answer is that nobody can take for an answer to such a request, if it is one.
        as_stream: a whole answer as the stream that a payload asked for, where the head of a stream has gone out. Raises `UpstreamBroken`.
        max_bytes: of a whole answer.
        echoes_model: whether answers tell the name that the client asked for, where it is not the upstream's; streams are lines of JSON.
    """

    name: str
    dialect: str
    path: str
    reader: Callable[[], RelayReader]
    begins: Callable[[bytes], bool]
    keep_alive: bytes
    usage_of: Callable[[bytes], Usage]
    affinity_key: Callable[[Payload, str], bytes]
    render_error: Callable[[ProxyError], bytes]
    passed_headers: tuple[str, ...] = ()
    passed_query: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ("retry-after",)
    model_key: Callable[[Payload], str] = says_model
    same_model: Callable[[str, str], bool] = eq
    wants_stream: Callable[[Payload], bool] = says_stream
    purpose: Purpose = Purpose.CHAT
    is_optional: bool = False
    stream_type: str = "text/event-stream"
    pruned: Callable[[Payload, Profile], Payload | None] | None = None
    refusal_in: Callable[[bytes], UpstreamRefused | None] = refuses_nothing
    misfit_in: Callable[[bytes], UpstreamError | None] = fits_always
    as_stream: Callable[[bytes, Payload], bytes] = is_no_stream
    max_bytes: int = MAX_TEXT_BYTES
    echoes_model: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingsEndpoint:
    """One endpoint that makes vectors. The fields mean what they mean in `TextEndpoint`."""

    name: str
    parse: Callable[[Payload], EmbeddingsRequest]
    answer_locally: Callable[[EmbeddingsRequest, Stopwatch], bytes | None]
    render_result: Callable[[EmbeddingsResult, EmbeddingsRequest, Stopwatch], bytes]
    render_error: Callable[[ProxyError], bytes]
    whole_type: str


class Egress(Protocol):
    """How upstreams of a dialect are asked and read: the module `dialects/<name>/egress.py`.

    Attributes:
        name: the dialect.
        headers: that all requests to its upstreams have (`anthropic-version`).
    """

    name: str
    headers: Mapping[str, str]

    def key_headers(self, key: str, host: str) -> dict[str, str]:
        """The headers that show `key` to the server `host`."""

    def build_chat(self, request: ChatRequest, route: Route) -> UpstreamCall:
        """The call for a chat, with only what `route.profile` says the server takes."""

    def build_prompt(self, request: PromptRequest, route: Route) -> UpstreamCall:
        """The call for a plain continuation. Raises `NotSupported` for a finished prompt where servers only chat."""

    def stream_reader(self, route: Route, new_id: Callable[[], str]) -> StreamReader:
        """A reader for the answer to a streamed call; it also reads a whole JSON answer, should the server send one."""

    def read_completion(self, body: bytes, route: Route, new_id: Callable[[], str]) -> list[ChatEvent]:
        """The events of a whole answer, `Started` to `Finished`; the same reader as for streams."""

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """The upstream's error answer. Header names are lower-case. The message is one line without tags, keys and addresses."""

    def repair(self, error: UpstreamRefused, profile: Profile) -> Profile | None:
        """A profile that avoids what the upstream just refused, or `None` when the refusal is not about a parameter."""

    def build_embeddings(self, request: EmbeddingsRequest, route: Route) -> UpstreamCall:
        """The call for vectors."""

    def shorten(self, request: EmbeddingsRequest, error: UpstreamRefused) -> EmbeddingsRequest | None:
        """A request with shorter texts after the upstream found one too long; `None` when that is not what the refusal says."""

    def read_embeddings(self, body: bytes, request: EmbeddingsRequest) -> EmbeddingsResult:
        """Vectors in the order of the inputs. Raises `UpstreamRefused` for an error, `UpstreamBroken` when they do not match the inputs."""

    def build_models(self) -> UpstreamCall:
        """The call for the model list, or for its first page."""

    def read_models(self, body: bytes) -> list[ModelCard]:
        """The cards of all models of a page. Raises `UpstreamBroken` when the body is no model list."""

    def next_models(self, body: bytes) -> UpstreamCall | None:
        """The call for the page after this one, `None` after the last."""

    def build_count(self, request: ChatRequest, route: Route) -> UpstreamCall | None:
        """The call that counts the tokens of a request, `None` when such servers cannot."""

    def read_count(self, body: bytes) -> int:
        """The number of tokens. Raises `UpstreamBroken` when the body tells none."""
