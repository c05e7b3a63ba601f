"""What others showed in the same run beside targets that are missed by a time and not by a rate: how much of it is the machine's. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.targets import verdicts
from benchmarks.titles import BARE, GATEWAY, NGINX, RELAY

_MESSAGES = (2, 100, 200)


def what_others_showed(results: Results) -> Iterator[str]:
    """For each such target that was missed: the spread of its rounds, and what the bare pass-through and others showed in them."""
    missed = {row.what for row in verdicts(results) if row.met is False}
    told = [*_pace(results, missed), *_first_token(results, missed), *_growth(results, missed)]
    if told:
        yield "### What others showed beside the other missed targets"
        yield "\n".join(f"* {sentence}" for sentence in told)


def _pace(results: Results, missed: set[str]) -> Iterator[str]:
    for percentile, metric in (("median", "lag_p50_us"), ("p99", "lag_p99_us")):
        what = f"paced streams, added per token, {percentile}"
        if what not in missed:
            continue
        lags = sorted(sample[metric] for sample in results.samples("paced", GATEWAY))
        others = ((BARE, "the bare pass-through"), (RELAY, "the gateway that relays"))
        added = [f"{name} {us:,.0f} us" for who, name in others if (us := results.added_lag_us(who, metric)) is not None]
        yield f"**{what}**: its lag was {lags[0]:,.0f} to {lags[-1]:,.0f} us in the rounds. In the same run added {', '.join(added)}."


def _first_token(results: Results, missed: set[str]) -> Iterator[str]:
    what = "added time to first token, median"
    if what not in missed:
        return
    names = ((GATEWAY, "the gateway"), (RELAY, "the gateway that relays"), (BARE, "the bare pass-through"), (NGINX, "nginx"))
    added = [f"{name} {us:,.0f} us" for who, name in names if (us := results.added_first_token_us(who)) is not None]
    yield f"**{what}**: in the same run added {', '.join(added)}."


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
            yield f"**{what}**: {found.low:.3g} to {found.high:.3g} x {base} in the rounds."
