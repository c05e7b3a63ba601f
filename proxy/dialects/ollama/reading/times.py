"""Times as Ollama writes them. Pure."""

from __future__ import annotations

from datetime import datetime


def unix_s(text: object) -> int:
    """Seconds since the epoch; 0 for what is no time."""
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp())) if isinstance(text, str) else 0
    except (ValueError, OverflowError):
        return 0
