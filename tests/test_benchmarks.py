"""The benchmark, as far as it needs no clock: its arithmetic, its canned answers, its configurations, what it writes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import lupa.luajit21
import orjson
import pytest

from benchmarks import checks, run, workloads
from benchmarks.checks import problem_of
from benchmarks.company import what_others_showed
from benchmarks.gap import what_is_missing
from benchmarks.loads.streams import StreamLost, Watched
from benchmarks.machine import describe_code
from benchmarks.plan import FULL, QUICK, SECTIONS, SHORT, Ratio, medians, percentile, ratio, turns
from benchmarks.quick import comparison, lost_or_won, smallest_seen_loss
from benchmarks.quietness import Clocks, between, read_clocks
from benchmarks.report import RECORDED, RESULTS, what_is_compared, with_claim, with_results
from benchmarks.results import Results
from benchmarks.sections.profile import costliest_functions, layer_of, read_stacks, shares_of_layers
from benchmarks.tables import all_tables
from benchmarks.targets import verdicts
from benchmarks.upstreams import canned
from benchmarks.upstreams.nginx import reverse_proxy_config, upstream_config

ROOT = Path(__file__).parents[1]


def samples(**metrics: list[float]) -> list[dict[str, float]]:
    """One sample per round."""
    return [dict(zip(metrics, values, strict=True)) for values in zip(*metrics.values(), strict=True)]


def a_run(*, commit: str = "abc123", changes: bool = False, quietness: dict[str, Any] | None = None, **sections: Any) -> Results:
    """A run that found `sections`."""
    machine = {
        "commit": commit,
        "changes": changes,
        "load_average_before": 0.1,
        "load_average_after": 1.5,
        "processor": "P",
        "cores": 2,
        "memory_gib": 4,
        "system": "S",
        "python": "3",
        "nginx": "n",
        "wrk": "w",
        "packages": {"p": "1"},
    }
    about = {"kind": "full", "seconds": 600, "started": "2026-01-02T03:04:05+00:00", "load_s": 3, "slow_load_s": 12, "first_tokens": 100}
    return Results({"machine": machine, "run": about, "sections": sections, "quietness": quietness or {}})


# Rounds and their arithmetic


def test_contenders_take_turns_and_nobody_always_follows_the_same_one() -> None:
    assert list(turns(["a", "b"], 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_medians_of_the_metrics_that_all_rounds_have() -> None:
    assert medians([{"x": 1, "y": 5}, {"x": 9}, {"x": 2}]) == {"x": 2}


def test_a_ratio_compares_within_rounds_so_that_a_slow_round_does_not_show() -> None:
    fast, slow = samples(rate=[200, 20, 100]), samples(rate=[100, 10, 40])
    assert ratio(fast, slow, "rate") == Ratio(2.0, 2.0, 2.5)


def test_a_ratio_of_different_numbers_of_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        ratio(samples(rate=[1]), samples(rate=[1, 2]), "rate")


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_percentile_when_values_come_in_any_order(percent: float, value: float) -> None:
    assert percentile([*range(100, 50, -1), *range(1, 51)], percent) == value


def test_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 99) == 7


@pytest.mark.parametrize("plan", [FULL, SHORT, QUICK])
def test_plans_name_sections_that_there_are(plan: Any) -> None:
    assert set(plan.sections) <= set(SECTIONS)


def test_each_section_has_something_that_measures_it() -> None:
    assert tuple(run.SECTIONS) == SECTIONS


def test_the_quick_plan_stays_under_two_minutes_and_the_full_one_under_half_an_hour() -> None:
    """What the sections wait for by the clock; starting programs comes on top."""
    loads_s = len({"chat", "stream"}) * 3 * (QUICK.rounds * QUICK.load_s + QUICK.warm_up_s)
    assert loads_s + 3 * QUICK.paced_rounds * (QUICK.steady_s + QUICK.spare_s) < 60
    full_s = (2 * 11 + 2 * 6) * (FULL.rounds * FULL.load_s + 1) + 7 * FULL.paced_rounds * (FULL.steady_s + FULL.spare_s)
    full_s += 3 * FULL.history_rounds * FULL.history_s + (4 + 11 + 3) * FULL.growth_rounds * FULL.growth_s
    # Of the others, two are too slow for the usual window, where streams are asked for.
    full_s += 2 * FULL.rounds * (FULL.slow_load_s - FULL.load_s)
    assert full_s < 20 * 60


# What is asked and answered


def ollama_stream() -> bytes:
    """The canned stream, as a gateway that loses nothing says it."""
    lines = [{"message": {"content": token}, "done": False} for token in checks.STREAM_TOKENS]
    last = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 27, "eval_count": 198, "eval_duration": 1}
    return b"".join(orjson.dumps(line) + b"\n" for line in [*lines, last])


@pytest.mark.parametrize(
    ("workload", "file"),
    [
        (workloads.chat(), "chat.json"),
        (workloads.stream(), "stream.sse"),
        (workloads.tools(), "tools.json"),
        (workloads.embeddings(), "embeddings.json"),
        (workloads.long_record(256), "record-256.sse"),
    ],
)
def test_the_canned_answers_pass_their_own_checks_and_hold_their_marks(workload: workloads.Workload, file: str) -> None:
    body, question = canned.answers()[file], workload.questions["openai"]
    assert problem_of(question.check, body) == ""
    assert question.mark in body[-2000:]


def test_the_canned_stream_has_as_many_records_as_it_is_said_to_have() -> None:
    body = canned.answers()["stream.sse"]
    assert body.count(b"data: {") == checks.STREAM_RECORDS == workloads.stream().records
    assert body.endswith(b"data: [DONE]\n\n")


def test_places_name_files_that_there_are() -> None:
    files = {file for pair in canned.places().values() for file in pair}
    assert files <= set(canned.answers())
    assert {workload.place for workload in (workloads.chat(), workloads.stream(), workloads.tools())} <= set(canned.places())


def test_a_stream_that_is_all_there_has_no_problem() -> None:
    assert problem_of(checks.check_ollama_stream, ollama_stream()) == ""


@pytest.mark.parametrize(
    ("lost", "problem"),
    [
        (lambda lines: lines[:50] + lines[51:], "text"),
        (lambda lines: lines[:-1], "lines with done"),
        (lambda lines: [*lines, lines[-1]], "lines with done"),
        (lambda lines: [*lines[:-1], b'{"message":{"content":""},"done":true,"eval_count":3}\n'], "usage"),
        (lambda lines: [*lines[:-1], b"no JSON\n"], "JSONDecodeError"),
        (lambda lines: [b'{"response":"x","done":true}\n'], "KeyError"),
    ],
)
def test_a_stream_that_lost_something_is_told(lost: Any, problem: str) -> None:
    broken = b"".join(lost(ollama_stream().splitlines(keepends=True)))
    assert problem_of(checks.check_ollama_stream, broken).startswith(problem)


@pytest.mark.parametrize(
    ("workload", "tokens"),
    [(workloads.stream(), 198), (workloads.paced(140, 50), 140), (workloads.held(), 2), (workloads.long_record(256), 1)],
)
def test_the_end_of_a_stream_is_known_by_the_number_of_its_tokens(workload: workloads.Workload, tokens: int) -> None:
    mark = workload.questions["ollama"].mark
    assert mark in b'{"done":true,"prompt_eval_count":27,"eval_count":%d,"eval_duration":5}' % tokens
    assert mark not in b'{"done":true,"prompt_eval_count":27,"eval_count":%d0,"eval_duration":5}' % tokens


def test_arguments_as_text_are_no_tool_call_of_ollama() -> None:
    answer = {"message": {"tool_calls": [{"function": {"name": "get_weather", "arguments": '{"city":"Reykjavik"}'}}]}}
    assert problem_of(checks.check_ollama_tool_call, orjson.dumps(answer)).startswith("arguments")


def test_other_numbers_are_no_right_vectors() -> None:
    right = [list(vector) for vector in checks.VECTORS]
    assert problem_of(checks.check_ollama_vectors, orjson.dumps({"embeddings": right})) == ""
    right[1][200] += 0.001
    assert problem_of(checks.check_ollama_vectors, orjson.dumps({"embeddings": right})) == "a vector has other numbers"
    assert problem_of(checks.check_ollama_vectors, orjson.dumps({"embeddings": right[:1]})).startswith("number of vectors")


def test_a_picture_fits_just_under_the_largest_request() -> None:
    most_bytes = 10 * 1024 * 1024
    body = workloads.picture_chat(most_bytes - 4096).questions["ollama"].body
    assert most_bytes - 8192 < len(body) < most_bytes


def test_a_long_chat_has_as_many_messages_as_asked_for() -> None:
    for question in workloads.long_chat(200).questions.values():
        assert len(orjson.loads(question.body)["messages"]) == 200


# nginx


def test_the_upstream_answers_each_place_at_its_own_path() -> None:
    config = upstream_config(Path("/somewhere"), 1234)
    assert "listen 127.0.0.1:1234 " in config
    assert "location = /stream/v1/chat/completions { error_page 405 =200 /answers/stream.sse; return 405; }" in config
    assert "location = /models-200/v1/models { error_page 405 =200 /answers/models-200.json; return 405; }" in config
    assert config.count("{") == config.count("}")


@pytest.mark.parametrize(
    ("upstream_url", "passed_to"),
    [("http://127.0.0.1:99/stream/v1", "http://target/stream/;"), ("http://127.0.0.1:99/v1", "http://target/;")],
)
def test_the_reverse_proxy_asks_at_the_place_of_its_upstream(upstream_url: str, passed_to: str) -> None:
    config = reverse_proxy_config(Path("/somewhere"), 1234, upstream_url)
    assert "server 127.0.0.1:99;" in config
    assert f"proxy_pass {passed_to}" in config


# Streams


async def watched(*pieces: bytes, lost: bool = False) -> Watched:
    """What a watcher has seen after these pieces of an answer."""
    watcher = Watched(b"", b"data: [DONE]")
    for piece in pieces:
        watcher.data_received(piece)
    if lost:
        watcher.connection_lost(None)
    return watcher


@pytest.mark.parametrize("cut", range(1, 60))
def test_stamps_and_the_end_are_found_wherever_the_bytes_are_cut(cut: int) -> None:
    answer = b"@9.0.123; in a record\n\n and @9.1.456;\n\n" + b"data: [DONE]\n\n" + b"0\r\n\r\n"
    found = asyncio.run(watched(answer[:cut], answer[cut:]))
    assert len(found.lags_ns) == 2
    assert found.first_stamp_ns == 123
    assert found.over.done()
    assert found.problem(2) == ""


def test_a_stamp_is_counted_once_when_bytes_come_one_by_one() -> None:
    answer = b"x@9.0.123;y@9.1.4567;z"
    found = asyncio.run(watched(*(answer[index : index + 1] for index in range(len(answer)))))
    assert len(found.lags_ns) == 2
    assert not found.over.done()


def test_a_stream_that_ends_without_its_end_is_lost() -> None:
    found = asyncio.run(watched(b"@9.0.1;", lost=True))
    assert isinstance(found.over.exception(), StreamLost)
    assert found.begun.exception() is None


@pytest.mark.parametrize(
    ("stamps", "problem"),
    [
        ([(9, 0), (9, 2)], "1 of 3 tokens were lost, token 1 first"),
        ([(9, 0), (9, 1), (9, 1), (9, 2)], "4 tokens came where 3 were sent"),
        ([(9, 0), (9, 2), (9, 1)], "tokens changed places"),
        ([(9, 0), (8, 1), (9, 2)], "tokens of several streams in one"),
        ([(9, 0), (9, 1), (9, 2)], ""),
    ],
)
def test_tokens_that_are_not_those_that_were_sent_are_told(stamps: list[tuple[int, int]], problem: str) -> None:
    pieces = [checks.STAMP.format(stream=stream, number=number, left_ns=5).encode() for stream, number in stamps]
    assert asyncio.run(watched(*pieces)).problem(3) == problem


def test_a_wrong_paced_stream_is_told_by_whoever_reads_it_whole() -> None:
    lines: list[dict[str, Any]] = [{"message": {"content": f"@9.{number}.5;"}, "done": False} for number in (0, 1)]
    end = {"message": {"content": ""}, "done": True, "prompt_eval_count": 27, "eval_count": 2}
    right = b"\n".join(map(orjson.dumps, [*lines, end]))
    check = workloads.paced(2, 5).questions["ollama"].check
    assert problem_of(check, right) == ""
    assert problem_of(check, right.replace(b"@9.1.5;", b"")) == "1 of 2 tokens were lost, token 1 first"
    assert problem_of(check, right.replace(b"@9.1.5;", b"@9.1.5;!")).startswith("text beside the stamps")


# wrk's script


LUA = (ROOT / "benchmarks/loads/ask.lua").read_text()


def is_right(body: bytes, question: workloads.Question, status: int = 200) -> bool:
    """What the script says of an answer, in the Lua that wrk has built in."""
    lua = lupa.luajit21.LuaRuntime(encoding=None)
    lua.execute(LUA)
    values = lua.globals()
    values[b"mark"], values[b"least"], values[b"greatest"] = question.mark, len(body) - 999, len(body) + 999
    values[b"words"] = question.words
    return bool(values[b"is_right"](status, body))


@pytest.mark.parametrize("dialect", ["ollama", "openai"])
@pytest.mark.parametrize(
    ("change", "right"),
    [
        (lambda body: body, True),
        (lambda body: body.replace(b" word100", b""), False),
        (lambda body: body.replace(b" word100", b" word100 word100"), False),
        (lambda body: body.replace(b" word100", b" word101", 1), False),
        (lambda body: body.replace(b" word197", b" word198"), False),
        (lambda body: body.replace(b" word197", b" word197 word198"), False),
        (lambda body: body[:-20], False),
    ],
)
def test_wrk_sees_a_word_that_was_lost_doubled_or_changed(dialect: workloads.Dialect, change: Any, right: bool) -> None:
    body = {"ollama": ollama_stream(), "openai": canned.answers()["stream.sse"]}[dialect]
    assert is_right(change(body), workloads.stream().questions[dialect]) is right


def test_wrk_counts_no_words_where_none_are() -> None:
    question = workloads.chat().questions["openai"]
    assert is_right(canned.answers()["chat.json"], question)
    assert not is_right(canned.answers()["chat.json"], question, status=502)
    assert not is_right(canned.answers()["tools.json"], question)


# Profiles


def test_stacks_are_counted_by_the_innermost_layer_that_is_known() -> None:
    text = (
        "run (gunicorn/x.py:1);view (proxy/web/exchange.py:5);dumps (json/encoder.py:9) 3\n"
        "run (gunicorn/x.py:1);send (/lib/site-packages/requests/adapters.py:2);parse (email/parser.py:3) 1\n"
        "_Thread (gevent/_threading.py:4);acquire (gevent/_threading.py:7) 90\n"
    )
    stacks = read_stacks(text)
    assert stacks.total() == 4
    assert shares_of_layers(stacks) == {"requests, urllib3 and http.client": 0.25, "our web layer": 0.75}
    assert costliest_functions(stacks)[0] == {"function": "dumps (json/encoder.py)", "own": 0.75, "whole": 0.75}
    assert layer_of(["main (threading.py:1)"]) == "the rest"


def test_what_gevent_does_counts_for_whoever_called_it() -> None:
    called = "send (gevent/_socketcommon.py:9)"
    assert layer_of(["run (gevent/x.py:1)", "write (gunicorn/http/wsgi.py:2)", called]) == "gunicorn"
    assert layer_of(["run (gunicorn/x.py:1)", "exchange (proxy/upstream/exchange.py:2)", called]) == "our upstream client"
    assert (
        layer_of(["run (gunicorn/x.py:1)", "emit (logging/__init__.py:2)", "acquire (gevent/thread.py:3)"])
        == "libraries for log and metrics"
    )
    assert layer_of(["run (gevent/hub.py:1)"]) == "gevent's loop, which waits for sockets"
    assert layer_of(["run (gevent/hub.py:1)", "handle (proxy/worker.py:1)"]) == "our web layer"


def test_a_function_that_calls_itself_is_counted_once() -> None:
    stacks = Counter({("f (proxy/a.py:1)", "f (proxy/a.py:2)"): 2})
    assert costliest_functions(stacks) == [{"function": "f (proxy/a.py)", "own": 1.0, "whole": 1.0}]


# Results


def test_added_time_to_first_token_is_told_against_the_upstream_itself() -> None:
    results = a_run(
        first_token={
            "rounds": {
                "gateway": samples(total_p50_us=[2000, 4000], total_p99_us=[3000, 5000]),
                "bare": samples(total_p50_us=[3000, 7000], total_p99_us=[3000, 7000]),
                "direct": samples(total_p50_us=[1000, 1000], total_p99_us=[9, 9]),
            }
        }
    )
    assert results.added_first_token_us("gateway") == 2000
    assert results.added_first_token_us("gateway", "total_p99_us") == 3000
    assert results.added_first_token_ratio("gateway") == Ratio(0.5, 0.5, 0.5)
    assert results.added_first_token_ratio("litellm") is None


def test_a_target_is_met_missed_or_not_measured() -> None:
    rounds = {"gateway": samples(requests_per_s=[210]), "relay": samples(requests_per_s=[100]), "bare": samples(requests_per_s=[100])}
    found = {(row.what, row.target): row for row in verdicts(a_run(chat={"rounds": rounds}))}
    assert found["translated chat, answers/s", "at least 2 x bare"].met is True
    assert found["relayed chat, answers/s", "at least 2.2 x bare"].met is False
    assert found["relayed chat, answers/s", "at least 2.2 x bare"].measured == "1 x bare (1 to 1)"
    assert found["held streams, lost", "at most 0 streams"].met is None


def test_a_history_that_costs_by_its_length_is_linear() -> None:
    def growth(costs: dict[str, float]) -> Results:
        return a_run(growth={"messages": {"rounds": {number: samples(cpu_us_per_request=[cost]) for number, cost in costs.items()}}})

    def verdict(results: Results) -> bool | None:
        return next(row.met for row in verdicts(results) if "message" in row.what)

    assert verdict(growth({"2": 102, "100": 200, "200": 300})) is True
    assert verdict(growth({"2": 102, "100": 200, "200": 900})) is False
    assert verdict(growth({"2": 102, "20": 120})) is None


def test_a_verdict_by_rounds_tells_their_spread() -> None:
    rounds = {"2": samples(cpu_us_per_request=[100] * 3), "100": samples(cpu_us_per_request=[198] * 3)}
    results = a_run(growth={"messages": {"rounds": {**rounds, "200": samples(cpu_us_per_request=[298, 398, 348])}}})
    row = next(row for row in verdicts(results) if "message" in row.what)
    assert (row.measured, row.met) == ("1.5 x the first hundred (1 to 2)", False)
    text = all_tables(results)
    assert "| 200 messages | 348 us | 3.48 (2.98 to 3.98) |" in text
    assert "| from 2 to 100 messages | 1.0 (1.0 to 1.0) |  |" in text
    assert "| from 100 to 200 messages | 1.5 (1.0 to 2.0) | 1.5 (1 to 2) |" in text


def test_growth_is_judged_by_rounds_and_not_by_medians_of_different_rounds() -> None:
    """A slow minute of the machine meets one round, in which everything is slow."""
    rounds = {"10": samples(cpu_us_per_request=[100, 200, 400]), "1000": samples(cpu_us_per_request=[110, 440, 440])}
    results = a_run(growth={"connections": {"rounds": rounds}})
    assert results.growth("connections", 1000, 10) == Ratio(1.1, 1.1, 2.2)
    assert results.growth("connections", 1000, 1) is None


def test_beside_a_missed_time_stands_what_others_showed() -> None:
    lags = {"gateway": [9000, 30_000], "bare": [12_000, 14_000], "direct": [1000, 1000]}
    paced = {name: samples(cpu_us_per_token=[1] * 2, lag_p50_us=[500] * 2, lag_p99_us=found) for name, found in lags.items()}
    told = "\n".join(what_others_showed(a_run(paced={"rounds": paced})))
    assert "per token, p99**: its lag was 9,000 to 30,000 us in the rounds. In the same run added the bare pass-through 12,000 us." in told
    assert "Rounds of others overlap with its own (the bare pass-through 12,000 to 14,000 us): who is slower this run does not" in told
    assert "median" not in told
    assert list(what_others_showed(a_run())) == []


def test_a_missed_pace_tells_how_busy_the_worker_was_and_what_the_floor_added() -> None:
    def carried(cpu_us: int, lag_us: int) -> list[dict[str, float]]:
        return samples(cpu_us_per_token=[cpu_us], tokens_per_s=[2000], lag_p50_us=[lag_us], lag_p99_us=[lag_us])

    paced = {"gateway": carried(250, 9000), "floor": carried(100, 7000), "bare": carried(250, 8000), "direct": carried(1, 1000)}
    told = "\n".join(what_others_showed(a_run(paced={"rounds": paced})))
    assert (
        "and its worker was busy for 50% of the time. In the same run added Flask and our upstream client alone 6,000 us, the bare" in told
    )
    assert "overlap" not in told


def test_a_missed_first_token_tells_what_each_layer_added() -> None:
    totals = {"gateway": 3900, "quiet": 3500, "floor": 2900, "bare": 4000, "direct": 1000}
    rounds = {name: samples(total_p50_us=[total], total_p99_us=[total]) for name, total in totals.items()}
    told = "\n".join(what_others_showed(a_run(first_token={"rounds": rounds})))
    assert "added Flask and our upstream client alone 1,900 us, the bare pass-through 3,000 us, the gateway without log and" in told
    assert (
        "within the rounds: Flask and our upstream client alone 0.633, the gateway without log and metrics 0.833, the gateway 0.967."
        in told
    )


def test_a_missed_p99_of_first_tokens_tells_whose_slowest_were_how_slow() -> None:
    totals = {"gateway": (3000, 11_000), "bare": (4000, 10_000), "litellm": (21_000, 41_000), "direct": (1000, 7000)}
    rounds = {name: samples(total_p50_us=[p50], total_p99_us=[p99]) for name, (p50, p99) in totals.items()}
    results = a_run(first_token={"rounds": rounds}, quietness={"first_token": {"seconds": 9, "others": 0.03, "stolen": 0.32}})
    told = "\n".join(what_others_showed(results))
    assert "to first token, p99**: in the same run it was the bare pass-through 3, the gateway 5, LiteLLM 2 x the median of the" in told
    assert "of the upstream itself, with nothing between, the p99 was 7 x the median." in told
    assert "The p99 of a round is the second slowest of 100 connections; told is the median of the rounds." in told
    assert "In the rounds the gateway's was 5.00." in told
    assert "While this section was measured, other programs on this machine and interrupts took 0.03 of a core, other machines" in told


def test_missed_growth_tells_what_the_run_does_not_show() -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130])}
    told = "\n".join(what_others_showed(a_run(growth={"connections": {"rounds": rounds}})))
    assert "1.3 to 1.3 x 10 connections in the rounds. What so many connections cost the floor" in told


@pytest.mark.parametrize(("noted", "told"), [({"window_s": [24]}, "for 24 s"), ({}, "for a time that was not noted")])
def test_how_long_the_most_connections_were_asked_is_told(noted: dict[str, list[float]], told: str) -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130], **noted)}
    assert f" 1000 connections were asked {told} in each round." in all_tables(a_run(growth={"connections": {"rounds": rounds}}))


def test_the_window_of_many_connections_follows_from_the_plan_where_it_was_not_noted() -> None:
    rounds = {"10": samples(cpu_us_per_request=[100]), "1000": samples(cpu_us_per_request=[130])}
    results = a_run(growth={"connections": {"rounds": rounds}}, stream={"rounds": {"gateway": [answered(300)]}})
    text = all_tables(Results({**results.content, "run": {**results.content["run"], "growth_s": 2}}))
    assert "1000 connections were asked for 8 s in each round." in text
    assert "by later code: it asked nobody again for too few answers, and counted 1,000 connections for 8 s." in text


def test_nothing_is_said_of_later_code_where_the_run_asked_again() -> None:
    rounds = {"1000": samples(cpu_us_per_request=[130], window_s=[24])}
    stream = {"rounds": {"gateway": [answered(300, window_s=3, answers=900)]}}
    assert "later code" not in all_tables(a_run(growth={"connections": {"rounds": rounds}}, stream=stream))


def answered(rate: float, **more: Any) -> dict[str, Any]:
    return {"requests_per_s": rate, "cpu_us_per_request": 1.0, "p50_us": 100_000, "p99_us": 200_000, "connections": 16, **more}


def test_rounds_with_fewer_answers_than_connections_are_left_out_and_told_of() -> None:
    ours = [answered(300, window_s=3, answers=900), answered(600, window_s=3, answers=1800), answered(900, window_s=3, answers=2700)]
    theirs = [answered(3, window_s=12, answers=36), answered(0.3, window_s=3, answers=1), answered(6, window_s=12, answers=72)]
    results = a_run(stream={"rounds": {"gateway": ours, "litellm": theirs}})
    assert results.ratio("stream", "gateway", "requests_per_s", "litellm") == Ratio(125, 100, 150)
    assert results.median("stream", "litellm", "requests_per_s") == 4.5
    assert "| at least 50 x LiteLLM | 125 x LiteLLM (100 to 150), of 2 of 3 rounds | yes |" in all_tables(results)
    assert results.problems("stream") == {
        "litellm": "left out of its figures: round 2, in whose window fewer answers came than there were connections; "
        "asked for 12 s in a round, as it is slow; 36 to 72 answers in a round, which come in waves: its rates are rough"
    }


def test_a_window_that_was_not_noted_follows_from_how_long_answers_took() -> None:
    theirs = [answered(2.65, p50_us=5_000_000), answered(1, p50_us=2_500_000)]
    results = a_run(stream={"rounds": {"litellm": theirs, "gateway": [answered(300), answered(300)]}})
    assert results.median("stream", "litellm", "requests_per_s") == 2.65
    assert set(results.problems("stream")) == {"litellm"}
    assert "asked for 12 s in a round (which was not noted, but" in results.problems("stream")["litellm"]
    assert "; about 32 to 32 answers" in results.problems("stream")["litellm"]


def test_who_has_no_round_that_tells_anything_was_not_measured() -> None:
    rounds = {"gateway": [answered(300)], "litellm": [answered(1)]}
    found = {(row.what, row.target): row for row in verdicts(a_run(stream={"rounds": rounds}))}
    assert found["translated stream, records/s", "at least 50 x LiteLLM"].met is None


@pytest.mark.parametrize(("rate", "told"), [(209, "was not met: 2.09."), (310, "was met: 3.1.")])
def test_the_stretch_is_told_below_the_targets(rate: int, told: str) -> None:
    assert f"3 x bare, {told}" in all_tables(a_race(bare=100, gateway=rate))


@pytest.mark.parametrize(("changes", "told"), [(False, "of commit abc123."), (True, "of commit abc123 with changes.")])
def test_the_commit_that_was_measured_is_told(changes: bool, told: str) -> None:
    assert told in all_tables(a_run(changes=changes))
    assert "of a commit that was not noted." in all_tables(a_run(commit="", changes=changes))


def test_the_commit_is_that_of_the_folder(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@e", *arguments], check=True, capture_output=True
        )

    assert describe_code(tmp_path) == {"commit": "", "changes": False}
    git("init")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "m")
    (tmp_path / "scratch.txt").write_text("1")
    clean = describe_code(tmp_path)
    assert clean["commit"]
    assert not clean["changes"]
    (tmp_path / "code.py").write_text("2")
    assert describe_code(tmp_path) == {**clean, "changes": True}


def test_what_others_took_is_what_we_and_ours_did_not() -> None:
    before, after = Clocks(0, 100, 10, 5), Clocks(10, 115, 20, 6)
    assert between(before, after) == {"seconds": 10, "others": 0.5, "stolen": 0.1}
    assert between(before, Clocks(10, 105, 20, 5))["others"] == 0


def test_what_children_took_counts_as_our_own_when_they_have_ended() -> None:
    before = read_clocks()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert read_clocks().own_s - before.own_s >= 0.25


def test_the_page_tells_how_quiet_the_machine_was_and_when_it_was_not() -> None:
    quietness = {"chat": {"seconds": 90, "others": 0.1, "stolen": 0}, "paced": {"seconds": 10, "others": 1.1, "stolen": 0.1}}
    text = all_tables(a_run(quietness=quietness))
    assert "interrupts took 0.20 of a core, other machines on its host 0.01; section by section:" in text
    assert "| section | chat | paced |\n| --- | --- | --- |\n| others, of a core | 0.10 | 1.10 |" in text
    assert "was not noted" in all_tables(a_run())


def test_tables_tell_what_was_measured_and_what_was_wrong_with_whom() -> None:
    rounds = {
        name: samples(requests_per_s=[rate], cpu_us_per_request=[1e6 / rate], p50_us=[1], p99_us=[2])
        for name, rate in (("gateway", 3000), ("bare", 1000), ("peer", 400))
    }
    text = all_tables(a_run(chat={"rounds": rounds, "problems": {"peer": "lost 3 records"}}))
    assert "| the gateway, Ollama to OpenAI | 3,000 | 3 (3 to 3) | 333 us | 0.333 (0.333 to 0.333) | 1 us | 2 us |" in text
    assert "* ollama-openai-proxy 0.7.0: lost 3 records" in text
    assert "### Paced streams" not in text


def a_race(**rates: float) -> Results:
    """A run in which each answered so many chats in a second."""
    rounds = {
        name.replace("_", " "): samples(requests_per_s=[rate], cpu_us_per_request=[1], p50_us=[1], p99_us=[1])
        for name, rate in rates.items()
    }
    return a_run(chat={"rounds": rounds})


def test_a_missed_target_tells_what_it_needs_and_what_stands_in_its_way() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, constant=2500, floor=1250, quiet=800, gateway=625)))
    assert "**translated chat, answers/s**, at least 2 x bare: 1000 us an answer; it took 1600 us." in told
    assert told.count("x bare: ") == 1
    assert "gunicorn and Flask alone take 400 us. Within the rounds, our upstream client, the upstream's answer added 400 us (400" in told
    assert "guards added 450 us (450 to 450); access log and metrics added 350 us (350 to 350); medians of differences do not" in told
    assert "take 800 us: the target leaves 200 us for all else." in told
    assert "relayed" not in told


def test_a_floor_above_the_target_is_told() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, constant=2500, floor=900, quiet=800, gateway=625)))
    assert "take 1111 us, longer than the target: no gateway on this floor reaches it." in told


def test_times_are_those_of_the_answers_per_second_in_the_tables() -> None:
    """Ratios within rounds may differ from the ratio of the medians."""
    rounds = {"gateway": [500, 900, 1000], "bare": [500, 500, 600]}
    results = a_run(chat={"rounds": {name: samples(requests_per_s=rates) for name, rates in rounds.items()}})
    told = "\n".join(what_is_missing(results))
    assert "at least 2 x bare: 1000 us an answer; it took 1111 us." in told
    rounds["gateway"] = [500, 1000, 1000]
    rounds["bare"] = [500, 505, 480]
    results = a_run(chat={"rounds": {name: samples(requests_per_s=rates) for name, rates in rounds.items()}})
    told = "\n".join(what_is_missing(results))
    assert "it took 1000 us. That is within it: the ratios within the rounds, by which it is judged, say otherwise by a little." in told


def with_wavering_log(*, profile: dict[str, Any] | None = None) -> Results:
    """A run whose rounds do not agree on what access log and metrics cost."""
    rates = {"bare": [500, 500, 500], "constant": [2500] * 3, "floor": [1250] * 3, "quiet": [1000, 500, 800], "gateway": [800, 800, 625]}
    rounds = {
        name: samples(requests_per_s=found, cpu_us_per_request=[1] * 3, p50_us=[1] * 3, p99_us=[1] * 3) for name, found in rates.items()
    }
    return a_run(chat={"rounds": rounds}, profile={"figures": {} if profile is None else {"chat, the gateway, Ollama to OpenAI": profile}})


def test_a_step_is_the_median_of_differences_within_rounds() -> None:
    text = all_tables(with_wavering_log())
    assert "| the same without log and metrics, Ollama to OpenAI | 1250 us | 450 us (200 to 1200) |" in text
    assert "| the gateway, Ollama to OpenAI | 1250 us | 250 us (-750 to 350) |" in text


def test_a_step_that_rounds_do_not_agree_on_cannot_be_told_and_the_profile_is_asked() -> None:
    told = "\n".join(what_is_missing(with_wavering_log()))
    assert "clocks cannot tell here: the difference is above 0 in some rounds and below it in others." in told
    assert "The profile" not in told
    layers = {"libraries for log and metrics": 0.1, "our log and metrics": 0.05, "gunicorn": 0.85}
    profile = {"cpu_us_per_request": 100, "layers": layers, "functions": []}
    assert "The profile has them at 15% of the processor time." in "\n".join(what_is_missing(with_wavering_log(profile=profile)))


def test_nothing_is_said_of_noise_where_all_rounds_agree() -> None:
    assert "cannot tell" not in all_tables(a_race(bare=500, constant=2500, floor=1250, quiet=800, gateway=625))


def test_a_missed_target_against_others_is_told_in_times_of_bare() -> None:
    told = "\n".join(what_is_missing(a_race(bare=500, gateway=1100, litellm=50)))
    assert "at least 20 x LiteLLM: 1000 us an answer; it took 909 us." not in told
    told = "\n".join(what_is_missing(a_race(bare=500, gateway=1100, litellm=100)))
    assert "at least 20 x LiteLLM: 500 us an answer; it took 909 us. In this run the target is 4 x bare." in told


def test_nothing_is_missing_where_all_targets_are_met() -> None:
    assert list(what_is_missing(a_race(bare=500, gateway=1100))) == []


def test_the_floor_and_the_gateway_stand_in_one_table() -> None:
    text = all_tables(a_race(bare=500, constant=2500, floor=1250, quiet_relay=1000, relay=800))
    assert "### From the floor to the gateway: a whole answer, relayed" in text
    assert "| Flask and our upstream client alone | 800 us | 400 us (400 to 400) |" in text
    assert "| the gateway, OpenAI relayed | 1250 us | 250 us (250 to 250) |" in text


def test_a_section_that_failed_is_told_of() -> None:
    results = a_run()
    told = all_tables(Results({**results.content, "failed": {"held": "no answer"}}))
    assert "**held was not measured**: no answer" in told


def test_results_are_put_between_their_marks_and_nowhere_else() -> None:
    before = "head\n<!-- results: begin -->\nold\n<!-- results: end -->\ntail\n"
    after = with_results(before, "new", ["chat.svg"])
    assert after == with_results(after, "new", ["chat.svg"])
    assert after.startswith("head\n")
    assert after.endswith("<!-- results: end -->\ntail\n")
    assert "old" not in after
    assert "![chat](performance/chat.svg)" in after


def test_the_document_has_the_marks_for_results() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    assert text.count("<!-- results: begin -->") == text.count("<!-- results: end -->") == 1


def test_the_readme_says_what_the_kept_run_found() -> None:
    readme = (ROOT / "README.md").read_text()
    assert with_claim(readme, Results(orjson.loads(RESULTS.read_bytes()))) == readme


@pytest.mark.parametrize(
    ("lag_us", "claim"), [(300, "Less than a millisecond"), (1100, "Less than a millisecond"), (1101, "Less than 2 milliseconds")]
)
def test_the_readme_says_no_more_than_was_found(lag_us: float, claim: str) -> None:
    paced = {"gateway": samples(lag_p50_us=[lag_us]), "direct": samples(lag_p50_us=[100])}
    readme = with_claim("a <!-- added per token -->[Less](b)<!-- end --> c", a_run(paced={"rounds": paced}))
    assert readme == f"a <!-- added per token -->[{claim}](docs/performance.md)<!-- end --> c"
    assert with_claim(readme, a_run()) == readme


def test_figures_that_are_single_samples_are_called_so() -> None:
    figures = {"gateway": {"kib_each": 1, "newcomer_p50_ms": 1, "newcomer_p99_ms": 1, "lost": 0}}
    assert "One sample of each; percentiles are those of 30 newcomers." in all_tables(a_run(held={"figures": figures}))


# Comparing runs


def recorded(value: float, low: float, high: float) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "better": "higher"}


@pytest.mark.parametrize(
    ("better", "value", "told"),
    [("higher", 2.5, "won 25%"), ("higher", 1.5, "LOST 25%"), ("lower", 2.5, "LOST 25%"), ("lower", 1.5, "won 25%")],
)
def test_a_change_beyond_the_rounds_is_lost_or_won(better: str, value: float, told: str) -> None:
    assert lost_or_won(recorded(2.0, 1.9, 2.1), {"value": value, "low": value, "high": value, "better": better}) == told


@pytest.mark.parametrize(("value", "low", "high"), [(2.2, 1.9, 2.4), (1.95, 1.95, 1.95), (1.8, 1.7, 2.05)])
def test_a_change_within_the_rounds_of_either_run_is_none(value: float, low: float, high: float) -> None:
    assert lost_or_won(recorded(2.0, 1.9, 2.1), {"value": value, "low": low, "high": high, "better": "higher"}) == "within the spread"


@pytest.mark.parametrize(
    ("better", "now", "share"),
    [
        ("higher", (2.0, 1.9, 2.1), 0.05),
        ("higher", (2.0, 1.9, 2.5), 0.2),
        ("lower", (2.0, 1.9, 2.1), 0.053),
        ("lower", (2.0, 1.6, 2.1), 0.25),
    ],
)
def test_the_smallest_loss_that_is_seen_follows_from_the_spread(better: str, now: tuple[float, float, float], share: float) -> None:
    found = {"value": now[0], "low": now[1], "high": now[2], "better": better}
    assert smallest_seen_loss(recorded(2.0, 1.9, 2.1), found) == pytest.approx(share, abs=0.004)
    more, less = (1 + share + 0.01, 1 + share - 0.01) if better == "lower" else (1 - share - 0.01, 1 - share + 0.01)
    told = [
        lost_or_won(recorded(2.0, 1.9, 2.1), {**found, **{key: found[key] * times for key in ("value", "low", "high")}})  # type: ignore[operator]
        for times in (more, less)
    ]
    assert told[0].startswith("LOST")
    assert told[1] == "within the spread"


def test_a_comparison_shows_what_is_not_recorded_yet_and_how_little_it_sees() -> None:
    now = {"chat": {"value": 2.0, "low": 1.9, "high": 2.1, "better": "higher"}}
    assert comparison({}, now, {}, {}).splitlines()[1].endswith("not recorded")
    text = comparison({"chat": recorded(2.0, 1.5, 2.1)}, now, {}, {})
    assert text.splitlines()[1].endswith("within the spread  above 25%")
    assert "measure the recorded code beside it" in text


@pytest.mark.parametrize(
    ("others", "stolen", "told", "within"),
    [
        (0.02, 0.05, "LOST 50%", "within the spread  above 5%"),
        (0.02, 0.4, "LOST 50%", "within the spread  above 5%"),
        (0.3, 0.0, "cannot tell: the machine was busy", "within the spread"),
    ],
)
def test_nothing_is_called_lost_where_other_programs_were_busy(others: float, stolen: float, told: str, within: str) -> None:
    """A host that gives time to other machines is none of them: it may do so always."""
    now = {"chat": {"value": 1.0, "low": 0.9, "high": 1.1, "better": "higher"}, "stream": recorded(2.0, 1.9, 2.1)}
    before = {"chat": recorded(2.0, 1.9, 2.1), "stream": recorded(2.0, 1.9, 2.1)}
    text = comparison(before, now, {"chat": {"seconds": 9, "others": others, "stolen": stolen}}, {})
    assert told in text.splitlines()[1]
    assert text.splitlines()[2].endswith(within)
    assert ("LOST and won mean" in text) == told.startswith("LOST")
    assert f"interrupts took {others:.2f} of a core, other machines on its host {stolen:.2f}." in text


def test_sections_that_were_recorded_on_a_busy_machine_are_named() -> None:
    now = {"chat": recorded(2.0, 1.9, 2.1)}
    quiet = {"seconds": 9, "others": 0.02, "stolen": 0.3}
    text = comparison(now, now, {"chat": quiet, "paced": quiet}, {"chat": {**quiet, "others": 0.23}, "paced": quiet, "held": quiet})
    assert "Other programs kept the machine busy when these were recorded: chat (0.23 of a core).\n" in text
    assert "when these were recorded" not in comparison(now, now, {"chat": quiet}, {"chat": quiet})


def test_what_quick_runs_are_compared_with_is_the_kept_run() -> None:
    assert orjson.loads(RECORDED.read_bytes()) == orjson.loads(orjson.dumps(what_is_compared(orjson.loads(RESULTS.read_bytes()))))


def test_the_ratios_that_are_recorded_are_those_that_a_quick_run_measures() -> None:
    rounds = {name: samples(requests_per_s=[1], cpu_us_per_request=[1]) for name in ("gateway", "relay", "bare")}
    paced = {name: samples(cpu_us_per_token=[1]) for name in ("gateway", "relay", "bare")}
    first = {name: samples(total_p50_us=[total]) for name, total in (("gateway", 3), ("relay", 3), ("bare", 3), ("direct", 1))}
    results = a_run(chat={"rounds": rounds}, stream={"rounds": rounds}, paced={"rounds": paced}, first_token={"rounds": first})
    assert set(QUICK.sections) == set(results.content["sections"])
    assert len(results.key_ratios()) == 12
    assert {found["value"] for found in results.key_ratios().values()} == {1.0}
