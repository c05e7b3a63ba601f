"""The session in README happens as it is written there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.live.gateways import Gateways
from tests.live.master import ROOT, Master

README = (ROOT / "README.md").read_text()
SESSION = README.split("\n## A session\n", 1)[1].split("\n## ", 1)[0]
VOLATILE = re.compile(r'"created_at":"[^"]*"|"\w+_duration":\d+')


@pytest.fixture(scope="session")
def demo(gateways: Gateways) -> Master:
    return gateways.demo()


def shown_commands() -> list[tuple[str, str]]:
    """Each command of the session, and the answer that is shown below it."""
    block = SESSION.split("```console\n", 1)[1].split("```", 1)[0]
    exchanges = [part.partition("\n") for part in block.split("$ ")[1:]]
    return [(command, answer.strip()) for command, _, answer in exchanges]


@pytest.mark.parametrize(("command", "answer"), shown_commands())
def test_curl_answers_what_is_shown(demo: Master, command: str, answer: str) -> None:
    words = shlex.split(command.removesuffix(" | head -1").replace("localhost:11434", demo.address))
    printed = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
    if command.endswith("| head -1"):
        printed = printed.partition("\n")[0]
    assert VOLATILE.sub("", printed.strip()) == VOLATILE.sub("", answer)


@pytest.mark.parametrize(("section", "expected"), [("A session", None), ("Point your program at it", "a scripted demo")])
def test_python_prints_what_is_shown(demo: Master, section: str, expected: str | None) -> None:
    text = README.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    program = text.split("```python\n", 1)[1].split("```", 1)[0].replace("http://localhost:11434", demo.address)
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OLLAMA_HOST": demo.address},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    if expected is None:
        assert run.stdout.strip() == text.split("```text\n", 1)[1].split("```", 1)[0].strip()
    else:
        assert expected in run.stdout
