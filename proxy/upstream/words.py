"""`Words`: what messages call an upstream and the keys of its configuration. With several upstreams it must be clear which one is meant."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.key_names import KeyNames


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one upstream."""

    upstream: str = "the upstream"
    keys: KeyNames = field(default_factory=KeyNames)

    def of_total(self, total_s: float) -> str:
        """What to say of an answer that takes too long in all."""
        return f"the answer of {self.upstream} was not complete within {total_s:g} s (timeouts.total)"


PLAIN_WORDS = Words()
