"""pybreaker, without redis-py: pybreaker would load it wherever it is installed, and with it asyncio, for workers that share nothing.

`redis_storage` gives what pybreaker has for Redis to those who do.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Makes a package look as if it were not installed, unless somebody has loaded it already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # How Python is told that there is none.
    try:
        yield
    finally:
        del sys.modules[package]


with _hidden("redis"):
    import pybreaker
    from pybreaker import (
        STATE_CLOSED,
        STATE_HALF_OPEN,
        STATE_OPEN,
        CircuitBreaker,
        CircuitBreakerError,
        CircuitBreakerListener,
        CircuitMemoryStorage,
    )

__all__ = [
    "STATE_CLOSED",
    "STATE_HALF_OPEN",
    "STATE_OPEN",
    "CircuitBreaker",
    "CircuitBreakerError",
    "CircuitBreakerListener",
    "CircuitMemoryStorage",
    "redis_storage",
]


def redis_storage() -> Any:
    """`CircuitRedisStorage`, which must not be had in another way: pybreaker learns only now that redis-py is there."""
    import redis  # noqa: PLC0415 (only for those who share)

    library: Any = pybreaker
    library.RedisError, library.HAS_REDIS_SUPPORT = redis.RedisError, True
    return library.CircuitRedisStorage
