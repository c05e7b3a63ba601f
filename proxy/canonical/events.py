"""The canonical answer, step by step: eight events, the grammar that a legal stream obeys, and what holds several of them.

    Started (PartOpened PartDelta* PartClosed)* Finished

`Failed` may replace the rest at any point, also while a part is open, and stands alone when the upstream failed before it began.
`UsageSeen` (cumulative, the last one wins) may come anywhere after `Started`, also inside a part, up to `Finished`; `KeepAlive` may come
anywhere. One part is open at a time; the ids of an answer's tool calls differ. `grammar.py` checks all this in tests. Events are made in
great numbers: they are plain slotted values, treated as immutable by all who get them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from proxy.canonical.completion import FinishReason, Usage
from proxy.errors import ProxyError

PartKind = Literal["text", "reasoning", "tool_call", "refusal"]


@dataclass(slots=True)
class Started:
    """The upstream began to answer. `id` is never empty; `model` and `created` are what the upstream said, or empty and 0.

    `stand_in` is the model that answers where it is another one than the name asked for leads to: a fallback.
    """

    id: str
    model: str = ""
    created: int = 0
    stand_in: str = ""


@dataclass(slots=True)
class PartOpened:
    """A part begins. Tool calls carry the `id` and `name` of the call."""

    kind: PartKind
    id: str = ""
    name: str = ""


@dataclass(slots=True)
class PartDelta:
    """More of the open part: text, or a fragment of a tool call's arguments. `logprobs` are OpenAI's `logprobs.content` items for it.

    The fragments of a tool call's arguments are what the model wrote. A call without arguments has `{}`; else they may be invalid JSON when
    the part closes: the model was cut off (`Finished` says one of `CUT_OFF`) or wrote nonsense (any other reason). What is to be done about
    that is the client dialects' business, and can be told only when `Finished` is there.
    """

    text: str
    logprobs: Sequence[dict[str, Any]] | None = None


@dataclass(slots=True)
class PartClosed:
    """The open part is complete. `opaque`, `origin` and `redacted` are as in `ReasoningPart`: they must come back with the part."""

    opaque: str = ""
    origin: str = ""
    redacted: bool = False


@dataclass(slots=True)
class UsageSeen:
    usage: Usage


@dataclass(slots=True)
class Finished:
    """The model ended by itself. `raw_reason` is the upstream's word; `stop_sequence` the one that matched, when known."""

    finish_reason: FinishReason
    raw_reason: str = ""
    stop_sequence: str = ""


@dataclass(slots=True)
class Failed:
    """The answer ended in an error; nothing follows."""

    error: ProxyError


@dataclass(slots=True)
class KeepAlive:
    """The upstream is silent, but still there."""


@dataclass(slots=True)
class OfChoice:
    """What one of several answers told that are given as one. Around it there are only events of all of them: `KeepAlive`, `Failed`, and at
    the end `UsageSeen` and `Finished`.
    """

    choice: int
    events: Sequence[ChatEvent]


ChatEvent = Started | PartOpened | PartDelta | PartClosed | UsageSeen | Finished | Failed | KeepAlive | OfChoice
