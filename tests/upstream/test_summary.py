"""What `/health` tells of an upstream."""

from __future__ import annotations

import pytest
import requests

from proxy.upstream.cooldown import CoolDowns
from proxy.upstream.fleet import Fleet
from proxy.upstream.summary import summary
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_replica


@pytest.fixture
def cooldowns(clock: Clock) -> CoolDowns:
    return CoolDowns(clock)


@pytest.fixture
def fleet(cooldowns: CoolDowns, session: requests.Session, clock: Clock) -> Fleet:
    replicas = [a_replica("http://127.0.0.1:1/v1", label, session=session, read_error=read_error, clock=clock) for label in "ab"]
    return Fleet(replicas, cooldowns, cooldown_s=5.0)


def test_of_many_that_are_left_alone_those_that_clients_may_have_invented_are_shown_last(
    fleet: Fleet, cooldowns: CoolDowns, clock: Clock
) -> None:
    for number in range(500):
        cooldowns.cool("a", 1, "404", f"invented {number}", is_ours=True)
    cooldowns.cool("a", 3, "429", "real")
    cooldowns.cool("a", 9, "401")
    cooldowns.cool("b", 2, "404", "invented", is_ours=True)
    of_replicas = summary(fleet, 0, clock)["replicas"]
    shown = of_replicas["a"]["cooling_s"]
    assert list(shown)[:2] == ["", "real"]
    assert (shown[""], shown["real"], len(shown)) == (9, 3, 32)
    assert of_replicas["b"]["cooling_s"] == {"invented": 2}
