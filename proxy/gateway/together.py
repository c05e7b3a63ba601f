"""Questions to several upstreams at once, none of which may keep the others waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

Spawn = Callable[[Callable[[], None]], object]


def any_of(questions: Sequence[Callable[[], bool]], spawn: Spawn, within_s: float) -> bool:
    """Whether one of the questions is answered by yes within that time.

    Args:
        spawn: runs a function beside the caller.
    """
    verdict = _Verdict(len(questions))
    for question in questions:
        spawn(partial(verdict.add, question))
    verdict.settled.wait(within_s)
    return verdict.is_yes


class _Verdict:
    """Settled by the first yes, or by the last no. A question that breaks says no."""

    def __init__(self, open_questions: int) -> None:
        self.is_yes = False
        self.settled = threading.Event()
        self._open = open_questions
        self._lock = threading.Lock()

    def add(self, question: Callable[[], bool]) -> None:
        answer = False
        try:
            answer = question()
        finally:
            with self._lock:
                self._open -= 1
                self.is_yes = self.is_yes or answer
                if self.is_yes or not self._open:
                    self.settled.set()
