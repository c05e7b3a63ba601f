"""What Gemini takes beside the conversation and its `generationConfig`. Data. Pure.

But for tiers, no other kind of server has words for these. They stand in `ChatRequest.extra` under Gemini's names and as the client wrote
them: Gemini judges. Tiers stand there under the same name when they are OpenAI's.

Source: google-genai 3.4.0, `models.py`, `_GenerateContentConfig_to_mldev`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SERVICE_TIER: Final = "serviceTier"

GOOGLE_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "safetySettings": "safety_settings",
        "cachedContent": "cached_content",
        "labels": "labels",
        SERVICE_TIER: "service_tier",
    }
)
"""How Google's JSON calls each, and how its Python library does."""
