"""Many streams that say nothing for a long time: what each takes in memory, and whether newcomers are still served at once."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.contenders.field import Standing
from benchmarks.loads.streams import await_ends, open_streams, problem_of_streams
from benchmarks.plan import Plan, percentile
from benchmarks.sections.lineup import Lineup, OwnAnswerWrong, lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, GATEWAY, TITLES
from benchmarks.workloads import Question, held

_OPENING_GAP_S = 0.002
_WARM_UP_STREAMS = 20
_SETTLING_S = 1
_JUDGING_POLL_S = 0.05
_NEWCOMERS = 30
_ENDING_S = 30
_WORKLOAD = held()


def measure_held(site: Site, plan: Plan) -> dict[str, Any]:
    """Figures of the gateway and of the bare pass-through, one after the other."""
    figures: dict[str, dict[str, float]] = {}
    with lineup(site, site.paced, _WORKLOAD.place, [GATEWAY, BARE]) as ready:
        _judge(site, ready)
        for name, standing in ready.standings.items():
            figures[name] = asyncio.run(_hold(site, standing, plan.held))
            site.say(f"  held {TITLES[name]}: {figures[name]['kib_each']:.1f} KiB each, {figures[name]['lost']:.0f} lost")
    return {"figures": figures, "problems": ready.problems, "held": plan.held}


def _judge(site: Site, ready: Lineup) -> None:
    """Judges one stream of each, which is released as soon as it is held."""
    with ThreadPoolExecutor(1) as pool:
        judged = pool.submit(ready.judge, _WORKLOAD)
        while not judged.done():
            asyncio.run(_release(site))
            time.sleep(_JUDGING_POLL_S)
    judged.result()


async def _hold(site: Site, standing: Standing, count: int) -> dict[str, float]:
    question, program = _WORKLOAD.questions[standing.contender.dialect], standing.program
    await _open_and_end(site, standing.url, question, _WARM_UP_STREAMS)
    before_bytes = program.memory_bytes()
    streams = await open_streams(standing.url, question, count, gap_s=_OPENING_GAP_S)
    await asyncio.sleep(_SETTLING_S)
    held_bytes = program.memory_bytes()
    cpu_s = program.cpu_s()
    await asyncio.sleep(_SETTLING_S)
    idle_cpu = (program.cpu_s() - cpu_s) / _SETTLING_S
    newcomers_ms = [await _newcomer_ms(standing.url, question) for _ in range(_NEWCOMERS)]
    await _release(site)
    lost = count - await await_ends(streams, _ENDING_S)
    if problem := problem_of_streams(streams, _WORKLOAD.records):
        raise OwnAnswerWrong(f"{standing.contender.title}: {problem}")
    return {
        "kib_each": (held_bytes - before_bytes) / count / 1024,
        "idle_cpu_share": idle_cpu,
        "newcomer_p50_ms": percentile(newcomers_ms, 50),
        "newcomer_p99_ms": percentile(newcomers_ms, 99),
        "lost": lost,
    }


async def _open_and_end(site: Site, url: str, question: Question, count: int) -> None:
    streams = await open_streams(url, question, count, gap_s=_OPENING_GAP_S)
    await _release(site)
    await await_ends(streams, _ENDING_S)


async def _newcomer_ms(url: str, question: Question) -> float:
    """How long a new stream waits for its first token; it leaves then."""
    (stream,) = await open_streams(url, question, 1, gap_s=0)
    stream.close()
    return (stream.watched.first_ns - stream.watched.started_ns) / 1e6


async def _release(site: Site) -> None:
    request = urllib.request.Request(f"{site.paced.url}/release", method="POST")  # noqa: S310 - our own server
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).close())  # noqa: S310
