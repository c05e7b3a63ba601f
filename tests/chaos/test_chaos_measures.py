"""What a record comes to, and what is found wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.diary import Attempt, Diary, read_attempts
from chaos.expectations import ALL_ILL, ONE_ILL, Expectation, was_asked_to_come_again, went_down_with_its_worker
from chaos.judging import Ending, Verdict
from chaos.load.steady import Asked
from chaos.measures import Outcome, outcome
from chaos.plan import BUSY, FULL, SHORT, Plan
from chaos.report import DOCUMENT
from chaos.scenarios import BY_NAME, SCENARIOS
from chaos.stage import Marks, Record, reported_attempts
from chaos.tables import all_tables, line
from chaos.watching import Sample, growth

STRUCK_S, HEALED_S = 10.0, 17.0


def asked(marker: str, at_s: float, verdict: Verdict = "complete", status: int = 200, **changes: Any) -> Asked:
    made = Asked("OpenAI, whole", marker, at_s, at_s + 0.1, 0.02, Ending(verdict, status=status))
    return replace(made, **changes)


def attempt(marker: str, replica: str, at_s: float, fault: str = "", **changes: Any) -> Attempt:
    return replace(Attempt(replica, at_s, "/v1/chat/completions", marker, fault, began=not fault, said=not fault), **changes)


def steady(seconds: float = 20, per_s: int = 10) -> tuple[list[Asked], list[Attempt]]:
    """A run in which the replica b gets a third until the blow, and a third after the recovery."""
    requests, attempts = [], []
    for number in range(int(seconds * per_s)):
        at_s = number / per_s
        ill = STRUCK_S <= at_s < HEALED_S
        requests.append(asked(f"r{number}", at_s))
        attempts.append(attempt(f"r{number}", "ac"[number % 2] if ill else "abc"[number % 3], at_s))
    return requests, attempts


def a_record(requests: list[Asked], attempts: list[Attempt], **changes: Any) -> Record:
    return Record(Marks(0, STRUCK_S, HEALED_S, 20), requests, attempts, **changes)


def told(record: Record, expectation: Expectation = ONE_ILL, plan: Plan = FULL) -> Outcome:
    return outcome("name", "title", record, expectation, plan)


def test_a_run_that_is_as_it_must_be_has_no_problems() -> None:
    found = told(a_record(*steady()))
    assert found.problems == []
    assert (found.figures.requests, found.figures.complete, found.figures.lost, found.figures.wrong) == (200, 200, 0, 0)
    assert found.figures.left_s == 0
    assert found.figures.back_s == pytest.approx(0.1, abs=0.3)
    assert found.figures.attempts_per_request == 1
    assert (found.figures.calm_p50_ms, found.figures.ill_p99_ms) == (20, 20)


def test_traffic_that_stays_and_comes_again_is_found() -> None:
    requests, attempts = steady()
    attempts += [attempt(f"r{number}", "b", number / 10, "status") for number in range(100, 135)]
    found = told(a_record(requests, attempts))
    assert found.figures.left_s == pytest.approx(3.4)
    assert found.figures.asked_while_ill == 14
    assert found.problems == ["the traffic left the ill replica after 3.4 s only", "the ill replica was still asked 14 times"]
    assert found.figures.attempts_per_request == pytest.approx(1.5)


def test_a_busy_machine_is_given_more_time_and_not_any() -> None:
    requests, attempts = steady()
    attempts += [attempt(f"r{number}", "b", number / 10, "status") for number in range(100, 135)]
    assert told(a_record(requests, attempts), plan=BUSY).problems == []
    attempts += [attempt(f"r{number}", "b", number / 10, "status") for number in range(135, 140)]
    assert told(a_record(requests, attempts), plan=BUSY).problems == ["the traffic left the ill replica after 3.9 s only"]


def test_a_probe_now_and_then_is_none_of_the_traffic() -> None:
    requests, attempts = steady()
    attempts += [attempt(f"r{number}", "b", number / 10, "status") for number in (100, 102, 150, 152)]
    found = told(a_record(requests, attempts))
    assert (found.figures.left_s, found.figures.asked_while_ill, found.problems) == (pytest.approx(0.2), 2, [])


def test_what_a_frozen_replica_notes_late_had_come_before_its_client_gave_up() -> None:
    requests, attempts = steady()
    attempts.append(attempt("r103", "b", HEALED_S + 0.01))
    assert told(a_record(requests, attempts)).figures.left_s == pytest.approx(0.3)


def test_attempts_that_no_replica_saw_are_known_from_the_log() -> None:
    requests, attempts = steady()
    found = told(a_record(requests, attempts, reported={"r105": 2, "r106": 1}))
    assert found.figures.left_s == pytest.approx(0.5)
    assert found.figures.attempts_per_request == pytest.approx(71 / 70)


def test_traffic_that_never_returns_is_found() -> None:
    requests, attempts = steady()
    found = told(a_record(requests, [one for one in attempts if one.replica != "b" or one.at_s < STRUCK_S]))
    assert found.figures.back_s is None
    assert found.problems == ["the traffic came back never"]


@pytest.mark.parametrize("verdict", ["refused", "told"])
def test_a_failure_is_lost_unless_its_answer_had_begun(verdict: Verdict) -> None:
    requests, attempts = steady()
    requests[120] = asked("r120", 12, verdict, 502)
    attempts[120] = attempt("r120", "b", 12, "reset")
    assert told(a_record(requests, attempts)).problems == ["1 lost"]
    attempts[120] = attempt("r120", "b", 12, "cut", began=True)
    assert told(a_record(requests, attempts)).problems == []
    assert told(a_record(requests, attempts), Expectation()).problems == ["1 lost"]
    assert told(a_record(requests, attempts), Expectation(saves_all=False)).problems == []


def test_wrong_ends_and_no_answers_are_never_right() -> None:
    requests, attempts = steady()
    requests[120] = asked("r120", 12, "wrong", ending=Ending("wrong", "it just ends", 200))
    requests[121] = asked("r121", 12.1, "unreachable", 0)
    found = told(a_record(requests, attempts), Expectation(saves_all=False))
    assert found.problems == ["1 wrong ends", "1 lost"]
    assert "r120, +2.00 s: wrong 200: it just ends [asked a; took 0.10 s]" in found.failures[0]
    assert found.statuses == {"complete 200": 198, "wrong 200": 1, "unreachable": 1}


def test_what_went_down_with_its_worker_is_excused_and_what_came_later_is_not() -> None:
    requests, attempts = steady()
    requests[99] = asked("r99", 9.95, "wrong")
    requests[120] = asked("r120", 12, "wrong")
    found = told(a_record(requests, attempts), Expectation(excuse=went_down_with_its_worker))
    assert (found.figures.excused, found.figures.wrong) == (1, 1)


def test_a_refusal_is_excused_where_it_says_when_to_come_again() -> None:
    requests, attempts = steady()
    requests[120] = asked("r120", 12, "refused", 503, retry_after="1")
    requests[121] = asked("r121", 12.1, "refused", 503)
    found = told(a_record(requests, attempts), Expectation(excuse=was_asked_to_come_again))
    assert (found.figures.excused, found.figures.lost) == (1, 1)


def test_when_all_are_ill_refusals_are_quick_and_have_the_right_status() -> None:
    requests, attempts = steady()
    for number in range(100, 170):
        requests[number] = asked(f"r{number}", number / 10, "refused", 503)
        attempts[number] = attempt(f"r{number}", "a", number / 10, "status")
    assert told(a_record(requests, attempts), ALL_ILL).problems == []
    requests[110] = asked("r110", 11, "refused", 500)
    requests[111] = asked("r111", 11.1, "refused", 503, ended_s=12.5)
    found = told(a_record(requests, attempts * 3), ALL_ILL)
    assert found.problems == ["1 refused with [500]", "1 refused after more than 1 s", "3.0 attempts for each request"]
    assert found.figures.slowest_refusal_s == pytest.approx(1.4)


def test_more_at_a_time_than_a_replica_may_have_is_found() -> None:
    spans = [("r1", "a", 11, 12), ("r2", "a", 11.5, 13), ("r3", "a", 12, 14), ("r4", "a", 12.5, 14), ("r5", "b", 12.5, 14)]
    attempts = [attempt(marker, replica, at_s, over_s=over_s) for marker, replica, at_s, over_s in spans]
    found = told(a_record(steady()[0], attempts), Expectation(in_flight_at_most=2))
    assert found.figures.busiest == 3
    assert found.problems == ["a replica had 3 requests at a time, and may have 2"]


def samples(descriptors: list[int], mebibytes: list[float], pid: int = 1) -> list[Sample]:
    return [Sample(at_s, pid, held, int(size * 2**20)) for at_s, (held, size) in enumerate(zip(descriptors, mebibytes, strict=True))]


def test_growth_is_found_where_it_goes_on_and_not_at_the_start() -> None:
    flat = growth(samples([10, 50, 60, 60, 60, 60, 60, 60], [40, 60, 70, 70, 70, 70, 71, 71]))
    assert flat is not None
    assert flat.problems() == []
    leak = growth(samples([10, 50, 60, 60, 80, 90, 100, 110], [40, 60, 70, 70, 75, 80, 85, 90]))
    assert leak is not None
    assert leak.problems() == ["file descriptors grew from 60 to 100", "memory grew from 70.0 to 87.5 MiB"]
    assert growth([]) is None


def test_what_is_under_way_for_a_moment_is_no_leak() -> None:
    busy = growth(samples([10, 50, 60, 62, 60, 90, 91, 95, 90, 60, 91, 95], [70] * 12))
    assert busy is not None
    assert busy.problems() == []
    assert (busy.descriptors_before, busy.descriptors_after) == (60, 60)


def test_each_worker_is_judged_and_not_that_alone_which_grew_most_in_memory() -> None:
    larger = samples([60] * 8, [70, 70, 70, 70, 72, 72, 72, 72])
    leaking = samples([60, 60, 60, 60, 90, 90, 90, 90], [70] * 8, pid=2)
    both = growth([*larger, *leaking])
    assert both is not None
    assert both.problems() == ["file descriptors grew from 60 to 90"]
    assert both.memory_after_bytes == 72 * 2**20


def test_what_was_not_watched_is_not_flat() -> None:
    never = told(a_record(*steady()), Expectation(is_flat=True))
    assert never.problems == ["no worker was watched for long enough to see whether it grows"]
    watched = told(a_record(*steady(), samples=samples([60] * 8, [70] * 8)), Expectation(is_flat=True))
    assert watched.problems == []


def test_a_diary_that_was_written_can_be_read(tmp_path: Path) -> None:
    diary = Diary(tmp_path / "diary")
    first, second = diary.asked("/v1/models", "", ""), diary.asked("/v1/chat/completions", "r1", "cut")
    diary.note(second, "began")
    diary.note(first, "said")
    models, chat = read_attempts("a", (tmp_path / "diary").read_bytes().splitlines())
    assert (models.is_chat, models.said, models.began) == (False, True, False)
    assert (chat.is_chat, chat.said, chat.began, chat.marker, chat.fault, chat.over_s) == (True, False, True, "r1", "cut", None)


def test_reported_attempts_are_those_of_the_last_line_of_a_request(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"message":"x"}\n{"request_id":"r1","attempts":1}\nTraceback\n{"request_id":"r1","attempts":2}\n')
    assert reported_attempts(log) == {"r1": 2}


def test_tables_show_each_scenario_and_what_is_not_as_it_must_be() -> None:
    requests, attempts = steady()
    good = told(a_record(requests, attempts)).to_json()
    requests[120] = asked("r120", 12, "wrong")
    bad = {**told(a_record(requests, attempts)).to_json(), "title": "another"}
    machine = {"processor": "P", "cores": 2, "memory_gib": 4, "system": "S", "python": "3"}
    run = {"kind": "full", "seconds": 600, "started": "2026-01-02T03:04:05+00:00", "rate": 40}
    text = all_tables({"machine": machine, "run": run, "scenarios": [good, bad]})
    assert "1 of 2 scenarios are as they must be." in text
    assert "| title | 200 | 0 | 0 | 0 | 0 | 0.0 s | 0.2 s | 20 +0 ms | 20 +0 ms | 1.00 |" in text
    assert "| another **(!)** | 200 | 0 | **1** |" in text
    assert "* another: 1 wrong ends" in text
    assert line(good).endswith("as it must be")


def test_the_document_has_the_marks_for_results() -> None:
    text = DOCUMENT.read_text()
    assert text.count("<!-- results: begin -->") == text.count("<!-- results: end -->") == 1


def test_scenarios_have_different_names_and_a_full_run_stays_under_fifteen_minutes() -> None:
    assert len(BY_NAME) == len(SCENARIOS)
    starting_and_ending_s = 8
    each_s = FULL.calm_s + FULL.ill_s + FULL.after_s + starting_and_ending_s
    assert len(SCENARIOS) * each_s + FULL.many / FULL.many_rate < 15 * 60
    assert SHORT.calm_s + SHORT.ill_s + SHORT.after_s < 5
