"""One run: the sections of a plan, one after the other, and everything that they found."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks import workloads
from benchmarks.contenders.field import FIELD
from benchmarks.contenders.peers import versions
from benchmarks.loads.streams import StreamLost
from benchmarks.loads.wrk import LoadFailed
from benchmarks.machine import describe_machine
from benchmarks.plan import Plan
from benchmarks.processes import DidNotStart
from benchmarks.quietness import between, read_clocks
from benchmarks.sections.beginning import measure_first_tokens
from benchmarks.sections.growth import measure_growth
from benchmarks.sections.held import measure_held
from benchmarks.sections.large import measure_large
from benchmarks.sections.lineup import contenders
from benchmarks.sections.memory import measure_memory
from benchmarks.sections.pace import measure_pace
from benchmarks.sections.profile import measure_profile
from benchmarks.sections.start import measure_starts
from benchmarks.sections.throughput import measure_throughput
from benchmarks.site import Site, open_site
from benchmarks.titles import CONSTANT, FLOOR, GATEWAY, LITELLM, PEER, QUIET, QUIET_RELAY, RELAY
from benchmarks.workloads import Workload

Section = Callable[[Site, Plan], dict[str, Any]]
OWN = (GATEWAY, RELAY)
# What ends a section, but not the run.
_SECTION_FAILURES = (LoadFailed, StreamLost, DidNotStart, TimeoutError, OSError, subprocess.SubprocessError)
_FLOORS = (QUIET, QUIET_RELAY, FLOOR, CONSTANT)


def run(plan: Plan, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """What a run found: `machine`, `run`, `sections`, why sections failed, and what others did meanwhile (`quietness`), ready for JSON.

    Args:
        keep: is given what was found so far, after each section.

    Raises:
        OwnAnswerWrong: the gateway, or what it is measured by, gave a wrong answer.
    """
    machine = describe_machine() | {"others": versions() if plan.peers else {}}
    began = time.monotonic()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    content: dict[str, Any] = {"machine": machine, "run": {"started": started, **asdict(plan)}, "sections": {}, "failed": {}}
    content["quietness"] = {}
    with open_site(FIELD) as site:
        for name in plan.sections:
            site.say(f"{name} (after {time.monotonic() - began:.0f} s)")
            before = read_clocks()
            measure(site, plan, name, SECTIONS[name], content)
            content["quietness"][name] = between(before, read_clocks())
            machine["load_average_after"] = round(os.getloadavg()[0], 2)
            content["run"]["seconds"] = round(time.monotonic() - began)
            keep(content)
    return content


def measure(site: Site, plan: Plan, name: str, section: Section, content: dict[str, Any]) -> None:
    """Adds what a section found, or why it found nothing. Raises `OwnAnswerWrong`."""
    try:
        content["sections"][name] = section(site, plan)
    except _SECTION_FAILURES as failure:
        content["failed"][name] = str(failure) or type(failure).__name__
        site.say(f"  {name} failed: {content['failed'][name]}")


def _throughput(workload: Workload, peers: Sequence[str] = (PEER, LITELLM), floors: Sequence[str] = ()) -> Section:
    return lambda site, plan: measure_throughput(
        site, plan, workload, contenders(plan, *OWN, *(floors if plan.ceilings else ()), peers=peers)
    )


SECTIONS: Mapping[str, Section] = {
    "chat": _throughput(workloads.chat(), floors=_FLOORS),
    "stream": _throughput(workloads.stream(), floors=_FLOORS),
    # LiteLLM takes longer to start than to measure, and no target of these two speaks of it.
    "tools": _throughput(workloads.tools(), peers=(PEER,)),
    "embeddings": _throughput(workloads.embeddings(), peers=(PEER,)),
    "paced": measure_pace,
    "first_token": lambda site, plan: measure_first_tokens(site, plan, (*OWN, *((QUIET, FLOOR) if plan.ceilings else ()))),
    "held": measure_held,
    "memory": measure_memory,
    "start": measure_starts,
    "large": measure_large,
    "growth": measure_growth,
    "profile": measure_profile,
}
