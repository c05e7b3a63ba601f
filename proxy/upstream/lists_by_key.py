"""`ListsByKey`: what an upstream lists to each of the keys that clients bring, where the gateway has none of its own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamError, UpstreamRefused
from proxy.upstream.model_changes import ModelChanges, changes_seen_here
from proxy.upstream.models import PAUSE_AFTER_FAILURE_S, ModelList
from proxy.upstream.verdicts import KEY_REFUSED

# Whoever comes with ever new keys makes the gateway ask for lists again, and not grow.
_MOST_KEYS = 256


@dataclass(slots=True, eq=False)
class _Shown:
    """What one key is shown: `cards` when it was shown some, and why not when the last question failed.

    Attributes:
        heard_s: when the last question began that has ended, however it did.
    """

    cards: tuple[ModelCard, ...] = ()
    names: frozenset[str] | None = None
    error: UpstreamError | None = None
    due_s: float = float("-inf")
    heard_s: float = 0.0
    turn: threading.Lock = field(default_factory=threading.Lock)


class ListsByKey:
    """The lists of one upstream. A question is asked with the key of who wants to know, and a refusal is told to nobody else.

    Args:
        models: gets what some key is shown, all together: names lead there whoever asks. It must ask for nothing by itself.
        fetch: asks the upstream with a key, `""` for none. Raises `UpstreamError`.
        ttl_s: a list that is older is renewed; until then the old one serves.
        clock: seconds that never go back.
        changes: when the upstream got other models, whoever told it to; by `clock`.

    Attributes:
        fails: whether the last question, with whatever key, was not answered; a refusal is an answer.
    """

    def __init__(
        self,
        models: ModelList,
        fetch: Callable[[str], Sequence[ModelCard]],
        ttl_s: float,
        clock: Callable[[], float],
        changes: ModelChanges | None = None,
    ) -> None:
        self._models = models
        self._fetch = fetch
        self._ttl_s = ttl_s
        self._clock = clock
        self._changes = changes or changes_seen_here()
        self._shown: dict[bytes, _Shown] = {}
        self._asking: dict[_Shown, float] = {}
        self._answered_s = float("-inf")
        self._lock = threading.Lock()
        self.fails = False

    @property
    def is_old(self) -> bool:
        """Whether no key's list has been fetched for so long that it is time to ask again."""
        age_s = self._models.age_s
        return age_s is None or age_s >= self._ttl_s

    def is_outdated(self, secret: str) -> bool:
        """Whether the upstream got other models, and was not asked with the key since, or has not answered yet."""
        last_s = self._changes.last_s
        return last_s > 0 and self._shown_to(secret).heard_s < last_s

    def has_told(self, secret: str) -> bool:
        """Whether the key's list is known, or the upstream is known to have none."""
        return not self._models.lists or self._shown_to(secret).names is not None

    def shows(self, secret: str, model: str) -> bool:
        """Whether the key's list has the model, as far as the upstream has lists."""
        return not self._models.lists or model in (self._shown_to(secret).names or ())

    def error(self, secret: str) -> UpstreamError | None:
        """Why the last question with the key failed; `None` when it did not, and before the first one."""
        error = self._shown_to(secret).error
        return None if error is None else error.with_traceback(None)

    def refuses(self, secret: str) -> bool:
        """Whether the last question with the key was refused to it."""
        return _is_refusal(self._shown_to(secret).error)

    def begin(self, secret: str, spawn: Callable[[Callable[[], None]], object]) -> None:
        """Asks with the key beside the caller, if it is time to and no question with it is under way. Raises nothing: `has_told` and
        `error` say what came of it.

        Args:
            spawn: runs a function beside the caller.
        """
        shown = self._shown_to(secret)
        is_due = self._clock() >= shown.due_s or shown.heard_s < self._changes.last_s
        if not is_due or not shown.turn.acquire(blocking=False):
            return
        try:
            spawn(partial(self._ask_and_pass_turn, shown, secret))
        except BaseException:
            shown.turn.release()
            raise

    def await_answer(self, secret: str, within_s: float) -> None:
        """Waits for the question with the key that is under way, if one is, until the upstream has been silent for so long: who comes
        later waits for less, and for one that hangs, not at all.
        """
        turn = self._shown_to(secret).turn
        if turn.locked() and turn.acquire(timeout=max(0.0, self._silent_since_s() + within_s - self._clock())):
            turn.release()

    def renew(self, secret: str) -> None:
        """Asks with the key now: the upstream was told to have other models, and what it shows to other keys is old. Raises nothing."""
        self._changes.note(self._clock())
        shown = self._shown_to(secret)
        with shown.turn:
            if shown.heard_s < self._changes.last_s:
                self._ask_until_heard(shown, secret)

    def _ask_and_pass_turn(self, shown: _Shown, secret: str) -> None:
        try:
            self._ask_until_heard(shown, secret)
        finally:
            shown.turn.release()

    def _ask_until_heard(self, shown: _Shown, secret: str) -> None:
        """Asks, and asks again where the upstream got other models meanwhile: its answer may have been of before."""
        self._ask(shown, secret)
        while shown.heard_s < self._changes.last_s:
            self._ask(shown, secret)

    def _ask(self, shown: _Shown, secret: str) -> None:
        self._asking[shown] = asked_s = self._clock()
        shown.due_s = asked_s + PAUSE_AFTER_FAILURE_S
        try:
            cards = self._fetch(secret)
        except UpstreamError as error:
            self._note_failure(shown, error)
            return
        finally:
            shown.heard_s = asked_s
            del self._asking[shown]
        self._note_answer()
        shown.cards, shown.names, shown.error = tuple(cards), frozenset(card.id for card in cards), None
        shown.due_s = self._clock() + self._ttl_s
        self._pass_on()

    def _note_failure(self, shown: _Shown, error: UpstreamError) -> None:
        """A key that is refused sees nothing from now on; it says nothing of the upstream. Another failure leaves what was seen."""
        shown.error, shown.due_s = error, self._clock() + PAUSE_AFTER_FAILURE_S
        if _is_refusal(error):
            self._note_answer()
            shown.cards, shown.names = (), None
        else:
            self.fails = True
            self._models.note_failure(error)

    def _note_answer(self) -> None:
        self.fails, self._answered_s = False, self._clock()

    def _silent_since_s(self) -> float:
        """Since when, by the clock, there are questions and no answer to any of them."""
        return max(self._answered_s, min(tuple(self._asking.values()), default=self._clock()))

    def _pass_on(self) -> None:
        with self._lock:
            cards = {card.id: card for shown in reversed(self._shown.values()) for card in reversed(shown.cards)}
            self._models.learn(tuple(reversed(cards.values())), self._clock())

    def _shown_to(self, secret: str) -> _Shown:
        digest = hashlib.sha256(secret.encode()).digest()
        shown = self._shown.get(digest)
        if shown is None:
            with self._lock:
                if len(self._shown) >= _MOST_KEYS:
                    # Those that were refused first, then the oldest.
                    del self._shown[min(self._shown, key=lambda known: self._shown[known].names is not None)]
                shown = self._shown.setdefault(digest, _Shown())
        return shown


def _is_refusal(error: UpstreamError | None) -> bool:
    return isinstance(error, UpstreamRefused) and error.told_status in KEY_REFUSED
