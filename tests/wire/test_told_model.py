from __future__ import annotations

import pytest

from proxy.wire.told_model import ToldModel

FIRST = b'{"model":"m:7b","created_at":"x","message":{"content":"hi"}}\n'


def told(*chunks: bytes) -> list[bytes]:
    model = ToldModel("n/\u00e4")
    return [model.in_lines(chunk) for chunk in chunks]


def test_every_line_tells_the_name_and_nothing_else_is_changed() -> None:
    mine = FIRST.replace(b"m:7b", "n/\u00e4".encode())
    assert told(FIRST, FIRST + FIRST, b"", FIRST[:-1]) == [mine, mine + mine, b"", mine[:-1]]


@pytest.mark.parametrize(
    ("line", "mine"),
    [
        (b'{ "model" : "m" , "a": 1.50}\n', '{ "model" : "n/\u00e4" , "a": 1.50}\n'),
        (b'{"a":{"model":"m"},"model":"m\\u0020"}\r\n', '{"a":{"model":"m"},"model":"n/\u00e4"}\r\n'),
        (b'{"message":{"tool_calls":[{"model":"m"}]}}\n', '{"message":{"tool_calls":[{"model":"m"}]}}\n'),
        (b'{"error":"no \\"model\\":\\"m\\""}\n', '{"error":"no \\"model\\":\\"m\\""}\n'),
        (b'{"model":null}\n', '{"model":"n/\u00e4"}\n'),
        (b"\n", "\n"),
        (b'{"a":"model", "model', '{"a":"model", "model'),
        (b'["model"]\n', '["model"]\n'),
    ],
)
def test_lines_may_be_written_in_any_way(line: bytes, mine: str) -> None:
    assert told(line) == [mine.encode()]
    assert told(FIRST, line)[1] == mine.encode()


def test_a_whole_answer_tells_the_name_at_the_top_alone() -> None:
    body = b'{\n "model": "m", "message": {"model": "m"}}'
    assert ToldModel("n").in_whole(body) == b'{\n "model": "n", "message": {"model": "m"}}'
    for odd in (b'{"embedding":[1.50]}', b'{"model": "m', b'["model"]', b""):
        assert ToldModel("n").in_whole(odd) == odd
