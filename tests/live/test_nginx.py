"""Behind a real nginx on the same machine, with the configuration that the documents give."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.components import require
from tests.fake_upstream import Answer, FakeUpstream, json_answer, sse
from tests.live.gateways import Gateways
from tests.live.master import ROOT, a_free_port, answers, wait_until

PUBLIC_NAME = "llm.example"
HELLO = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def documented_location(address: str) -> str:
    """The location block of the documents, with the gateway's address of this test."""
    text = (ROOT / "docs/operations.md").read_text()
    block = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].replace("http://127.0.0.1:11434", address)


@pytest.fixture(scope="module")
def slow_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        server.on("/models", json_answer({"object": "list", "data": [{"id": "m"}]}))
        yield server


@pytest.fixture(scope="module")
def public_address(gateways: Gateways, slow_upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("nginx")
    gateway = gateways.serving(slow_upstream.base_url, ALLOWED_HOSTS=PUBLIC_NAME)
    folder, port = tmp_path_factory.mktemp("nginx"), a_free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(nginx_configuration(folder, port, documented_location(gateway.address)))
    program = shutil.which("nginx")
    assert program is not None
    with subprocess.Popen([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]) as nginx:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(address), (folder / "error.log").read_text)
        yield address
        nginx.terminate()


def nginx_configuration(folder: Path, port: int, location: str) -> str:
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            {temporary}
            server {{ listen 127.0.0.1:{port}; {location} }}
        }}
    """


def test_public_name_passes_and_others_do_not(public_address: str) -> None:
    assert requests.get(public_address, headers={"Host": PUBLIC_NAME}, timeout=10).text == "Ollama is running"
    assert requests.get(public_address, headers={"Host": "evil.example"}, timeout=10).status_code == 403


def test_tokens_are_not_held_back(public_address: str, slow_upstream: FakeUpstream) -> None:
    gate = slow_upstream.gate()
    first, second = ({"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in ("Hel", "lo"))
    end = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    steps = [*sse(first, done=False), gate, *sse(second, end)]
    slow_upstream.on("/chat/completions", Answer(200, {"Content-Type": "text/event-stream"}, steps))
    with requests.post(f"{public_address}/api/chat", json=HELLO, headers={"Host": PUBLIC_NAME}, stream=True, timeout=20) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert json.loads(next(lines))["message"]["content"] == "Hel"
        gate.set()
        assert [json.loads(line)["message"]["content"] for line in lines] == ["lo", ""]


def test_client_that_leaves_nginx_frees_the_upstream(public_address: str, slow_upstream: FakeUpstream) -> None:
    gate = slow_upstream.gate()
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    slow_upstream.on("/chat/completions", Answer(200, {"Content-Type": "text/event-stream"}, [*sse(chunk, done=False), gate]))
    with requests.post(f"{public_address}/api/chat", json=HELLO, headers={"Host": PUBLIC_NAME}, stream=True, timeout=20) as answer:
        assert next(answer.iter_lines(chunk_size=1))
    assert slow_upstream.requests_to("/chat/completions")[-1].wait_closed(2)


def test_address_of_the_client_is_the_one_that_nginx_saw(public_address: str, gateways: Gateways, slow_upstream: FakeUpstream) -> None:
    requests.get(f"{public_address}/api/version", headers={"Host": PUBLIC_NAME, "X-Forwarded-For": "203.0.113.9"}, timeout=10)
    gateway = gateways.serving(slow_upstream.base_url, ALLOWED_HOSTS=PUBLIC_NAME)
    wait_until(lambda: any(record.get("path") == "/api/version" for record in gateway.records()), lambda: gateway.lines)
    record = next(record for record in gateway.records() if record.get("path") == "/api/version")
    assert record["remote"] == "127.0.0.1"
