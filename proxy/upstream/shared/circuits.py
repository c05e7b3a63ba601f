"""`Circuits`: the breakers of one upstream's replicas and models, as all workers know them. pybreaker's own storage keeps them in Redis.

That storage asks Redis a question for each word, so it is only used to tell what happened, and the words are read together, of breakers
that have changed: a hash has a number for each, which whoever changes a breaker counts up.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, NoReturn

import orjson

from proxy.upstream.breaker import Breakers, CircuitEvent, CircuitView
from proxy.upstream.circuit_library import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, redis_storage
from proxy.upstream.shared.topic import KEPT_S, Garbled, Round, Wake, forget_oldest

# Names of models come from clients, and there is no end of them.
_MOST = 1024
# pybreaker's keys of a breaker: those that matter here, and one more.
_READ = ("state", "fail_counter", "opened_at")
_WORDS = (*_READ, "success_counter")
_STATES = (STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN)

Place = tuple[str, str]
"""Replica and model; `""` is the way to the replica."""


@dataclass(slots=True)
class _News:
    """What happened to a breaker since it was told last. `state` is the one that it has by that, if it has another one."""

    failures: int = 0
    is_reset: bool = False
    state: str = ""


class Circuits:
    """One upstream's.

    Args:
        key: the hash; the breakers' keys begin with it too.
        breakers: those of each replica, by its id.
        failures: so many in a row open one, whoever saw them.
    """

    def __init__(self, key: str, breakers: Mapping[str, Breakers], *, failures: int, wake: Wake) -> None:
        self._key = key
        self._breakers = breakers
        self._failures = failures
        self._wake = wake
        self._storage = redis_storage()
        self._untold: dict[Place, _News] = {}
        self._noting = threading.Lock()  # What is told in the midst of being noted is told by halves, and never again.
        self._seen: dict[bytes, int] = {}
        self._told: list[bytes] = []
        for replica, each in breakers.items():
            each.on_event = partial(self._note, replica)

    def ask(self, this: Round) -> bool:
        """See `Topic`."""
        self._told = [] if this.is_first else [self._tell(place, this) for place in list(self._untold)]
        for name in self._told:
            this.pipe.hincrby(self._key, name, 1)
        if self._told:
            this.pipe.expire(self._key, KEPT_S)
        this.pipe.hgetall(self._key)
        return bool(self._told)

    def learn(self, this: Round, answers: Iterator[Any]) -> bool:
        """See `Topic`."""
        *counted, texts = answers
        if this.is_first:  # Redis may have been emptied, and numbers then begin again.
            self._seen.clear()
        numbers = {name: int(text) for name, text in texts.items() if text.isdigit()}
        for name, number in zip(self._told, counted, strict=False):
            # Else somebody else has changed it too, and is to be heard below.
            if number == self._seen.get(name, 0) + 1:
                self._seen[name] = number
        self._hear_all({name: number for name, number in numbers.items() if self._seen.get(name) != number}, this)
        if len(texts) > _MOST:
            this.client.delete(self._key)
        for name in self._seen.keys() - numbers.keys():
            del self._seen[name]
        if this.is_first:
            self._tell_what_nobody_knows(numbers)
        return bool(self._untold)

    def lost(self) -> None:
        """See `Topic`."""

    def kept_keys(self) -> Iterable[str]:
        """See `Topic`."""
        ill = ((replica, model) for replica, breakers in self._breakers.items() for model in breakers.states())
        names = {*self._seen, *map(orjson.dumps, self._untold), *map(orjson.dumps, ill)}
        return (self._key, *(self._word(name, word) for name in names for word in _WORDS))

    def _note(self, replica: str, model: str, event: CircuitEvent) -> None:
        with self._noting:
            news = self._untold.setdefault((replica, model), _News())
            forget_oldest(self._untold)
            state = self._breakers[replica].view(model).state
            if event == "failed":
                news.failures += 1
            elif event == "succeeded":
                news.failures, news.is_reset = 0, state == STATE_CLOSED
            if state != STATE_CLOSED or event == "succeeded":
                news.state = state
        self._wake()

    def _tell(self, place: Place, this: Round) -> bytes:
        """Writes down what happened to a breaker. Its name in the hash."""
        with self._noting:
            news, name = self._untold.pop(place), orjson.dumps(place)
        try:
            self._write(place, news, self._record(name, this.client), this)
        except BaseException as error:
            self._untold.setdefault(place, news)
            if isinstance(error, ValueError):  # Of pybreaker, which takes what it reads for numbers and words.
                raise Garbled(str(error)) from error
            raise
        for word in _WORDS:
            this.pipe.expire(self._word(name, word), KEPT_S)
        return name

    def _write(self, place: Place, news: _News, record: Any, this: Round) -> None:
        if news.is_reset:
            record.reset_counter()
        for _ in range(min(news.failures, self._failures)):
            record.increment_counter()
        breakers, model = self._breakers[place[0]], place[1]
        if not news.state and record.counter >= self._failures and record.state == STATE_CLOSED:
            breakers.learn(model, CircuitView(STATE_OPEN, record.counter, 0.0))
            news.state = STATE_OPEN
        if news.state == STATE_OPEN:
            opened_s = this.now_s - breakers.view(model).open_for_s + this.ahead_s
            record.opened_at = datetime.fromtimestamp(math.ceil(opened_s), UTC)  # Cut to seconds; nobody is to come too early.
        if news.state:
            record.state = news.state

    def _hear_all(self, changed: Mapping[bytes, int], this: Round) -> None:
        """Takes over how others say that breakers stand."""
        if not changed:
            return
        words = iter(this.client.mget([self._word(name, word) for name in changed for word in _READ]))
        for name, number in changed.items():
            if self._hear(name, tuple(islice(words, len(_READ))), this):
                self._seen[name] = number

    def _hear(self, name: bytes, words: tuple[bytes | None, ...], this: Round) -> bool:
        """Takes over how others say that a breaker stands. Whether it did: there may be something newer to say of it."""
        try:
            replica, model = place = tuple(orjson.loads(name))
            state, failures, opened_s = (words[0] or b"").decode(), int(words[1] or 0), int(words[2] or 0)
        except (ValueError, TypeError):  # Not ours.
            return True
        if place in self._untold:
            return False
        breakers = self._breakers.get(replica)
        if breakers is not None and state in _STATES:
            open_for_s = this.now_s + this.ahead_s - opened_s if opened_s else 0.0
            breakers.learn(model, CircuitView(state, failures, open_for_s))
        return True

    def _tell_what_nobody_knows(self, numbers: Container[bytes]) -> None:
        """Redis may have lost its memory."""
        for replica, breakers in self._breakers.items():
            for model, state in breakers.states().items():
                if state != "closed" and orjson.dumps((replica, model)) not in numbers:
                    view = breakers.view(model)
                    self._untold.setdefault((replica, model), _News(view.failures, state=view.state))

    def _space(self, name: bytes) -> str:
        return f"{self._key}:{name.decode()}"

    def _word(self, name: bytes, word: str) -> str:
        """pybreaker's key."""
        return f"{self._space(name)}:pybreaker:{word}"

    def _record(self, name: bytes, client: Any) -> Any:
        """What Redis knows of a breaker."""
        record = self._storage(STATE_CLOSED, client, namespace=self._space(name))
        record.logger = _RAISING
        return record


class _Raising(logging.Logger):
    """pybreaker logs what Redis fails to do, and goes on as if nothing were. Here it is raised."""

    def exception(self, msg: object, *args: object, **how: Any) -> NoReturn:
        """pybreaker's call, out of its `except`."""
        raise  # noqa: PLE0704 - what it is handling


_RAISING = _Raising("proxy.upstream.shared")
