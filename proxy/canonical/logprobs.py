"""Log probabilities of tokens, as they are told to clients. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# OpenAI's own value for a token that is as good as impossible. llama.cpp writes null there, for JSON has no infinity.
_IMPOSSIBLE: Final = -9999.0


def told_token(item: Mapping[str, Any]) -> dict[str, Any]:
    """The token of an item and its log probability: a text and a number, whatever the upstream left out."""
    logprob = item.get("logprob")
    return {"token": item.get("token") or "", "logprob": _IMPOSSIBLE if logprob is None else logprob}
