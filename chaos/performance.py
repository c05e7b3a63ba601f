"""Performs scenarios, one after the other, and gathers what they come to."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.measures import Outcome, outcome
from chaos.plan import Plan
from chaos.scenarios import Scenario
from chaos.stage import open_stage
from chaos.subjects import GATEWAY, Subject
from chaos.tables import line

_MOST_FAILURES_SAID = 3


def perform(scenario: Scenario, plan: Plan, subject: Subject = GATEWAY, folder: Path | None = None) -> Outcome:
    """What a scenario comes to. What was written meanwhile stays in `folder`, if there is one."""
    with tempfile.TemporaryDirectory(prefix="ollama-openai-proxy-chaos-") as name:
        return asyncio.run(_perform(scenario, plan, subject, folder or Path(name)))


async def _perform(scenario: Scenario, plan: Plan, subject: Subject, folder: Path) -> Outcome:
    config = replace(scenario.config, cooldown_s=plan.cooldown_s, failures=plan.failures)
    async with open_stage(subject, config, plan, folder, scenario.rate(plan)) as stage:
        await scenario.act(stage)
    return outcome(scenario.name, scenario.title, stage.record, scenario.expectation, plan)


def perform_all(
    scenarios: Sequence[Scenario], plan: Plan, say: Callable[[str], None], subject: Subject = GATEWAY, folder: Path | None = None
) -> dict[str, Any]:
    """A run: `machine`, `run` and `scenarios`, ready for JSON. Those that mean nothing for the subject are left out."""
    began_s, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    outcomes = []
    for scenario in scenarios:
        if scenario.only_gateway and subject is not GATEWAY:
            continue
        found = perform(scenario, plan, subject, _place(folder, scenario))
        outcomes.append(found.to_json())
        say(f"{time.monotonic() - began_s:4.0f} s  {scenario.name}: {line(outcomes[-1])}")
        for failure in found.failures[:_MOST_FAILURES_SAID]:
            say(f"        {failure}")
    run = {"kind": plan.kind, "started": started, "seconds": round(time.monotonic() - began_s), "rate": plan.rate, "subject": subject.name}
    return {"machine": _machine(), "run": run, "scenarios": outcomes}


def _place(folder: Path | None, scenario: Scenario) -> Path | None:
    """A folder for one scenario."""
    if folder is None:
        return None
    place = folder.absolute() / scenario.name
    place.mkdir(parents=True)
    return place


def _machine() -> dict[str, Any]:
    """What a reader must know of the machine; no name of it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "processor": next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
