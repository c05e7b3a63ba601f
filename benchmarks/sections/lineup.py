"""Who takes part in a section, ready to be measured: started, asked once and judged, and warm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contenders.field import Standing, standing
from benchmarks.loads.once import problem_with
from benchmarks.loads.wrk import Load, ask_for
from benchmarks.machine import CannotMeasure
from benchmarks.plan import Plan, Sample
from benchmarks.processes import DidNotStart, Program
from benchmarks.site import Site
from benchmarks.titles import BARE, DIRECT, LITELLM, NGINX, PEER, TITLES
from benchmarks.workloads import Question, Workload

# Texts and times differ from answer to answer by a few digits.
_LENGTH_TOLERANCE = 0.02
_LENGTH_TOLERANCE_BYTES = 32
# They have no say in what the gateway is: one that does not start is left out, and the report tells why.
_OPTIONAL = (PEER, LITELLM)


class OwnAnswerWrong(Exception):
    """The gateway, or what it is measured by, does not tell the truth: no figure of this run would mean anything."""


@dataclass(slots=True)
class Lineup:
    """Those who serve, by name, and what is wrong with whom."""

    site: Site
    standings: dict[str, Standing]
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.standings)

    def judge(self, questions: Workload) -> dict[str, tuple[int, int]]:
        """Asks each once. Returns between which lengths each one's answers must be.

        Raises:
            OwnAnswerWrong: one of ours, or the bare pass-through, is wrong.
        """
        lengths: dict[str, tuple[int, int]] = {}
        for name, one in self.standings.items():
            problem, length = problem_with(one.url, questions.questions[one.contender.dialect])
            if problem:
                self.note(name, problem)
            tolerance = max(int(length * _LENGTH_TOLERANCE), _LENGTH_TOLERANCE_BYTES)
            lengths[name] = (length - tolerance, length + tolerance)
        return lengths

    def note(self, name: str, problem: str) -> None:
        """Writes down what is wrong with the answers of one of the others.

        Raises:
            OwnAnswerWrong: it is not one of the others.
        """
        if name not in _OPTIONAL:
            raise OwnAnswerWrong(f"{TITLES[name]}: {problem}")
        if name not in self.problems:
            self.site.say(f"  {TITLES[name]}: {problem}")
        self.problems[name] = problem

    def leave_out(self, name: str, reason: str) -> None:
        """Measures the others without it. Raises `OwnAnswerWrong` as `note` does."""
        self.note(name, f"left out: {reason}")
        del self.standings[name]


@contextmanager
def lineup(site: Site, upstream: Program, place: str, names: Sequence[str]) -> Iterator[Lineup]:
    """The contenders `names`, serving, with `place` of `upstream` behind them; those of others that cannot be had are left out."""
    with ExitStack() as stack:
        ready = Lineup(site, {})
        for name in names:
            try:
                ready.standings[name] = stack.enter_context(standing(name, site, upstream, place))
            except (CannotMeasure, DidNotStart) as failure:
                if name not in _OPTIONAL:
                    raise
                ready.note(name, f"did not start: {failure}")
        yield ready


def contenders(plan: Plan, *own: str, peers: Sequence[str] = _OPTIONAL) -> list[str]:
    """`own`, the bare pass-through, and whom else the plan wants, of `peers` as far as others are concerned."""
    return [*own, BARE, *([DIRECT, NGINX] if plan.ceilings else []), *(peers if plan.peers else [])]


@dataclass(slots=True)
class Asking:
    """One who is asked one question by wrk, again and again."""

    site: Site
    standing: Standing
    question: Question
    lengths: tuple[int, int]
    connections: int

    def sample(self, seconds: int) -> Sample:
        """What the next seconds show."""
        program = self.standing.program
        cpu_s = program.cpu_s()
        seen = self._load(seconds)
        spent_s = program.cpu_s() - cpu_s
        if not program.settle():
            self.site.say(f"  {self.standing.contender.title} stays busy, though nobody asks for anything any more")
        return {
            "requests_per_s": seen.requests_per_s,
            "cpu_us_per_request": spent_s / seen.requests * 1e6,
            "busy": spent_s / seen.duration_us * 1e6,
            "p50_us": seen.p50_us,
            "p99_us": seen.p99_us,
            "wrong": (seen.wrong + seen.failed) / seen.requests,
        }

    def _load(self, seconds: int) -> Load:
        folder: Path = self.site.folder
        return ask_for(
            seconds,
            self.standing.url,
            self.question,
            self.lengths,
            connections=self.connections,
            core=self.site.cores.load,
            folder=folder,
        )


def found(ready: Lineup, samples: dict[str, list[Sample]], **more: Any) -> dict[str, Any]:
    """What a section of rounds returns."""
    return {"rounds": samples, "problems": ready.problems, **more}
