"""What a request and a record cost in calls of Python functions: a measure of speed that needs no clock.

The counts may not rise by more than a fifth over those in `tests/data/call_counts.json`. Where the cost is worth it, or has fallen, record
anew, with each Python that is to be tested:

    RECORD_CALL_COUNTS=1 pytest tests/test_call_counts.py

Counted is what happens inside the WSGI app, access log and metrics included; the upstream answers from other threads. A generator that
goes on counts as called.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import pytest
from flask import Flask
from werkzeug.test import create_environ

from proxy import create_app
from proxy.gateway_config import config_of
from proxy.settings import Settings
from proxy.web.logs import JsonLines, Redactor
from tests.fake_upstream import Answer, FakeUpstream, json_answer, sse

RECORD = Path(__file__).parent / "data/call_counts.json"
MAY_RISE_TO = 1.2
WARM_UPS, REPETITIONS = 5, 5
SHORT, LONG = 20, 220
# How many reads a burst takes is a matter of chance: the cheapest of many is the one that took the fewest.
BURSTS = 20
# What a burst may cost on top, however many records it has: a call for each of the reads that the longer one takes more.
A_CALL_PER_READ = 2 / (LONG - SHORT)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]
OLLAMA = {"model": "m", "messages": MESSAGES, "options": {"temperature": 0.5, "top_p": 0.9, "num_predict": 100}}
OPENAI = {"model": "m", "messages": MESSAGES, "temperature": 0.5, "top_p": 0.9, "max_tokens": 100}
HEAD = {"id": "chatcmpl-1", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
COMPLETION = {
    **HEAD,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Scattering."}, "finish_reason": "stop"}],
    "usage": USAGE,
}


@pytest.fixture
def app(upstream: FakeUpstream) -> Flask:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
    config = config_of(Settings(openai_api_base_url=upstream.base_url))
    (told,) = config.upstreams
    # Without gevent, what a stream begins with is read in a thread of its own, where nothing is counted.
    counted = replace(told, timeouts=replace(told.timeouts, commit_s=0))
    return create_app(replace(config, upstreams=(counted,)))


@pytest.fixture(autouse=True)
def access_log() -> Iterator[None]:
    """The access log, as it is in production, but into memory."""
    logger, handler = logging.getLogger("proxy.access"), logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonLines(Redactor()))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(level)
    logger.removeHandler(handler)


class Counter:
    """Counts calls in this thread while it is switched on."""

    def __init__(self) -> None:
        self.calls = 0

    def __enter__(self) -> None:
        gc.disable()  # what it finds would be finalised here, by chance
        sys.setprofile(self._note)

    def __exit__(self, *exc: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _note(self, _: FrameType, event: str, __: object) -> None:
        if event == "call":
            self.calls += 1


def ask(app: Flask, path: str, payload: dict[str, Any]) -> Iterator[bytes]:
    """The chunks of a successful answer; nothing has run before the first one is taken."""
    statuses: list[str] = []
    environ = create_environ(path, method="POST", data=orjson.dumps(payload), content_type="application/json")
    chunks: Any = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        assert statuses == ["200 OK"]
        yield from chunks
    finally:
        chunks.close()


def calls_of_request(app: Flask, path: str, payload: dict[str, Any], repetitions: int = REPETITIONS) -> int:
    """The calls of a whole request, at its cheapest."""
    counts: list[int] = []
    for _ in range(WARM_UPS + repetitions):
        counter = Counter()
        with counter:
            body = b"".join(ask(app, path, payload))
        assert b"cattering" in body
        counts.append(counter.calls)
    return min(counts[WARM_UPS:])


TEXT = {"content": "Scattering. "}
THOUGHT = {"reasoning_content": "Scattering. "}
ARGUMENTS = {"tool_calls": [{"index": 0, "function": {"arguments": "cattering "}}]}


def records(tokens: int, delta: dict[str, Any] = TEXT) -> list[bytes]:
    """A streamed answer of so many deltas, and its end; a tool call has a beginning, too."""
    said = [delta] * tokens
    stop = "stop"
    if "tool_calls" in delta:
        function = {"name": "explain", "arguments": '{"why": "'}
        begin = {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
        end = {"tool_calls": [{"index": 0, "function": {"arguments": '"}'}}]}
        said, stop = [begin, *said, end], "tool_calls"
    deltas = [{**HEAD, "choices": [{"index": 0, "delta": part, "finish_reason": None}]} for part in said]
    return sse(*deltas, {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}, {**HEAD, "choices": [], "usage": USAGE})


def calls_of_record_in_burst(app: Flask, upstream: FakeUpstream, path: str, payload: dict[str, Any], delta: dict[str, Any] = TEXT) -> float:
    """The calls that each further record costs when all come at once."""
    counts = []
    for tokens in (SHORT, LONG):
        upstream.on("/chat/completions", Answer(200, {"Content-Type": "text/event-stream"}, [b"".join(records(tokens, delta))]))
        counts.append(calls_of_request(app, path, {**payload, "stream": True}, BURSTS))
    return (counts[1] - counts[0]) / (LONG - SHORT)


def calls_of_lone_record(app: Flask, upstream: FakeUpstream, path: str, payload: dict[str, Any]) -> float:
    """The calls from one record to the next when they come one at a time."""
    gates: list[threading.Event] = [upstream.gate() for _ in range(LONG)]
    first, *rest = records(LONG)
    steps = [first, *(step for gate, record in zip(gates, rest, strict=False) for step in (gate, record)), *rest[LONG:]]
    upstream.on("/chat/completions", Answer(200, {"Content-Type": "text/event-stream"}, steps))
    chunks = ask(app, path, {**payload, "stream": True})
    assert b"Scattering." in next(chunks)
    counts = []
    for gate in gates[: LONG - 1]:
        counter = Counter()
        gate.set()
        with counter:
            chunk = next(chunks)
        assert b"Scattering." in chunk
        counts.append(counter.calls)
    gates[-1].set()
    b"".join(chunks)
    return min(counts[SHORT:])


MEASURES: dict[str, Callable[[Flask, FakeUpstream], float]] = {
    "translated request": lambda app, _: calls_of_request(app, "/api/chat", {**OLLAMA, "stream": False}),
    "relayed request": lambda app, _: calls_of_request(app, "/v1/chat/completions", OPENAI),
    "translated record": lambda app, upstream: calls_of_lone_record(app, upstream, "/api/chat", OLLAMA),
    "relayed record": lambda app, upstream: calls_of_lone_record(app, upstream, "/v1/chat/completions", OPENAI),
    "translated record in a burst": lambda app, upstream: calls_of_record_in_burst(app, upstream, "/api/chat", OLLAMA),
    "translated thought in a burst": lambda app, upstream: calls_of_record_in_burst(app, upstream, "/api/chat", OLLAMA, THOUGHT),
    "translated piece of a tool call in a burst": lambda app, upstream: calls_of_record_in_burst(
        app, upstream, "/api/chat", OLLAMA, ARGUMENTS
    ),
    "relayed record in a burst": lambda app, upstream: calls_of_record_in_burst(app, upstream, "/v1/chat/completions", OPENAI),
}


def recorded() -> dict[str, dict[str, float]]:
    """Python version -> what is measured -> calls."""
    found: dict[str, dict[str, float]] = orjson.loads(RECORD.read_bytes()) if RECORD.exists() else {}
    return found


def nearest_record() -> dict[str, float]:
    """The record of this Python, else of the last one before it: they differ by a few hundredths."""
    known = recorded()
    older = [version for version in known if _as_numbers(version) <= _as_numbers(VERSION)]
    assert older, f"nothing is recorded for Python {VERSION}: run RECORD_CALL_COUNTS=1 pytest {Path(__file__).name}"
    return known[max(older, key=_as_numbers)]


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.mark.parametrize("what", MEASURES)
def test_the_calls_do_not_rise(app: Flask, upstream: FakeUpstream, what: str) -> None:
    upstream.on("/chat/completions", json_answer(COMPLETION))
    calls = MEASURES[what](app, upstream)
    if os.environ.get("RECORD_CALL_COUNTS"):
        known = recorded()
        known.setdefault(VERSION, {})[what] = round(calls, 2)
        RECORD.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
    assert calls > 0 or "burst" in what
    assert calls <= nearest_record()[what] * MAY_RISE_TO + A_CALL_PER_READ * ("burst" in what), f"{what}: {calls:.2f} calls"


def test_what_is_recorded_is_what_is_measured() -> None:
    for counts in recorded().values():
        assert set(counts) == set(MEASURES)


def test_calls_are_counted_in_this_thread_only() -> None:
    def work() -> None:
        other = threading.Thread(target=lambda: [str.upper("x") for _ in range(1000)])
        other.start()
        other.join()

    counter = Counter()
    with counter:
        work()
    assert 0 < counter.calls < 500
