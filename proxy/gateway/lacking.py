"""`LackingPaths`: the URLs that upstreams turned out not to have, though others of their kind do. They are forgotten after a while."""

from __future__ import annotations

from collections.abc import Callable

from proxy.errors import NotSupported, UpstreamRefused
from proxy.wire.error_messages import message_of
from proxy.wire.named_things import names_one_of
from proxy.wire.plain_words import plain
from proxy.wire.what_lacks import lacks_path

# A server that is renewed may have it then.
_KNOWN_FOR_S = 600.0
_MOST = 1024  # Some paths have a model's name in them, which a client can invent.


class LackingPaths:
    """For all greenlets of a worker.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until_s: dict[tuple[str, str], float] = {}

    def __contains__(self, place: tuple[str, str]) -> bool:
        """Whether the upstream is known to lack the path."""
        until_s = self._until_s.get(place)
        return until_s is not None and self._clock() < until_s

    def learn(self, upstream: str, path: str, refusal: UpstreamRefused, model: str) -> bool:
        """Whether `refusal` says that the upstream lacks the path, and nothing else: then that is known from now on."""
        if not lacks_path(refusal, model):
            return False
        self._until_s.pop((upstream, path), None)  # The first is the one that will be forgotten soonest.
        self._until_s[upstream, path] = self._clock() + _KNOWN_FOR_S
        if len(self._until_s) > _MOST:
            del self._until_s[next(iter(self._until_s))]
        return True


def in_own_words(refusal: UpstreamRefused, path: str, body: bytes) -> UpstreamRefused:
    """`refusal` as the upstream told it, where its words name a thing of the request `body`: that is missing, and not the URL.

    Args:
        path: what was asked; where the words name it (`Cannot POST /v1/responses`), its steps are no things.
    """
    if refusal.upstream_status != 404 or refusal.status == 404:
        return refusal
    words = message_of(refusal.raw)
    if not names_one_of(words, path, body):
        return refusal
    return UpstreamRefused(plain(words), status=404, upstream_status=404, raw=refusal.raw, headers=refusal.headers)


def lack_of_prompts(refusal: UpstreamRefused) -> UpstreamRefused:
    """`refusal` of a plain text, in words that say what is lacking: the base URL may well be right."""
    message = "the upstream has no URL for plain texts, which raw prompts and suffixes need; it may still chat, if its base URL is right"
    return UpstreamRefused(message, status=NotSupported.status, upstream_status=refusal.upstream_status, raw=refusal.raw)
