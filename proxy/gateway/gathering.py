"""One question to several upstreams at once, each of which tells a part of the answer. Who is slow or ill keeps nobody waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from proxy.errors import ProxyError, UpstreamRefused, UpstreamTimeout
from proxy.gateway.foreign import is_foreign, no_answer
from proxy.gateway.steps import Goal, Steps, Upstream, read_and_close
from proxy.gateway.together import Spawn
from proxy.routing import Destination, Rule
from proxy.wire.messages import Client, UpstreamCall

# Somebody must answer within the first time; the others have the second one after that.
_FIRST_S = 5.0
_OTHERS_S = 0.5

T = TypeVar("T")


def gather(
    steps: Steps, upstreams: Sequence[Upstream], call: UpstreamCall, read: Callable[[bytes], T], client: Client, spawn: Spawn
) -> list[tuple[str, T]]:
    """What those of `upstreams` told that answered, by their names and in their order.

    Args:
        call: a question that can wait for no more than a few seconds.
        read: a whole answer -> what it says. Raises `UpstreamError`.
        spawn: runs a function beside the caller.

    Raises:
        ProxyError: none of them answered; why one of them did not.
    """
    told = _Told[T](len(upstreams))
    asked = replace(call, first_byte_s=_FIRST_S)
    for upstream in upstreams:
        spawn(partial(told.add, upstream.name, partial(_answer, steps, upstream, asked, read, client)))
    told.wait(_FIRST_S, _OTHERS_S)
    if not told.answers:
        raise next(iter(told.errors.values()), UpstreamTimeout(f"no upstream answered within {_FIRST_S:g} s; ask again"))
    return [(upstream.name, told.answers[upstream.name]) for upstream in upstreams if upstream.name in told.answers]


def _answer(steps: Steps, upstream: Upstream, call: UpstreamCall, read: Callable[[bytes], T], client: Client) -> T:
    goal = Goal(Destination(upstream.name, "", None, Rule.DEFAULT, "all are asked"), upstream, is_last=True)
    try:
        reply = upstream.client.send(steps.signed(call, goal, client, lambda _: b""), once=True)
    except UpstreamRefused as refusal:
        raise steps.advised(refusal, upstream, client) from refusal
    if is_foreign(reply):
        reply.close()
        raise no_answer(reply, upstream)
    return read(read_and_close(reply, min(upstream.patience_s, _FIRST_S)))


class _Told(Generic[T]):
    """What was answered so far. A question that breaks is one without an answer."""

    def __init__(self, open_questions: int) -> None:
        self.answers: dict[str, T] = {}
        self.errors: dict[str, ProxyError] = {}
        self._open = open_questions
        self._changed = threading.Condition()

    def add(self, name: str, question: Callable[[], T]) -> None:
        """Asks, and notes what comes of it."""
        try:
            self.answers[name] = question()
        except ProxyError as error:
            self.errors[name] = error
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def wait(self, first_s: float, others_s: float) -> None:
        """Waits for the first answer, and then a moment for the others."""
        with self._changed:
            self._changed.wait_for(lambda: self.answers or not self._open, first_s)
            if self.answers:
                self._changed.wait_for(lambda: not self._open, others_s)
