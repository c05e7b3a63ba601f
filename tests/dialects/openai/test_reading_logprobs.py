"""Log probabilities of OpenAI-style servers: each stands with the text that it is of."""

from __future__ import annotations

import pytest

from proxy.canonical.events import ChatEvent, PartDelta
from tests.dialects.openai.records import DONE, a_route, a_stream, read, read_whole, record, said, sse, text


def with_logprobs(delta: dict[str, object], *tokens: str) -> dict[str, object]:
    items = [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in tokens]
    return {**record(), "choices": [{"index": 0, "delta": delta, "logprobs": {"content": items}}]}


def tokens_of(events: list[ChatEvent]) -> list[tuple[str, list[str]]]:
    deltas = [event for event in events if isinstance(event, PartDelta)]
    return [(delta.text, [item["token"] for item in delta.logprobs or ()]) for delta in deltas]


def test_log_probabilities_go_with_their_text() -> None:
    stream = a_stream(with_logprobs({"content": "a"}, "a"), text("b"), with_logprobs({"content": "cd"}, "c", "d"))
    assert tokens_of(read(stream)) == [("a", ["a"]), ("b", []), ("cd", ["c", "d"])]


def test_tokens_that_are_a_part_of_a_character_are_kept() -> None:
    stream = sse(with_logprobs({"content": ""}, "\\xf0\\x9f"), with_logprobs({"content": "😀"}, "\\x98\\x80"))
    told = [("", ["\\xf0\\x9f"]), ("😀", ["\\x98\\x80"])]
    assert tokens_of(read(a_stream(text("a"), stream))) == [("a", []), *told]
    assert tokens_of(read(a_stream(stream), route=a_route(think_tags=False))) == told
    thought = sse(record({"reasoning": "a"}), with_logprobs({"content": ""}, "x"), record({"reasoning": "b"}))
    assert said(read(a_stream(thought))) == [("reasoning", "ab")]


def test_log_probabilities_of_reasoning_go_with_it() -> None:
    assert tokens_of(read(a_stream(with_logprobs({"reasoning": "a"}, "a"), with_logprobs({"content": "b"}, "b")))) == [
        ("a", ["a"]),
        ("b", ["b"]),
    ]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(["a", "b", "c"], [("ab", ["a", "b"]), ("c", ["c"])]), (["c"], [("ab", []), ("c", ["c"])]), (["x"], [("ab", []), ("c", [])])],
)
def test_log_probabilities_of_two_parts_are_never_misaligned(tokens: list[str], expected: object) -> None:
    message = {"role": "assistant", "reasoning": "ab", "content": "c"}
    items = [{"token": token, "logprob": -1.0} for token in tokens]
    body = {"choices": [{"index": 0, "message": message, "logprobs": {"content": items}, "finish_reason": "stop"}]}
    assert tokens_of(read_whole(body)) == expected


def test_legacy_log_probabilities_become_items() -> None:
    logprobs = {
        "tokens": ["<s>", "é"],
        "token_logprobs": [None, -0.25],
        "top_logprobs": [None, {"é": -0.25, "e": -2}],
        "text_offset": [0, 0],
    }
    events = read(sse({"choices": [{"index": 0, "text": "é", "logprobs": logprobs, "finish_reason": "stop"}]}, DONE))
    top = [{"token": "é", "logprob": -0.25, "bytes": [195, 169]}, {"token": "e", "logprob": -2, "bytes": [101]}]
    assert events[2] == PartDelta("é", [{"token": "é", "logprob": -0.25, "bytes": [195, 169], "top_logprobs": top}])
