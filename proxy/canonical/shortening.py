"""Texts that get shorter because an upstream found them too long to embed. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.errors import InvalidRequest, UpstreamRefused

_TOO_LONG: Final = re.compile(
    r"context[_ ](?:length|size|window)|too (?:long|large)|(?:maximum|max)\w*[_ ].{0,30}token|exceed\w* .{0,60}token"
    r"|must have less than \d+ tokens|token\w* .{0,40}exceed",
    re.IGNORECASE,
)
_LENGTH_STATUSES: Final = frozenset({400, 413, 422, 500})
# How many tokens there may be, and how many there were, in the words of OpenAI, vLLM, llama.cpp, TEI, NVIDIA and Mistral.
_LIMIT: Final = re.compile(
    r"(?:maximum (?:context length|allowed token size|input length|sequence length)(?: is| of)?|context (?:length|size)(?: is| of)?"
    r"|less than|exceeding max|batch size:|max(?:imum)?(?: of)?|limit(?: is| of)?)\D{0,12}(\d+)",
    re.IGNORECASE,
)
_GIVEN: Final = re.compile(r"(?:requested|given:?|input length|(?:input|request) \(|has|contains|you passed)\s*\(?(\d+)", re.IGNORECASE)
# A limit on all texts together, which shorter ones would not cure.
_OF_BATCH: Final = re.compile(r"tokens? per request|per batch|batch too large", re.IGNORECASE)
_CHARS_PER_TOKEN = 3
_MARGIN = 0.97


def shorten(request: EmbeddingsRequest, error: UpstreamRefused) -> EmbeddingsRequest | None:
    """A request with shorter texts after the upstream found one too long; `None` when that is not what the refusal says.

    The numbers in the refusal tell how much too long; without them the longest text loses half. The caller bounds the attempts.

    Raises:
        InvalidRequest: a text is too long, and the client does not want it shortened.
    """
    if not _is_about_length(error):
        return None
    if not request.truncate:
        raise InvalidRequest("the input length exceeds the context length", param="input", code="context_length_exceeded") from error
    longest = max(map(len, request.inputs))
    limit = _most_chars(longest, error.message)
    return replace(request, inputs=tuple(text[:limit] for text in request.inputs)) if longest > 1 else None


def _is_about_length(error: UpstreamRefused) -> bool:
    if error.code == "context_length_exceeded":
        return True
    words = error.message
    return error.upstream_status in _LENGTH_STATUSES and bool(_TOO_LONG.search(words)) and not _OF_BATCH.search(words)


def _most_chars(longest: int, words: str) -> int:
    """How many characters a text may keep, less than `longest`: as the tokens stand to each other, else by what a token is like."""
    limit, given = _LIMIT.search(words), _GIVEN.search(words)
    if limit and given and 0 < int(limit[1]) < int(given[1]):
        return max(1, int(longest * int(limit[1]) / int(given[1]) * _MARGIN))
    if limit and 0 < int(limit[1]) * _CHARS_PER_TOKEN < longest:
        return int(limit[1]) * _CHARS_PER_TOKEN
    return max(1, longest // 2)
