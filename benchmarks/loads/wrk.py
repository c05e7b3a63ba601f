"""wrk: one question, as often as it is answered, for some seconds, each answer looked at."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.machine import find_program
from benchmarks.processes import pinned
from benchmarks.workloads import Question

_SCRIPT = Path(__file__).with_name("ask.lua")
_RESULT = "RESULT "
# For wrk to end after its time.
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw. `wrong` answers are too short or too long, or lack their status, mark or words; `failed` ones never came."""

    requests: int
    duration_us: int
    bytes: int
    wrong: int
    failed: int
    p50_us: int
    p90_us: int
    p99_us: int

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.duration_us * 1e6


class LoadFailed(Exception):
    """wrk could not run, or not one answer came; the message has what it said."""


def ask_for(
    seconds: int, url: str, question: Question, lengths: tuple[int, int], *, connections: int, patience_s: int, core: int, folder: Path
) -> Load:
    """The load of `connections` connections that ask for so many seconds, and give each answer so many.

    Args:
        lengths: the least and the greatest length of an answer.

    Raises:
        LoadFailed: no figures came.
    """
    body = folder / "question.json"
    body.write_bytes(question.body)
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", f"{patience_s}s", "-s", str(_SCRIPT)]
    arguments = [str(body), question.mark.decode(), *map(str, lengths), str(question.words)]
    command = pinned(core, [find_program("wrk"), *options, url + question.path, "--", *arguments])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as late:
        raise LoadFailed(f"wrk did not come to an end {_TIMEOUT_S} s after its time") from late
    line = next((line for line in done.stdout.splitlines() if line.startswith(_RESULT)), None)
    if line is None:
        raise LoadFailed(f"wrk: {(done.stdout + done.stderr).strip()}")
    load = Load(**orjson.loads(line.removeprefix(_RESULT)))
    if not load.requests:
        raise LoadFailed(f"no answer to {question.path} in {seconds} s, asked on {connections} connections")
    return load
