"""Two real llama.cpp servers behind one address: conversations keep to theirs, and one that dies is not missed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ollama
import pytest
import requests

from tests.live.llamacpp import LlamaCpp, running_llamacpp
from tests.live.master import COMMAND, Master, running, wait_until

WORDS = {"num_predict": 30, "temperature": 0.0}
CLIENTS = 4
LIMITED = 2  # what each server does at a time
# Chance leaves one of the servers without any in one of half a million runs.
CONVERSATIONS, TURNS = 20, 2

CONFIG = """
[upstreams.boxes]
base_url = ["{}/v1", "{}/v1"]
policy = "{}"
limits.in_flight = 2
timeouts.connect = 2
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[LlamaCpp, LlamaCpp]]:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with running_llamacpp(folders[0]) as first, running_llamacpp(folders[1]) as second:
        yield first, second


Serve = Callable[[str], Master]


@pytest.fixture
def serve(servers: tuple[LlamaCpp, LlamaCpp], tmp_path: Path) -> Iterator[Serve]:
    """Starts a gateway in front of both, with a policy."""
    file = tmp_path / "proxy.toml"
    with ExitStack() as stack:

        def start(policy: str) -> Master:
            file.write_text(CONFIG.format(*(server.address for server in servers), policy))
            environ = {"PROXY_CONFIG": str(file), "WEB_CONCURRENCY": "1"}
            master = stack.enter_context(running((*COMMAND, "serve"), environ, tmp_path))
            master.await_answer()
            return master

        yield start


def replicas_of(master: Master, path: str) -> list[object]:
    """Who answered, by the access log."""
    return [record["replica"] for record in master.records() if record.get("path") == path and "finish_reason" in record]


def busy_slots(server: LlamaCpp) -> int:
    return sum(slot["is_processing"] for slot in requests.get(f"{server.address}/slots", timeout=5).json())


def state_of(master: Master) -> object:
    return requests.get(f"{master.address}/health", timeout=5).json()["upstreams"]["boxes"]["state"]


def test_conversation_comes_back_to_the_server_that_remembers_it(serve: Serve) -> None:
    master = serve("prefix_affinity")
    with ollama.Client(host=master.address) as client:
        for topic in range(CONVERSATIONS):
            messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Tell me of {topic}."}]
            for _ in range(TURNS):
                answer = client.chat("tiny", messages, options={**WORDS, "num_predict": 5})
                messages += [{"role": "assistant", "content": answer.message.content}, {"role": "user", "content": "Go on."}]
    asked = replicas_of(master, "/api/chat")
    conversations = [set(asked[first : first + TURNS]) for first in range(0, CONVERSATIONS * TURNS, TURNS)]
    assert all(len(conversation) == 1 for conversation in conversations)
    assert len(set(asked)) == 2


def test_server_that_dies_costs_no_request_that_was_not_being_answered(serve: Serve, servers: tuple[LlamaCpp, LlamaCpp]) -> None:
    master = serve("least_in_flight")
    failures: list[ollama.ResponseError] = []
    answers: list[tuple[float, str]] = []
    enough = threading.Event()

    def chat(client: ollama.Client, question: str) -> str:
        parts = client.chat("tiny", [{"role": "user", "content": question}], options=WORDS, stream=True)
        return "".join(part.message.content or "" for part in parts)

    with ollama.Client(host=master.address) as client:
        alone = chat(client, "hi")

        def ask_on() -> None:
            while not enough.is_set():
                try:
                    answers.append((time.monotonic(), chat(client, "hi")))
                except ollama.ResponseError as error:
                    failures.append(error)

        threads = [threading.Thread(target=ask_on) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) > CLIENTS, lambda: failures)
        servers[0].kill()
        killed_s = time.monotonic()
        wait_until(lambda: sum(at_s > killed_s for at_s, _ in answers) > 2 * CLIENTS, lambda: failures)
        wait_until(lambda: state_of(master) == "degraded", lambda: master.lines)
        enough.set()
        for thread in threads:
            thread.join(30)
    # Those that were under way are told inside their streams, which the library tells by this status.
    assert [error.status_code for error in failures] == [-1] * len(failures), failures
    assert len(failures) <= LIMITED
    assert {text for _, text in answers} == {alone}
    wait_until(lambda: busy_slots(servers[1]) == 0, lambda: master.lines)
