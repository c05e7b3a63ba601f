"""`SharedShelf`: what this worker keeps lies in its memory, and in a Redis where other workers find it. Without Redis, memory must do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from proxy.gateway.keepsakes import KEPT_FOR_S, Shelf
from proxy.gateway.together import Spawn


class Use(Protocol):
    """Asks Redis."""

    def __call__(self, work: Callable[[Any], Any], *, proves: bool = True) -> Any:
        """What `work`, which is handed the client, gives; `None` when Redis failed, or is left alone because it did. Raises nothing.

        Args:
            proves: whether it is shown to be well where nothing fails; not by what only asks: who takes no writes can be read.
        """


class SharedShelf:
    """See `Shelf`.

    Args:
        own: this worker's own, which is looked at first.
        is_away: whether Redis failed when it was asked last. Then nobody waits to see whether it is back: others find that out.
        prefix: what keys in Redis begin with.
        spawn: runs a function beside the request: nobody waits for what is written.
    """

    def __init__(self, own: Shelf, use: Use, is_away: Callable[[], bool], prefix: str, spawn: Spawn) -> None:
        self._own = own
        self._use = use
        self._is_away = is_away
        self._prefix = prefix
        self._spawn = spawn

    @property
    def is_empty(self) -> bool:
        """`False`: what other workers keep is not known before it is asked for."""
        return False

    def put(self, key: str, value: bytes) -> None:
        """See `Shelf`."""
        self._own.put(key, value)
        self._spawn(partial(self._use, lambda redis: redis.set(self._prefix + key, value, ex=round(KEPT_FOR_S))))

    def find(self, wanted: Sequence[Sequence[str]]) -> Sequence[bytes | None]:
        """See `Shelf`."""
        found = list(self._own.find(wanted))
        missing = [key for keys, value in zip(wanted, found, strict=True) if value is None for key in keys]
        if not missing or self._is_away():
            return found
        told = self._use(lambda redis: redis.mget([self._prefix + key for key in missing]), proves=False) or ()
        theirs = {key: value for key, value in zip(missing, told, strict=False) if value is not None}
        return [
            next((theirs[key] for key in keys if key in theirs), None) if value is None else value
            for keys, value in zip(wanted, found, strict=True)
        ]
