"""What Anthropic's list says that a model takes -> a profile that heeds it. Pure.

Source: https://platform.claude.com/docs/en/api/models/list, `max_tokens` and `capabilities`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from proxy.profiles import Profile

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")


def as_listed(profile: Profile, entry: Mapping[str, Any]) -> Profile:
    """`profile` with what the model's `entry` says, where it says something."""
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
    if _answer(types, "disabled") is False:
        profile = replace(profile, efforts=tuple(word for word in profile.efforts if word != "none"))
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
