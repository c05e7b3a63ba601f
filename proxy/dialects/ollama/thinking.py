"""Reads `think`. Pure."""

from __future__ import annotations

from typing import cast

from proxy.canonical.request import Effort
from proxy.wire.golang import quoted

_LEVELS = ("high", "medium", "low", "max")
_ALLOWED = '"high", "medium", "low", "max", true, or false'


def effort(think: object) -> Effort:
    """How hard to think. Raises `ValueError` in Ollama's words. Source: `api/types.go` `ThinkValue.UnmarshalJSON`."""
    if isinstance(think, bool):
        return "on" if think else "off"
    if not isinstance(think, str):
        raise ValueError(f"think must be a boolean or string ({_ALLOWED})")
    if think not in _LEVELS:
        raise ValueError(f"invalid think value: {quoted(think)} (must be {_ALLOWED})")
    return cast(Effort, think)
