"""Where the time of a request goes: py-spy looks at the gateway's stacks while it is asked, and each look is counted for one layer."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.plan import Plan
from benchmarks.sections.lineup import Asking, lineup
from benchmarks.site import Site
from benchmarks.titles import GATEWAY, LAYERS_OF_NOTES, RELAY, TITLES
from benchmarks.workloads import Workload, chat, stream

_LOOKS_PER_S = 250
_MOST_FUNCTIONS = 25
_SPARE_S = 30
# A look belongs to the innermost of its frames that one of these names; the standard library works for whoever called it, and so does
# gevent, which waits, sends, receives and counts time for all of them.
LAYERS = (
    (LAYERS_OF_NOTES[0], ("logging/", "pythonjsonlogger/", "prometheus_client/")),
    (
        LAYERS_OF_NOTES[1],
        ("proxy/web/logs", "proxy/web/metrics", "proxy/web/observe", "proxy/web/processes", "proxy/telemetry", "proxy/secret_words"),
    ),
    ("gunicorn", ("gunicorn/",)),
    ("Flask and Werkzeug", ("flask/", "flask_cors/", "werkzeug/")),
    ("requests, urllib3 and http.client", ("requests/", "urllib3/", "http/client", "email/")),
    ("our upstream client", ("proxy/upstream/",)),
    ("our web layer", ("proxy/web/", "proxy/worker", "proxy/app", "proxy/extension")),
    ("our dialects, canonical and wire", ("proxy/dialects/", "proxy/canonical/", "proxy/wire/", "marshmallow/")),
    ("our gateway, routing and profiles", ("proxy/",)),
)
LOOP, OTHER = "gevent's loop, which waits for sockets", "the rest"
# Threads of gevent's pool that wait for work; py-spy takes them for busy.
_IDLE = "gevent/_threading.py"


def measure_profile(site: Site, plan: Plan) -> dict[str, Any]:
    """For each way through the gateway: microseconds of processor per request, the share of each layer, and the costliest functions."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for workload, names in ((chat(), (GATEWAY, RELAY)), (stream(), (GATEWAY, RELAY))):
        with lineup(site, site.canned, workload.place, names) as ready:
            asking = ready.asking(workload, ready.judge(workload), plan)
            for name in ready.names:
                what = f"{workload.name}, {TITLES[name]}"
                try:
                    found[what] = _profile(site, plan, workload, asking[name])
                except (OSError, subprocess.SubprocessError) as failure:
                    problems[what] = f"no profile: {failure}"
                    site.say(f"  {what}: {problems[what]}")
                    continue
                site.say(f"  {what}: " + ", ".join(f"{layer} {share:.0%}" for layer, share in found[what]["layers"].items()))
    return {"figures": found, "problems": problems}


def _profile(site: Site, plan: Plan, workload: Workload, asking: Asking) -> dict[str, Any]:
    cpu_us = asking.sample(plan.load_s)["cpu_us_per_request"]
    record = site.folder / f"{workload.name}-{asking.standing.contender.name}.stacks"
    seconds = plan.load_s * 3
    watching = _watch(asking.standing.program.worker_pid(), seconds, record)
    try:
        asking.sample(seconds + 1)
        watching.wait(_SPARE_S)
    finally:
        if watching.poll() is None:
            watching.kill()
            watching.wait()
    if watching.returncode or not record.exists():
        raise subprocess.SubprocessError("py-spy may not look into other processes here")
    stacks = read_stacks(record.read_text())
    return {"cpu_us_per_request": cpu_us, "layers": shares_of_layers(stacks), "functions": costliest_functions(stacks)}


def _watch(pid: int, seconds: int, record: Path) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("py-spy")
    options = ["--pid", str(pid), "--format", "raw", "--rate", str(_LOOKS_PER_S), "--duration", str(seconds), "--output", str(record)]
    command = [str(program), "record", *options]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def read_stacks(text: str) -> Counter[tuple[str, ...]]:
    """How often each stack was seen at work; a stack is its frames, `function (file:line)`, outermost first."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        frames, _, count = line.rpartition(" ")
        stack = tuple(frames.split(";"))
        if _IDLE not in stack[-1]:
            stacks[stack] += int(count)
    return stacks


def layer_of(stack: Sequence[str]) -> str:
    """The layer that works while the stack is this one."""
    for frame in reversed(stack):
        for layer, marks in LAYERS:
            if any(mark in frame for mark in marks):
                return layer
    return LOOP if any("gevent/" in frame for frame in stack) else OTHER


def shares_of_layers(stacks: Counter[tuple[str, ...]]) -> dict[str, float]:
    """The share of each layer, in the order of `LAYERS`."""
    counts: Counter[str] = Counter()
    for stack, count in stacks.items():
        counts[layer_of(stack)] += count
    total = counts.total()
    return {layer: counts[layer] / total for layer in [*(layer for layer, _ in LAYERS), LOOP, OTHER] if counts[layer]}


def costliest_functions(stacks: Counter[tuple[str, ...]]) -> list[dict[str, Any]]:
    """The functions in which the program was most often seen: itself, and with all that it called. Shares of all looks."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for stack, count in stacks.items():
        names = [_function(frame) for frame in stack if frame]
        if not names:
            continue
        own[names[-1]] += count
        whole.update(dict.fromkeys(names, count))
    total = sum(stacks.values())
    ranked = sorted(whole, key=lambda name: -own[name])[:_MOST_FUNCTIONS]
    return [{"function": name, "own": own[name] / total, "whole": whole[name] / total} for name in ranked]


def _function(frame: str) -> str:
    """`function (file)`: the line does not matter, nor where packages lie."""
    name, _, place = frame.partition(" (")
    file = place.rpartition(":")[0] or place.rstrip(")")
    return f"{name} ({file.rpartition('site-packages/')[2]})"
