"""`Member`: one worker's part in what all know together: rounds of telling and hearing, and an ear for the news of others.

A round is one exchange with Redis about everything. It comes every second, at once when something has happened here, and at once when
another worker says that something has happened there; but no more than twenty times a second, unless a request waits for it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from redis.exceptions import NoScriptError, RedisError, ResponseError

from proxy.upstream.background import Background
from proxy.upstream.bell import Bell
from proxy.upstream.shared.link import Link
from proxy.upstream.shared.topic import Garbled, Round, Topic, Wake

_PULSE_S = 1.0
# News may come in floods, and a round takes them all. What a request waits for comes sooner.
_PAUSE_S, _SHORTEST_PAUSE_S = 0.05, 0.002
# News that is no hurry is told from that which is.
_NO_HURRY = b" later"
# News for one member alone. See also `RATION_SCRIPT`.
_FOR = b" for "
# As long as any of the keys, and longer.
_REMEMBERS_FOR_S = 7 * 24 * 3600
_LISTENS_FOR_S = 2.0
_DEAF_FOR_S = 0.5
# In what Redis answers when a key holds something of another kind than was told.
_OF_GARBLED = ("WRONGTYPE", "not an integer")
_log = logging.getLogger("proxy.upstream")

_ROUNDS, _NEWS = "shared state", "shared news"


class Member:
    """All that a worker shares. Topics are added before it starts.

    Args:
        prefix: what all keys begin with: gateways that have the same share.
        clock: seconds that never go back.
        sleep: waits for so many seconds.

    Attributes:
        channel: where members tell each other that there is something new.
        memory: the key that tells since when Redis remembers.
        wake: asks for a round soon. It may be called from anywhere, and never waits.
    """

    def __init__(
        self, link: Link, prefix: str, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.link = link
        self.channel = f"{prefix}:news"
        self.memory = f"{prefix}:memory"
        self._clock = clock
        self._sleep = sleep
        self._topics: list[Topic] = []
        self._name = ""
        self._ahead_s = 0.0
        self._is_first = True
        self._born: bytes | None = None
        self._ear: Any = None
        self._background = Background({_ROUNDS: self.round, _NEWS: self.listen}, also_begin=self._begin)
        self._urgent = Bell()
        self.wake: Wake = partial(self._background.wake, _ROUNDS)

    @property
    def name(self) -> str:
        """Tells this worker from all others; a new one in each process."""
        return self._name

    @property
    def listens(self) -> bool:
        """Whether it hears at once what others say, and not only with the next round."""
        return self._ear is not None

    def hurry(self) -> None:
        """Asks for a round at once, because a request waits for it. It may be called from anywhere, and never waits."""
        self._urgent.ring()
        self.wake()

    def add(self, topic: Topic) -> None:
        """Shares one thing more."""
        self._topics.append(topic)

    def start(self) -> None:
        """Begins to share, in the process that serves."""
        self._background.start()

    def stop(self) -> None:
        """Shares nothing any more. What this worker had under way is free for others when it was not heard of for a while."""
        self._background.stop()
        self.link.close()

    def health(self) -> dict[str, Any]:
        """How it is with Redis: `state` is `unknown`, `up` or `down`."""
        link = self.link
        state = "unknown" if link.is_up is None else "up" if link.is_up else "down"
        age_s = None if link.answered_s is None else round(self._clock() - link.answered_s, 3)
        return {"state": state, "last_answer_age_s": age_s, "last_error": link.last_error}

    def round(self) -> float:
        """Tells and hears. The seconds until the next round."""
        self._urgent.wait(0)  # Who was in a hurry until now is served by this round.
        again = self.link.use(self._exchange, proves=not self._is_first)
        if again is not None:
            if again:
                self.wake()
            self._sleep(_SHORTEST_PAUSE_S)
            self._urgent.wait(_PAUSE_S)
            return _PULSE_S
        self._lose()
        rest_s = self.link.rest_s
        self._sleep(rest_s)  # Whatever happens here meanwhile, Redis is left alone.
        return 0.0

    def listen(self) -> float:
        """Hears the news of others, for a while. The seconds until it is to be called again."""
        if self.link.is_up is False:
            return _DEAF_FOR_S
        try:
            if self._ear is None:
                ear = self.link.ear.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                ear.subscribe(self.channel)
                self._ear = ear
                self.wake()  # What was said before was not heard.
            news = self._ear.get_message(timeout=_LISTENS_FOR_S)
        except (RedisError, OSError):  # Whether Redis is well is judged by the rounds.
            self._hang_up()
            return _DEAF_FOR_S
        if news is not None:
            self._hear(news["data"])
        return 0.0

    def _hear(self, news: bytes) -> None:
        news, _, whom = news.partition(_FOR)
        if whom not in (b"", self._name.encode()):
            return
        who = news.removesuffix(_NO_HURRY)
        if who != self._name.encode():
            (self.hurry if who == news else self.wake)()

    def _begin(self) -> None:
        """A new process: nothing of an old one is true of it."""
        self._name = secrets.token_hex(6)
        self._is_first, self._ear = True, None

    def _hang_up(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.close()

    def _lose(self) -> None:
        """Goes by what this worker knows itself."""
        if not self._is_first:
            self._is_first = True
            for topic in self._topics:
                topic.lost()

    def _has_forgotten(self, born: bytes | None, *, is_first: bool) -> bool:
        """Whether Redis is not the one that it was: it was started anew, or emptied."""
        is_another = not is_first and self._born is not None and born != self._born
        self._born = born
        if is_another:
            _log.info("Redis has forgotten what workers shared; they tell it anew", extra=self.link.about)
        return is_another

    def _exchange(self, client: Any) -> bool:
        """One round. Whether there is more to tell at once."""
        try:
            return self._tell_and_hear(client)
        except ResponseError as error:
            if isinstance(error, Garbled) or any(word in str(error) for word in _OF_GARBLED):
                self._clear(client, error)
            raise

    def _clear(self, client: Any, error: ResponseError) -> None:
        """Lets Redis forget what workers shared: all tell it anew then."""
        about = {**self.link.about, "error": str(error)}
        _log.warning("Redis holds something else under the gateway's names than it was told; they are deleted", extra=about)
        client.delete(self.memory, *(key for topic in self._topics for key in topic.kept_keys()))

    def _tell_and_hear(self, client: Any) -> bool:
        pipe = client.pipeline(transaction=False)
        asked = Round(client, pipe, self._clock(), self._ahead_s, self._is_first)
        if not asked.is_first:
            pipe.set(self.memory, round((asked.now_s + asked.ahead_s) * 1000), nx=True)
            pipe.expire(self.memory, _REMEMBERS_FOR_S)
        pipe.get(self.memory)
        pipe.time()
        begin, ends, is_news = len(pipe), [], False
        for topic in self._topics:
            is_news |= topic.ask(asked)
            ends.append(len(pipe))
        if is_news:
            pipe.publish(self.channel, self._name.encode() + _NO_HURRY)
        answers = pipe.execute(raise_on_error=False)
        knows_scripts, born = _has_understood(answers), answers[begin - 2]
        if born is not None and not born.isdigit():
            raise Garbled("the time since when Redis remembers is no number")
        if self._has_forgotten(born, is_first=asked.is_first) or not knows_scripts:
            self._lose()
            return True
        seconds, microseconds = answers[begin - 1]
        now_s = self._clock()
        self._ahead_s = seconds + microseconds / 1e6 - now_s
        heard = Round(client, pipe, now_s, self._ahead_s, asked.is_first)
        more = asked.is_first
        for topic, end in zip(self._topics, ends, strict=True):
            more |= topic.learn(heard, iter(answers[begin:end]))
            begin = end
        self._is_first = False
        return more


def _has_understood(answers: Sequence[Any]) -> bool:
    """Whether Redis still had the scripts that it was told. Raises what else it answered with."""
    errors = [answer for answer in answers if isinstance(answer, RedisError)]
    for error in errors:
        if not isinstance(error, NoScriptError):
            raise error
    return not errors
