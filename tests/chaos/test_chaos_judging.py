"""What the judge takes for an answer, for an error, and for a lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from chaos.judging import Ending, judge
from chaos.load.hearing import End, Heard
from chaos.load.kinds import OLLAMA_STREAM, OLLAMA_WHOLE, OPENAI_STREAM, OPENAI_WHOLE, Kind
from chaos.orders import Order, find_order
from chaos.replica import speech

ORDER = Order("r7", 6, 1)
Lines = list[dict[str, Any]]


def heard(body: bytes, status: int = 200, end: End = "whole") -> Heard:
    return Heard(0, end, status, body=bytearray(body))


def ollama_lines(order: Order = ORDER, replica: str = "a") -> Lines:
    """A stream that is all there."""
    lines: Lines = [{"message": {"role": "assistant", "content": piece}, "done": False} for piece in order.pieces(replica)]
    return [*lines, {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop", "eval_count": order.tokens}]


def ndjson(lines: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def judged_stream(change: Callable[[Lines], Lines]) -> Ending:
    return judge(OLLAMA_STREAM, ORDER, heard(ndjson(change(ollama_lines()))))


def test_an_order_is_found_again_in_its_prompt() -> None:
    assert find_order(f"Please: {ORDER.prompt}, thank you.") == ORDER
    assert find_order("hello") is None


def test_an_answer_has_as_many_pieces_as_it_has_tokens_and_no_two_are_the_same() -> None:
    assert len(ORDER.pieces("a")) == ORDER.tokens
    assert len({Order(marker, tokens, 1).text(replica) for marker in ("r1", "r2") for tokens in (5, 6) for replica in "ab"}) == 8


def test_what_a_replica_says_is_complete() -> None:
    records, end = speech.records(ORDER, "b", with_usage=True)
    assert judge(OPENAI_STREAM, ORDER, heard(b"".join(records) + end)) == Ending("complete", status=200, replica="b")
    assert judge(OPENAI_WHOLE, ORDER, heard(speech.completion(ORDER, "b"))).verdict == "complete"


def test_whole_answers_of_ollama_are_complete_or_wrong() -> None:
    answer = {"message": {"content": ORDER.text("c")}, "done": True, "done_reason": "stop", "eval_count": ORDER.tokens}
    assert judge(OLLAMA_WHOLE, ORDER, heard(orjson.dumps(answer))) == Ending("complete", status=200, replica="c")
    assert judge(OLLAMA_WHOLE, ORDER, heard(orjson.dumps({**answer, "done_reason": "length"}))).verdict == "wrong"
    assert judge(OLLAMA_WHOLE, ORDER, heard(orjson.dumps({"error": "told too late"}))).verdict == "wrong"


def test_a_stream_that_is_all_there_is_complete() -> None:
    assert judged_stream(lambda lines: lines) == Ending("complete", status=200, replica="a")


def test_a_stream_that_an_error_ends_is_told() -> None:
    ending = judged_stream(lambda lines: [*lines[:3], {"error": "the upstream broke off"}])
    assert ending == Ending("told", "the upstream broke off", 200, "a")
    assert judged_stream(lambda _: [{"error": "early"}]).verdict == "told"


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (lambda lines: lines[:-1], "it just ends"),
        (lambda lines: [], "it just ends"),
        (lambda lines: lines[:2] + lines[3:], "a finish, but"),
        (lambda lines: lines[:2] + lines[1:], "a finish, but"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "a finish, but"),
        (lambda lines: [*lines[:2], *ollama_lines(replica="b")[2:]], "a finish, but"),
        (lambda lines: ollama_lines(Order("r8", 6, 1)), "it answers r8"),
        (lambda lines: [*lines[:-1], {**lines[-1], "eval_count": 5}], "5 tokens counted"),
        (lambda lines: [*lines[:-1], {**lines[-1], "done_reason": "length"}], "the finish is"),
        (lambda lines: [*lines, lines[-1]], "something comes after"),
        (lambda lines: [*lines[:2], {"error": "x"}, *lines[2:]], "something comes after"),
        (lambda lines: [*lines, {"error": "x"}], "something comes after"),
        (lambda lines: [*lines[2:4], {"error": "x"}], "an error, but the text"),
        (lambda lines: [*lines[:2], {"error": {"message": "in OpenAI's dialect"}}], "not in the dialect"),
        (lambda lines: [{"response": "no chat"}], "without sense"),
    ],
)
def test_a_stream_that_lies_is_wrong(lie: Callable[[Lines], Lines], why: str) -> None:
    ending = judged_stream(lie)
    assert ending.verdict == "wrong"
    assert why in ending.why


def openai_stream(*parts: bytes) -> Ending:
    return judge(OPENAI_STREAM, ORDER, heard(b"".join(parts)))


def test_an_openai_stream_is_told_when_an_error_is_its_last_record() -> None:
    records, end = speech.records(ORDER, "b", with_usage=True)
    error = speech.event(speech.error(500))
    assert openai_stream(*records[:2], error).verdict == "told"
    assert openai_stream(*records[:2], error, speech.DONE).verdict == "told"
    assert openai_stream(b": a sign of life\n\n", *records, end).verdict == "complete"


def test_an_openai_stream_is_wrong_when_it_lies() -> None:
    records, end = speech.records(ORDER, "b", with_usage=True)
    error = speech.event(speech.error(500))
    lies = {
        "just ends": [*records],
        "error after a finish": [*records, end.removesuffix(speech.DONE), error],
        "after the end": [*records[:2], error, *records[2:]],
        "just ends, after 0": [],
        "no SSE": [b"<html>\n"],
        "no JSON": [b"data: {broken\n\n"],
        "not ended": [*records[:-1], records[-1].rstrip()],
        "None tokens": [*records, speech.records(ORDER, "b", with_usage=False)[1]],
        "the finish is None": [*records, speech.DONE],
    }
    for why, parts in lies.items():
        ending = openai_stream(*parts)
        assert (ending.verdict, why in ending.why) == ("wrong", True), (why, ending)


@pytest.mark.parametrize("kind", [OLLAMA_STREAM, OLLAMA_WHOLE, OPENAI_STREAM, OPENAI_WHOLE])
def test_a_refusal_is_an_error_in_the_dialect_with_a_status_that_blames_the_server(kind: Kind) -> None:
    bodies = {"ollama": b'{"error":"nobody is there"}', "openai": b'{"error":{"message":"nobody is there","type":"server_error"}}'}
    right = bodies.pop(kind.dialect)
    (other,) = bodies.values()
    assert judge(kind, ORDER, heard(right, 503)) == Ending("refused", "nobody is there", 503)
    assert judge(kind, ORDER, heard(right, 404)).verdict == "wrong"
    assert judge(kind, ORDER, heard(other, 503)).verdict == "wrong"
    assert judge(kind, ORDER, heard(b"<html>Bad Gateway</html>", 502)).verdict == "wrong"
    assert judge(kind, ORDER, heard(b"{}", 502)).verdict == "wrong"


def test_an_answer_that_does_not_end_as_http_must_is_wrong_and_none_at_all_is_unreachable() -> None:
    everything = ndjson(ollama_lines())
    assert judge(OLLAMA_STREAM, ORDER, heard(everything, end="cut")).verdict == "wrong"
    assert judge(OLLAMA_STREAM, ORDER, heard(everything, end="late")).verdict == "wrong"
    assert judge(OLLAMA_STREAM, ORDER, heard(b"", 0, "unreachable")).verdict == "unreachable"
