"""`Seats`: how many requests each replica of an upstream works on at a time, and who waits for the next free seat at any of them.

A request takes a seat before it is sent and holds it until its answer is closed. A seat that comes free is handed to the next who waits:
nobody races for it, and nobody is woken in vain.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from proxy.errors import Overloaded
from proxy.upstream.choice import Choice
from proxy.upstream.fair_queue import FairQueue
from proxy.upstream.hopes import Hope, Hopes
from proxy.upstream.seat import Replica, Seat, give_back
from proxy.upstream.seat_limits import SeatLimits
from proxy.upstream.waiter import Candidates, WaitEnd, Waiter
from proxy.upstream.words import PLAIN_WORDS, Words

OnWaited = Callable[[WaitEnd, float], None]

_LEARNT_FROM_ONE = 0.1
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 1.0, 60.0
# Where more seats may come from others, a request that has no place in the queue waits so long for their answer.
_ASKING_TAKES_S = 0.05
# So long a request waits at most for a seat at the replica that was chosen for it, while another worker may have one to spare.
_HOPES_FOR_S = 0.2
# What was full a moment ago is not asked for again.
_FULL_FOR_S = 0.05


R = TypeVar("R", bound=Replica)


def ignore_depth(depth: int) -> None:
    """For those who do not want to know."""


def ignore_waited(end: WaitEnd, seconds: float) -> None:
    """For those who do not want to know."""


class Seats(Generic[R]):
    """The seats of one upstream, for all greenlets and threads of a worker.

    Args:
        choice: which of several replicas with a free seat is taken.
        per_replica: seats at each replica; 0 for any number.
        queue: how many requests may wait.
        queue_wait_s: how long each of them may.
        clock: seconds that never go back.
        on_depth: is told how many wait, when that has changed.
        on_waited: is told how a wait ended, and after how many seconds; `refused` is one that did not begin.
        words: what messages call the upstream.
        limits: says how many seats there are at a replica from moment to moment, in the place of `per_replica`.

    Attributes:
        waiting: how many requests wait.
    """

    def __init__(
        self,
        choice: Choice,
        *,
        per_replica: int,
        queue: int,
        queue_wait_s: float,
        clock: Callable[[], float],
        on_depth: Callable[[int], None] = ignore_depth,
        on_waited: OnWaited = ignore_waited,
        words: Words = PLAIN_WORDS,
        limits: SeatLimits | None = None,
    ) -> None:
        self._choice = choice
        self._limits = limits
        self._per_replica = per_replica
        self._longest_queue = queue
        self._queue_wait_s = queue_wait_s
        self._clock = clock
        self._on_depth = on_depth
        self._on_waited = on_waited
        self._words = words
        self._queue = FairQueue[Waiter[R]]()
        self._hopes = Hopes[R]()
        self._full_until_s: dict[R, float] = {}
        self._mean_held_s = 0.0
        self._given_back: deque[Seat[R]] = deque()
        self._welcomed: deque[R] = deque()
        self._turned_away: deque[R] = deque()
        self._lock = threading.Lock()
        self._give_back = self._take_back if per_replica else give_back

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def take(
        self, candidates: Candidates[R], *, affinity_key: bytes = b"", client_key: str = "", deadline_s: float | None = None
    ) -> Seat[R]:
        """A seat at one of the candidates: at once, or the first that comes free when it is this request's turn.

        Args:
            candidates: the replicas that may serve the request now, one at least. Whoever gives back a seat that this request could have
                asks again: it must be quick, wait for nothing, and take no seat.
            client_key: who asks. Those who ask for little do not wait for those who ask for much.
            deadline_s: when, by the clock, it makes no more sense to wait; `queue_wait_s` holds too.

        Raises:
            Overloaded: too many wait, or no seat came free in time.
            Exception: what `candidates` raises when there is none, now or later.
        """
        able = candidates()
        if not self._per_replica:
            return Seat(self._choice.choose(able, affinity_key), 0.0, self._give_back)
        if self._limits is not None and self._choice.insists(able, affinity_key):
            chosen = self._seat_at_chosen(self._limits, candidates, able, affinity_key, deadline_s)
            if chosen is not None:
                return chosen
            able = candidates()
        self._lock.acquire()
        try:
            seat = self._seat_at_once(able, affinity_key)
            if seat is not None:
                return seat
            waiter = self._join_queue(Waiter(candidates, affinity_key, client_key, len(able)), able)
        finally:
            self._unlock()
        if waiter is None:
            self._on_waited("refused", 0.0)
            raise self._overload(len(able))
        if self._limits is not None:
            self._limits.wanted()
        return self._wait(waiter, deadline_s)

    def is_full(self, replica: R) -> bool:
        """Whether all seats at the replica that this worker may give away are taken."""
        limit = self._per_replica if self._limits is None else self._limits.of(replica)
        return self._per_replica > 0 and replica.in_flight >= max(1, limit)

    def waiting_at(self, replica: R) -> int:
        """How many wait that would take a seat at the replica."""
        return len(self._queue) + self._hopes.at(replica)

    def hopes_at(self, replica: R) -> int:
        """How many of them were chosen for it, and are to hear of it when there is none."""
        return self._hopes.at(replica)

    def welcome(self, replica: R) -> None:
        """Gives the free seats of a replica that has come back to those who wait. Without, they get them with the next that comes free.
        May be called from anywhere: it never waits.
        """
        self._welcomed.append(replica)
        self._take_all_back()

    def turn_away(self, replica: R) -> None:
        """Tells those who were chosen for the replica that no worker has a seat to spare there. As `welcome`, it never waits."""
        self._turned_away.append(replica)
        self._take_all_back()

    def _take_back(self, seat: Seat[R]) -> None:
        """A finalizer may come here in the midst of whoever holds the lock. Who holds it takes the seat back in the end."""
        self._given_back.append(seat)
        self._take_all_back()

    def _take_all_back(self) -> None:
        while (self._given_back or self._welcomed or self._turned_away) and self._lock.acquire(blocking=False):
            try:
                while self._given_back:
                    self._free(self._given_back.popleft())
                while self._welcomed:
                    self._serve_queue((self._welcomed.popleft(),))
                while self._turned_away:
                    self._end_hopes(self._turned_away.popleft())
            finally:
                self._lock.release()

    def _unlock(self) -> None:
        self._lock.release()
        self._take_all_back()

    def _seat_at_chosen(
        self, limits: SeatLimits, candidates: Candidates[R], able: Sequence[R], affinity_key: bytes, deadline_s: float | None
    ) -> Seat[R] | None:
        """A seat at the replica that is chosen among all at which this worker has one to give, or may get one: other workers are asked for
        it then, and who is full for all is passed over. `None` where there is none, or others wait already.
        """
        began_s = self._clock()
        end_s = began_s + min(_HOPES_FOR_S, self._queue_wait_s)
        if deadline_s is not None:
            end_s = min(end_s, deadline_s)
        hope = Hope(candidates, affinity_key)
        self._choose_for(hope, limits, able)
        while hope.replica is not None:
            limits.wanted_at(hope.replica)
            if not self._await(hope, end_s):  # That was all the time there is.
                hope.passed_over.update(able)
            if hope.seat is None:
                able = candidates()
                self._choose_for(hope, limits, able)
            if hope.seat is not None:
                self._on_waited("seated", self._clock() - began_s)
                break
        return hope.seat

    def _await(self, hope: Hope[R], end_s: float) -> bool:
        """Waits for what becomes of a hope. Whether that was known in time."""
        try:
            is_known = hope.wait(end_s - self._clock())
        except BaseException:  # The client left, or the worker ends.
            self._give_up(hope)
            if hope.seat is not None:
                hope.seat.release()
            raise
        if hope.seat is None:
            self._give_up(hope)
        return is_known

    def _give_up(self, hope: Hope[R]) -> None:
        self._lock.acquire()
        try:
            if hope.seat is None and hope.replica is not None:
                self._hopes.remove(hope.replica, hope)
                hope.forget_end()
                self._choice.take_back(hope.replica, hope.rivals)
                hope.passed_over.add(hope.replica)
                hope.replica = None
        finally:
            self._unlock()

    def _choose_for(self, hope: Hope[R], limits: SeatLimits, able: Sequence[R]) -> None:
        """Gives a seat at the chosen replica, or lets the request hope for one."""
        self._lock.acquire()
        try:
            if self._queue:
                self._serve_queue(able)
            if not self._queue:  # Those who wait come first.
                self._seat_or_hope(hope, limits, able)
        finally:
            self._unlock()

    def _wait(self, waiter: Waiter[R], deadline_s: float | None) -> Seat[R]:
        began_s = self._clock()
        patience_s = min(self._queue_wait_s, waiter.patience_s)
        longest_s = patience_s if deadline_s is None else min(patience_s, deadline_s - began_s)
        self._on_depth(len(self._queue))
        try:
            if not waiter.gate.acquire(timeout=max(0.0, longest_s)):
                self._withdraw(waiter, "timed_out")
        except BaseException:  # The client left, or the worker ends: no seat may stay with somebody who is gone.
            self._withdraw(waiter, "left")
            if waiter.seat is not None:
                waiter.end = "left"
                waiter.seat.release()
            raise
        finally:
            self._on_depth(len(self._queue))
            self._on_waited(waiter.end or "left", self._clock() - began_s)
        if waiter.seat is None:
            raise waiter.error or self._overload(waiter.replicas)
        return waiter.seat

    def _withdraw(self, waiter: Waiter[R], end: WaitEnd) -> None:
        """Takes a waiter out of the queue, unless its wait has ended already."""
        self._lock.acquire()
        try:
            if self._queue.remove(waiter.client_key, waiter):
                waiter.end = end
        finally:
            self._unlock()

    def _overload(self, replicas: int) -> Overloaded:
        """What those are told who get no seat: how it is, and when it may be better."""
        waiting = len(self._queue)
        until_seated_s = (waiting + 1) * self._mean_held_s / (replicas * self._per_replica)
        retry_after_s = float(math.ceil(min(max(until_seated_s, _SHORTEST_RETRY_S), _LONGEST_RETRY_S)))
        message = f"{self._words.upstream} is at its limit of requests, and {waiting} wait; try again in {retry_after_s:g} s"
        return Overloaded(message, code="overloaded", retry_after_s=retry_after_s)

    # What follows is called with the lock held.

    def _free(self, seat: Seat[R]) -> None:
        taken = seat.replica.seats
        if seat in taken:
            taken.discard(seat)
            self._learn(self._clock() - seat.taken_s)
            self._serve_queue((seat.replica,))
            if self._limits is not None:
                self._limits.freed()

    def _learn(self, held_s: float) -> None:
        self._mean_held_s += (held_s - self._mean_held_s) * (_LEARNT_FROM_ONE if self._mean_held_s else 1.0)

    def _seat_or_hope(self, hope: Hope[R], limits: SeatLimits, able: Sequence[R]) -> None:
        now_s, free = self._clock(), self._with_room(able)
        rivals = [
            replica for replica in able if replica in free or (replica not in hope.passed_over and self._may_get(limits, replica, now_s))
        ]
        if not rivals:
            return
        chosen = self._choice.choose(rivals, hope.affinity_key)
        if chosen in free:
            hope.seat = Seat(chosen, now_s, self._give_back)
        else:
            hope.replica, hope.rivals = chosen, rivals
            self._hopes.add(chosen, hope)

    def _may_get(self, limits: SeatLimits, replica: R, now_s: float) -> bool:
        return limits.may_grow((replica,)) and now_s >= self._full_until_s.get(replica, now_s)

    def _serve_hopes(self, replica: R) -> None:
        """Seats those who were chosen for the replica, while it has room."""
        while self._hopes.at(replica) and self._with_room((replica,)):
            hope = self._hopes.pop(replica)
            if hope.is_able(replica):
                hope.seat = Seat(replica, self._clock(), self._give_back)
            hope.end()

    def _end_hopes(self, replica: R) -> None:
        self._full_until_s[replica] = self._clock() + _FULL_FOR_S
        while self._hopes.at(replica):
            self._hopes.pop(replica).end()

    def _seat_at_once(self, able: Sequence[R], affinity_key: bytes) -> Seat[R] | None:
        free = self._with_room(able)
        if free and self._queue:  # A replica has come back, unseen. Those who wait come first.
            self._serve_queue(free)
            free = self._with_room(free)
        return self._seat_at_one_of(free, affinity_key) if free else None

    def _seat_at_one_of(self, free: Sequence[R], affinity_key: bytes) -> Seat[R]:
        return Seat(self._choice.choose(free, affinity_key), self._clock(), self._give_back)

    def _with_room(self, replicas: Sequence[R]) -> list[R]:
        if self._limits is not None:
            limit_of = self._limits.of
            return [replica for replica in replicas if replica.in_flight < limit_of(replica)]
        return [replica for replica in replicas if replica.in_flight < self._per_replica]

    def _join_queue(self, waiter: Waiter[R], able: Sequence[R]) -> Waiter[R] | None:
        """The waiter, in the queue; `None` when that is full, and no other client has more than one in it more than this one would have."""
        if len(self._queue) >= self._longest_queue and self._may_grow(able):
            waiter.patience_s = _ASKING_TAKES_S
        elif len(self._queue) >= self._longest_queue:
            last = self._queue.last_of_the_longest_line() if self._queue else None
            if last is None or self._queue.line_of(last.client_key) <= self._queue.line_of(waiter.client_key) + 1:
                return None
            self._queue.remove(last.client_key, last)
            last.wake("displaced")
        self._queue.add(waiter.client_key, waiter)
        return waiter

    def _may_grow(self, able: Sequence[R]) -> bool:
        """Whether one more than the queue holds may be seated, by what others give back. Not many more: those are too many."""
        return (
            self._limits is not None
            and len(self._queue) <= self._longest_queue + self._per_replica * len(able)
            and self._limits.may_grow(able)
        )

    def _serve_queue(self, replicas: Sequence[R]) -> None:
        """Seats those who wait, in turn, for as long as one of the replicas has room and somebody can be seated; then those who hope."""
        while self._queue and self._with_room(replicas) and self._serve_one():
            pass
        for replica in replicas:
            self._serve_hopes(replica)

    def _serve_one(self) -> bool:
        """Ends the wait of the first in turn who can be seated, or told that there is no seat for it. Whether there was one."""
        for waiter in self._queue.in_turn():
            try:
                free = self._with_room(waiter.candidates())
            except Exception as error:  # noqa: BLE001 - the waiter's, who raises it, not the one's who gives a seat back
                waiter.error = error
                self._queue.remove(waiter.client_key, waiter)
                waiter.wake("failed")
                return True
            if free:
                waiter.seat = self._seat_at_one_of(free, waiter.affinity_key)
                self._queue.serve(waiter.client_key, waiter)
                waiter.wake("seated")
                return True
        return False
