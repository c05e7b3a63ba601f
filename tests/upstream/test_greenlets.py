"""The client under gevent's patches, as in a gunicorn worker: whoever leaves, and wherever, frees the upstream within a second."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, json_answer

ROOT = Path(__file__).parents[2]


def play(scenes: str, transport: str, *address: str) -> dict[str, Any]:
    """What was seen in each scene."""
    command = [sys.executable, "-m", "tests.upstream.greenlets", scenes, transport, *address]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=environ)
    assert ran.returncode == 0, ran.stderr
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


@pytest.fixture(params=["plain", "tls"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[FakeUpstream, list[str]]]:
    if request.param == "plain":
        with FakeUpstream() as upstream:
            yield upstream, [upstream.base_url]
        return
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with FakeUpstream(tls=context) as upstream:
        yield upstream, [upstream.base_url, str(ca_file)]


def assert_left_at_once(seen: dict[str, Any]) -> None:
    """The greenlet ended by what was thrown, at once, and its process has no connection any more."""
    assert seen["ends"] == ["Left"]
    assert seen["took_s"] < 1
    assert seen["open"] == 0


def say_when_arrived(upstream: FakeUpstream, *paths: str) -> None:
    """Lets the other process wait until the upstream has its request."""

    def script(path: str) -> Callable[[Request], Answer]:
        return lambda _: json_answer(upstream.wait_for_requests(1, 10, path), keep_alive=False)

    for path in paths:
        upstream.on(f"/arrived{path}", script(path))


def test_leaving_frees_the_upstream_at_once(server: tuple[FakeUpstream, list[str]], transport: str) -> None:
    upstream, address = server
    upstream.on("/stall", Answer(before=[STALL]))
    upstream.on("/stream", Answer(steps=[b"one", STALL]))
    upstream.on("/closing", Answer(steps=[b"one", STALL], framing="close"))
    upstream.on("/error", Answer(500, steps=[b"one", STALL]))
    upstream.on("/ok", json_answer("well", keep_alive=False))
    say_when_arrived(upstream, "/stall", "/stream", "/closing", "/error")
    scenes = ["leave_in_the_body", "leave_in_the_last_body", "leave_in_an_error_body", "leave_before_the_head"]
    seen = play(",".join(scenes), transport, *address)
    for scene in scenes:
        assert_left_at_once(seen[scene])
    assert [len(upstream.requests_to(path)) for path in ("/stall", "/stream", "/closing", "/error")] == [1, 1, 1, 1]
    assert all(request.wait_closed(1) for request in upstream.requests)
    last = seen["leave_before_the_head"]
    assert (last["next"], last["health"]["state"], last["health"]["last_error"]) == ('"well"', "up", "")


def test_leaving_between_two_attempts_and_as_the_probe(upstream: FakeUpstream, transport: str) -> None:
    upstream.on("/later", json_answer({}, 503, {"Retry-After": "5"}, keep_alive=False))
    upstream.on("/fail", json_answer({}, 500, keep_alive=False))
    upstream.on("/stall", Answer(before=[STALL]))
    upstream.on("/ok", json_answer("well"))
    say_when_arrived(upstream, "/later", "/stall")
    seen = play("leave_between_attempts,leave_as_the_probe", transport, upstream.base_url)
    for scene in seen.values():
        assert_left_at_once(scene)
    assert len(upstream.requests_to("/later")) == 1
    assert seen["leave_as_the_probe"]["next"] == '"well"'


def test_leaving_while_a_body_is_sent(transport: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        assert_left_at_once(play("leave_while_sending", transport, f"http://127.0.0.1:{deaf.getsockname()[1]}/v1")["leave_while_sending"])


def test_silences_are_told_and_streams_do_not_wait_for_each_other(server: tuple[FakeUpstream, list[str]], transport: str) -> None:
    upstream, address = server
    gate = upstream.gate()
    upstream.on("/pauses", Answer(steps=[b"one", gate, b"two", b"three"]))
    upstream.on("/go", lambda _: gate.set() or json_answer({}))
    upstream.on("/slow", Answer(steps=[b"a", 0.5, b"b"]))
    seen = play("hear_silences,many_at_once", transport, *address)
    assert seen["hear_silences"] == {"before": ["one", "", "", "", ""], "after": "twothree"}
    assert seen["many_at_once"]["bodies"] == ["ab"]
    assert seen["many_at_once"]["took_s"] < 10
    assert len(upstream.requests_to("/slow")) == 60
