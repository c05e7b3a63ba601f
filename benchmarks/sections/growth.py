"""What a request costs as the numbers grow: of connections, of models that the upstream lists, of messages in a chat's history."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.plan import Plan, Sample, turns
from benchmarks.sections.lineup import Asking, Lineup, lineup
from benchmarks.site import Site
from benchmarks.titles import GATEWAY
from benchmarks.upstreams.canned import MODEL_COUNTS
from benchmarks.workloads import Workload, chat, long_chat

_CONNECTIONS = (1, 10, 100, 1000)
_MESSAGES = (2, 100, 200)
# What is begun when the load ends costs, but is not counted. With many connections that is much, unless the load lasts longer.
_MANY, _MANY_TIMES = 1000, 12
# Who is one of so many may wait for long, and this is not about time.
_PATIENCE_S = 60


def measure_growth(site: Site, plan: Plan) -> dict[str, Any]:
    """For each of the three, samples of the gateway for each number in turn; the numbers are the contenders."""
    with ExitStack() as stack:
        at_chat = stack.enter_context(lineup(site, site.canned, "chat", [GATEWAY]))
        connections = {str(number): _asking(at_chat, chat(), plan, number) for number in _CONNECTIONS}
        messages = {str(number): _asking(at_chat, long_chat(number), plan) for number in _MESSAGES}
        models = {
            str(number): _asking(stack.enter_context(lineup(site, site.canned, f"models-{number}", [GATEWAY])), chat(), plan)
            for number in MODEL_COUNTS
        }
        return {
            "connections": _rounds(site, "connections", connections, plan.growth_rounds, plan.growth_s),
            "messages": _rounds(site, "messages", messages, plan.history_rounds, plan.history_s),
            "models": _rounds(site, "models", models, plan.growth_rounds, plan.growth_s),
        }


def _asking(ready: Lineup, workload: Workload, plan: Plan, connections: int = 0) -> Asking:
    """The gateway, judged."""
    return ready.asking(workload, ready.judge(workload), plan, connections)[GATEWAY]


def _rounds(site: Site, what: str, asking: Mapping[str, Asking], rounds: int, seconds: int) -> dict[str, Any]:
    samples: dict[str, list[Sample]] = {}
    for one in asking.values():
        if _is_many(one):
            one.patience_s = _PATIENCE_S
        one.warm_up(1)
    for _, number in turns(list(asking), rounds):
        sample = asking[number].sample(seconds * (_MANY_TIMES if _is_many(asking[number]) else 1))
        samples.setdefault(number, []).append(sample)
        site.say(f"  {number} {what}: {sample['cpu_us_per_request']:.0f} us of processor per request")
    return {"rounds": samples, "problems": {}}


def _is_many(asking: Asking) -> bool:
    return asking.connections >= _MANY
