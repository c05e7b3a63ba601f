"""Log probabilities as Gemini tells them -> OpenAI's items. Pure."""

from __future__ import annotations

from typing import Any


def logprob_items(result: object) -> list[dict[str, Any]]:
    """The items of a candidate's `logprobsResult`; none where it has no whole list of tokens."""
    if not isinstance(result, dict):
        return []
    chosen, top = result.get("chosenCandidates"), result.get("topCandidates")
    if not isinstance(chosen, list):
        return []
    others = top if isinstance(top, list) and len(top) == len(chosen) else [None] * len(chosen)
    items = [_item(token, _alternatives(more)) for token, more in zip(chosen, others, strict=True)]
    return [item for item in items if item] if all(items) else []


def _alternatives(step: object) -> list[dict[str, Any]]:
    candidates = step.get("candidates") if isinstance(step, dict) else None
    found = [_token(candidate) for candidate in candidates] if isinstance(candidates, list) else []
    return [token for token in found if token]


def _item(candidate: object, alternatives: list[dict[str, Any]]) -> dict[str, Any] | None:
    token = _token(candidate)
    return token | {"top_logprobs": alternatives} if token else None


def _token(candidate: object) -> dict[str, Any] | None:
    if not isinstance(candidate, dict):
        return None
    # A probability of 1 has the logarithm 0, which is left out on the wire as all zeros are.
    text, logprob = candidate.get("token", ""), candidate.get("logProbability", 0.0)
    if not isinstance(text, str) or not isinstance(logprob, int | float):
        return None
    return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "replace"))}
