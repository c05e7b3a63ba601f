"""Somebody's app with a gateway inside, loaded before its server forks: no worker uses what another process has used."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.live.master import ROOT, Master, running, wait_until

WORKERS, CLIENTS, QUESTIONS = 3, 4, 10
BEFORE_THE_FORK = "before the fork"

HOST = f"""
import os
from flask import Flask
from proxy import Proxy

app = Flask("host")
Proxy().init_app(app)
app.after_request(lambda response: response.headers.set("X-Pid", str(os.getpid())) or response)

ask = {{"model": "m", "messages": [{{"role": "user", "content": "{BEFORE_THE_FORK}"}}]}}
assert app.test_client().post("/v1/chat/completions", json=ask).status_code == 200
"""


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as scripted:
        scripted.on("/models", json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]}))
        scripted.on("/chat/completions", echo)
        yield scripted


def echo(request: Request) -> Answer:
    message = {"role": "assistant", "content": question_of(request)}
    return json_answer({"id": "1", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]})


def question_of(request: Request) -> str:
    question: str = request.json["messages"][0]["content"]
    return question


def test_workers_of_an_app_that_was_used_before_the_fork_share_no_connection(tmp_path: Path, upstream: FakeUpstream) -> None:
    (tmp_path / "hostapp.py").write_text(HOST)
    (tmp_path / "plain.py").write_text("control_socket_disable = True\n")
    options = ("--preload", "--workers", str(WORKERS), "--worker-class", "gthread", "--threads", "4", "--config", "plain.py")
    environ = {"OPENAI_API_BASE_URL": upstream.base_url, "PYTHONPATH": f"{tmp_path}:{ROOT}", "GUNICORN_CMD_ARGS": ""}
    with running((sys.executable, "-m", "gunicorn", *options, "--bind", "127.0.0.1:0", "hostapp:app"), environ, tmp_path) as master:
        address = _address_of(master)

        def ask(client: int) -> list[tuple[str, str, str]]:
            """Question, answer and worker of each request, all of them over connections of their own."""
            told = []
            for number in range(QUESTIONS):
                question = f"{client}-{number}"
                body = {"model": "m", "messages": [{"role": "user", "content": question}]}
                response = requests.post(f"{address}/v1/chat/completions", json=body, timeout=30)
                told.append((question, response.json()["choices"][0]["message"]["content"], response.headers["X-Pid"]))
            return told

        with ThreadPoolExecutor(CLIENTS) as pool:
            told = [each for of_one in pool.map(ask, range(CLIENTS)) for each in of_one]
    assert [answer for _, answer, _ in told] == [question for question, _, _ in told]
    worker_of = {question: worker for question, _, worker in told} | {BEFORE_THE_FORK: "parent"}
    users = defaultdict(set)
    for request in upstream.requests_to("/chat/completions"):
        users[request.connection].add(worker_of[question_of(request)])
    assert [workers for workers in users.values() if len(workers) > 1] == []


def a_preloaded_gateway(tmp_path: Path, upstream: FakeUpstream, configuration: str) -> AbstractContextManager[Master]:
    """An app that is loaded before workers of gevent's class are forked."""
    (tmp_path / "hostapp.py").write_text("from flask import Flask\nfrom proxy import Proxy\napp = Flask('host')\nProxy().init_app(app)\n")
    (tmp_path / "plain.py").write_text(f"{configuration}control_socket_disable = True\n")
    options = ("--preload", "--worker-class", "gevent", "--config", "plain.py", "--bind", "127.0.0.1:0")
    environ = {"OPENAI_API_BASE_URL": upstream.base_url, "PYTHONPATH": f"{tmp_path}:{ROOT}", "GUNICORN_CMD_ARGS": ""}
    return running((sys.executable, "-m", "gunicorn", *options, "hostapp:app"), environ, tmp_path)


@pytest.mark.parametrize("first", ["", "from gevent import monkey; monkey.patch_all()\n"])
def test_a_preloaded_app_needs_gevent_to_come_first(tmp_path: Path, upstream: FakeUpstream, first: str) -> None:
    with a_preloaded_gateway(tmp_path, upstream, first) as master:
        address = _address_of(master)
        statuses = [requests.get(f"{address}/v1/models", timeout=30).status_code for _ in range(2)]
        if first:
            assert statuses == [200, 200]
        else:
            assert statuses == [500, 500]
            wait_until(lambda: "without --preload" in "".join(master.errors + master.lines), lambda: master.errors + master.lines)
            assert "maximum recursion depth" not in "".join(master.errors + master.lines)


def test_a_worker_that_cannot_start_its_gateways_says_why(tmp_path: Path, upstream: FakeUpstream) -> None:
    hook = "def post_worker_init(worker):\n    from proxy.extension import start_gateways\n    start_gateways(worker.wsgi)\n"
    with a_preloaded_gateway(tmp_path, upstream, hook) as master:
        assert master.process.wait(timeout=60) == 3
    assert "without --preload" in "".join(master.errors)


def _address_of(master: Master) -> str:
    wait_until(lambda: any("Listening at" in line for line in master.errors), lambda: master.errors)
    return next(line for line in master.errors if "Listening at" in line).split("Listening at: ")[1].split()[0]
