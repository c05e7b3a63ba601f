"""What a watcher sees of a stream, wherever its bytes are cut, and what it says of tokens that were lost, doubled or moved."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from benchmarks import checks, workloads
from benchmarks.checks import problem_of
from benchmarks.loads.streams import StreamLost, Watched


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
