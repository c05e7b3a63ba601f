"""Lists that are asked for with clients' keys: an upstream that is silent or fails holds up nobody who wants something else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.errors import ModelNotFound, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.gateway.lists import ModelLists
from proxy.upstream.lists_by_key import ListsByKey
from proxy.upstream.model_changes import changes_seen_here
from proxy.upstream.models import ModelList

SOON_S = 5.0
KEY, OTHER_KEY = "sk-of-a-client-1", "sk-of-a-client-2"


def spawn(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


@contextmanager
def within(longest_s: float, shortest_s: float = 0.0) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    assert shortest_s <= time.monotonic() - began_s < longest_s


class Two:
    """One upstream that tells its models, and one that is asked with clients' keys. `answer` says what that one does, and when."""

    def __init__(self, *, alone: bool = False) -> None:
        self.answer: list[str] | UpstreamError = ["m"]
        self.gate: threading.Event | None = None
        self.threads: list[threading.Thread] = []
        self.asked: list[str] = []
        self.later_s = 0.0
        own, models = (ModelList(fetch, 60, self.clock, spawn) for fetch in (lambda: [ModelCard("own")], self._nobody))
        self.models = models
        self.changes = changes_seen_here()
        self.by_key = ListsByKey(models, self._fetch, 60, self.clock, self.changes)
        told = [models] if alone else [own, models]
        self.lists = ModelLists(told, self._spawn, self.clock, {models: self.by_key}, {own: "own", models: "cloud"})

    def clock(self) -> float:
        return time.monotonic() + self.later_s

    def hang(self) -> threading.Event:
        """From now on, questions are answered when the event is set."""
        self.gate = threading.Event()
        return self.gate

    def fail_a_moment_ago(self) -> None:
        """Lets the first question fail, so long ago that it is time for the next one."""
        self.answer = UpstreamTimeout("silent")
        self.lists.ensure_known(KEY)
        self.later_s += 3

    def _fetch(self, secret: str) -> list[ModelCard]:
        self.asked.append(secret)
        gate, answer = self.gate, self.answer
        if gate is not None:
            assert gate.wait(SOON_S)
        if isinstance(answer, UpstreamError):
            raise answer
        return [ModelCard(name) for name in answer]

    def _nobody(self) -> list[ModelCard]:
        raise AssertionError("asked without a client")

    def _spawn(self, work: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_key_whose_question_hangs_costs_a_second_once_and_its_clients_nothing_from_then_on(key: str) -> None:
    two = Two()
    gate = two.hang()
    with within(1.8):
        two.lists.ensure_known(KEY)
    two.later_s += 3  # Time enough for asking again, were there an answer.
    with within(0.3):
        for _ in range(20):
            two.lists.ensure_known(key)
            two.lists.ensure_any(key)
    assert two.asked.count(KEY) == 1
    gate.set()


def test_name_that_nobody_lists_waits_for_a_first_question_of_a_moment_ago_and_for_none_that_hangs() -> None:
    two = Two()
    gate = two.hang()
    two.lists.ensure_known(KEY)
    threading.Timer(0.3, gate.set).start()
    with within(2):
        assert two.lists.await_renewed(KEY)
    two = Two()
    gate = two.hang()
    two.lists.ensure_known(KEY)
    two.later_s += 6
    with within(0.3):
        for _ in range(20):
            assert not two.lists.await_renewed(KEY)
    gate.set()


def test_those_who_wait_for_a_question_ask_none_themselves() -> None:
    two = Two()
    gate = two.hang()
    waiting = [threading.Thread(target=two.lists.ensure_known, args=(KEY,)) for _ in range(8)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(SOON_S)
    assert (two.asked, len(two.threads)) == ([KEY], 2)  # One for each upstream.
    gate.set()


def test_question_after_one_that_failed_is_asked_beside_the_request() -> None:
    two = Two()
    two.fail_a_moment_ago()
    gate = two.hang()
    with within(0.3):
        for _ in range(5):
            two.lists.ensure_known(KEY)
            two.lists.ensure_any(KEY)
    assert two.asked == [KEY, KEY]
    with within(1.5):
        assert not two.lists.await_renewed(KEY)
    with within(0.3):
        assert not two.lists.await_renewed(KEY)
    gate.set()


def test_answer_to_a_question_that_was_asked_again_is_waited_for_by_who_needs_it() -> None:
    two = Two()
    two.fail_a_moment_ago()
    two.answer = ["m"]
    two.lists.ensure_known(KEY)
    two.lists.await_renewed(KEY)
    assert two.by_key.shows(KEY, "m")


def test_refusal_is_an_answer_and_the_next_question_is_waited_for() -> None:
    two = Two()
    two.answer = UpstreamRefused("who are you", status=401)
    two.lists.ensure_known(KEY)
    two.later_s += 3
    two.answer = ["m"]
    two.lists.ensure_known(KEY)
    assert two.by_key.shows(KEY, "m")


def test_question_that_hangs_is_no_reason_not_to_wait_while_others_are_answered() -> None:
    two = Two()
    gate = two.hang()
    two.lists.ensure_known(KEY)
    two.later_s += 6
    two.gate = None
    two.by_key.begin("answered", lambda work: work())
    assert two.lists.await_renewed(OTHER_KEY)
    gate.set()


def test_only_upstream_is_waited_for_by_who_wants_to_see_its_list() -> None:
    two = Two(alone=True)
    gate = two.hang()
    threading.Timer(1.3, gate.set).start()
    with within(3, 1.0):
        two.lists.ensure_any(KEY)
    assert two.by_key.shows(KEY, "m")


@pytest.mark.parametrize("name", ["m", "m:latest"])
def test_name_whose_list_came_while_it_was_looked_for_elsewhere_is_not_said_to_be_unknown(name: str) -> None:
    two = Two()
    two.lists.ensure_known(KEY)
    told = two.lists.error_of_name(name, KEY)
    assert isinstance(told, UpstreamUnavailable)
    assert (told.code, told.retry_after_s) == ("model_list_unknown", 1)
    assert isinstance(two.lists.error_of_name("n", KEY), ModelNotFound)
    assert isinstance(two.lists.error_of_name(name, KEY, two.models), ModelNotFound)


def test_list_of_a_key_is_waited_for_when_another_worker_gave_the_upstream_other_models() -> None:
    two = Two()
    for key in (KEY, OTHER_KEY):
        two.lists.ensure_known(key)
        two.lists.ensure_any(key)
    asked = len(two.asked)
    two.answer = ["m", "new"]
    two.changes.note(two.clock())
    two.lists.ensure_known(KEY)
    assert [two.by_key.shows(key, "new") for key in (KEY, OTHER_KEY)] == [True, False]
    two.lists.ensure_known(OTHER_KEY)
    two.lists.ensure_known(KEY)
    assert two.by_key.shows(OTHER_KEY, "new")
    assert two.asked[asked:] == [KEY, OTHER_KEY]


def test_name_that_nobody_lists_waits_longer_for_the_changed_list_of_a_key() -> None:
    two = Two()
    two.lists.ensure_known(KEY)
    gate = two.hang()
    two.changes.note(two.clock())
    with within(1.8, 0.8):
        two.lists.ensure_known(KEY)
    assert two.by_key.is_outdated(KEY)
    threading.Timer(0.1, gate.set).start()
    assert two.lists.await_renewed(KEY)
    assert not two.by_key.is_outdated(KEY)
