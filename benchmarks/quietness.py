"""How quiet a machine was: what others took of its processors while we measured. A load average counts ourselves, too."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass

import psutil

# Waiting for nothing is not work; a guest's time is in that of its user already.
_AT_WORK = ("user", "nice", "system", "irq", "softirq")


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds since some time in the past.

    Attributes:
        wall_s: on the clock.
        machine_s: of processor, taken by everybody.
        own_s: of processor, taken by this process and all that it has started, dead or alive.
        stolen_s: of processor, taken by other machines from the host of this one, as far as it tells.
    """

    wall_s: float
    machine_s: float
    own_s: float
    stolen_s: float


def read_clocks() -> Clocks:
    """As they are now."""
    machine = psutil.cpu_times()
    return Clocks(time.monotonic(), sum(getattr(machine, name, 0.0) for name in _AT_WORK), _own_s(), getattr(machine, "steal", 0.0))


def between(before: Clocks, after: Clocks) -> dict[str, float]:
    """What others took meanwhile, in cores: `others` on this machine, with the system's interrupts; `stolen` by other machines."""
    seconds = after.wall_s - before.wall_s
    others_s = (after.machine_s - before.machine_s) - (after.own_s - before.own_s)
    # Some systems count interrupts for the program that they met, too.
    return {
        "seconds": round(seconds, 1),
        "others": round(max(0.0, others_s) / seconds, 3),
        "stolen": round((after.stolen_s - before.stolen_s) / seconds, 3),
    }


def _own_s() -> float:
    """Who ends passes its time on to its parent, so that none is counted twice or lost."""
    root = psutil.Process(os.getpid())
    total_s = 0.0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total_s += times.user + times.system + times.children_user + times.children_system
    return total_s
