"""What Gemini takes beside the conversation and its `generationConfig`. Data. Pure.

But for tiers, no other kind of server has words for these. They stand in `ChatRequest.extra` under Gemini's names and as the client wrote
them: Gemini judges. Tiers stand there under the same name when they are OpenAI's. Others are asked without them, but for the part of a
conversation that Google's servers keep: what is left would be answered as if that had never been said.

Source: google-genai 3.4.0, `models.py`, `_GenerateContentConfig_to_mldev`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from proxy.errors import InvalidRequest

SERVICE_TIER: Final = "serviceTier"
CACHED_CONTENT: Final = "cachedContent"

GOOGLE_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "safetySettings": "safety_settings",
        CACHED_CONTENT: "cached_content",
        "labels": "labels",
        SERVICE_TIER: "service_tier",
    }
)
"""How Google's JSON calls each, and how its Python library does."""


def refuse_cached_content(extra: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` of a request of which Google's servers keep a part: for servers that do not have it."""
    if CACHED_CONTENT in extra:
        why = "names a part of the conversation that Google's servers keep, and this model is not reached in Gemini's own language"
        raise InvalidRequest(f"'{CACHED_CONTENT}' {why}: send what it holds", param=CACHED_CONTENT)
