"""Cool-downs of replicas and of their models."""

from __future__ import annotations

import gc
import math
import threading

from proxy.upstream.cooldown import CoolDown, CoolDowns
from tests.upstream.conftest import Clock

NOW = math.inf


def test_nobody_cools_down_at_first() -> None:
    cooldowns = CoolDowns(Clock())
    assert cooldowns.rest_s("a", "m") == 0
    assert cooldowns.all() == []


def test_a_replica_cools_down_for_all_its_models_and_for_no_other_replica() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock)
    cooldowns.cool("a", 5, "429")
    assert (cooldowns.rest_s("a"), cooldowns.rest_s("a", "m"), cooldowns.rest_s("b", "m")) == (5, 5, 0)
    clock.now_s += 3
    assert cooldowns.rest_s("a", "m") == 2
    clock.now_s += 2
    assert cooldowns.rest_s("a", "m") == 0


def test_a_model_cools_down_alone() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 5, "429", "m")
    assert (cooldowns.rest_s("a", "m"), cooldowns.rest_s("a", "n"), cooldowns.rest_s("a")) == (5, 0, 0)


def test_the_longer_of_two_cool_downs_holds() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 5, "429", "m")
    cooldowns.cool("a", 3, "401")
    cooldowns.cool("a", 1, "429", "m")
    assert (cooldowns.rest_s("a", "m"), cooldowns.rest_s("a")) == (5, 3)
    cooldowns.cool("a", 9, "500", "m")
    assert cooldowns.rest_s("a", "m") == 9


def test_an_answer_ends_a_cool_down() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 5, "429", "m")
    cooldowns.cool("a", 3, "401")
    cooldowns.end("a")
    assert (cooldowns.rest_s("a", "m"), cooldowns.rest_s("a")) == (5, 0)
    cooldowns.end("a", "m")
    cooldowns.end("b")
    assert cooldowns.rest_s("a", "m") == 0


def test_no_cool_down_lasts_for_ever() -> None:
    cooldowns = CoolDowns(Clock(), longest_s=60)
    cooldowns.cool("a", 1e9, "429")
    assert cooldowns.rest_s("a") == 60


def test_those_that_are_over_are_not_listed_the_one_that_ends_first_comes_first() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock)
    for replica, seconds in (("a", 1), ("b", 9), ("c", 5)):
        cooldowns.cool(replica, seconds, "429", "m")
    clock.now_s += 2
    assert cooldowns.all() == [CoolDown("c", "m", 1005, "429"), CoolDown("b", "m", 1009, "429")]


def test_models_without_end_are_forgotten_but_no_replica_is() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 1, "401")
    for number in range(5000):
        cooldowns.cool("a", 10 + number, "429", f"m{number}")
    assert len(cooldowns.all()) <= 1024
    assert cooldowns.rest_s("a") == 1
    assert cooldowns.rest_s("a", "m4999") > 0


def test_names_that_clients_invent_push_out_nothing_real() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 1, "401")
    for number in range(100):
        cooldowns.cool("a", 3, "429", f"real {number}")
    for number in range(5000):
        cooldowns.cool("a", 5, "404", f"invented {number}", is_ours=True)
    assert all(cooldowns.rest_s("a", f"real {number}") == 3 for number in range(100))
    assert cooldowns.rest_s("a") == 1
    assert len(cooldowns.all()) <= 1024


def test_when_its_time_is_over_one_may_go_and_see() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock, trial_s=5)
    cooldowns.cool("a", 3, "429", "m")
    cooldowns.begin_trial("a", "m")
    assert cooldowns.rest_s("a", "m") == 3, "nobody sees anything before its time"
    clock.now_s += 3
    cooldowns.begin_trial("a", "other")
    assert cooldowns.rest_s("a", "m") == 0
    cooldowns.begin_trial("a", "m")
    assert cooldowns.rest_s("a", "m") == 5
    clock.now_s += 5
    assert cooldowns.rest_s("a", "m") == 0, "the first one did not come back"


