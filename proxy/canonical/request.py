"""What a client asks for, whatever language it asked in. Frozen values; nothing here knows a wire format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "developer", "user", "assistant", "tool"]
Effort = Literal["off", "on", "minimal", "low", "medium", "high", "xhigh", "max"]


CacheHint = Mapping[str, Any] | None
"""What an Anthropic client wrote as `cache_control`; only for upstreams that understand it."""


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str
    cache_hint: CacheHint = None


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture: either `data` (standard padded base64 without prefix, with its sniffed `mime`) or `url`. `place` as of documents.

    Attributes:
        detail: how closely to look, in OpenAI's words (`low`, `high`); `""` when that is left to the model.
    """

    mime: str = ""
    data: str = ""
    url: str = ""
    cache_hint: CacheHint = None
    place: str = field(default="", compare=False)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AudioPart:
    """Sound: `data` is standard padded base64, `format` the short name (`wav`, `mp3`). `place` as of documents."""

    format: str
    data: str
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document: either `data` (standard padded base64, with its `mime`) or `url`. `name` is its title or file name.

    Attributes:
        place: where in the client's request it stands (`messages[0].content[1]`), in the client's words; `""` where nobody knows.
    """

    mime: str = ""
    data: str = ""
    url: str = ""
    name: str = ""
    cache_hint: CacheHint = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """What the model thought in an earlier turn.

    Attributes:
        opaque: a signature, or what stands for thoughts that were hidden; only upstreams of the dialect `origin` understand it.
        redacted: whether `opaque` stands for the thoughts themselves, of which no text is known.
        is_loose: whether it is not known where among the words and calls of its turn it stood.
    """

    text: str
    opaque: str = ""
    origin: str = ""
    redacted: bool = False
    is_loose: bool = False


@dataclass(frozen=True, slots=True)
class RefusalPart:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call that the model made. `arguments` is JSON text, as the model wrote it; `opaque` a signature for upstreams of `origin`."""

    id: str
    name: str
    arguments: str
    opaque: str = ""
    origin: str = ""
    cache_hint: CacheHint = None


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """The answer to the call `call_id`; `parts` are what it says and shows."""

    call_id: str
    name: str
    parts: tuple[TextPart | ImagePart | AudioPart | FilePart, ...]
    is_error: bool = False
    cache_hint: CacheHint = None


Part = TextPart | ImagePart | AudioPart | FilePart | ReasoningPart | RefusalPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Results of tools stand in messages of role `tool`, one `ToolResultPart` each."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is a JSON schema, passed on as it came.

    Attributes:
        strict: whether the arguments must fit the schema.
        may_loosen: whether that goes unsaid where the schema breaks the upstream's rules for strict ones: OpenAI's clients know OpenAI's,
            and hear of what breaks them, while others follow rules of their own.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    cache_hint: CacheHint = None
    may_loosen: bool = False


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """`json` (any object) or `json_schema` with its `schema`. Free text is the absence of a format."""

    kind: Literal["json", "json_schema"]
    schema: Mapping[str, Any] | None = None
    name: str = "response"
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. `None` means that the client did not say: never send a default in its place."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repeat_penalty: float | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued.

    Attributes:
        model: the name as the client asked for it; answers echo it.
        tool_choice: OpenAI's words: `none`, `auto`, `required`, or `{"type": "function", "function": {"name": ...}}`.
        reasoning: how hard to think; `None` when the client did not say.
        reasoning_budget: how many tokens may be thought at most.
        hides_reasoning: whether the client wants no text of the thoughts.
        names_stops: whether the client is told which stop sequence ended the answer. Where an upstream does not tell, the gateway looks for
            all of them itself, and the upstream gets none.
        extra: options that only some upstreams know: Ollama's (`num_ctx`, `keep_alive_s`), durations in seconds, Gemini's and OpenAI's own.
        others: requests that are answered along with this one, by further choices of the same answer.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning: Effort | None = None
    reasoning_budget: int | None = None
    hides_reasoning: bool = False
    names_stops: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    user: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[ChatRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """A text to be continued without a chat template (`/v1/completions`, Ollama's `raw` and `suffix`).

    Attributes:
        is_finished: whether the client has put it into the model's own template already (Ollama's `raw`).
        others: as in `ChatRequest`.
    """

    model: str
    prompt: str
    suffix: str | None = None
    stream: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    user: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_finished: bool = False
    others: tuple[PromptRequest, ...] = ()
