"""Large requests and large records: how much memory the one takes, and whether the other costs no more than its length."""

from __future__ import annotations

from typing import Any

from benchmarks.plan import Plan, Sample, medians, turns
from benchmarks.sections.lineup import lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, GATEWAY, RELAY, TITLES
from benchmarks.upstreams.canned import LONG_RECORDS_KIB
from benchmarks.workloads import long_record, picture_chat

# Just under the gateway's REQUEST_MAX_SIZE, with room for the rest of the request.
_PICTURE_BYTES = 10 * 1024 * 1024 - 4096
_PICTURES = 3
_RECORD_ROUNDS = 3
_NAMES = (GATEWAY, RELAY, BARE)


def measure_large(site: Site, plan: Plan) -> dict[str, Any]:
    """Figures of the gateway both ways, and of the bare pass-through: of pictures the most of some, of records the median of rounds."""
    figures: dict[str, dict[str, float]] = {name: {} for name in _NAMES}
    _pictures(site, figures)
    for kibibytes in LONG_RECORDS_KIB:
        _records(site, plan, kibibytes, figures)
    for name, found in figures.items():
        site.say(f"  large {TITLES[name]}: " + ", ".join(f"{key} {value:.2f}" for key, value in found.items()))
    return {"figures": figures, "problems": {}}


def _pictures(site: Site, figures: dict[str, dict[str, float]]) -> None:
    """Notes how much more memory a worker takes for a picture of so many bytes, as a multiple of the request."""
    workload = picture_chat(_PICTURE_BYTES)
    for name in _NAMES:
        with lineup(site, site.paced, workload.place, [name]) as ready:
            standing = ready.standings[name]
            before_bytes = standing.program.memory_bytes()
            standing.program.forget_peak()
            for _ in range(_PICTURES):
                ready.judge(workload)
            request_bytes = len(workload.questions[standing.contender.dialect].body)
            figures[name]["extra_memory_of_request"] = (standing.program.peak_bytes() - before_bytes) / request_bytes


def _records(site: Site, plan: Plan, kibibytes: int, figures: dict[str, dict[str, float]]) -> None:
    workload = long_record(kibibytes)
    with lineup(site, site.canned, workload.place, _NAMES) as ready:
        asking = ready.asking(workload, ready.judge(workload), plan, connections=1)
        samples: dict[str, list[Sample]] = {name: [] for name in _NAMES}
        for _, name in turns(_NAMES, _RECORD_ROUNDS):
            samples[name].append(asking[name].sample(max(plan.load_s // 2, 1)))
        for name, found in samples.items():
            figures[name][f"cpu_us_for_{kibibytes}_kib"] = medians(found)["cpu_us_per_request"]
