"""What stands between the gateway and the least that this stack takes, and between it and a target that it misses. Pure.

All times are those of one answer on one core at full load: a second, divided by the answers per second that the tables show. What a target
needs is the time of whom it is measured by, divided by the target. So whoever has the tables can compute all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.results import Results
from benchmarks.targets import RACES, Race
from benchmarks.titles import BARE, CONSTANT, FLOOR, GATEWAY, QUIET, QUIET_RELAY, RELAY, TITLES

_DECISION = "[decision 10](decisions/0010-speed.md)"
_ADDED_BY_CLIENT = "our upstream client, the upstream's answer"
_ADDED_BY_NOTES = "access log and metrics"
_SECTIONS = {"chat": "a whole answer", "stream": "a stream of 200 records"}


@dataclass(frozen=True, slots=True)
class Step:
    """One who takes so long for an answer, and what makes it slower than the one before."""

    what: str
    time_us: float
    added_us: float | None
    by: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way through the gateway: without log and metrics, and as it is."""

    contender: str
    quiet: str
    called: str
    work: str


_WAYS = (
    Way(GATEWAY, QUIET, "translated", "validation, translation and guards"),
    Way(RELAY, QUIET_RELAY, "relayed", "guards, routing, and the look at usage and end"),
)


def floors(results: Results) -> Iterator[tuple[str, list[Step]]]:
    """The steps from Flask alone to the gateway, each way, where all of them were measured."""
    for section, told in _SECTIONS.items():
        for way in _WAYS:
            if steps := _steps(results, section, way):
                yield f"{told}, {way.called}", steps


def what_is_missing(results: Results) -> Iterator[str]:
    """For each race that was lost: what its target needs, and what takes longer than that."""
    lost = [race for race in RACES if (ratio := race.ratio(results)) is not None and ratio.value < race.target]
    if not lost:
        return
    yield "### What the missed answers per second would need"
    yield "\n".join(f"* {_needs(results, race)}" for race in lost)
    yield f"What was tried for each part, with what it gained or why it was left, tells {_DECISION}."


def _needs(results: Results, race: Race) -> str:
    """The sentences about one race."""
    mine_us, base_us = (_time_us(results, race.section, name) for name in (race.contender, race.base))
    if mine_us is None or base_us is None:
        return f"**{race.what}**, at least {race.target:g} {race.unit}."
    needed_us = base_us / race.target
    told = f"**{race.what}**, at least {race.target:g} {race.unit}: {needed_us:.0f} us an answer; it took {mine_us:.0f} us."
    bare_us = _time_us(results, race.section, BARE)
    if race.base != BARE and bare_us is not None:
        told += f" In this run the target is {bare_us / needed_us:.2g} x bare."
    if mine_us <= needed_us:
        # Medians of answers per second may come from different rounds; the verdict may not.
        return f"{told} That is within it: the ratios within the rounds, by which it is judged, say otherwise by a little."
    steps = _steps(results, race.section, next(way for way in _WAYS if way.contender == race.contender))
    return f"{told} {_accounted(steps, needed_us)}" if steps else told


def _accounted(steps: list[Step], needed_us: float) -> str:
    """Where the time goes, and whether the floor leaves room for the target."""
    constant, floor, *_ = steps
    parts = "; ".join(f"{step.by} {_share(step.added_us)}" for step in steps[1:] if step.added_us is not None)
    told = f"Of that, gunicorn and Flask take {constant.time_us:.0f} us; {parts}."
    if floor.time_us >= needed_us:
        return f"{told} {floor.what} take {floor.time_us:.0f} us, longer than the target: no gateway on this floor reaches it."
    return f"{told} {floor.what} take {floor.time_us:.0f} us: the target leaves {needed_us - floor.time_us:.0f} us for all else."


def _share(added_us: float) -> str:
    """What a step takes; when the slower was faster, less than this run can tell."""
    return f"{added_us:.0f} us" if added_us > 0 else "less than the rounds differ by"


def _steps(results: Results, section: str, way: Way) -> list[Step]:
    """Each slower one, in order; `[]` unless all were measured."""
    names = (CONSTANT, FLOOR, way.quiet, way.contender)
    times = [_time_us(results, section, name) for name in names]
    known = [time_us for time_us in times if time_us is not None]
    if len(known) < len(names):
        return []
    added: list[float | None] = [None, *(slower - faster for faster, slower in pairwise(known))]
    reasons = ("", _ADDED_BY_CLIENT, way.work, _ADDED_BY_NOTES)
    rows = zip(names, known, added, reasons, strict=True)
    return [Step(TITLES[name], time_us, more_us, by) for name, time_us, more_us, by in rows]


def _time_us(results: Results, section: str, contender: str) -> float | None:
    rate = results.median(section, contender, "requests_per_s")
    return 1e6 / rate if rate else None
