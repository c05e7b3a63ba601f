"""What the gateway is meant to reach, and whether a run shows it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.titles import BARE, GATEWAY, LITELLM, PEER, RELAY

Found = Ratio | float | None
# Of the bare pass-through's answers per second, beside the target.
_STRETCH = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the table of targets. `met` is `None` when nothing was measured."""

    what: str
    target: str
    measured: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Race:
    """A target for the answers per second of `contender`, in times those of `base`."""

    what: str
    section: str
    contender: str
    base: str
    target: float

    @property
    def unit(self) -> str:
        return _UNITS[self.base]

    def ratio(self, results: Results) -> Ratio | None:
        """How many times the base it was."""
        return results.ratio(self.section, self.contender, "requests_per_s", self.base)


_UNITS = {BARE: "x bare", PEER: "x ollama-openai-proxy", LITELLM: "x LiteLLM"}
RACES = (
    Race("relayed chat, answers/s", "chat", RELAY, BARE, 2.2),
    Race("translated chat, answers/s", "chat", GATEWAY, BARE, 2),
    Race("translated chat, answers/s", "chat", GATEWAY, PEER, 5),
    Race("translated chat, answers/s", "chat", GATEWAY, LITELLM, 20),
    Race("translated stream, records/s", "stream", GATEWAY, BARE, 0.6),
    Race("translated stream, records/s", "stream", GATEWAY, PEER, 10),
    Race("translated stream, records/s", "stream", GATEWAY, LITELLM, 50),
    Race("relayed stream, streams/s", "stream", RELAY, BARE, 2),
)


def verdicts(results: Results) -> list[Verdict]:
    """All targets, in the order of their table."""
    return [
        *(_race(results, race) for race in RACES),
        *_pace(results),
        *_first_token(results),
        *_held(results),
        *_memory_and_start(results),
        *_large(results),
        *_growth(results),
    ]


def remarks_on_targets(results: Results) -> Iterator[str]:
    """What there is to say below the table."""
    found = results.ratio("chat", GATEWAY, "requests_per_s")
    if found is not None:
        met = "was met" if found.value >= _STRETCH else "was not met"
        yield (
            f"The stretch for translated chat, {_STRETCH:g} x bare, {met}: {found.value:.3g}. It is half of what K0IN/openai-ollama-proxy, "
            "a program in Go, made of the bare pass-through's answers per second where the targets were set, 5.9 x; it is on no package "
            "index, and is not measured here."
        )
    yield (
        "That an app loads nothing that its settings did not ask for is no figure: [a test](../tests/web/test_imports.py) asks for the "
        "modules that are there."
    )


def _race(results: Results, race: Race) -> Verdict:
    """By the rounds in which both tell a rate; how many these are is told when they are not all."""
    verdict = _at_least(race.what, race.target, race.unit, race.ratio(results))
    told, asked = len(results.pairs(race.section, race.contender, race.base)), results.rounds(race.section, race.contender)
    return verdict if told in {0, asked} else replace(verdict, measured=f"{verdict.measured}, of {told} of {asked} rounds")


def _at_least(what: str, target: float, unit: str, found: Found) -> Verdict:
    return _verdict(what, f"at least {target:g} {unit}", unit, found, lambda value: value >= target)


def _at_most(what: str, target: float, unit: str, found: Found) -> Verdict:
    return _verdict(what, f"at most {target:g} {unit}", unit, found, lambda value: value <= target)


def _verdict(what: str, target: str, unit: str, found: Found, meets: Callable[[float], bool]) -> Verdict:
    """By the median of the rounds' ratios, where it is a ratio; the lowest and the highest of them are told, too."""
    if found is None:
        return Verdict(what, target, "not measured", None)
    value, spread = (found.value, f" ({found.low:.3g} to {found.high:.3g})") if isinstance(found, Ratio) else (found, "")
    return Verdict(what, target, (f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}") + spread, meets(value))


def _pace(results: Results) -> Iterator[Verdict]:
    yield _at_most("paced streams, processor per token", 1.2, "x bare", results.ratio("paced", GATEWAY, "cpu_us_per_token"))
    yield _at_most("paced streams, added per token, median", 1000, "us", results.added_lag_us(GATEWAY, "lag_p50_us"))
    yield _at_most("paced streams, added per token, p99", 5000, "us", results.added_lag_us(GATEWAY, "lag_p99_us"))


def _first_token(results: Results) -> Iterator[Verdict]:
    yield _at_most("added time to first token, median", 0.8, "x bare", results.added_first_token_ratio(GATEWAY))
    yield _at_most("added time to first token, p99", 3, "x its median", results.first_token_tail(GATEWAY))


def _held(results: Results) -> Iterator[Verdict]:
    def figure(name: str) -> float | None:
        found: float | None = results.figure("held", GATEWAY, name)
        return found

    yield _at_most("held streams, memory of each", 60, "KiB", figure("kib_each"))
    yield _at_most("held streams, lost", 0, "streams", figure("lost"))
    yield _at_most("held streams, first token of a newcomer, p99", 20, "ms", figure("newcomer_p99_ms"))


def _memory_and_start(results: Results) -> Iterator[Verdict]:
    yield _at_most("memory of a worker at the start", 60, "MiB", results.figure("memory", GATEWAY, "start_mib"))
    yield _at_most("memory of a worker under load", 80, "MiB", results.figure("memory", GATEWAY, "loaded_mib"))
    steps = results.figure("memory", GATEWAY, "steps")
    # The first step still warms caches up.
    grown_mib = steps[-1]["mib"] - steps[0]["mib"] if steps else None
    yield _at_most("memory gained from the first fifth of 100,000 requests to the last", 1, "MiB", grown_mib)
    yield _at_most("an idle worker, after streams", 0.01, "of a core", results.figure("memory", GATEWAY, "idle_share"))
    yield _at_most("from `serve` to the first answer", 1.5, "s", results.median("start", GATEWAY, "seconds"))


def _large(results: Results) -> Iterator[Verdict]:
    for contender, way in ((GATEWAY, "translated"), (RELAY, "relayed")):
        extra = results.figure("large", contender, "extra_memory_of_request")
        yield _at_most(f"a picture of 10 MiB, {way}: extra memory", 2.5, "x the request", extra)
    for contender, way in ((GATEWAY, "translated"), (RELAY, "relayed")):
        short, long = (results.figure("large", contender, f"cpu_us_for_{kibibytes}_kib") for kibibytes in (256, 1024))
        yield _at_most(f"a record of 1 MiB, {way}: processor", 4.4, "x one of 256 KiB", long / short if short else None)


def _growth(results: Results) -> Iterator[Verdict]:
    # Who is asked by one alone sleeps after each answer, and pays for being woken up; among ten there is always something to do.
    for few, called in ((1, "x 1 connection"), (10, "x 10 connections")):
        yield _at_most("processor per request, 1,000 connections", 1.2, called, results.growth("connections", 1000, few))
    yield _at_most("processor per request, 200 models", 1.1, "x 1 model", results.growth("models", 200, 1))
    steeper = results.steepening("messages", 2, 100, 200)
    yield _at_most("processor per message, the 101st to the 200th of a history", 1.2, "x the first hundred", steeper)
