"""What contenders are asked, what the canned upstream answers, and what is wrong with an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import checks, workloads
from benchmarks.checks import problem_of
from benchmarks.upstreams import canned
from benchmarks.upstreams.nginx import reverse_proxy_config, upstream_config
from tests.benchmarking.made_up import ollama_stream


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
