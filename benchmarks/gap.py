"""What stands between the gateway and the least that this stack takes, and between it and a target that it misses. Pure.

All times are those of one answer on one core at full load: a second, divided by the answers per second that the tables show. What a target
needs is the time of whom it is measured by, divided by the target. So whoever has the tables can compute all of it, except what a step
adds: that is the median of the differences within rounds, as verdicts are of ratios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.targets import RACES, Race
from benchmarks.titles import BARE, CONSTANT, FLOOR, GATEWAY, LAYERS_OF_NOTES, QUIET, QUIET_RELAY, RELAY, TITLES

_DECISION = "[decision 10](decisions/0010-speed.md)"
_ADDED_BY_CLIENT = "our upstream client, the upstream's answer"
_ADDED_BY_NOTES = "access log and metrics"
_SECTIONS = {"chat": "a whole answer", "stream": "a stream of 200 records"}


@dataclass(frozen=True, slots=True)
class Step:
    """One who takes so long for an answer, and what makes it slower than the one before."""

    what: str
    time_us: float
    added_us: Ratio | None
    by: str

    @property
    def is_lost_in_noise(self) -> bool:
        """Whether it was faster in one round and slower in another than the one before."""
        return self.added_us is not None and self.added_us.low <= 0 <= self.added_us.high


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


def floors(results: Results) -> Iterator[tuple[str, list[Step], str]]:
    """The steps from Flask alone to the gateway, each way, where all of them were measured, and what there is to say of them."""
    for section, told in _SECTIONS.items():
        for way in _WAYS:
            if steps := _steps(results, section, way):
                yield f"{told}, {way.called}", steps, _beside_noise(results, section, way, steps)


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
    way = next(way for way in _WAYS if way.contender == race.contender)
    steps = _steps(results, race.section, way)
    noted = _beside_noise(results, race.section, way, steps)
    return f"{told} {_accounted(steps, needed_us, noted and f' {noted}')}" if steps else told


def _accounted(steps: list[Step], needed_us: float, noted: str) -> str:
    """Where the time goes, and whether the floor leaves room for the target."""
    constant, floor, *_ = steps
    parts = "; ".join(f"{step.by} added {_share(step.added_us)}" for step in steps[1:] if step.added_us is not None)
    told = (
        f"gunicorn and Flask alone take {constant.time_us:.0f} us. Within the rounds, {parts}; medians of differences do not add up to "
        f"the whole.{noted}"
    )
    if floor.time_us >= needed_us:
        return f"{told} {floor.what} take {floor.time_us:.0f} us, longer than the target: no gateway on this floor reaches it."
    return f"{told} {floor.what} take {floor.time_us:.0f} us: the target leaves {needed_us - floor.time_us:.0f} us for all else."


def _share(added_us: Ratio) -> str:
    """What a step takes, by rounds."""
    return f"{added_us.value:.0f} us ({added_us.low:.0f} to {added_us.high:.0f})"


def _beside_noise(results: Results, section: str, way: Way, steps: list[Step]) -> str:
    """What the profile says of a last step that the clocks cannot tell; `""` when they can."""
    if not steps or not steps[-1].is_lost_in_noise:
        return ""
    told = f"What {_ADDED_BY_NOTES} cost, clocks cannot tell here: the difference is above 0 in some rounds and below it in others."
    share = _share_of_notes(results, section, way)
    return told if share is None else f"{told} The profile has them at {share:.0%} of the processor time."


def _share_of_notes(results: Results, section: str, way: Way) -> float | None:
    layers = results.figure("profile", f"{section}, {TITLES[way.contender]}", "layers")
    return None if layers is None else sum(layers.get(layer, 0.0) for layer in LAYERS_OF_NOTES)


def _steps(results: Results, section: str, way: Way) -> list[Step]:
    """Each slower one, in order; `[]` unless all were measured."""
    names = (CONSTANT, FLOOR, way.quiet, way.contender)
    times = [_time_us(results, section, name) for name in names]
    known = [time_us for time_us in times if time_us is not None]
    if len(known) < len(names):
        return []
    added = [None, *(_added_us(results, section, faster, slower) for faster, slower in pairwise(names))]
    reasons = ("", _ADDED_BY_CLIENT, way.work, _ADDED_BY_NOTES)
    rows = zip(names, known, added, reasons, strict=True)
    return [Step(TITLES[name], time_us, more_us, by) for name, time_us, more_us, by in rows]


def _added_us(results: Results, section: str, faster: str, slower: str) -> Ratio:
    pairs = results.pairs(section, slower, faster)
    added = [1e6 / slow["requests_per_s"] - 1e6 / fast["requests_per_s"] for slow, fast in pairs]
    return Ratio(median(added), min(added), max(added))


def _time_us(results: Results, section: str, contender: str) -> float | None:
    rate = results.median(section, contender, "requests_per_s")
    return 1e6 / rate if rate else None
