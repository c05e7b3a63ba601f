"""What an operator decides about one upstream, as values: `UpstreamSettings`. How they are read is `upstream_reading`'s business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from proxy.config_places import Place

Policy = Literal["least_in_flight", "weighted_round_robin", "prefix_affinity"]

_MARKS_OF_SECRETS = ("key", "token", "secret", "auth", "cookie", "pass", "sig", "code")
# What other headers tell may be a secret of the operator's, too, and is covered unless it is as short as a word that messages need.
_PUBLIC_HEADERS = frozenset({"openai-organization", "openai-project", "user-agent", "accept", "content-type", "http-referer", "x-title"})
_PUBLIC_FAMILY = "accept-"
_SHORTEST_COVERED = 8


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """One of an upstream's interchangeable servers."""

    base_url: str
    weight: float = 1.0

    def __repr__(self) -> str:
        """Without the query, which may hold a key."""
        return f"ReplicaSettings({self.base_url.partition('?')[0]!r}, weight={self.weight:g})"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is asked of one replica at a time. `in_flight` 0 sets no limit."""

    in_flight: int = 0
    queue: int = 100
    queue_wait_s: float = 10.0


@dataclass(frozen=True, slots=True)
class UpstreamTimeouts:
    """How long is waited. `total_s` 0 sets no limit; `commit_s` 0 waits for the answer."""

    connect_s: float = 5.0
    first_byte_s: float = 300.0
    idle_s: float = 60.0
    total_s: float = 0.0
    commit_s: float = 10.0
    health_check_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Stubbornness:
    """How often a failed request is tried again, and when that ends. `retry_budget` is in percent of the requests."""

    max_retries: int = 3
    retry_after_max_s: float = 5.0
    retry_sent: bool = True
    retry_budget: int = 20
    breaker_failures: int = 5
    breaker_cooldown_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """How both sides prove who they are. Files are PEM, `""` for none."""

    ca_bundle: str = ""
    client_cert: str = ""
    client_key: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """One key as `config` shows it: its value without secrets, and where that was written (`None`: nowhere)."""

    path: str
    text: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """An upstream: a named group of replicas that speak one dialect and have the same models.

    Attributes:
        replicas: one at least; no two have the same base URL.
        keys: they take turns; none for servers without keys.
        pass_client_key: whether the key that a client came with is sent in their place.
        headers: go with every request besides.
        show, hide: globs of the models that clients may use (all, if there are none), and of the exceptions.
        aliases: names that clients may use -> models of this upstream.
        health_check_interval_s: between two looks at each replica; 0 looks at none.
        doubt_interval_s: between two looks at a replica that there is reason to doubt, where another upstream may be asked; 0 looks never.
        priority: of upstreams with the same model, the highest gets its plain name; among equals, the first.
        preload: models that are loaded at the start, and touched every `ping_interval_s` unless that is 0.
        in_force: all keys, in the order of the documentation.
    """

    name: str
    replicas: tuple[ReplicaSettings, ...]
    dialect: str = "openai"
    keys: tuple[str, ...] = field(default=(), repr=False)
    pass_client_key: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    show: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    policy: Policy = "least_in_flight"
    limits: Limits = Limits()
    timeouts: UpstreamTimeouts = UpstreamTimeouts()
    stubbornness: Stubbornness = Stubbornness()
    health_check_interval_s: float = 0.0
    doubt_interval_s: float = 1.0
    model_list_ttl_s: float = 60.0
    tls: Tls = Tls()
    proxy: str = field(default="", repr=False)
    profile: str = "auto"
    preload: tuple[str, ...] = ()
    ping_interval_s: float = 0.0
    in_force: tuple[KeyInForce, ...] = field(default=(), repr=False, compare=False)

    @property
    def clients_bring_keys(self) -> bool:
        """Whether only clients have keys for it."""
        return self.pass_client_key and not self.keys

    def secrets(self) -> Iterator[str]:
        """What must be in no line of the log."""
        yield from self.keys
        in_queries = (pair for replica in self.replicas for pair in parse_qsl(urlsplit(replica.base_url).query))
        yield from (value for name, value in in_queries if _tells_of_a_secret(name))
        in_headers = [value for name, value in self.headers.items() if _is_secret_header(name, value)]
        yield from in_headers
        # `Bearer ...`: who echoes a key leaves out the scheme.
        yield from (word for value in in_headers for word in value.split()[1:] if len(word) >= _SHORTEST_COVERED)
        yield from (part for part in (self.proxy, urlsplit(self.proxy).password) if part)


def _tells_of_a_secret(name: str) -> bool:
    return any(mark in name.lower() for mark in _MARKS_OF_SECRETS)


def _is_secret_header(name: str, value: str) -> bool:
    low = name.lower()
    is_public = low in _PUBLIC_HEADERS or low.startswith(_PUBLIC_FAMILY)
    return _tells_of_a_secret(name) or (len(value) >= _SHORTEST_COVERED and not is_public)
