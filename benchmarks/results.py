"""What a run found, and what follows from it: medians, ratios to the bare pass-through, added times. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.plan import Ratio, Sample, medians, ratio
from benchmarks.titles import BARE, DIRECT, GATEWAY, RELAY
from benchmarks.windows import remark_on, tells_a_rate

Better = Literal["higher", "lower"]
# Their samples are rates of answers.
RATED = ("chat", "stream", "tools", "embeddings")
# Runs that did not note how long they asked took so many times as long for so many connections.
_UNNOTED_MANY, _UNNOTED_MANY_TIMES = 1000, 4


@dataclass(frozen=True, slots=True)
class Results:
    """The JSON of a run, asked by section and contender. What was not measured is `None`."""

    content: Mapping[str, Any]

    def samples(self, section: str, contender: str) -> list[Sample]:
        """The samples of all rounds that tell something; `[]` when there are none."""
        return [sample for sample in self._rounds(section, contender) if self._tells(section, sample)]

    def contenders(self, section: str) -> list[str]:
        """Who was measured."""
        return list(self._section(section).get("rounds", {}) or self._section(section).get("figures", {}))

    def rounds(self, section: str, contender: str) -> int:
        """How often it was asked, with those rounds that tell nothing."""
        return len(self._rounds(section, contender))

    def median(self, section: str, contender: str, metric: str) -> float | None:
        samples = self.samples(section, contender)
        return medians(samples).get(metric) if samples else None

    def ratio(self, section: str, contender: str, metric: str, base: str = BARE) -> Ratio | None:
        """How many times `base` the contender is."""
        pairs = self.pairs(section, contender, base)
        return ratio([of for of, _ in pairs], [to for _, to in pairs], metric) if pairs else None

    def pairs(self, section: str, contender: str, base: str) -> list[tuple[Sample, Sample]]:
        """What both showed in each round in which both tell something; `[]` when one of them was not measured."""
        mine, others = self._rounds(section, contender), self._rounds(section, base)
        both = zip(mine, others, strict=bool(mine and others))
        return [(one, other) for one, other in both if self._tells(section, one) and self._tells(section, other)]

    def added_first_token_us(self, contender: str, metric: str = "total_p50_us") -> float | None:
        """How much later the first token comes than from the upstream itself, whose median is taken off in each round."""
        added = self._added(contender, metric)
        return median(added) if added else None

    def first_token_tail(self, contender: str) -> float | None:
        """How many times the median of what the contender adds before the first token its p99 is."""
        median_us, p99_us = (self.added_first_token_us(contender, f"total_{percentile}_us") for percentile in ("p50", "p99"))
        return p99_us / median_us if median_us and p99_us is not None else None

    def first_token_tails(self, contender: str) -> list[float]:
        """The same of each round."""
        return [p99_us / p50_us for p50_us, p99_us in zip(self._added(contender), self._added(contender, "total_p99_us"), strict=True)]

    def added_first_token_ratio(self, contender: str) -> Ratio | None:
        """What the contender adds before the first token, over what the bare pass-through adds."""
        mine, bare = self._added(contender), self._added(BARE)
        if not mine or not bare:
            return None
        pairs = [of / to for of, to in zip(mine, bare, strict=True)]
        return Ratio(median(pairs), min(pairs), max(pairs))

    def added_lag_us(self, contender: str, metric: str) -> float | None:
        """How much later a token comes than from the upstream itself, at the same percentile."""
        mine, direct = self.median("paced", contender, metric), self.median("paced", DIRECT, metric)
        return None if mine is None or direct is None else mine - direct

    def figure(self, section: str, contender: str, name: str) -> Any:
        """A number that was measured once."""
        return self._section(section).get("figures", {}).get(contender, {}).get(name)

    def grown(self, what: str) -> dict[int, float]:
        """Microseconds of processor per request, by the number of connections, messages or models."""
        return {number: medians(samples)["cpu_us_per_request"] for number, samples in self._growth_rounds(what).items()}

    def growth(self, what: str, many: int, few: int) -> Ratio | None:
        """How many times the processor of a request with `few` one with `many` takes."""
        rounds = self._growth_rounds(what)
        if not rounds.get(many) or not rounds.get(few):
            return None
        return ratio(rounds[many], rounds[few], "cpu_us_per_request")

    def connections_window_s(self, number: int) -> float | None:
        """How long so many connections were asked in a round, at least; `None` where that was not noted, and does not follow."""
        noted = [sample["window_s"] for sample in self._growth_rounds("connections").get(number, ()) if "window_s" in sample]
        growth_s = self.content["run"].get("growth_s")
        if noted or growth_s is None:
            return min(noted, default=None)
        return float(growth_s * (_UNNOTED_MANY_TIMES if number >= _UNNOTED_MANY else 1))

    @property
    def asked_again(self) -> bool:
        """Whether who gave few answers was asked for longer: runs that did not do so did not count answers either."""
        return any("answers" in sample for section in RATED for name in self.contenders(section) for sample in self._rounds(section, name))

    def per_message(self, few: int, many: int) -> Ratio | None:
        """Microseconds of processor that one more message costs, between histories of `few` and of `many`."""
        rounds = self._growth_rounds("messages")
        shorter, longer = ([sample["cpu_us_per_request"] for sample in rounds.get(number, ())] for number in (few, many))
        costs = [(more - less) / (many - few) for less, more in zip(shorter, longer, strict=False)]
        return Ratio(median(costs), min(costs), max(costs)) if costs else None

    def steepening(self, what: str, few: int, middle: int, many: int) -> Ratio | None:
        """What one more costs between `middle` and `many`, over what it costs between `few` and `middle`."""
        rounds = self._growth_rounds(what)
        found = [[sample["cpu_us_per_request"] for sample in rounds.get(number, ())] for number in (few, middle, many)]
        pairs = [
            (last - between) / (many - middle) / ((between - first) / (middle - few))
            for first, between, last in zip(*found, strict=False)
            if between > first
        ]
        return Ratio(median(pairs), min(pairs), max(pairs)) if pairs else None

    def problems(self, section: str) -> Mapping[str, str]:
        """What was wrong with whom, and what readers must know of the windows of its rounds."""
        told: dict[str, str] = dict(self._section(section).get("problems", {}))
        if section in RATED:
            for name in self.contenders(section):
                remarks = [told.get(name), remark_on(self._rounds(section, name), self.content["run"])]
                told[name] = "; ".join(remark for remark in remarks if remark)
        return {name: problem for name, problem in told.items() if problem}

    def key_ratios(self) -> dict[str, dict[str, Any]]:
        """The ratios by which runs are compared: value, lowest and highest of the rounds, and which way is better."""
        return {name: {**asdict(found), "better": better} for name, found, better in self._key_ratios() if found is not None}

    def _key_ratios(self) -> Iterator[tuple[str, Ratio | None, Better]]:
        for contender, way in ((GATEWAY, "translated"), (RELAY, "relayed")):
            for section in ("chat", "stream"):
                yield f"{section}, {way}: answers per second", self.ratio(section, contender, "requests_per_s"), "higher"
                yield f"{section}, {way}: processor per answer", self.ratio(section, contender, "cpu_us_per_request"), "lower"
            yield f"paced, {way}: processor per token", self.ratio("paced", contender, "cpu_us_per_token"), "lower"
            yield f"first token, {way}: added time", self.added_first_token_ratio(contender), "lower"

    def _rounds(self, section: str, contender: str) -> list[Sample]:
        return list(self._section(section).get("rounds", {}).get(contender, ()))

    def _tells(self, section: str, sample: Sample) -> bool:
        return section not in RATED or tells_a_rate(sample, self.content["run"])

    def _growth_rounds(self, what: str) -> dict[int, list[Sample]]:
        rounds = self._section("growth").get(what, {}).get("rounds", {})
        return {int(number): list(samples) for number, samples in rounds.items()}

    def _added(self, contender: str, metric: str = "total_p50_us") -> list[float]:
        mine, direct = self.samples("first_token", contender), self.samples("first_token", DIRECT)
        return [one[metric] - other["total_p50_us"] for one, other in zip(mine, direct, strict=bool(mine))]

    def _section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.content["sections"].get(name, {})
        return section
