"""`Listings`: the list of models of one upstream: what one worker has fetched, the others need not ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.upstream.models import ModelList
from proxy.upstream.shared.topic import Round, Wake

# After a restart, an old list is better than none while the upstream cannot tell a new one.
_KEPT_S = 24 * 3600
_SETS = ("capabilities", "parameters", "has")
_NAMES = frozenset(field.name for field in fields(ModelCard))
# Keeps a list, unless there is a newer one: who was away may come late with his. So few are told that the text may go along.
_KEEP = """
local at = redis.call('HGET', KEYS[1], 'at')
if at and tonumber(at) and tonumber(at) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'at', ARGV[1], 'cards', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Listings:
    """One upstream's.

    Args:
        key: the hash with the list and its time.
        describe: adds what the operator says of a model: each worker its own operator's words.
    """

    def __init__(
        self, key: str, models: ModelList, describe: Callable[[ModelCard], ModelCard], *, clock: Callable[[], float], wake: Wake
    ) -> None:
        self._key = key
        self._models = models
        self._describe = describe
        self._clock = clock
        self._wake = wake
        self._untold: tuple[float, Sequence[ModelCard]] | None = None
        self._sent: tuple[float, Sequence[ModelCard]] | None = None
        self._last: tuple[float, Sequence[ModelCard]] | None = None
        self._seen = b""

    def fetched(self, cards: Sequence[ModelCard]) -> None:
        """Notes what the upstream has just told."""
        self._untold = self._last = self._clock(), cards
        self._wake()

    def ask(self, this: Round) -> bool:
        """See `Topic`."""
        self._sent = None if this.is_first else self._untold
        if self._sent is not None:
            fetched_s, cards = self._sent
            self._seen = f"{fetched_s + this.ahead_s:.3f}".encode()
            this.pipe.eval(_KEEP, 1, self._key, self._seen, encoded(cards), _KEPT_S)
        this.pipe.hget(self._key, "at")
        return self._sent is not None

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """See `Topic`."""
        *_, at = answers
        if self._sent is self._untold and not this.is_first:
            self._untold = None
        if this.is_first and not at and self._untold is None:  # It was emptied; who comes while the upstream is down shall have a list.
            self._untold = self._last
        if at and at != self._seen and self._untold is None:
            body = this.client.hget(self._key, "cards")
            if body is not None:  # Else it was deleted since `at` was read; whoever tells it anew may give it the same time.
                self._seen = at
                self._hear(at, body, this.ahead_s)
        return self._untold is not None

    def lost(self) -> None:
        """See `Topic`."""

    def kept_keys(self) -> Iterable[str]:
        """See `Topic`."""
        return (self._key,)

    def _hear(self, at: bytes, body: bytes, ahead_s: float) -> None:
        cards = decoded(body)
        try:
            fetched_s = float(at) - ahead_s
        except ValueError:  # Not ours; the next one who tells a list puts his own in its place.
            return
        if cards is not None:
            self._last = fetched_s, cards
            self._models.learn([self._describe(card) for card in cards], fetched_s)


def encoded(cards: Sequence[ModelCard]) -> bytes:
    """A list as it is kept in Redis."""
    return orjson.dumps([asdict(card) for card in cards], default=sorted)


def decoded(body: bytes) -> list[ModelCard] | None:
    """The list, `None` when it is none: another version may have written it."""
    try:
        return [_card(entry) for entry in orjson.loads(body)]
    except (ValueError, TypeError, AttributeError):
        return None


def _card(entry: Mapping[str, Any]) -> ModelCard:
    if not set(entry) <= _NAMES:
        raise ValueError("not a card of this version")
    sets = {name: frozenset(entry[name]) for name in _SETS if entry.get(name) is not None}
    return ModelCard(**{**entry, **sets})
