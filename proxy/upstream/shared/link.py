"""`Link`: the way to Redis of one worker. Where that is away, slow, frozen or full, it is given up soon, and left alone for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

_SHORTEST_REST_S, _LONGEST_REST_S = 0.1, 5.0
# So many times a rest is doubled at most: it is the longest long before, and Redis may be away for days.
_MOST_DOUBLINGS = 10
# A silent partner of the connection that waits for news is noticed after twenty seconds, by the system.
_TCP_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}

# What Redis itself says: it is there, but lets nobody in, takes no writes, or holds something else than it was told.
_ITS_WORDS = (ResponseError, AuthenticationError)

# What redis-py raises when the connection that it reads from is ended by another thread.
_OF_WHAT_IS_NO_MORE = (AttributeError, ValueError)

_log = logging.getLogger("proxy.upstream")

T = TypeVar("T")
OnChange = Callable[[bool], None]


def ignore_change(is_up: bool) -> None:
    """For those who do not want to know."""


class Link:
    """One worker's connections to Redis: made when they are used first, in the process that uses them.

    Args:
        url: where Redis is, with what it asks for.
        timeout_s: longest wait for a connection, and for an answer.
        clock: seconds that never go back.
        random: gives numbers from 0 up to 1.
        on_change: is told whether Redis answers, when that has changed, and first of all.

    Attributes:
        is_up: whether it did what it was asked last; `None` when it was not asked yet.
        last_error: why not.
        about: where Redis is, for lines of the log.
        client: for questions.
        ear: for waiting for news.
        answered_s: when, by the clock, it last did what it was asked.
    """

    def __init__(
        self, url: str, timeout_s: float, *, clock: Callable[[], float], random: Callable[[], float], on_change: OnChange = ignore_change
    ) -> None:
        self.is_up: bool | None = None
        self.last_error = ""
        self.answered_s: float | None = None
        self.about = {"redis": place_of(url)}
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._failures = 0
        self._hang_ups = 0
        self._due_s = float("-inf")
        self._down_since_s = 0.0
        self.client = _make_client(url, timeout_s)
        # With a connection of its own: it is in the midst of waiting when the other's are ended.
        self.ear = _make_client(url, timeout_s)

    @property
    def rest_s(self) -> float:
        """Seconds until Redis may be asked again; 0 when it may be now."""
        return max(0.0, self._due_s - self._clock())

    def use(self, work: Callable[[Any], T], *, proves: bool = True) -> T | None:
        """What `work`, which is handed the client, gives; `None` when Redis failed, or is left alone because it did.

        Args:
            proves: whether it is shown to be well where nothing fails; not by what only asks: who takes no writes can be read.
        """
        if self.rest_s:
            return None
        hang_ups = self._hang_ups
        try:
            found = work(self.client)
        except (RedisError, OSError, *_OF_WHAT_IS_NO_MORE) as error:
            if self._hang_ups != hang_ups:  # In the midst of this, by who found Redis away, and has said so, or closed this link.
                return None
            if isinstance(error, _OF_WHAT_IS_NO_MORE):
                raise
            self._failed(error)
            return None
        if proves:
            self._answered()
        return found

    def close(self) -> None:
        """Ends the connections that nobody waits at."""
        self._hang_up()
        self.client.close()

    def _hang_up(self) -> None:
        self._hang_ups += 1
        self.client.connection_pool.disconnect()

    def _answered(self) -> None:
        self.answered_s = self._clock()
        self._failures = 0
        if self.is_up:
            return
        if self.is_up is False:
            away_s = round(self.answered_s - self._down_since_s, 1)
            _log.info("Redis is back; workers share what they know again", extra={**self.about, "away_s": away_s})
        self.is_up, self.last_error = True, ""
        self._on_change(True)

    def _failed(self, error: Exception) -> None:
        rest_s = min(_SHORTEST_REST_S * 2.0 ** min(self._failures, _MOST_DOUBLINGS), _LONGEST_REST_S)
        self._due_s = self._clock() + rest_s * (1 + self._random()) / 2
        self._failures += 1
        self.last_error = str(error) or type(error).__name__
        # What is left of an exchange that broke off may still come in: no connection is used again.
        self._hang_up()
        if self.is_up is False:
            return
        self.is_up, self._down_since_s = False, self._clock()
        what = "Redis answers, but not as it should" if isinstance(error, _ITS_WORDS) else "Redis does not answer"
        _log.warning("%s; each worker goes on with what it knows itself", what, extra={**self.about, "error": self.last_error})
        self._on_change(False)


def _make_client(url: str, timeout_s: float) -> Redis:
    is_local = urlsplit(url).scheme == "unix"
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),  # Who asks again, and when, is decided here.
        **({} if is_local else {"socket_keepalive": True, "socket_keepalive_options": _keepalive_options()}),
    )
    return client


def place_of(url: str) -> str:
    """Where Redis is, without anything secret."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]


def _keepalive_options() -> dict[int, int]:
    """What this system knows of it."""
    import socket  # noqa: PLC0415 (gevent has patched it by now)

    return {getattr(socket, name): value for name, value in _TCP_KEEPALIVE.items() if hasattr(socket, name)}
