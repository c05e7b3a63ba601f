"""The gateway in front of three replicas, one of which falls ill: shortly, and under light load. `make chaos` does it at length."""

from __future__ import annotations

import pytest

from chaos.performance import perform
from chaos.plan import BUSY
from chaos.scenarios import SCENARIOS, Scenario

ONE_ILL = [scenario for scenario in SCENARIOS if scenario.expectation.ill == ("b",) and scenario.name != "redis"]


@pytest.mark.parametrize("scenario", ONE_ILL, ids=lambda scenario: scenario.name)
def test_the_gateway_when_a_replica(scenario: Scenario) -> None:
    found = perform(scenario, BUSY)
    assert not found.problems, (found.problems, found.failures, found.figures)
