from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.gateway.keepsakes import KEPT_FOR_S, MemoryShelf
from proxy.gateway.shared_shelf import SharedShelf


class Redis:
    """As much of one as is used here."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.asked = 0
        self.tried = 0
        self.is_away = False
        self.is_proven = False

    def set(self, key: str, value: bytes, *, ex: int) -> None:
        assert ex == KEPT_FOR_S
        self.values[key] = value

    def mget(self, keys: list[str]) -> list[bytes | None]:
        self.asked += 1
        return [self.values.get(key) for key in keys]

    def use(self, work: Callable[[Any], Any], *, proves: bool = True) -> Any:
        self.tried += 1
        self.is_proven |= proves
        return None if self.is_away else work(self)


def shelf_of(redis: Redis) -> SharedShelf:
    return SharedShelf(MemoryShelf(lambda: 0.0), redis.use, lambda: redis.is_away, "p:kept:", lambda work: work())


def test_what_one_worker_put_there_another_finds() -> None:
    redis = Redis()
    shelf_of(redis).put("a", b"1")
    assert shelf_of(redis).find([["b"], ["c", "a"]]) == [None, b"1"]
    assert list(redis.values) == ["p:kept:a"]


def test_nobody_is_asked_for_what_is_in_memory() -> None:
    redis = Redis()
    shelf = shelf_of(redis)
    shelf.put("a", b"1")
    assert shelf.find([["b", "a"]]) == [b"1"]
    assert redis.asked == 0


def test_without_redis_memory_must_do() -> None:
    redis = Redis()
    redis.is_away = True
    shelf = shelf_of(redis)
    shelf.put("a", b"1")
    assert shelf.find([["a"], ["b"]]) == [b"1", None]


def test_no_request_waits_to_see_whether_redis_is_back() -> None:
    redis = Redis()
    redis.is_away = True
    assert shelf_of(redis).find([["a"]]) == [None]
    assert redis.tried == 0


def test_who_can_be_read_is_not_shown_to_take_writes() -> None:
    redis = Redis()
    shelf = shelf_of(redis)
    shelf.find([["a"]])
    assert (redis.asked, redis.is_proven) == (1, False)
    shelf.put("a", b"1")
    assert redis.is_proven


def test_what_others_keep_may_always_be_there() -> None:
    assert not shelf_of(Redis()).is_empty
