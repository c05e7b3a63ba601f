"""Streams at the pace at which models write: what a token costs, and how much later it comes."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.contenders.field import Standing
from benchmarks.loads.streams import await_ends, count_tokens, open_streams
from benchmarks.plan import Plan, Sample, percentile, turns
from benchmarks.sections.lineup import found, lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, DIRECT, GATEWAY, LITELLM, PEER, RELAY, TITLES
from benchmarks.workloads import paced

# For the streams to begin, and for a slow contender to catch up at the end.
_SPARE_S = 2
_CATCHING_UP_S = 30


def measure_pace(site: Site, plan: Plan) -> dict[str, Any]:
    """Samples of each contender in turn, with `paced_streams` streams at a time."""
    tokens = plan.tokens_per_s * (plan.steady_s + _SPARE_S)
    place = f"paced/{tokens}/{1000 // plan.tokens_per_s}"
    names = [GATEWAY, RELAY, BARE, *([DIRECT] if plan.ceilings else []), *([PEER, LITELLM] if plan.peers else [])]
    samples: dict[str, list[Sample]] = {}
    with lineup(site, site.paced, place, names) as ready:
        for round_number, name in turns(ready.names, plan.paced_rounds):
            sample = asyncio.run(_sample(ready.standings[name], plan))
            if sample["lost"]:
                ready.note(name, f"{sample['lost']:.0f} of {plan.paced_streams} streams were not complete in time")
            samples.setdefault(name, []).append(sample)
            site.say(
                f"  paced {round_number + 1}/{plan.paced_rounds} {TITLES[name]}: {sample['cpu_us_per_token']:.0f} us of processor per "
                f"token, lag {sample['lag_p50_us']:.0f} us, p99 {sample['lag_p99_us']:.0f} us"
            )
    return found(ready, samples, streams=plan.paced_streams, tokens_per_s=plan.tokens_per_s)


async def _sample(standing: Standing, plan: Plan) -> Sample:
    question = paced(standing.contender.dialect)
    gap_s = 1 / plan.tokens_per_s / plan.paced_streams
    streams = await open_streams(standing.url, question, plan.paced_streams, gap_s=gap_s)
    tokens, spent_s = await count_tokens(streams, plan.steady_s, standing.program.cpu_s)
    whole = await await_ends(streams, _CATCHING_UP_S)
    lags_us = [lag_ns / 1e3 for stream in streams for lag_ns in stream.watched.lags_ns[1:]]
    return {
        "cpu_us_per_token": spent_s / tokens * 1e6,
        "tokens_per_s": tokens / plan.steady_s,
        "lag_p50_us": percentile(lags_us, 50),
        "lag_p99_us": percentile(lags_us, 99),
        "lost": plan.paced_streams - whole,
    }
