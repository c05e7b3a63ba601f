"""A worker that stops tells the clients whose answers it cannot finish."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import requests

from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer, sse, stream_of
from tests.live.master import COMMAND, ROOT, running

CHUNK = {"id": "1", "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
HELLO = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_stop_in_the_middle_of_a_stream_is_told_and_logged(upstream: FakeUpstream, tmp_path: Path, path: str) -> None:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": "m"}]}))
    upstream.on("/chat/completions", stream_of(CHUNK, done=False, then=[STALL]))
    environ = {"OPENAI_API_BASE_URL": upstream.base_url, "GRACEFUL_TIMEOUT": "4", "PYTHONPATH": str(ROOT)}
    with running((*COMMAND, "serve"), environ, tmp_path) as master:
        master.await_answer()
        with requests.post(master.address + path, json={**HELLO, "stream": True}, stream=True, timeout=30) as answer:
            lines = answer.iter_lines(chunk_size=1)
            first = next(lines)
            master.process.terminate()
            rest = [line for line in lines if line]
        assert master.process.wait(20) == 0
        closing = [record for record in master.records() if str(record["message"]).startswith("stream ")]
    assert b"Hel" in first
    error = json.loads(rest[0].removeprefix(b"data: "))["error"]
    assert "shutting down" in (error if isinstance(error, str) else error["message"])
    assert [(record["end"], record["error_kind"]) for record in closing] == [("failed", "shutting_down")]


def test_stop_before_the_answer_is_a_503(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": "m"}]}))
    upstream.on("/chat/completions", Answer(before=[STALL]), Answer(200, {"Content-Type": "text/event-stream"}, sse(CHUNK)))
    environ = {"OPENAI_API_BASE_URL": upstream.base_url, "GRACEFUL_TIMEOUT": "4", "PYTHONPATH": str(ROOT)}
    answers: list[requests.Response] = []
    with running((*COMMAND, "serve"), environ, tmp_path) as master:
        master.await_answer()
        asking = threading.Thread(target=lambda: answers.append(requests.post(f"{master.address}/api/chat", json=HELLO, timeout=30)))
        asking.start()
        assert upstream.wait_for_requests(2)
        master.process.terminate()
        asking.join(20)
        assert master.process.wait(20) == 0
    assert (answers[0].status_code, answers[0].headers["Retry-After"]) == (503, "1")
    assert "shutting down" in answers[0].json()["error"]
