"""Requests with what only OpenAI's clients wish of the form of their answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.canonical.request import ChatRequest, PromptRequest


@dataclass(frozen=True, slots=True)
class AskedChat(ChatRequest):
    """A request to `/v1/chat/completions`.

    Attributes:
        wants_usage: whether the stream shall end with a chunk of token counts.
        speaks_functions: whether calls are to be told as `function_call`, as those who sent `functions` know them.
    """

    wants_usage: bool = False
    speaks_functions: bool = False


@dataclass(frozen=True, slots=True)
class AskedPrompt(PromptRequest):
    """A request to `/v1/completions`.

    Attributes:
        wants_usage: as in `AskedChat`.
        echoes: whether the answer shall begin with the prompt.
    """

    wants_usage: bool = False
    echoes: bool = False


@dataclass(frozen=True, slots=True)
class AskedEmbeddings(EmbeddingsRequest):
    """A request to `/v1/embeddings`; `encoding` is the form of the vectors."""

    encoding: Literal["float", "base64"] = "float"
