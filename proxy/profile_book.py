"""What the models in use take: the one state that requests leave behind. It knows no clock, and refusals are read elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.canonical.catalog import ModelCard
from proxy.profiles import Profile
from proxy.routing import AUTO, checked_profile, profile_of


@dataclass(frozen=True, slots=True)
class Server:
    """What tells an upstream's kind: its base URL, what the operator says that it is, and its language."""

    base_url: str
    profile: str = AUTO
    dialect: str = "openai"


@dataclass(frozen=True, slots=True)
class _Entry:
    card: ModelCard | None
    base: Profile
    current: Profile


_Key = tuple[str, str]


class ProfileBook:
    """The profile of every model in use: the one its server's kind suggests, until a refusal teaches better.

    Lessons are kept apart from what can be found out again: names are the clients' choice, and however many of them come, they push out
    no lesson. Only another lesson does, and the one that goes is the one learnt longest ago.

    Args:
        servers: upstreams by name.
        size: how many models, and how many lessons, are kept in mind.

    Raises:
        ValueError: nobody knows a configured profile.
    """

    def __init__(self, servers: Mapping[str, Server], size: int = 1024) -> None:
        for server in servers.values():
            checked_profile(server.profile)
        self._servers = dict(servers)
        self._size = size
        self._unlearnt: dict[_Key, _Entry] = {}
        self._learnt: dict[_Key, _Entry] = {}
        self._lock = threading.Lock()

    def current(self, upstream: str, model: str, card: ModelCard | None = None) -> Profile:
        """The profile to ask `model` with. What was learnt lasts as long as the model's entry suggests the same server."""
        key = (upstream, model)
        with self._lock:
            lesson = self._learnt.get(key)
            entry = lesson or self._unlearnt.get(key)
            if entry is not None and entry.card is card:
                return entry.current
            server = self._servers[upstream]
            base = profile_of(server.base_url, server.profile, card, model, server.dialect)
            if lesson is not None and lesson.base == base:
                self._learnt[key] = replace(lesson, card=card)
                return lesson.current
            self._learnt.pop(key, None)
            self._keep(self._unlearnt, key, _Entry(card, base, base))
            return base

    def learn(self, upstream: str, model: str, profile: Profile) -> None:
        """Asks `model` with `profile` from now on, but for what holds for one request alone."""
        key = (upstream, model)
        with self._lock:
            lesson = self._learnt.get(key)
            entry = lesson or self._unlearnt.get(key)
            if entry is None:
                return
            profile = profile.as_kept(entry.current)
            if lesson is None and profile == entry.current:
                return
            self._unlearnt.pop(key, None)
            self._keep(self._learnt, key, replace(entry, current=profile))

    def _keep(self, entries: dict[_Key, _Entry], key: _Key, entry: _Entry) -> None:
        """Makes `entry` the newest of `entries`, at the price of the oldest."""
        entries.pop(key, None)
        if len(entries) >= self._size:
            del entries[next(iter(entries))]
        entries[key] = entry
