"""Large requests and large records: how much memory the one takes, and whether the other costs no more than its length."""

from __future__ import annotations

from typing import Any

from benchmarks.loads.once import problem_with
from benchmarks.plan import Plan
from benchmarks.sections.lineup import Asking, OwnAnswerWrong, lineup
from benchmarks.site import Site
from benchmarks.titles import BARE, GATEWAY, RELAY, TITLES
from benchmarks.upstreams.canned import LONG_RECORDS_KIB
from benchmarks.workloads import long_record, picture_chat

# Just under the gateway's REQUEST_MAX_SIZE, with room for the rest of the request.
_PICTURE_BYTES = 10 * 1024 * 1024 - 4096
_PICTURES = 3
_NAMES = (GATEWAY, RELAY, BARE)


def measure_large(site: Site, plan: Plan) -> dict[str, Any]:
    """Figures of the gateway both ways, and of the bare pass-through."""
    figures: dict[str, dict[str, float]] = {name: {} for name in _NAMES}
    _pictures(site, figures)
    for kibibytes in LONG_RECORDS_KIB:
        _records(site, kibibytes, max(plan.load_s // 2, 1), figures)
    for name, found in figures.items():
        site.say(f"  large {TITLES[name]}: " + ", ".join(f"{key} {value:.2f}" for key, value in found.items()))
    return {"figures": figures, "problems": {}}


def _pictures(site: Site, figures: dict[str, dict[str, float]]) -> None:
    """Notes how much more memory a worker takes for a picture of so many bytes, as a multiple of the request."""
    workload = picture_chat(_PICTURE_BYTES)
    with lineup(site, site.canned, workload.place, _NAMES) as ready:
        for name, standing in ready.standings.items():
            question = workload.questions[standing.contender.dialect]
            before_bytes = standing.program.memory_bytes()
            standing.program.forget_peak()
            for _ in range(_PICTURES):
                problem, _ = problem_with(standing.url, question)
                if problem:
                    raise OwnAnswerWrong(f"{TITLES[name]}: {problem}")
            figures[name]["extra_memory_of_request"] = (standing.program.peak_bytes() - before_bytes) / len(question.body)


def _records(site: Site, kibibytes: int, seconds: int, figures: dict[str, dict[str, float]]) -> None:
    workload = long_record(kibibytes)
    with lineup(site, site.canned, workload.place, _NAMES) as ready:
        lengths = ready.judge(workload)
        for name, standing in ready.standings.items():
            asking = Asking(site, standing, workload.questions[standing.contender.dialect], lengths[name], connections=1)
            figures[name][f"cpu_us_for_{kibibytes}_kib"] = asking.sample(seconds)["cpu_us_per_request"]
