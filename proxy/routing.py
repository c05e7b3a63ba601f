"""The model a client asked for -> where it goes and what the server there takes: `ModelMap`, `profile_of`, `Route`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import translate
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

from proxy.canonical.catalog import ModelCard
from proxy.profiles import (
    ENTRY_MARKS,
    HOSTS,
    NARROWED,
    OWNERS,
    PROFILES,
    REASONING_MODELS,
    REASONING_VARIANTS,
    UNLISTED_PARAMETERS,
    Profile,
)

AUTO = "auto"
LATEST = ":latest"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `model` is the name asked for, `upstream_model` the name sent."""

    upstream: str
    model: str
    upstream_model: str
    profile: Profile


class ListedModels(Protocol):
    """The models that an upstream lists, as far as they are known."""

    def by_name(self, name: str) -> ModelCard | None:
        """The card of the model `name`: spelled exactly so if there is one, else in whatever case; at once, however many there are."""


class ModelMap:
    """The names that clients use -> the names that the upstream is asked by.

    Args:
        mapping: the operator's names, or globs over names -> upstream models. A name is looked up once: what it leads to is final.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        entries = (mapping or {}).items()
        self._aliases = MappingProxyType({name: target for name, target in entries if not _is_glob(name)})
        self._folded: dict[str, str] = {}
        for name, target in self._aliases.items():
            self._folded.setdefault(name.lower(), target)
        self._globs = tuple((re.compile(translate(name.lower())), target) for name, target in entries if _is_glob(name))

    def aliases(self) -> Mapping[str, str]:
        """The operator's exact names -> upstream models."""
        return self._aliases

    def upstream_model(self, name: str, listed: ListedModels) -> str:
        """The upstream's name for `name`: as the operator says, else as the upstream lists it, else as it stands.

        Ollama's clients see every model with a tag, so `x:latest` also means `x`, and the other way round. A name that nobody lists goes
        to the upstream without `:latest`: few but Ollama have such a tag, and its own server takes both for one model.
        """
        name = name.strip()
        spellings = _spellings(name)
        mapped = self._mapped(spellings)
        if mapped is not None:
            return mapped
        for spelling in spellings:
            card = listed.by_name(spelling)
            if card is not None:
                return card.id
        return _without_latest(name)

    def _mapped(self, spellings: tuple[str, ...]) -> str | None:
        if not self._folded and not self._globs:
            return None
        for spelling in spellings:
            target = self._aliases.get(spelling) or self._folded.get(spelling.lower())
            if target:
                return target
        names = [spelling.lower() for spelling in spellings]
        return next((target for pattern, target in self._globs if any(map(pattern.match, names))), None)


def _is_glob(name: str) -> bool:
    return any(letter in name for letter in "*?[")


def _spellings(name: str) -> tuple[str, ...]:
    """`name` as it stands, then with or without the tag that Ollama's clients take for granted."""
    bare = _without_latest(name)
    return (name, f"{name}{LATEST}") if bare == name else (name, bare)


def _without_latest(name: str) -> str:
    return name[: -len(LATEST)] if name.lower().endswith(LATEST) else name


def profile_of(base_url: str, configured: str, card: ModelCard | None, upstream_model: str) -> Profile:
    """The profile of a model before anything was learnt: what the operator says, else by host, else by marks of the model's entry.

    Raises:
        ValueError: nobody knows the configured profile.
    """
    name = checked_profile(configured) or _by_host(base_url) or _by_entry(card) or "generic"
    profile = PROFILES[name]
    if name in REASONING_VARIANTS:
        model = upstream_model.rpartition("/")[2].lower()
        efforts = next((efforts for pattern, efforts in REASONING_MODELS if pattern.match(model)), None)
        if efforts is not None:
            profile = replace(PROFILES[REASONING_VARIANTS[name]], efforts=efforts)
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
