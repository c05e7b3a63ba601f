"""What a model of Anthropic's takes: by its family, and by what Anthropic's list says of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.canonical.catalog import ModelCard
from proxy.profiles import CLAUDE_FAMILIES, PROFILES, Profile

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")


def claude_profile(card: ModelCard | None, upstream_model: str) -> Profile:
    """The profile of the model's family; where the upstream lists what the model can do, that counts."""
    name = upstream_model.lower()
    family = next((family for pattern, family in CLAUDE_FAMILIES if pattern.search(name)), "anthropic")
    profile = PROFILES[family]
    return profile if card is None else _as_listed(profile, card.raw)


def _as_listed(profile: Profile, entry: Mapping[str, Any]) -> Profile:
    """Source: https://platform.claude.com/docs/en/api/models/list, `max_tokens` and `capabilities`."""
    limit = entry.get("max_tokens")
    if type(limit) is int and limit > 0:
        profile = replace(profile, output_limit=limit)
    can = entry.get("capabilities")
    if not isinstance(can, dict):
        return profile
    schema = _answer(can, "structured_outputs")
    if schema is not None:
        profile = replace(profile, json_schema=schema)
    return _with_listed_thinking(profile, can)


def _with_listed_thinking(profile: Profile, can: Mapping[str, Any]) -> Profile:
    if _answer(can, "thinking") is False:
        return replace(profile, reasoning="none", efforts=())
    thinking = can.get("thinking")
    types = thinking.get("types") if isinstance(thinking, dict) else None
    if not isinstance(types, dict):
        return profile
    if _answer(types, "adaptive"):
        efforts = _listed_efforts(can) or tuple(word for word in profile.efforts if word != "none")
        return replace(profile, reasoning="adaptive", efforts=(*(word for word in profile.efforts if word == "none"), *efforts))
    return replace(profile, reasoning="budget") if _answer(types, "enabled") else profile


def _listed_efforts(can: Mapping[str, Any]) -> tuple[str, ...]:
    effort = can.get("effort")
    return tuple(word for word in _EFFORTS if isinstance(effort, dict) and _answer(effort, word))


def _answer(can: Mapping[str, Any], name: str) -> bool | None:
    """Whether a capability is there, `None` when nothing is said of it."""
    said = can.get(name)
    supported = said.get("supported") if isinstance(said, dict) else said
    return supported if isinstance(supported, bool) else None
