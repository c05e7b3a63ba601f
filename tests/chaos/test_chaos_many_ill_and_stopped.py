"""The gateway when all replicas are ill, and when it is stopped, reloaded or killed itself: shortly, and under light load."""

from __future__ import annotations

import pytest

from chaos.performance import perform
from chaos.plan import BUSY
from chaos.scenarios import SCENARIOS, Scenario
from tests.components import require

OTHERS = [scenario for scenario in SCENARIOS if scenario.expectation.ill != ("b",) or scenario.name == "redis"]


@pytest.mark.parametrize("scenario", OTHERS, ids=lambda scenario: scenario.name)
def test_the_gateway_when(scenario: Scenario) -> None:
    if scenario.name == "redis":
        require("redis-server")
    found = perform(scenario, BUSY)
    assert not found.problems, (found.problems, found.failures, found.figures)
