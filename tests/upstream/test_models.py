"""The cached list: fetched once, renewed behind the requests, kept when the upstream fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from proxy.upstream.model_changes import ModelChanges, changes_seen_here
from proxy.upstream.models import ModelList
from tests.upstream.conftest import Clock


class Upstream:
    """Lists what `answers` says, one after the other; the last one stays."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> list[ModelCard]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [ModelCard(name) for name in answer]


class Later:
    """Keeps what is spawned until the test runs it."""

    def __init__(self) -> None:
        self.tasks: list[Callable[[], None]] = []

    def __call__(self, task: Callable[[], None]) -> None:
        self.tasks.append(task)

    def run(self) -> None:
        while self.tasks:
            self.tasks.pop()()


DOWN = UpstreamUnavailable("down")


@pytest.fixture
def later() -> Later:
    return Later()


def a_list(upstream: Callable[[], list[ModelCard]], clock: Clock, later: Later, ttl_s: float = 60) -> ModelList:
    return ModelList(upstream, ttl_s, clock, later)


def names(models: ModelList) -> list[str]:
    return [card.id for card in models.cards()]


def test_the_first_reader_waits_and_the_others_read_the_cache(clock: Clock, later: Later) -> None:
    upstream = Upstream(["b", "a"])
    models = a_list(upstream, clock, later)
    assert (models.count, models.age_s) == (0, None)
    assert [names(models), names(models)] == [["b", "a"], ["b", "a"]]
    clock.now_s += 10
    assert (models.count, models.age_s, upstream.asked) == (2, 10.0, 1)


def test_an_old_list_serves_while_one_new_one_is_fetched(clock: Clock, later: Later) -> None:
    upstream = Upstream(["old"], ["new"])
    models = a_list(upstream, clock, later)
    models.cards()
    clock.now_s += 60
    assert [names(models), names(models), names(models)] == [["old"]] * 3
    assert (len(later.tasks), upstream.asked) == (1, 1)
    later.run()
    assert names(models) == ["new"]
    assert later.tasks == []


def test_a_failed_renewal_keeps_the_old_list_and_is_not_repeated_at_once(clock: Clock, later: Later) -> None:
    upstream = Upstream(["old"], DOWN, ["new"])
    models = a_list(upstream, clock, later)
    models.cards()
    clock.now_s += 60
    models.cards()
    later.run()
    assert (names(models), models.last_error, later.tasks) == (["old"], DOWN, [])
    clock.now_s += 2
    models.cards()
    later.run()
    assert (names(models), models.last_error) == (["new"], None)


def test_a_renewal_that_cannot_start_or_crashes_does_not_block_the_next(clock: Clock, later: Later) -> None:
    upstream = Upstream(["old"], ZeroDivisionError(), ["new"])
    tasks: list[Callable[[], None]] = []
    refusing = [RuntimeError("no more threads")]

    def spawn(task: Callable[[], None]) -> None:
        if refusing:
            raise refusing.pop()
        tasks.append(task)

    models = ModelList(upstream, 60, clock, spawn)
    models.cards()
    clock.now_s += 60
    with pytest.raises(RuntimeError):
        models.cards()
    models.cards()
    with pytest.raises(ZeroDivisionError):
        tasks.pop()()
    clock.now_s += 2
    models.cards()
    tasks.pop()()
    assert names(models) == ["new"]


def test_never_listed_and_down_is_an_error_without_hammering(clock: Clock, later: Later) -> None:
    upstream = Upstream(DOWN, DOWN, ["back"])
    models = a_list(upstream, clock, later)
    for _ in range(3):
        with pytest.raises(UpstreamUnavailable):
            models.cards()
    assert (upstream.asked, models.lists, models.age_s is not None) == (1, True, False)
    clock.now_s += 2
    with pytest.raises(UpstreamUnavailable):
        models.cards()
    clock.now_s += 2
    assert (names(models), upstream.asked) == (["back"], 3)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_upstream_may_have_no_list(clock: Clock, later: Later, status: int) -> None:
    refusal = UpstreamRefused("no such URL", status=502, upstream_status=status)
    upstream = Upstream(refusal, refusal, ["one", "day"], refusal)
    models = a_list(upstream, clock, later)
    assert (names(models), models.lists, models.age_s is not None, models.by_name("m")) == ([], False, True, None)
    clock.now_s += 60
    models.cards()
    later.run()
    assert (names(models), models.lists, models.last_error) == ([], False, None)
    clock.now_s += 60
    models.cards()
    later.run()
    assert (names(models), models.lists) == (["one", "day"], True)
    clock.now_s += 60
    models.cards()
    later.run()
    assert (names(models), models.lists, models.last_error) == (["one", "day"], True, refusal)


def test_other_refusals_are_failures(clock: Clock, later: Later) -> None:
    models = a_list(Upstream(UpstreamRefused("bad key", status=401)), clock, later)
    with pytest.raises(UpstreamRefused, match="bad key"):
        models.cards()
    assert models.lists


