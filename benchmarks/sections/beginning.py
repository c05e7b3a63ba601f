"""The first token of a new connection to an idle contender: how long one waits for it, and on which way."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.contenders.field import Standing
from benchmarks.loads.streams import FirstToken, StreamLost, first_token, first_token_again, open_stream
from benchmarks.plan import Plan, Sample, percentile, turns
from benchmarks.sections.lineup import Lineup, contenders, found, lineup
from benchmarks.site import Site
from benchmarks.titles import DIRECT, TITLES
from benchmarks.workloads import paced

_WORKLOAD = paced(tokens=3, interval_ms=5)
# For all of the last exchange to be over: the contender sleeps when the next one comes.
_REST_S = 0.005
_FIRST_STREAM_S = 10


def measure_first_tokens(site: Site, plan: Plan, own: tuple[str, ...]) -> dict[str, Any]:
    """Samples of each contender in turn."""
    samples: dict[str, list[Sample]] = {}
    names = contenders(plan, *own)
    if DIRECT not in names:
        names.append(DIRECT)
    with lineup(site, site.paced, _WORKLOAD.place, names) as ready:
        ready.judge(_WORKLOAD)
        for name in ready.names:
            _sample(ready, name, 3)
        for round_number, name in turns(ready.names, plan.first_token_rounds):
            sample = _sample(ready, name, plan.first_tokens) if name in ready.standings else None
            if sample is None:
                continue
            samples.setdefault(name, []).append(sample)
            site.say(
                f"  first token {round_number + 1}/{plan.first_token_rounds} {TITLES[name]}: {sample['total_p50_us']:.0f} us, "
                f"p99 {sample['total_p99_us']:.0f} us"
            )
        return found(ready, {name: samples[name] for name in ready.names})


def _sample(ready: Lineup, name: str, count: int) -> Sample | None:
    """What so many new connections show; `None` when one of the others lost one of their streams, who is left out then."""
    program = ready.standings[name].program
    waited_s = program.waited_s()
    try:
        tokens = asyncio.run(_ask_one_by_one(ready.standings[name], count))
    except (StreamLost, TimeoutError, OSError) as failure:
        ready.leave_out(name, failure)
        return None
    if problem := next((token.problem for token in tokens if token.problem), ""):
        ready.note(name, problem)
    waited_s = program.waited_s() - waited_s
    totals_us = [token.total_ns / 1e3 for token in tokens]
    return {
        "total_p50_us": percentile(totals_us, 50),
        "total_p99_us": percentile(totals_us, 99),
        "waiting_us": waited_s / count * 1e6,
        "asking_p50_us": percentile([token.asking_ns / 1e3 for token in tokens], 50),
        "answering_p50_us": percentile([token.answering_ns / 1e3 for token in tokens], 50),
    }


async def _ask_one_by_one(standing: Standing, count: int) -> list[FirstToken]:
    """First tokens on new connections. The upstream itself is asked over one that is kept, for so it is asked by all others."""
    question = _WORKLOAD.questions[standing.contender.dialect]
    tokens: list[FirstToken] = []
    kept = await open_stream(standing.url, question) if standing.contender.name == DIRECT else None
    if kept is not None:
        await asyncio.wait_for(kept.watched.over, _FIRST_STREAM_S)
    for _ in range(count):
        await asyncio.sleep(_REST_S)
        asked = (
            first_token_again(kept, standing.url, question, _WORKLOAD.records)
            if kept
            else first_token(standing.url, question, _WORKLOAD.records)
        )
        tokens.append(await asked)
    if kept is not None:
        kept.close()
    return tokens
