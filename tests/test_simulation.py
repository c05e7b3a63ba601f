"""What docs/operations/choice.md says of the policies, found again in a smaller simulation; and the simulation itself."""

from __future__ import annotations

import random
import re

import pytest

from benchmarks.simulation.boxes import REMEMBERED_TOKENS, Box, Memory, Request
from benchmarks.simulation.findings import SMALL, Finding, Findings, found
from benchmarks.simulation.loads import SYSTEM_TOKENS, Conversation, Load, Turn
from benchmarks.simulation.report import BOUNDS_TITLE, DOCUMENT, TITLES, tables, write
from benchmarks.simulation.scenarios import BOUNDS_SHOWN, POLICIES_SHOWN, SCENARIOS
from benchmarks.simulation.world import View, Worker, World
from proxy.upstream.choice import LeastInFlight

SCENES = ("even", "slow", "skewed", "single", "away")


@pytest.fixture(scope="module")
def findings() -> Findings:
    return found(POLICIES_SHOWN, SMALL, SCENES)


@pytest.mark.parametrize("scene", SCENES)
def test_affinity_remembers_most_and_shortens_waiting(findings: Findings, scene: str) -> None:
    """Of what the bound allows, and compared with policies that know of no memory."""
    by = findings[scene]
    affinity = by["prefix_affinity"]
    for other in ("random", "weighted_round_robin", "least_in_flight"):
        assert affinity.remembered > by[other].remembered + 0.1
        assert affinity.p50_s < by[other].p50_s
        assert affinity.p95_s < by[other].p95_s


@pytest.mark.parametrize("scene", SCENES)
def test_chance_is_no_better_than_the_less_busy_of_two(findings: Findings, scene: str) -> None:
    by = findings[scene]
    assert by["least_in_flight"].p95_s < by["random"].p95_s
    assert by["least_in_flight"].p95_s < by["weighted_round_robin"].p95_s * 1.05


def test_round_robin_lets_a_slow_box_drown(findings: Findings) -> None:
    by = findings["slow"]
    assert by["weighted_round_robin"].p95_s > 10 * by["least_in_flight"].p95_s


def test_affinity_without_a_bound_lets_a_slow_or_popular_box_drown(findings: Findings) -> None:
    for scene in ("slow", "skewed"):
        by = findings[scene]
        assert by["without_bound"].p95_s > 4 * by["prefix_affinity"].p95_s
        assert by["without_bound"].busiest > by["prefix_affinity"].busiest * 1.3


def test_a_wider_bound_remembers_more_and_waits_longer_at_a_slow_box() -> None:
    by = found(BOUNDS_SHOWN, SMALL, ["slow"])["slow"]
    assert by["1.1"].remembered < by["1.5"].remembered < by["3"].remembered + 0.02
    assert by["1.25"].p95_s < by["2"].p95_s < by["3"].p95_s


def test_a_simulation_comes_out_the_same_each_time() -> None:
    runs = [SCENARIOS["workers"].run(LeastInFlight, 1, 100.0)[0] for _ in range(2)]
    assert [vars_of(request) for request in runs[0]] == [vars_of(request) for request in runs[1]]
    assert len(runs[0]) > 50


def vars_of(request: Request) -> dict[str, float]:
    return {name: getattr(request, name) for name in Request.__slots__}


def test_a_conversation_comes_back_to_what_is_remembered_of_it() -> None:
    box = Box("box", slots=1)
    world = World([box], [Worker(LeastInFlight(random.random), [View(box)])], random.Random(1))

    class One(Load):
        def arrivals(self, seed: int, until_s: float) -> list[tuple[float, Conversation]]:  # type: ignore[override]
            return [(1.0, Conversation(1, 1, b"", (Turn(700, 40, 5.0), Turn(60, 80, 5.0))))]

    world.run(One(1.0), 1, 100.0)
    first, second = world.requests
    assert (first.prompt, first.remembered, first.first_token_s) == (SYSTEM_TOKENS + 700, 0, 1.0)  # 1200 tokens, 1200 in a second.
    assert (second.prompt, second.remembered) == (1200 + 40 + 60, 1240)
    assert second.asked_s == 1.0 + 1.0 + 1.0 + 5.0  # Read in a second, written in a second, thought of for five.
    assert second.first_token_s == pytest.approx(60 / 1200)


def test_a_box_works_on_so_many_at_a_time_and_lets_the_others_wait() -> None:
    box = Box("box", slots=2)
    world = World([box], [Worker(LeastInFlight(random.random), [View(box)])], random.Random(1))

    class Three(Load):
        def arrivals(self, seed: int, until_s: float) -> list[tuple[float, Conversation]]:  # type: ignore[override]
            return [(0.0, Conversation(number, number, b"", (Turn(700, 40, 0.0),))) for number in range(3)]

    world.run(Three(1.0), 1, 100.0)
    assert [request.first_token_s for request in world.requests] == [1.0, 1.0, 3.0]


def test_memory_has_an_end() -> None:
    memory = Memory()
    requests = [Request(number, 0, REMEMBERED_TOKENS // 3, 0, 0.0) for number in range(4)]
    for request in requests:
        memory.keep(request)
    known = [memory.known_of(request) for request in requests]
    assert known[0] == SYSTEM_TOKENS
    assert known[3] == requests[3].prompt - 1


def test_the_document_holds_the_tables_between_its_marks() -> None:
    finding = Finding(100, 0.5, 0.1, 2.0, 30.0, 1.2)
    policies = {"even": dict.fromkeys(POLICIES_SHOWN, finding)}
    text = tables(policies, {"even": dict.fromkeys(BOUNDS_SHOWN, finding)}, SMALL)
    assert "| `least_in_flight` | 50% | 0.10 s | 2.00 s | 30 s | 1.20 |" in text
    before = "a\n<!-- findings: begin -->\nold\n<!-- findings: end -->\nb\n"
    written = write(before, text)
    assert written.startswith("a\n")
    assert written.endswith("\nb\n")
    assert "old" not in written
    assert write(written, text) == written


def test_the_kept_findings_are_of_all_scenarios_and_policies() -> None:
    document = DOCUMENT.read_text().split("\n## Findings\n", 1)[1]
    assert re.findall(r"^\*\*(\w+)\*\*: ", document, re.MULTILINE) == list(SCENARIOS)
    for title in TITLES.values():
        assert document.count(f"\n| {title} |") == len(SCENARIOS)
    for name in SCENARIOS:
        assert f"\n| {name} |" in document.split(BOUNDS_TITLE, 1)[1]