def test_names_are_found_exactly_then_in_any_case_then_with_or_without_latest(clock: Clock, later: Later) -> None:
    models = a_list(Upstream(["Llama", "llama", "qwen:latest", "Phi:Latest", "mistral", "mistral:latest", "org/M:free"]), clock, later)
    assert models.by_name("Llama") is None
    models.cards()
    found = {
        name: card.id if (card := models.by_name(name)) else None
        for name in ("Llama", "llama", "LLAMA", "qwen", "QWEN:LATEST", "phi", "phi:latest", "llama:latest", "mistral", "mistral:latest")
    }
    assert found == {
        "Llama": "Llama",
        "llama": "llama",
        "LLAMA": "Llama",
        "qwen": "qwen:latest",
        "QWEN:LATEST": "qwen:latest",
        "phi": "Phi:Latest",
        "phi:latest": "Phi:Latest",
        "llama:latest": "Llama",
        "mistral": "mistral",
        "mistral:latest": "mistral:latest",
    }
    assert models.by_name("org/m:FREE") is not None
    assert models.by_name("org/m") is None
    assert models.by_name("") is None


def test_ensure_known_waits_once_and_raises_nothing(clock: Clock, later: Later) -> None:
    upstream = Upstream(DOWN, ["back"])
    models = a_list(upstream, clock, later)
    models.ensure_known()
    models.ensure_known()
    assert (upstream.asked, later.tasks, models.age_s is not None) == (1, [], False)
    clock.now_s += 2
    models.ensure_known()
    assert (upstream.asked, len(later.tasks)) == (1, 1)
    later.run()
    assert models.by_name("back") is not None


def test_many_first_readers_share_one_fetch(clock: Clock, later: Later) -> None:
    begun, go_on = threading.Event(), threading.Event()
    asked = []

    def slow() -> list[ModelCard]:
        asked.append(1)
        begun.set()
        go_on.wait(5)
        raise UpstreamError("slow and down")

    models = a_list(slow, clock, later)
    failures = []

    def read() -> None:
        try:
            models.cards()
        except UpstreamError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert (len(asked), failures) == (1, ["slow and down"] * 5)


def spawn(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def lists_of_two_workers(upstream: Callable[[], list[ModelCard]], clock: Clock, later: Later) -> tuple[ModelList, ModelList]:
    changes = changes_seen_here()
    here, there = (ModelList(upstream, 60, clock, later, changes=changes) for _ in range(2))
    for models in (here, there):
        models.ensure_known()
    clock.now_s += 1
    return here, there


def test_list_is_outdated_where_another_worker_gave_the_upstream_other_models(clock: Clock, later: Later) -> None:
    upstream = Upstream(["old"], ["old"], ["new"])
    here, there = lists_of_two_workers(upstream, clock, later)
    assert (here.is_outdated, there.ensure_known()) == (False, True)
    here.renew()
    assert (here.is_outdated, names(here), there.is_outdated) == (False, ["new"], True)
    assert not there.ensure_known()
    later.run()
    assert (there.is_outdated, there.ensure_known(), names(there)) == (False, True, ["new"])
    assert (upstream.asked, later.tasks) == (4, [])


def test_outdated_list_that_cannot_be_had_is_asked_for_once(clock: Clock, later: Later) -> None:
    upstream = Upstream(["old"], ["old"], DOWN)
    here, there = lists_of_two_workers(upstream, clock, later)
    here.renew()
    there.ensure_known()
    later.run()
    for _ in range(3):
        there.ensure_known()
        there.await_changes(5)
    assert (there.is_outdated, names(there), there.last_error, upstream.asked, later.tasks) == (False, ["old"], DOWN, 4, [])


def test_list_that_was_on_its_way_when_the_upstream_got_other_models_is_asked_for_again(clock: Clock, later: Later) -> None:
    changes = changes_seen_here()
    told = iter((["old"], ["new"]))

    def changing() -> list[ModelCard]:
        cards = [ModelCard(name) for name in next(told)]
        if cards[0].id == "old":
            clock.now_s += 1
            changes.note(clock.now_s)
        return cards

    models = ModelList(changing, 60, clock, later, changes=changes)
    assert (names(models), models.is_outdated) == (["new"], False)


class Slow:
    """Tells `old` at first, and `new` once the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = 0

    def __call__(self) -> list[ModelCard]:
        self.asked += 1
        if self.asked == 1:
            return [ModelCard("old")]
        assert self.gate.wait(5)
        return [ModelCard("new")]


def an_outdated_list(upstream: Slow) -> tuple[ModelList, ModelChanges]:
    changes = changes_seen_here()
    models = ModelList(upstream, 60, time.monotonic, spawn, changes=changes)
    models.ensure_known()
    changes.note(time.monotonic())
    return models, changes


def test_all_who_wait_for_other_models_share_one_question() -> None:
    upstream = Slow()
    models, _ = an_outdated_list(upstream)
    found: list[list[str]] = []

    def read() -> None:
        models.await_changes(5)
        found.append(names(models))

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    upstream.gate.set()
    for thread in threads:
        thread.join(5)
    assert (found, upstream.asked) == ([["new"]] * 5, 2)


def test_upstream_that_hangs_is_waited_for_once_and_not_by_who_comes_later() -> None:
    upstream = Slow()
    models, _ = an_outdated_list(upstream)
    models.await_changes(0.05)
    began_s = time.monotonic()
    for _ in range(20):
        models.await_changes(0.05)
    assert time.monotonic() - began_s < 0.5
    assert (names(models), models.is_outdated, upstream.asked) == (["old"], True, 2)
    upstream.gate.set()
    models.await_changes(5)
    assert names(models) == ["new"]
