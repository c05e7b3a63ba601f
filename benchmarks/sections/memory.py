"""The memory of a worker: at the start, under load, and after many requests, when it must be what it was. And whether it then rests."""

from __future__ import annotations

from typing import Any

from benchmarks.plan import Plan
from benchmarks.sections.lineup import Asking, lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, GATEWAY, TITLES
from benchmarks.workloads import chat, stream

_STEPS = 5
_CONNECTIONS = 64
_MIB = 2**20
_LOAD_S = 3
_IDLE_S = 2
_LONGEST_STEP_S = 30


def measure_memory(site: Site, plan: Plan) -> dict[str, Any]:
    """Figures of the gateway and of the bare pass-through: MiB, and the share of a core that they take after the load.

    The gateway's `steps` are taken while it answers many requests.
    """
    figures: dict[str, Any] = {}
    with lineup(site, site.canned, "chat", [GATEWAY, BARE]) as ready:
        asking = ready.asking(chat(), ready.judge(chat()), plan, _CONNECTIONS)
        for name, standing in ready.standings.items():
            start = standing.program.memory_bytes() / _MIB
            standing.program.forget_peak()
            asking[name].sample(_LOAD_S)
            figures[name] = {"start_mib": start, "loaded_mib": standing.program.peak_bytes() / _MIB}
        figures[GATEWAY] |= _after_many(site, asking[GATEWAY], plan.many_requests)
    with lineup(site, site.canned, "stream", [GATEWAY, BARE]) as ready:
        asking = ready.asking(stream(), ready.judge(stream()), plan, _CONNECTIONS)
        for name, standing in ready.standings.items():
            asking[name].sample(_LOAD_S)
            figures[name]["streaming_mib"] = standing.program.peak_bytes() / _MIB
            figures[name]["idle_share"] = standing.program.idle_share(_IDLE_S)
            site.say(
                f"  memory {TITLES[name]}: " + ", ".join(f"{key} {value:.3g}" for key, value in figures[name].items() if key != "steps")
            )
    return {"figures": figures, "problems": ready.problems}


def _after_many(site: Site, asking: Asking, requests: int) -> dict[str, Any]:
    """Memory after each of some steps on the way to so many requests."""
    seconds, total = 1, 0.0
    steps: list[dict[str, float]] = []
    while len(steps) < _STEPS:
        sample = asking.sample(seconds)
        total += sample["answers"]
        if total >= requests * (len(steps) + 1) / _STEPS:
            steps.append({"requests": round(total), "mib": asking.standing.program.memory_bytes() / _MIB})
        left = requests * (len(steps) + 1) / _STEPS - total
        seconds = max(1, min(_LONGEST_STEP_S, round(left / sample["requests_per_s"])))
    site.say("  memory " + ", ".join(f"after {step['requests']} requests {step['mib']:.1f} MiB" for step in steps))
    return {"steps": steps}
