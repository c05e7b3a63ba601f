"""What is known of a model, and embeddings: the request and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

CAPABILITIES = ("completion", "tools", "insert", "vision", "embedding", "thinking", "image", "audio")
"""All that a card can say that a model does, in Ollama's words; some clients decode them into a closed set."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model as its upstream, a catalogue file and nothing else describe it. Unknown facts are `None`, `0` or empty.

    Attributes:
        id: the upstream's own name.
        created: unix seconds, 0 when unknown.
        capabilities: of Ollama's eight words; `None` when nothing says what the model can do (then everything is allowed).
        context_length: the window in tokens.
        parameters: names of request parameters that the upstream says the model takes (OpenRouter), or `None`.
        raw: the upstream's own entry.
        tag: the entry of an upstream that is an Ollama server, for Ollama's clients alone.
        has: of Ollama's words, what the model can do at least: for those who show models while `capabilities` is unknown.
    """

    id: str
    created: int = 0
    owned_by: str = ""
    capabilities: frozenset[str] | None = None
    context_length: int | None = None
    embedding_length: int | None = None
    parameter_count: int | None = None
    size_bytes: int | None = None
    family: str = ""
    quantization: str = ""
    description: str = ""
    parameters: frozenset[str] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    tag: Mapping[str, Any] = field(default_factory=dict)
    has: frozenset[str] = frozenset()


# The end of the year 9999. A server that counts in milliseconds is beyond it.
_LAST_SECOND: Final = 253_402_300_799


def made_at(card: ModelCard) -> str:
    """When the model was made, as a date; the epoch where nobody knows: clients fail to decode a list with an empty one."""
    created = card.created if 0 <= card.created <= _LAST_SECOND else 0
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model under a name that clients can use.

    Attributes:
        card: what is known of it; its id is the upstream's own name.
        origin: tells the upstream that has it from others, and says nothing else of it.
    """

    name: str
    card: ModelCard
    origin: str


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """Texts to embed. `truncate` says whether a text that is too long may be shortened; `normalize` whether vectors must have length 1."""

    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    truncate: bool = True
    normalize: bool = True


@dataclass(frozen=True, slots=True)
class EmbeddingsResult:
    """One vector per input, in the order of the inputs. `stand_in` is as in an answer's `Started`."""

    vectors: tuple[Sequence[float], ...]
    prompt_tokens: int | None = None
    stand_in: str = ""
