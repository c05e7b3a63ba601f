"""What a record comes to: counts, times, and what is not as it must be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from benchmarks.plan import percentile
from chaos.diary import Attempt
from chaos.expectations import Expectation
from chaos.load.steady import Asked
from chaos.plan import Plan
from chaos.stage import Record
from chaos.subjects import WORKERS
from chaos.watching import Growth, growth

# A replica that the traffic has left is silent for so long: in health it is asked ten times as often.
_SILENCE_S = 1.0
_LEAVING_S = 2.0
# Right after the start, imports and first connections are part of every wait.
_SETTLING_S = 0.5
_SHOWN = 6
_NOT_WATCHED = ("no worker was watched for long enough to see whether it grows",)


@dataclass(frozen=True, slots=True)
class Figures:
    """One scenario in numbers. Times are in seconds, waits in milliseconds; `None` where there is nothing to measure.

    Attributes:
        complete, told, refused: as `judging.Ending` says; none of them is wrong in itself.
        excused: failures that the scenario expects.
        lost: failures without need: no replica was ill, or a healthy one was there and nobody had begun to answer.
        wrong: wrong ends.
        left_s: from the blow to the last request that the ill replicas met before the traffic left them.
        asked_while_ill: how many requests they met later than two seconds after the blow.
        back_s: from the recovery to the first request that each of them has answered well.
        attempts_per_request: while something was wrong.
        busiest: the most requests that one replica had to do at a time.
    """

    requests: int
    complete: int
    told: int
    refused: int
    excused: int
    lost: int
    wrong: int
    left_s: float | None
    asked_while_ill: int
    back_s: float | None
    calm_p50_ms: float | None
    calm_p99_ms: float | None
    ill_p50_ms: float | None
    ill_p99_ms: float | None
    attempts_per_request: float | None
    slowest_refusal_s: float | None
    busiest: int
    growth: Growth | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario came to. No problems: everything is as it must be."""

    name: str
    title: str
    figures: Figures
    problems: Sequence[str]
    failures: Sequence[str]
    statuses: Mapping[str, int]
    notes: Mapping[str, float | str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def outcome(name: str, title: str, record: Record, expectation: Expectation, plan: Plan) -> Outcome:
    """What there is to say of a scenario."""
    seen = _Seen(record, expectation, plan)
    figures = _figures(seen)
    failures = [_told(asked, seen) for asked in chain(seen.wrong, seen.lost)][:_SHOWN]
    statuses = Counter(f"{asked.ending.verdict} {asked.ending.status or ''}".strip() for asked in record.asked)
    problems = [*record.problems, *_problems(seen, figures)]
    return Outcome(name, title, figures, problems, failures, dict(statuses), record.notes)


class _Seen:
    """A record, with its requests and attempts brought together."""

    def __init__(self, record: Record, expectation: Expectation, plan: Plan) -> None:
        self.record = record
        self.plan = plan
        self.marks = record.marks
        self.expectation = expectation
        self.by_marker: dict[str, list[Attempt]] = {}
        for attempt in record.attempts:
            if attempt.marker:
                self.by_marker.setdefault(attempt.marker, []).append(attempt)
        self.asked = {asked.marker: asked for asked in record.asked}
        failed = [asked for asked in record.asked if asked.ending.verdict != "complete"]
        self.excused = [asked for asked in failed if expectation.excuse(asked, self.marks)]
        blamed = [asked for asked in failed if asked not in self.excused]
        self.wrong = [asked for asked in blamed if asked.ending.verdict == "wrong"]
        self.lost = [asked for asked in blamed if asked.ending.verdict != "wrong" and self._was_lost(asked)]

    def _was_lost(self, asked: Asked) -> bool:
        """Whether it need not have failed: no replica was ill; or a healthy one was there, and nobody had begun to answer."""
        if asked.ending.verdict == "unreachable":
            return True
        begun = any(attempt.began for attempt in self.by_marker.get(asked.marker, ()))
        return self.expectation.saves_all and not (self.expectation.ill and begun)

    def in_trouble(self) -> list[Asked]:
        """The requests that began while something was wrong."""
        return [asked for asked in self.record.asked if self.marks.struck_s <= asked.started_s < self.marks.healed_s]

    def met_s(self, replica: str) -> list[float]:
        """When the replica was asked for an answer while it was ill, as far as anybody knows."""
        times = [self._time_of(attempt) for attempt in self.record.attempts if attempt.replica == replica and attempt.marker in self.asked]
        if replica == self.expectation.ill[0]:
            # What nobody met was addressed to one that lets nobody speak. Which of several is not known.
            times += [asked.started_s for asked in self.in_trouble() if self.unmet(asked)]
        return sorted(at_s for at_s in times if self.marks.struck_s <= at_s < self.marks.healed_s)

    def unmet(self, asked: Asked) -> int:
        """How many attempts for a request no replica has seen, going by what the subject reports."""
        return max(0, self.record.reported.get(asked.marker, 0) - len(self.by_marker.get(asked.marker, ())))

    def _time_of(self, attempt: Attempt) -> float:
        """A frozen replica notes what it has met when it is thawed; it had come before its client gave up."""
        return attempt.at_s if self._was_awaited(attempt) else self.asked[attempt.marker].started_s

    def answered_again_s(self, replica: str) -> float | None:
        """From the recovery to the first request that it has answered well."""
        healed_s = self.marks.healed_s
        answered = (one for one in self.record.attempts if one.replica == replica and one.said and one.at_s > healed_s)
        # One that was frozen answers what it had been asked before, and nobody waits for.
        return next((one.at_s - healed_s for one in answered if self._was_awaited(one)), None)

    def _was_awaited(self, attempt: Attempt) -> bool:
        return attempt.marker in self.asked and attempt.at_s <= self.asked[attempt.marker].ended_s


def _figures(seen: _Seen) -> Figures:
    record, marks = seen.record, seen.marks
    verdicts = Counter(asked.ending.verdict for asked in record.asked)
    trouble = seen.in_trouble()
    calm = [asked for asked in record.asked if marks.began_s + _SETTLING_S <= asked.started_s and asked.ended_s < marks.struck_s]
    refusals = [asked.took_s for asked in trouble if asked.ending.verdict in ("refused", "unreachable")]
    returns = [seen.answered_again_s(name) for name in seen.expectation.ill]
    gone_s = marks.struck_s + _LEAVING_S + seen.plan.slack_s
    return Figures(
        requests=len(record.asked),
        complete=verdicts["complete"],
        told=verdicts["told"],
        refused=verdicts["refused"],
        excused=len(seen.excused),
        lost=len(seen.lost),
        wrong=len(seen.wrong),
        left_s=_left_s(seen),
        asked_while_ill=sum(at_s > gone_s for name in seen.expectation.ill for at_s in seen.met_s(name)),
        back_s=max((time for time in returns if time is not None), default=None) if None not in returns else None,
        calm_p50_ms=_wait_ms(calm, 50),
        calm_p99_ms=_wait_ms(calm, 99),
        ill_p50_ms=_wait_ms(trouble, 50),
        ill_p99_ms=_wait_ms(trouble, 99),
        attempts_per_request=_attempts_per_request(seen, trouble),
        slowest_refusal_s=max(refusals, default=None),
        busiest=max((_most_at_once(one for one in record.attempts if one.replica == name) for name in _names(record)), default=0),
        growth=growth(record.samples),
    )


def _left_s(seen: _Seen) -> float | None:
    """See `Figures.left_s`."""
    if not seen.expectation.ill:
        return None
    last_s = seen.marks.struck_s
    for at_s in sorted(chain.from_iterable(map(seen.met_s, seen.expectation.ill))):
        if at_s - last_s > _SILENCE_S:
            break
        last_s = at_s
    return last_s - seen.marks.struck_s


def _wait_ms(asked: Iterable[Asked], percent: float) -> float | None:
    waits = [one.wait_s * 1000 for one in asked if one.ending.verdict == "complete" and one.wait_s is not None]
    return percentile(waits, percent) if waits else None


def _attempts_per_request(seen: _Seen, asked: Sequence[Asked]) -> float | None:
    if not asked:
        return None
    return sum(len(seen.by_marker.get(one.marker, ())) + seen.unmet(one) for one in asked) / len(asked)


def _names(record: Record) -> set[str]:
    return {attempt.replica for attempt in record.attempts}


def _most_at_once(attempts: Iterable[Attempt]) -> int:
    """The most answers that were under way at a time."""
    spans = [(one.at_s, one.over_s) for one in attempts if one.marker and one.over_s is not None]
    changes = sorted([(begun_s, 1) for begun_s, _ in spans] + [(over_s, -1) for _, over_s in spans])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _problems(seen: _Seen, figures: Figures) -> Iterator[str]:
    expectation = seen.expectation
    if figures.wrong:
        yield f"{figures.wrong} wrong ends"
    if figures.lost:
        yield f"{figures.lost} lost"
    yield from _problems_of_traffic(seen, figures)
    if expectation.refusals:
        yield from _problems_of_refusals(seen)
    if figures.attempts_per_request is not None and figures.attempts_per_request > expectation.attempts_at_most:
        yield f"{figures.attempts_per_request:.1f} attempts for each request"
    if expectation.in_flight_at_most and figures.busiest > expectation.in_flight_at_most:
        yield f"a replica had {figures.busiest} requests at a time, and may have {expectation.in_flight_at_most}"
    if expectation.is_flat:
        yield from _NOT_WATCHED if figures.growth is None else figures.growth.problems()


def _problems_of_traffic(seen: _Seen, figures: Figures) -> Iterator[str]:
    expectation, marks = seen.expectation, seen.marks
    slack_s = seen.plan.slack_s
    if expectation.leaves_within_s is not None and figures.left_s is not None:
        if figures.left_s > expectation.leaves_within_s + slack_s:
            yield f"the traffic left the ill replica after {figures.left_s:.1f} s only"
        # Each worker may try it once whenever its breaker lets it; nobody is served by asking more often.
        probes = WORKERS * (1 + (marks.healed_s - marks.struck_s) // seen.plan.cooldown_s)
        if figures.asked_while_ill > probes:
            yield f"the ill replica was still asked {figures.asked_while_ill} times"
    if expectation.returns_within_s is not None and (figures.back_s is None or figures.back_s > expectation.returns_within_s + slack_s):
        yield f"the traffic came back {'never' if figures.back_s is None else f'after {figures.back_s:.1f} s only'}"


def _problems_of_refusals(seen: _Seen) -> Iterator[str]:
    """What is wrong with how clients are told that nobody can serve them."""
    expectation = seen.expectation
    refused = [asked for asked in seen.in_trouble() if asked.ending.verdict in ("refused", "unreachable")]
    strange = [asked for asked in refused if asked.ending.status not in expectation.refusals]
    slow = [asked for asked in refused if asked.took_s > expectation.refused_within_s + seen.plan.slack_s]
    if strange:
        yield f"{len(strange)} refused with {sorted({asked.ending.status for asked in strange})}"
    if slow:
        yield f"{len(slow)} refused after more than {expectation.refused_within_s:g} s"


def _told(asked: Asked, seen: _Seen) -> str:
    """A failure in one line."""
    after_s = asked.started_s - seen.marks.struck_s
    attempts = ", ".join(f"{one.replica}{f' ({one.fault})' if one.fault else ''}" for one in seen.by_marker.get(asked.marker, ()))
    what = f"{asked.ending.verdict} {asked.ending.status or ''}".strip()
    done = f"asked {attempts or 'nobody'}; took {asked.took_s:.2f} s"
    return f"{asked.kind}, {asked.marker}, {after_s:+.2f} s: {what}: {asked.ending.why} [{done}]"
