"""The lists of several upstreams: none that is slow or dead keeps the others waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.gateway.lists import ModelLists
from proxy.upstream.model_changes import changes_seen_here
from proxy.upstream.models import ModelList

SOON_S = 5.0


def spawn(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


class Upstream:
    """Tells models, or does not: `answer` is a list, an error, or an event to wait for before `m` is told."""

    def __init__(self, answer: list[str] | UpstreamError | threading.Event) -> None:
        self.answer = answer
        self.asked = 0
        self.changes = changes_seen_here()
        self.models = ModelList(self._fetch, 60, time.monotonic, spawn, changes=self.changes)

    def _fetch(self) -> list[ModelCard]:
        self.asked += 1
        if isinstance(self.answer, threading.Event):
            assert self.answer.wait(SOON_S)
            return [ModelCard("m")]
        if isinstance(self.answer, UpstreamError):
            raise self.answer
        return [ModelCard(name) for name in self.answer]


def the_lists(*upstreams: Upstream) -> ModelLists:
    return ModelLists([upstream.models for upstream in upstreams], spawn, time.monotonic)


@contextmanager
def at_once(limit_s: float = 0.5) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    assert time.monotonic() - began_s < limit_s


def dead() -> Upstream:
    return Upstream(UpstreamUnavailable("nobody is there"))


def test_first_request_waits_for_all_lists_at_once() -> None:
    gate = threading.Event()
    slow, other = Upstream(gate), Upstream(gate)
    threading.Timer(0.1, gate.set).start()
    lists = the_lists(slow, other)
    lists.ensure_known()
    assert (slow.models.known, other.models.known) == ((ModelCard("m"),), (ModelCard("m"),))
    assert not lists.has_pending


def test_upstream_that_hangs_costs_the_first_request_a_second_and_the_next_nothing() -> None:
    gate, well = threading.Event(), Upstream(["a"])
    lists = the_lists(Upstream(gate), well)
    with at_once(2):
        lists.ensure_known()
    assert well.models.known == (ModelCard("a"),)
    assert lists.has_pending
    with at_once(0.1):
        for _ in range(10):
            lists.ensure_known()
            lists.ensure_any()
    gate.set()
    lists.await_all()
    assert lists.lacks() == {}


def test_upstream_that_is_dead_costs_nothing() -> None:
    gone, well = dead(), Upstream(["a"])
    lists = the_lists(gone, well)
    with at_once():
        lists.ensure_known()
        lists.ensure_any()
    assert not lists.has_pending
    assert [lack.error for lack in lists.lacks().values()] == [gone.models.last_error]


def test_nothing_to_show_is_an_error_of_the_first() -> None:
    lists = the_lists(dead(), Upstream(UpstreamBroken("garbage")))
    with at_once(), pytest.raises(UpstreamUnavailable, match="nobody is there"):
        lists.ensure_any()


def test_nothing_told_so_far_is_an_error_that_says_so() -> None:
    gate = threading.Event()
    lists = the_lists(Upstream(gate), Upstream(gate))
    with pytest.raises(UpstreamUnavailable, match="not told its models yet"):
        lists.ensure_any()
    gate.set()


def test_upstream_without_a_list_is_nothing_to_wait_for() -> None:
    lists = the_lists(Upstream(UpstreamRefused("no such URL", status=502, upstream_status=404)), dead())
    lists.ensure_any()
    assert [lack.error.message for lack in lists.lacks().values()] == ["nobody is there"]


def test_one_upstream_that_hangs_costs_the_first_request_a_second_and_the_next_nothing() -> None:
    gate = threading.Event()
    lists = the_lists(Upstream(gate))
    with at_once(2):
        lists.ensure_known()
    with at_once(0.1):
        for _ in range(10):
            lists.ensure_known()
    assert lists.has_pending
    gate.set()
    lists.ensure_any()
    assert lists.lacks() == {}


def test_one_list_that_hangs_is_an_error_for_who_wants_to_see_it() -> None:
    gate, seconds = threading.Event(), iter([0.0, 0.99, 4.9])
    lists = ModelLists([Upstream(gate).models], spawn, lambda: next(seconds))
    with at_once(2), pytest.raises(UpstreamUnavailable, match="not told its models yet"):
        lists.ensure_any()
    gate.set()


def test_one_upstream_is_waited_for_before_it_is_asked_again() -> None:
    gate = threading.Event()
    threading.Timer(0.05, gate.set).start()
    upstream = Upstream(gate)
    lists = the_lists(upstream)
    lists.ensure_known()
    assert upstream.models.known == (ModelCard("m"),)
    lists.ensure_any()
    assert upstream.asked == 1
    with pytest.raises(UpstreamUnavailable):
        the_lists(dead()).ensure_any()
    lists = the_lists(dead())
    lists.await_all()
    assert [lack.error.message for lack in lists.lacks().values()] == ["nobody is there"]


def test_list_of_an_upstream_that_got_other_models_is_waited_for() -> None:
    changed, other = Upstream(["a"]), Upstream(["b"])
    lists = the_lists(changed, other)
    lists.ensure_known()
    changed.answer = ["a", "new"]
    changed.changes.note(time.monotonic())
    lists.ensure_known()
    assert changed.models.known == (ModelCard("a"), ModelCard("new"))
    assert (changed.asked, other.asked) == (2, 1)
    lists.ensure_known()
    assert not lists.await_changes()
    assert changed.asked == 2


def test_upstreams_that_got_other_models_and_hang_cost_a_second_together_and_an_unlisted_name_some_more() -> None:
    gate, hanging = threading.Event(), [Upstream(["a"]), Upstream(["b"])]
    lists = the_lists(*hanging)
    lists.ensure_known()
    for upstream in hanging:
        upstream.answer = gate
        upstream.changes.note(time.monotonic())
    with at_once(1.6):
        lists.ensure_known()
    with at_once(0.1):
        for _ in range(10):
            lists.ensure_known()
    assert [upstream.models.known for upstream in hanging] == [(ModelCard("a"),), (ModelCard("b"),)]
    gate.set()
    assert lists.await_renewed()
    assert [upstream.models.known for upstream in hanging] == [(ModelCard("m"),)] * 2
    assert [upstream.asked for upstream in hanging] == [2, 2]