def test_the_trial_decides() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock, trial_s=5)
    cooldowns.cool("a", 3, "429", "m")
    clock.now_s += 3
    cooldowns.begin_trial("a", "m")
    cooldowns.cool("a", 1, "429", "m")
    assert cooldowns.rest_s("a", "m") == 1
    clock.now_s += 1
    cooldowns.begin_trial("a", "m")
    assert cooldowns.end_by_answer("a", "m", ended=False, sent_s=NOW)
    assert cooldowns.rest_s("a", "m") == 0
    assert not cooldowns.end_by_answer("a", "m", ended=True, sent_s=NOW)


def test_what_broke_off_is_proved_by_an_end() -> None:
    cooldowns = CoolDowns(Clock())
    cooldowns.cool("a", 3, "cut", needs_end=True)
    cooldowns.cool("a", 3, "429", "m", is_firm=True)
    assert cooldowns.end_by_answer("a", "m", ended=False, sent_s=NOW)
    assert (cooldowns.rest_s("a", "m"), cooldowns.is_firm("a", "m")) == (3, False)
    assert cooldowns.end_by_answer("a", "m", ended=True, sent_s=NOW)
    assert cooldowns.rest_s("a", "m") == 0


def test_what_the_replica_asked_for_is_firm_as_long_as_it_lasts() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock)
    cooldowns.cool("a", 3, "429", "m", is_firm=True)
    assert (cooldowns.is_firm("a", "m"), cooldowns.is_firm("a", "n"), cooldowns.is_firm("b", "m")) == (True, False, False)
    clock.now_s += 3
    assert not cooldowns.is_firm("a", "m")


def test_an_end_that_a_finalizer_tells_in_the_midst_of_a_cool_down_stops_nobody() -> None:
    cooldowns, clock = CoolDowns(lambda: clock()), Clock()  # noqa: PLW0108 - bound below

    class Answer:
        """One that nobody has let go, and that came to its end."""

        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            cooldowns.end_by_answer("a", "m", ended=True, sent_s=NOW)

    cooldowns.cool("a", 500, "it broke", "m")
    for number in range(1023):
        cooldowns.cool("a", 5, "it broke", f"m{number}")
    gc.collect()
    Answer()
    calls = []

    def collecting() -> float:
        calls.append(gc.collect() if calls else 0)  # The second time, it makes room, and holds the lock.
        return 1000.0

    clock = collecting  # type: ignore[assignment]
    cooling = threading.Thread(target=cooldowns.cool, args=("a", 5, "it broke", "last"), daemon=True)
    cooling.start()
    cooling.join(5)
    assert not cooling.is_alive()
    assert len(calls) == 2
    assert cooldowns.rest_s("a", "m") == 0
    assert cooldowns.rest_s("a", "m1") == 5


def test_an_answer_to_what_was_sent_before_a_cool_down_does_not_end_it() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock)
    before_s = clock.now_s
    clock.now_s += 1
    cooldowns.cool("a", 60, "429", "m")
    clock.now_s += 1
    assert not cooldowns.end_by_answer("a", "m", ended=True, sent_s=before_s)
    assert cooldowns.rest_s("a", "m") == 59
    clock.now_s += 59
    cooldowns.begin_trial("a", "m")
    assert not cooldowns.end_by_answer("a", "m", ended=True, sent_s=before_s), "that is not the trial's"
    assert cooldowns.end_by_answer("a", "m", ended=True, sent_s=clock.now_s)


def test_that_others_try_it_too_takes_nothing_from_the_proof() -> None:
    clock = Clock()
    cooldowns = CoolDowns(clock)
    cooldowns.cool("a", 1, "429")
    clock.now_s += 1
    trial_s = clock.now_s
    cooldowns.begin_trial("a", "")
    cooldowns.learn(CoolDown("a", "", clock.now_s + 5, "429", on_trial=True, since_s=clock.now_s + 0.1))
    assert cooldowns.end_by_answer("a", "m", ended=True, sent_s=trial_s)
