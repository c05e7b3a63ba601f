"""Streams at the pace at which models write: what a token costs, and how much later it comes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.contenders.field import Standing
from benchmarks.loads.streams import StreamLost, await_ends, count_tokens, open_streams, problem_of_streams
from benchmarks.plan import Plan, Sample, percentile, turns
from benchmarks.sections.lineup import Lineup, found, lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, DIRECT, FLOOR, GATEWAY, LITELLM, PEER, RELAY, TITLES
from benchmarks.workloads import Workload, paced

_CATCHING_UP_S = 30


def measure_pace(site: Site, plan: Plan) -> dict[str, Any]:
    """Samples of each contender in turn, with `paced_streams` streams at a time."""
    workload = paced(plan.tokens_per_s * (plan.steady_s + plan.spare_s), 1000 // plan.tokens_per_s)
    names = [GATEWAY, RELAY, BARE, *([FLOOR, DIRECT] if plan.ceilings else []), *([PEER, LITELLM] if plan.peers else [])]
    samples: dict[str, list[Sample]] = {}
    with lineup(site, site.paced, workload.place, names) as ready:
        ready.judge(workload)
        for round_number, name in turns(ready.names, plan.paced_rounds):
            sample = _judged_sample(ready, name, workload, plan) if name in ready.standings else None
            if sample is None:
                continue
            samples.setdefault(name, []).append(sample)
            site.say(
                f"  paced {round_number + 1}/{plan.paced_rounds} {TITLES[name]}: {sample['cpu_us_per_token']:.0f} us of processor per "
                f"token, lag {sample['lag_p50_us']:.0f} us, p99 {sample['lag_p99_us']:.0f} us"
            )
        measured = {name: samples[name] for name in ready.names}
    return found(ready, measured, streams=plan.paced_streams, tokens_per_s=plan.tokens_per_s)


def _judged_sample(ready: Lineup, name: str, workload: Workload, plan: Plan) -> Sample | None:
    """What the next streams show; `None` when one of the others could not carry them, who is left out then."""
    try:
        sample, problem = asyncio.run(_sample(ready.standings[name], workload, plan))
    except (StreamLost, TimeoutError, OSError) as failure:
        ready.leave_out(name, failure)
        return None
    if problem:
        ready.note(name, problem)
    return sample


async def _sample(standing: Standing, workload: Workload, plan: Plan) -> tuple[Sample, str]:
    """A sample, and what was wrong with its streams."""
    question = workload.questions[standing.contender.dialect]
    gap_s = 1 / plan.tokens_per_s / plan.paced_streams
    began_s, waited_s = time.monotonic(), standing.program.waited_s()
    streams = await open_streams(standing.url, question, plan.paced_streams, gap_s=gap_s)
    tokens, spent_s = await count_tokens(streams, plan.steady_s, standing.program.cpu_s)
    lost = plan.paced_streams - await await_ends(streams, _CATCHING_UP_S)
    waiting_share = (standing.program.waited_s() - waited_s) / (time.monotonic() - began_s)
    lags_us = [lag_ns / 1e3 for stream in streams for lag_ns in stream.watched.lags_ns[1:]]
    if not tokens:
        raise StreamLost(f"no token came in {plan.steady_s} s")
    problem = f"{lost} of {plan.paced_streams} streams were not complete in time" if lost else ""
    sample = {
        "cpu_us_per_token": spent_s / tokens * 1e6,
        "tokens_per_s": tokens / plan.steady_s,
        "lag_p50_us": percentile(lags_us, 50),
        "lag_p99_us": percentile(lags_us, 99),
        "lost": lost,
        "waiting_share": waiting_share,
    }
    return sample, problem_of_streams(streams, workload.records) or problem
