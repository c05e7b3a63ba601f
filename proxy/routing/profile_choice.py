"""What the server takes that a model is on, before anything was learnt of it: `profile_of`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from proxy.canonical.catalog import ModelCard
from proxy.profiles import (
    ANTHROPICS_HOST,
    DIALECT_PROFILES,
    ENTRY_MARKS,
    GENERIC,
    HOSTS,
    MODEL_VARIANTS,
    NARROWED,
    OWNERS,
    PROFILES,
    REASONING_MODELS,
    REASONING_VARIANTS,
    UNLISTED_PARAMETERS,
    Profile,
)
from proxy.routing.claude_choice import as_listed

AUTO = "auto"


def profile_of(base_url: str, configured: str, card: ModelCard | None, upstream_model: str, dialect: str = "openai") -> Profile:
    """The profile of a model before anything was learnt: what the operator says, else by dialect, by host, by marks of the model's entry.

    Raises:
        ValueError: nobody knows the configured profile.
    """
    name = checked_profile(configured) or DIALECT_PROFILES.get(dialect) or _by_host(base_url) or _by_entry(card) or GENERIC
    model = upstream_model.rpartition("/")[2].lower()
    profile = PROFILES[next((variant for pattern, variant in MODEL_VARIANTS.get(name, ()) if pattern.search(model)), name)]
    if name in REASONING_VARIANTS:
        efforts = next((efforts for pattern, efforts in REASONING_MODELS if pattern.match(model)), None)
        if efforts is not None:
            profile = replace(PROFILES[REASONING_VARIANTS[name]], efforts=efforts)
    if profile.unsigned_thoughts and ("claude" in model or urlsplit(base_url).hostname == ANTHROPICS_HOST):
        profile = replace(profile, unsigned_thoughts=False)
    if name == "anthropic" and card is not None:
        return as_listed(profile, card.raw)
    if name == "gemini" and card is not None:
        return _with_listed_limit(profile, card)
    return _narrowed(profile, card) if name in NARROWED and card is not None and card.parameters else profile


def checked_profile(configured: str) -> str:
    """The configured profile's name, `""` when it is to be found out.

    Raises:
        ValueError: nobody knows it.
    """
    name = configured.strip().lower()
    if name in ("", AUTO):
        return ""
    if name not in PROFILES:
        raise ValueError(f"must be one of {AUTO}, {', '.join(PROFILES)}; no kind of server is called {configured!r}")
    return name


def _by_host(base_url: str) -> str | None:
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return next((name for known, name in HOSTS.items() if host == known or host.endswith(f".{known}")), None)


def _by_entry(card: ModelCard | None) -> str | None:
    if card is None:
        return None
    for marks, name in ENTRY_MARKS:
        if all(_has(card.raw, mark) for mark in marks):
            return name
    return OWNERS.get(card.owned_by)


def _has(entry: Mapping[str, Any], mark: str) -> bool:
    key, _, below = mark.partition(".")
    inner = entry.get(key)
    return _has(inner, below) if below and isinstance(inner, dict) else not below and key in entry


def _with_listed_limit(profile: Profile, card: ModelCard) -> Profile:
    """`profile` with what Gemini's list says of the longest answer. Source: https://ai.google.dev/api/models, `outputTokenLimit`."""
    limit = card.raw.get("outputTokenLimit")
    return replace(profile, output_limit=limit) if type(limit) is int and limit > 0 else profile


def _narrowed(profile: Profile, card: ModelCard) -> Profile:
    """`profile` without what the upstream says that this model does not take."""
    takes = card.parameters or frozenset()
    schema, any_format = "structured_outputs" in takes, "response_format" in takes
    return replace(
        profile,
        params=MappingProxyType({ours: wire for ours, wire in profile.params.items() if wire in takes or wire in UNLISTED_PARAMETERS}),
        max_tokens="max_completion_tokens" if "max_tokens" not in takes and "max_completion_tokens" in takes else profile.max_tokens,
        stop_limit=profile.stop_limit if "stop" in takes else 0,
        reasoning=profile.reasoning if takes & {"reasoning", "include_reasoning"} else "none",
        efforts=_listed_efforts(card) or profile.efforts,
        json_schema=schema,
        json_mode="json_object" if any_format else "json_schema" if schema else "prompt",
        logprobs="logprobs" in takes,
        tools="tools" in takes,
    )


def _listed_efforts(card: ModelCard) -> tuple[str, ...]:
    reasoning = card.raw.get("reasoning")
    efforts = reasoning.get("supported_efforts") if isinstance(reasoning, dict) else None
    return tuple(word for word in efforts if isinstance(word, str)) if isinstance(efforts, list) else ()
