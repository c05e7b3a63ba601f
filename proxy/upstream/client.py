"""`UpstreamClient`: sends calls to one upstream, to another replica or again where that makes sense, and says what comes of it.

The loop over attempts, and nothing else: who may be asked is the fleet's business, one attempt the replica's, and what a failure means
stands in the table of verdicts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from proxy.errors import Overloaded, ProxyError, UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.telemetry import ExchangeNotes
from proxy.upstream.attempt_log import tell_failed_attempt
from proxy.upstream.background import Background
from proxy.upstream.budget import RetryBudget
from proxy.upstream.choice import Choice
from proxy.upstream.faults import Fault, Verdict, inner_fault_of
from proxy.upstream.fleet import Fleet
from proxy.upstream.journey import Journey
from proxy.upstream.key_cover import KeyCover
from proxy.upstream.prober import look_at
from proxy.upstream.replica import Replica
from proxy.upstream.reply import UpstreamReply
from proxy.upstream.retry import RetryPolicy
from proxy.upstream.seat import Seat, Visit, give_back
from proxy.upstream.seats import Seats
from proxy.upstream.summary import summary
from proxy.upstream.verdicts import Judgement, is_of_key, judged, judged_late
from proxy.upstream.waits import Wait
from proxy.wire.messages import Purpose, UpstreamCall

# All replicas are asked a second time at most: where all of them fail, the client is told within a second.
_MOST_ROUNDS = 2
# So many looks in a row find a replica silent before it is left by those who wait for its answer: a question costs nothing, but work is
# done twice then, should the replica have been busy and no more.
_LOOKS_FOR_QUESTIONS, _LOOKS_FOR_WORK = 1, 3


class UpstreamClient:
    """One upstream, for all greenlets of a worker.

    Args:
        name: word for logs and metrics.
        fleet: its replicas.
        choice: which of those that may be asked is.
        seats: how much each of them may have to do; `None` where there is only one, and nothing is limited.
        retry_sent: whether what a replica may have begun to work on is sent to another, or to another upstream.
        clients_bring_keys: whether only clients have keys: then a refusal is about theirs, also for those who came without.
        total_s: longest time from a request to the end of its answer; 0 for any.
        background: what runs beside the calls; the first of them starts it.
        is_part: whether the fleet is one replica out of several: it is told by its name then, and nobody waits for a seat there.
        sleep: waits for so many seconds before all replicas are asked again.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        name: str,
        fleet: Fleet,
        *,
        choice: Choice,
        seats: Seats[Replica] | None,
        policy: RetryPolicy,
        budget: RetryBudget,
        retry_sent: bool = True,
        clients_bring_keys: bool = False,
        total_s: float = 0.0,
        background: Background | None = None,
        is_part: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._fleet = fleet
        self._lone = fleet.replicas[0] if len(fleet.replicas) == 1 else None
        self._unlimited = self._lone if seats is None and not is_part else None
        self._tells_replica = self._lone is None or is_part
        self._choice = choice
        self._seats = seats
        self._policy = policy
        self._budget = budget
        self._retry_sent = retry_sent
        self._clients_bring_keys = clients_bring_keys
        self._total_s = total_s
        self._background = background
        self._sleep = sleep
        self._clock = clock

    @property
    def uses_affinity(self) -> bool:
        """Whether it is worth giving calls an affinity key."""
        return self._lone is None and self._choice.uses_affinity

    def send(self, call: UpstreamCall, notes: ExchangeNotes | None = None, *, once: bool = False) -> UpstreamReply:
        """The answer to `call`, with a status of success; its body is still to come, and it must be closed.

        Args:
            once: whether a failed attempt is final, but for one at each of the other replicas.

        Raises:
            UpstreamRefused: the upstream answered with an error, or with a redirect.
            UpstreamUnavailable: it cannot be reached, or its breaker is open.
            UpstreamTimeout: it did not begin to answer in time.
            UpstreamBroken: it began to answer with something that is no HTTP, or hung up.
            Overloaded: it has too much to do already.
        """
        if self._background is not None:
            self._background.start()
        notes = ExchangeNotes() if notes is None else notes
        journey = self._journey(call, notes, once)
        while True:
            outcome = self._attempt(call, notes, journey)
            if isinstance(outcome, UpstreamReply):
                return outcome
            if outcome is not None and not self._goes_on(outcome, journey, notes):
                raise journey.of_all_keys(outcome.error) if self._lone is not None else journey.error()

    def of_each_replica(self) -> Mapping[str, UpstreamClient]:
        """A client of each replica alone, by its label, for what all of them are to do; first those that are not known to be unwell."""
        fleet = self._fleet
        return {
            replica.label: UpstreamClient(
                self.name,
                fleet.of_one(replica),
                choice=self._choice,
                seats=None,
                policy=self._policy,
                budget=self._budget,
                retry_sent=self._retry_sent,
                clients_bring_keys=self._clients_bring_keys,
                total_s=self._total_s,
                background=self._background,
                is_part=len(fleet.replicas) > 1,
                sleep=self._sleep,
                clock=self._clock,
            )
            for replica in sorted(fleet.replicas, key=lambda replica: bool(replica.suspicion))
        }

    def start(self) -> None:
        """Starts what runs beside the calls, in the process that serves: else the first call does."""
        if self._background is not None:
            self._background.start()

    def ask_again(self, error: UpstreamError, notes: ExchangeNotes) -> bool:
        """Whether the call that led to `error` should be sent again, after having waited for the right time. It goes to another replica.

        For errors that came inside an answer with a status of success, or broke it off, before the client got a byte. They count for
        breakers and health as those with that status do, of which `send` takes care.
        """
        self.make_fit(error, notes)
        fault, journey = inner_fault_of(error), self._journey_of(notes)
        if journey.replica is not None:
            journey.replica.breakers.settle("" if journey.purpose is Purpose.QUESTION else notes.upstream_model, fault)
            journey.replica.health.note(fault)
        journey.failed = True
        journey.goes_on = self._goes_on(fault, journey, notes)
        return journey.goes_on

    def answered(self, model: str, notes: ExchangeNotes | None = None, *, ended: bool = False) -> None:
        """Notes that a call to `model` brought an answer and no error inside it. `send` cannot know: it has read no body. The answer to a
        question proves nothing of work.

        Args:
            notes: those of the call; they tell which replica answered, and of a stream, when it is let go, whether it has finished.
            ended: whether that is all of the answer.
        """
        journey: Journey | None = None if notes is None else notes.journey
        replica = self._lone or (None if journey is None else journey.replica)
        if replica is not None and (journey is None or journey.purpose is not Purpose.QUESTION):
            replica.breakers.recovered(model)
            self._fleet.answered(replica, model, ended=ended, sent_s=self._clock() if journey is None else journey.sent_s)

    def stream_failed(self, notes: ExchangeNotes, error: ProxyError) -> None:
        """Notes that the answer of which `notes` are broke after the client had got some of it: the next request avoids that replica."""
        journey = self._journey_of(notes)
        if isinstance(error, UpstreamError) and not journey.failed:
            journey.failed = True
            self._fleet.blame(judged_late(error, with_clients_key=journey.has_clients_key), error, journey)

    def refused_the_client(self, error: ProxyError, notes: ExchangeNotes) -> bool:
        """Whether the error that a call ended with is about the key that its client came with, or should have come with."""
        return isinstance(error, UpstreamRefused) and is_of_key(error) and self._journey_of(notes).has_clients_key

    def make_fit(self, error: UpstreamError, notes: ExchangeNotes) -> None:
        """Makes an upstream's words fit for clients: without keys, ours and the client's, and without a wait that nobody can mean.

        `send` and `ask_again` have done so with the errors that pass them; others that were read from an answer need it.

        Args:
            notes: those of the call that the answer is to.
        """
        for replica in self._fleet.replicas:
            replica.line.make_fit(error)
        if secret := _client_secret(notes):
            KeyCover([secret]).over_error(error)

    def covered(self, data: bytes, notes: ExchangeNotes) -> bytes:
        """What an upstream says in the answer of which `notes` are, without keys, ours and the client's; JSON stays JSON."""
        for replica in self._fleet.replicas:
            data = replica.line.covered(data)
        secret = _client_secret(notes)
        return KeyCover([secret]).over_body(data) if secret else data

    def health(self) -> dict[str, Any]:
        """What is known of the upstream from memory; `state` is `unknown`, `up`, `degraded` (some replicas are down) or `down`."""
        return summary(self._fleet, self._seats.waiting if self._seats else 0, self._clock)

    def _journey(self, call: UpstreamCall, notes: ExchangeNotes, once: bool) -> Journey:
        """The journey of a call: a new one, unless it is sent again because its answer failed early."""
        begun: Journey | None = notes.journey
        due_s = self._clock() + self._total_s if self._total_s else None
        if begun is not None and begun.upstream == self.name:
            if begun.goes_on and begun.model == call.model:
                begun.goes_on = begun.failed = False
                return begun
            due_s = begun.due_s
        self._budget.note_request()
        journey = notes.journey = Journey(self.name, call, due_s, is_once=once)
        journey.has_clients_key |= self._clients_bring_keys
        return journey

    def _journey_of(self, notes: ExchangeNotes) -> Journey:
        """The journey of an answer that is known by its notes alone."""
        if notes.journey is None:
            notes.journey = Journey(self.name, UpstreamCall("", model=notes.upstream_model), None, is_once=False)
            notes.journey.replica, notes.journey.attempts = self._lone, notes.attempts - notes.repairs
        journey: Journey = notes.journey
        return journey

    def _attempt(self, call: UpstreamCall, notes: ExchangeNotes, journey: Journey) -> UpstreamReply | Fault | None:
        """The answer, or what went wrong; `None` when the replica let nobody through, and another is to be asked."""
        unlimited = self._unlimited
        seat = self._seat(call, journey) if unlimited is None else Seat(unlimited, 0.0, give_back)
        outcome: UpstreamReply | Fault | None = None
        try:
            outcome = self._asked(seat.replica, call, notes, journey)
        finally:
            if not isinstance(outcome, UpstreamReply):
                seat.release()
        if isinstance(outcome, UpstreamReply):
            if unlimited is None or journey.can_go_elsewhere:
                outcome.on_close = partial(self._left, seat, journey, notes)
            else:  # Nobody waits for its seat, and how the answer ended decides nothing: let this cost nothing.
                outcome.on_close = partial(unlimited.seats.discard, seat)
        return outcome

    def _asked(self, replica: Replica, call: UpstreamCall, notes: ExchangeNotes, journey: Journey) -> UpstreamReply | Fault | None:
        key = journey.key = None if call.client_secret else replica.keys.only or replica.keys.pick()
        journey.replica, journey.sent_s = replica, self._clock()
        if self._tells_replica:
            notes.replica = replica.label
        if self._lone is not None and journey.can_go_elsewhere:
            self._fleet.turn_away_from(replica, journey.model)
        # Whether a question is answered proves nothing of work: it leaves the trial to who can.
        if (self._lone is None or journey.can_go_elsewhere) and not _is_question(call):
            self._fleet.cooldowns.begin_trial(replica.id, journey.model)
        try:
            place = 0 if key is None else key.place
            wait = self._wait_at(replica, call, journey)
            outcome = replica.ask(call, place, notes, journey.due_s, anyway=self._lone is None, wait=wait)
        except UpstreamUnavailable as refusal:
            if self._lone is not None:
                raise
            journey.errors.append(refusal)
            journey.tried.add(replica)
            return None
        journey.attempts += 1
        return outcome

    def _wait_at(self, replica: Replica, call: UpstreamCall, journey: Journey) -> Wait | None:
        """What ends the wait for an answer that will not come, where there may be somebody else to ask."""
        if (self._lone is not None and not journey.can_go_elsewhere) or not self._retry_sent:
            return None
        return Wait(_LOOKS_FOR_QUESTIONS if _is_question(call) else _LOOKS_FOR_WORK, partial(self._may_move, replica, journey))

    def _may_move(self, replica: Replica, journey: Journey) -> bool:
        """Whether the request can be asked elsewhere. Its retry is counted then, so that nobody takes it away meanwhile. Another upstream
        takes no retry from this one.
        """
        if self._lone is not None:
            return journey.can_go_elsewhere
        if journey.attempts < self._policy.max_retries and self._fleet.can_spare(replica, journey):
            journey.has_retry = self._budget.take_retry()
        return journey.has_retry

    def _seat(self, call: UpstreamCall, journey: Journey) -> Seat[Replica] | Visit[Replica]:
        """A seat at the replica that is to be asked, where there is something to choose, or to wait for."""
        able = partial(self._fleet.able, journey)
        if self._seats is None or call.method == "GET":
            return Visit(self._choice.choose(able()))
        deadline_s = journey.due_s
        if call.queue_wait_s is not None:
            deadline_s = min(self._clock() + call.queue_wait_s, math.inf if deadline_s is None else deadline_s)
        try:
            return self._seats.take(able, affinity_key=call.affinity_key, client_key=call.client_key, deadline_s=deadline_s)
        except Overloaded:
            if journey.errors:  # They say why there are fewer seats than usual.
                raise journey.error() from None
            raise

    def _left(self, seat: Seat[Replica] | Visit[Replica], journey: Journey, notes: ExchangeNotes) -> None:
        """An answer was let go. Only who reads it knows whether it was a good one, and not how the connection ended."""
        seat.release()
        if notes.end == "finished" and journey.model and journey.purpose is not Purpose.QUESTION and not journey.failed:
            self._fleet.answered(seat.replica, journey.model, ended=True, sent_s=journey.sent_s)

    def _goes_on(self, fault: Fault, journey: Journey, notes: ExchangeNotes) -> bool:
        """Notes the fault. Whether another attempt is due, now."""
        fault.error.ends_request = fault.was_sent and not self._retry_sent
        journey.errors.append(fault.error)
        notes.failures.append(fault.error.kind)
        wait_s = self._wait_s(fault, journey, notes)
        tell_failed_attempt(fault.error, journey, wait_s, names_replica=self._tells_replica)
        if wait_s is None:
            return False
        if wait_s:
            self._sleep(wait_s)
        return True

    def _wait_s(self, fault: Fault, journey: Journey, notes: ExchangeNotes) -> float | None:
        """Seconds until the next attempt; `None` when there is to be none."""
        has_clients_key, purpose = journey.has_clients_key, journey.purpose
        judgement = judged(fault, journey.model, retry_sent=self._retry_sent, with_clients_key=has_clients_key, purpose=purpose)
        self._fleet.blame(judgement, fault.error, journey)
        if fault.verdict is Verdict.UNREACHABLE and self._background is not None and journey.replica is not None:
            self._background.wake(look_at(journey.replica))
        if judgement.is_free or journey.refusal is not None:
            return self._looks_on_s(fault, journey)
        wait_s = 0.0 if judgement.elsewhere and self._fleet.has_another(journey) else None
        if journey.is_once:
            return None if self._lone is not None else wait_s
        if journey.attempts > self._policy.max_retries:
            return None
        if wait_s is None:
            wait_s = self._wait_for_round_s(fault, journey)
        if wait_s is None or (journey.due_s is not None and self._clock() + wait_s >= journey.due_s):
            return None
        has_retry, journey.has_retry = journey.has_retry, False
        return wait_s if has_retry or self._may_retry(judgement, journey, notes) else None

    def _looks_on_s(self, fault: Fault, journey: Journey) -> float | None:
        """0 where one more replica is asked whether it does what the first does not; `None` when that was done, or nobody else is well."""
        journey.refusal = journey.refusal or fault.error
        may_look = not journey.has_looked_on and journey.attempts <= self._policy.max_retries
        if not may_look or journey.replica is None or not self._fleet.can_spare(journey.replica, journey):
            return None
        journey.has_looked_on = True
        return 0.0

    def _may_retry(self, judgement: Judgement, journey: Journey, notes: ExchangeNotes) -> bool:
        """Whether the budget has another attempt; but what one replica lacks is looked for at a second one for nothing.

        Otherwise one client with wrong names would take their retries from all others. A third one is asked for what is listed alone.
        """
        if judgement.is_about_name and not journey.has_looked_on:
            journey.has_looked_on = True
            return True
        return (notes.known_model or not judgement.is_about_name) and self._budget.take_retry()

    def _wait_for_round_s(self, fault: Fault, journey: Journey) -> float | None:
        """Seconds until all replicas are asked again; `None` when that makes no sense."""
        is_lone = self._lone is not None
        if journey.can_go_elsewhere and fault.verdict is not Verdict.NOTHING:
            return None
        if (not is_lone and journey.round >= _MOST_ROUNDS) or self._fleet.are_blocked(journey.model):
            return None
        wait_s = self._policy.after(fault, journey.attempts) if is_lone else self._policy.after(fault, journey.round, _MOST_ROUNDS - 1)
        if wait_s is None or not self._fleet.is_anybody_free_within(wait_s, journey.model):
            return None
        journey.round += 1
        journey.tried.clear()
        return wait_s


def _is_question(call: UpstreamCall) -> bool:
    """Whether it asks for no work."""
    return call.method == "GET" or call.purpose is Purpose.QUESTION


def _client_secret(notes: ExchangeNotes) -> str:
    """The key that the client's call showed, `""` for none."""
    journey: Journey | None = notes.journey
    return "" if journey is None else journey.client_secret
