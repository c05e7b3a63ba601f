"""`Words`: what messages call an upstream and the keys of its configuration. With several upstreams it must be clear which one is meant."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.key_names import KeyNames


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one upstream."""

    upstream: str = "the upstream"
    keys: KeyNames = field(default_factory=KeyNames)


PLAIN_WORDS = Words()
