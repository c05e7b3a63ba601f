"""Who takes part in a section, ready to be measured: started, asked once and judged, and warm."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contenders.field import Standing, standing
from benchmarks.loads.once import problem_with
from benchmarks.loads.wrk import Load, LoadFailed, ask_for
from benchmarks.machine import CannotMeasure
from benchmarks.plan import Plan, Sample
from benchmarks.processes import DidNotStart, Program
from benchmarks.site import Site
from benchmarks.titles import BARE, DIRECT, LITELLM, NGINX, PEER, TITLES
from benchmarks.windows import has_enough
from benchmarks.workloads import Question, Workload

# Texts and times differ from answer to answer by a few digits.
_LENGTH_TOLERANCE = 0.02
_LENGTH_TOLERANCE_BYTES = 32
# For one answer.
_PATIENCE_S = 10
# When not one of many askers got an answer, so many may still get one.
_FEW_CONNECTIONS = 1
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
        """Asks each once, all at the same time. Returns between which lengths each one's answers must be.

        Raises:
            OwnAnswerWrong: one of ours, or the bare pass-through, is wrong.
        """
        with ThreadPoolExecutor() as pool:
            told = pool.map(lambda one: _judged(one, questions), list(self.standings.values()))
            answers = dict(zip(self.names, told, strict=True))
        for name, (problem, _) in answers.items():
            if problem:
                self.note(name, problem)
        return {name: _lengths_around(length) for name, (_, length) in answers.items()}

    def asking(self, workload: Workload, lengths: Mapping[str, tuple[int, int]], plan: Plan, connections: int = 0) -> dict[str, Asking]:
        """Each of them, to be asked by wrk on so many connections (as many as the plan says, if nothing is said)."""
        return {
            name: Asking(
                self.site,
                one,
                workload.questions[one.contender.dialect],
                lengths[name],
                connections=connections or plan.connections,
                slow_s=plan.slow_load_s,
            )
            for name, one in self.standings.items()
        }

    def note(self, name: str, problem: str) -> None:
        """Writes down what is wrong with the answers of one of the others.

        Raises:
            OwnAnswerWrong: it is not one of the others.
        """
        if name not in _OPTIONAL:
            raise OwnAnswerWrong(f"{TITLES[name]}: {problem}")
        self.remark(name, problem)

    def remark(self, name: str, remark: str) -> None:
        """Writes down what readers must know of somebody's figures, beside what is known already."""
        known = self.problems.get(name, "")
        if remark not in known:
            self.site.say(f"  {TITLES[name]}: {remark}")
            self.problems[name] = f"{known}; {remark}" if known else remark

    def leave_out(self, name: str, failure: Exception) -> None:
        """Measures the others without one of the others. A failure of ours is raised."""
        if name not in _OPTIONAL:
            raise failure
        self.note(name, f"left out: {failure or type(failure).__name__}")
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


def _judged(one: Standing, questions: Workload) -> tuple[str, int]:
    """What is wrong with one's answer, and its length."""
    try:
        return problem_with(one.url, questions.questions[one.contender.dialect])
    except (OSError, http.client.HTTPException) as failure:
        return f"no answer: {failure or type(failure).__name__}", 0


def _lengths_around(length: int) -> tuple[int, int]:
    tolerance = max(int(length * _LENGTH_TOLERANCE), _LENGTH_TOLERANCE_BYTES)
    return length - tolerance, length + tolerance


@dataclass(slots=True)
class Asking:
    """One who is asked one question by wrk, again and again.

    Attributes:
        lengths: between which its answers must be.
        slow_s: how long it is asked when it gave none or too few answers in the time that it had, first by all, then by few.
        least_s: how long it is asked at least: it has been too slow for less.
        patience_s: which answers count as those that never came.
    """

    site: Site
    standing: Standing
    question: Question
    lengths: tuple[int, int]
    connections: int
    slow_s: int
    least_s: int = 0
    patience_s: int = _PATIENCE_S

    def sample(self, seconds: int) -> Sample:
        """What the next seconds show; more of them, now and from now on, when the answers are too few to tell a rate.

        Raises:
            LoadFailed: no answer came, however slowly.
            OwnAnswerWrong: one of ours, or the bare pass-through, gave a wrong answer, or none to some.
        """
        seconds = max(seconds, self.least_s)
        sample = self.warm_up(seconds)
        if seconds < self.slow_s and not has_enough(sample):
            self.least_s = self.slow_s
            sample = self.warm_up(self.slow_s)
        return sample

    def warm_up(self, seconds: int) -> Sample:
        """What the next seconds show, be it ever so little; more of them when it is nothing. Raises as `sample` does."""
        try:
            sample = self._sample(seconds)
        except LoadFailed:
            sample = self._slow_sample(seconds)
        if (problem := problem_of_sample(sample)) and not self._is_optional:
            raise OwnAnswerWrong(f"{self.standing.contender.title}: asked at {self.question.path}, {problem}")
        return sample

    @property
    def _is_optional(self) -> bool:
        return self.standing.contender.name in _OPTIONAL

    def _slow_sample(self, seconds: int) -> Sample:
        """What more time shows; if nothing, what fewer askers get, who stay so few from now on."""
        if seconds < self.slow_s:
            with suppress(LoadFailed):
                return self._sample(self.slow_s)
        if self.connections <= _FEW_CONNECTIONS:
            raise LoadFailed(f"no answer to {self.question.path} in {self.slow_s} s")
        self.site.say(
            f"  {self.standing.contender.title}: no answer on {self.connections} connections for most, asked on {_FEW_CONNECTIONS} now"
        )
        self.connections = _FEW_CONNECTIONS
        return self._sample(self.slow_s)

    def _sample(self, seconds: int) -> Sample:
        program = self.standing.program
        cpu_s = program.cpu_s()
        seen = self._load(seconds)
        spent_s = program.cpu_s() - cpu_s
        if seen.failed >= seen.requests and self._is_optional and self.connections > _FEW_CONNECTIONS:
            raise LoadFailed(f"most of {self.connections} connections waited in vain")
        if not program.settle():
            self.site.say(f"  {self.standing.contender.title} stays busy, though nobody asks for anything any more")
        return {
            "requests_per_s": seen.requests_per_s,
            "cpu_us_per_request": spent_s / seen.requests * 1e6,
            "busy": spent_s / seen.duration_us * 1e6,
            "p50_us": seen.p50_us,
            "p99_us": seen.p99_us,
            "wrong": seen.wrong / seen.requests,
            "failed": seen.failed / seen.requests,
            "connections": self.connections,
            "window_s": seconds,
            "answers": seen.requests,
        }

    def _load(self, seconds: int) -> Load:
        return ask_for(
            seconds,
            self.standing.url,
            self.question,
            self.lengths,
            connections=self.connections,
            patience_s=self.patience_s,
            core=self.site.cores.load,
            folder=self.site.folder,
        )


def problem_of_sample(sample: Sample) -> str:
    """What was wrong with the answers of a sample; `""` when nothing was."""
    if sample["wrong"]:
        return f"{sample['wrong']:.2%} of its answers were wrong"
    return f"for each answer that came, {sample['failed']:.2g} never did" if sample["failed"] else ""


def found(ready: Lineup, samples: dict[str, list[Sample]], **more: Any) -> dict[str, Any]:
    """What a section of rounds returns."""
    return {"rounds": samples, "problems": ready.problems, **more}
