"""What others showed in the same run beside targets that are missed by a time and not by a rate: how much of it is the machine's. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks.mood import told_of
from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.targets import verdicts
from benchmarks.titles import BARE, DIRECT, FLOOR, GATEWAY, LITELLM, NGINX, QUIET, RELAY

_DECISION = "[decision 10](decisions/0010-speed.md)"
_MESSAGES = (2, 100, 200)
_PLACES = {0: "slowest", 1: "second slowest"}
# A run does not show it: nobody but the gateway is asked on so many connections.
_APART = " What so many connections cost the floor, and what of it is begun and not counted, was measured apart, and stands in decision 10."
# From the one who does least to the gateway.
_CALLED = {
    NGINX: "nginx",
    FLOOR: "Flask and our upstream client alone",
    BARE: "the bare pass-through",
    RELAY: "the gateway that relays",
    QUIET: "the gateway without log and metrics",
    GATEWAY: "the gateway",
}


def what_others_showed(results: Results) -> Iterator[str]:
    """For each such target that was missed: the spread of its rounds, and what the bare pass-through and others showed in them."""
    missed = {row.what for row in verdicts(results) if row.met is False}
    told = [*_pace(results, missed), *_first_token(results, missed), *_growth(results, missed)]
    if told:
        yield "### What others showed beside the other missed targets"
        yield "\n".join(f"* {sentence}" for sentence in told)
        yield f"Where these times come from, by measurement, and what was tried, tells {_DECISION}."


def _pace(results: Results, missed: set[str]) -> Iterator[str]:
    for percentile, metric in (("median", "lag_p50_us"), ("p99", "lag_p99_us")):
        what = f"paced streams, added per token, {percentile}"
        if what not in missed:
            continue
        lowest, highest = _lags(results, GATEWAY, metric)
        added = _told((FLOOR, BARE, RELAY), partial(results.added_lag_us, metric=metric))
        told = f"its lag was {lowest:,.0f} to {highest:,.0f} us in the rounds{_busy(results)}. In the same run added {added}."
        yield f"**{what}**: {told}{_overlapping(results, metric)}{_waiting(results)}{_mood(results, 'paced')}"


def _lags(results: Results, who: str, metric: str) -> tuple[float, float]:
    """The lowest and the highest of the rounds."""
    lags = [sample[metric] for sample in results.samples("paced", who)]
    return min(lags), max(lags)


def _overlapping(results: Results, metric: str) -> str:
    """Whose rounds overlap with those of the gateway: of them it is not known who is slower, whatever their medians are."""
    low, high = _lags(results, GATEWAY, metric)
    others = {name: _lags(results, name, metric) for name in (FLOOR, BARE, RELAY) if results.samples("paced", name)}
    told = [f"{_CALLED[name]} {lo:,.0f} to {hi:,.0f} us" for name, (lo, hi) in others.items() if lo <= high and low <= hi]
    if not told:
        return ""
    return f" Rounds of others overlap with its own ({', '.join(told)}): who is slower this run does not tell, and it shows no hard limit."


def _busy(results: Results) -> str:
    """How much of the core the tokens took: who takes half of it lets tokens that come together wait for each other."""
    cpu_us, tokens_per_s = (results.median("paced", GATEWAY, metric) for metric in ("cpu_us_per_token", "tokens_per_s"))
    return "" if cpu_us is None or tokens_per_s is None else f", and its worker was busy for {cpu_us * tokens_per_s / 1e6:.0%} of the time"


def _waiting(results: Results) -> str:
    """How long workers waited for their core: what no code of theirs can shorten."""
    shares = [(_CALLED[who], share) for who in (GATEWAY, BARE) if (share := results.median("paced", who, "waiting_share")) is not None]
    told = ", ".join(f"{name} {share:.1%}" for name, share in shares)
    return f" Of the time, a worker could have worked but waited for its core, which somebody else had: {told}." if told else ""


def _first_token(results: Results, missed: set[str]) -> Iterator[str]:
    what = "added time to first token, median"
    if what in missed:
        added = _told(tuple(_CALLED), results.added_first_token_us)
        others = [(name, results.added_first_token_ratio(who)) for who, name in _CALLED.items() if who != BARE]
        ratios = ", ".join(f"{name} {found.value:.3g}" for name, found in others if found is not None)
        told = f"in the same run added {added}; in times of the bare pass-through's, within the rounds: {ratios}.{_waited(results)}"
        yield f"**{what}**: {told}{_mood(results, 'first_token')}"
    what = "added time to first token, p99"
    if what in missed:
        yield f"**{what}**: {_slowest(results)}{_mood(results, 'first_token')}"


def _slowest(results: Results) -> str:
    """Whose slowest first tokens are how much slower than others of the same one; the upstream's own without anything between."""
    found = [(name, results.first_token_tail(who)) for who, name in {**_CALLED, LITELLM: "LiteLLM"}.items()]
    tails = ", ".join(f"{name} {tail:.3g}" for name, tail in found if tail is not None)
    told = f"in the same run it was {tails} x the median of the same one"
    p50_us, p99_us = (results.median("first_token", DIRECT, f"total_{percentile}_us") for percentile in ("p50", "p99"))
    if p50_us and p99_us:
        told += f"; of the upstream itself, with nothing between, the p99 was {p99_us / p50_us:.3g} x the median"
    number = results.content["run"].get("first_tokens")
    if number:
        slower = number - math.ceil(number * 0.99)
        place = _PLACES.get(slower, f"slowest but {slower}")
        told += f". The p99 of a round is the {place} of {number} connections; told is the median of the rounds"
    rounds = ", ".join(f"{tail:.2f}" for tail in results.first_token_tails(GATEWAY))
    return f"{told}. In the rounds the gateway's was {rounds}."


def _waited(results: Results) -> str:
    waited = {_CALLED[who]: us for who in (GATEWAY, BARE) if (us := results.median("first_token", who, "waiting_us")) is not None}
    told = ", ".join(f"{name} {us:,.0f} us" for name, us in waited.items())
    return f" For its core, which somebody else had, a worker waited in each exchange, in the mean: {told}." if told else ""


def _told(who: Sequence[str], added_us: Callable[[str], float | None]) -> str:
    return ", ".join(f"{_CALLED[name]} {us:,.0f} us" for name in who if (us := added_us(name)) is not None)


def _growth(results: Results, missed: set[str]) -> Iterator[str]:
    ratios: tuple[tuple[str, str, Ratio | None], ...] = (
        ("processor per request, 1,000 connections", "1 connection", results.growth("connections", 1000, 1)),
        ("processor per request, 1,000 connections", "10 connections", results.growth("connections", 1000, 10)),
        ("processor per request, 200 models", "1 model", results.growth("models", 200, 1)),
        (
            "processor per message, the 101st to the 200th of a history",
            "the first hundred",
            results.steepening("messages", *_MESSAGES),
        ),
    )
    for what, base, found in ratios:
        if what in missed and found is not None:
            told = f"{found.low:.3g} to {found.high:.3g} x {base} in the rounds."
            apart = _APART if "connections" in what else ""
            yield f"**{what}**: {told}{apart}{_mood(results, 'growth')}"


def _mood(results: Results, section: str) -> str:
    """What others took of the machine meanwhile, as a sentence."""
    quietness = results.content.get("quietness", {}).get(section)
    return f" While this section was measured, {told_of(quietness)}." if quietness else ""
