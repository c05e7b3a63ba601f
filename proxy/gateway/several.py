"""Several answers to one request, for upstreams that give one for each call: all are asked for at once, and told as one.

Each call goes its own way to the destination, with its own place in the queue, retries, lessons and notes. Where one of them fails, so does
the whole, and nobody works on the others any longer. While nothing was told, the next destination of the chain is then asked for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from queue import Empty, Queue
from threading import Event
from typing import Generic, TypeVar

from proxy.canonical.completion import Completion, Usage, known_sum, usage_of_all
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, OfChoice, UsageSeen
from proxy.errors import UpstreamUnavailable
from proxy.gateway.conversation import Conversation
from proxy.gateway.errands import Errand
from proxy.gateway.noting import note_end, note_events
from proxy.gateway.steps import Goal, note_destination
from proxy.telemetry import ExchangeNotes

T = TypeVar("T")

# So much of each answer may wait for a client that is slow to read.
_WAITING_NEWS = 4


class Several:
    """A request with `others`, as all its destinations are asked: in the place of a `Conversation`.

    Args:
        first: that of the request itself; its notes are those of the exchange.
    """

    def __init__(self, first: Conversation) -> None:
        self.request = first.request
        self.chain = first.chain
        self.notes = first.notes
        self.stopwatch = first.stopwatch
        self._first = first

    def open(self, goal: Goal) -> SeveralOpenings:
        """The answers, as soon as one of them has begun: who serves one at a time does not begin the next before."""
        calls = self._calls(goal, _tell_stream)
        try:
            calls.begin()
            return SeveralOpenings(calls, self._first.steps.keepalive_s)
        except BaseException:
            calls.close()
            raise

    def complete(self, goal: Goal) -> Completion:
        """The whole answers, in one."""
        with closing(self._calls(goal, _tell_whole)) as calls:
            calls.begin()
            found = dict(calls.next() for _ in calls.notes)
        first, *others = (found[choice] for choice in sorted(found))
        return replace(first, usage=usage_of_all([first.usage, *(other.usage for other in others)]), others=tuple(others))

    def _calls(self, goal: Goal, tell_of: Callable[[Conversation, Goal, Tell[T]], None]) -> _Calls[T]:
        note_destination(self.notes, goal.destination)
        requests = (self.request, *self.request.others)
        conversations = [replace(self._first, request=request, notes=_new_notes(self.notes)) for request in requests]
        works = [partial(tell_of, conversation, goal) for conversation in conversations]
        return _Calls(works, [conversation.notes for conversation in conversations], self._first)


Tell = Callable[[T], bool]
"""Tells news of a call to whoever waits for them; whether somebody does still."""


class _Calls(Generic[T]):
    """Calls that go on at once, and the news of them. Must be closed, and by whoever waits for the news: they may be waiting, too.

    Args:
        works: for each call, what does it.
        notes: for each call, its notes.
        first: knows the notes of the exchange.
    """

    def __init__(self, works: Sequence[Callable[[Tell[T]], None]], notes: Sequence[ExchangeNotes], first: Conversation) -> None:
        self.notes = notes
        self._works = works
        self._first = first
        self._news: Queue[tuple[int, T | Exception]] = Queue(_WAITING_NEWS * len(works))
        self._errands: list[Errand[None]] = []
        self._first_told = Event()
        self._is_closed = False

    def begin(self) -> None:
        """Begins them all."""
        for choice, work in enumerate(self._works):
            self._errands.append(self._first.steps.errands.begin_beside(partial(self._run, choice, work)))

    def next(self) -> tuple[int, T]:
        """What is told next, and of which call. Raises why one of them brings nothing; the others have ended then."""
        return self._checked(*self._news.get())

    def next_within(self, seconds: float) -> tuple[int, T] | None:
        """As `next`; `None` for nothing within that time."""
        try:
            return self._checked(*self._news.get(timeout=seconds))
        except Empty:
            return None

    def fail(self, choice: int) -> None:
        """Ends the others. What is asked of the exchange from now on is asked of the call that failed."""
        self._first.notes.journey = self.notes[choice].journey
        self.close()

    def close(self) -> None:
        """Ends those that have not ended, and notes what all of them took."""
        if not self._is_closed:
            self._is_closed = True
            self._first_told.set()
            for errand in self._errands:
                errand.abandon()
            self._empty()
            _add_up(self._first.notes, self.notes)

    # As an answer of an upstream is let go: each of those behind this has been already, when it had come to its end.
    drain_or_close = close

    def _checked(self, choice: int, told: T | Exception) -> tuple[int, T]:
        if isinstance(told, Exception):
            self.fail(choice)
            raise told
        return choice, told

    def _run(self, choice: int, work: Callable[[Tell[T]], None]) -> None:
        tell = partial(self._tell, choice)
        try:
            try:
                work(tell)
            except UpstreamUnavailable:
                if not self._may_try_behind_first(choice):
                    raise
                work(tell)
        except Exception as error:  # noqa: BLE001 - it is raised in whoever waits for the news
            self._tell(choice, error)

    def _may_try_behind_first(self, choice: int) -> bool:
        """Whether a call that was let through to nobody is to try again, after the first has got somewhere: a breaker that has been open
        lets one through, to see.
        """
        if not choice or self.notes[choice].attempts:
            return False
        self._first_told.wait()
        return not self._is_closed

    def _tell(self, choice: int, told: T | Exception) -> bool:
        if not choice:
            self._first_told.set()
        self._news.put((choice, told))
        return not self._is_closed

    def _empty(self) -> None:
        """Makes room for those who cannot be ended from outside: each tells one thing more, and then knows."""
        try:
            while True:
                self._news.get_nowait()
        except Empty:
            pass


class SeveralOpenings:
    """Answers that have begun, read as they come: in the place of an `Opening`. The first news of them have come.

    Attributes:
        events: the latest.
        reply: what is to be let go.
    """

    def __init__(self, calls: _Calls[Sequence[ChatEvent]], keepalive_s: float) -> None:
        self.reply = calls
        self._keepalive_s = keepalive_s
        self._usages = [Usage() for _ in calls.notes]
        self._ends: dict[int, Finished] = {}
        self.events: Sequence[ChatEvent] = self._taken(*calls.next())

    def advance(self) -> None:
        """Reads on. Raises `ProxyError` where one of them does not begin, and as the reader of an upstream's answer never does."""
        news = self.reply.next_within(self._keepalive_s)
        self.events = [KeepAlive()] if news is None else self._taken(*news)

    def close(self) -> None:
        """Lets go of the upstreams' answers."""
        self.reply.close()

    def _taken(self, choice: int, events: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        """What a client is told of that: also of the whole, where it ends with it."""
        for event in events:
            if type(event) is UsageSeen:
                self._usages[choice] = event.usage
        last = events[-1]
        if isinstance(last, Failed):
            self.reply.fail(choice)
            return [OfChoice(choice, events[:-1]), last]
        if isinstance(last, Finished):
            self._ends[choice] = last
        told = OfChoice(choice, events)
        if len(self._ends) < len(self._usages):
            return [told]
        return [told, UsageSeen(usage_of_all(self._usages)), self._ends[0]]


def _tell_whole(conversation: Conversation, goal: Goal, tell: Tell[Completion]) -> None:
    completion = conversation.complete(goal)
    note_end(conversation.notes, completion.usage, completion.finish_reason)
    tell(completion)


def _tell_stream(conversation: Conversation, goal: Goal, tell: Tell[Sequence[ChatEvent]]) -> None:
    """Tells the events of one answer. Of its failure the notes of the exchange are told, and the client."""
    opening = conversation.open(goal)
    try:
        watch = conversation.keepsakes.watch(conversation.request, conversation.chain)
        while True:
            events = [event for event in opening.events if type(event) is not KeepAlive]
            if watch is not None:
                watch.note(events)
            is_over = bool(events) and (type(events[-1]) is Failed or note_events(conversation.notes, events))
            if events and not tell(events):
                return
            if is_over:
                opening.reply.drain_or_close()
                return
            opening.advance()
    finally:
        opening.close()


def _new_notes(notes: ExchangeNotes) -> ExchangeNotes:
    """Notes of one call of the exchange, in which nothing has happened yet."""
    return replace(notes, calls=1, attempts=0, repairs=0, failures=[], earlier=[], journey=None)


def _add_up(notes: ExchangeNotes, calls: Sequence[ExchangeNotes]) -> None:
    """Notes of the exchange what its calls took."""
    notes.calls = sum(call.attempts > 0 for call in calls) or 1
    notes.attempts = sum(call.attempts for call in calls)
    notes.repairs = sum(call.repairs for call in calls)
    notes.replica = calls[-1].replica
    notes.prompt_tokens = known_sum(call.prompt_tokens for call in calls)
    notes.completion_tokens = known_sum(call.completion_tokens for call in calls)
    for call in calls:
        notes.failures += call.failures
