"""Whole answers that are relayed: which of them can be none, and what they are as a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.dialects.openai.ingress import EMBEDDINGS, RESPONSES
from proxy.dialects.openai.wholes import chunks_of, misfit_without_choices
from proxy.errors import UpstreamBroken, UpstreamRefused


def chunks(record: Any, **payload: Any) -> list[Any]:
    """The records of the stream, without its end, which must be there."""
    body = record if isinstance(record, bytes) else json.dumps(record).encode()
    *records, done = chunks_of(body, payload).decode().removesuffix("\n\n").split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(each.removeprefix("data: ")) for each in records]


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"message": {"content": "hi"}}]}',
        b'{"choices":[{}]}',
        b'{"id": "choices", "choices" :\n[ {"text": ""}]}',
        b'{"extra": {"choices": []}, "choices": [{"text": "a"}]}',
        b'{"\\u0063hoices": [{"text": "a"}]}',
        b'{"choices": [{"logprob": NaN}]}',
        b'{"choices": [], "choices": [{"text": "a"}]}',
        b'{"x": NaN, "y": {"choices": []}, "choices": [1]}',
    ],
)
def test_what_holds_a_choice_may_be_an_answer(body: bytes) -> None:
    assert misfit_without_choices(body) is None


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"choices": []}', b'{"choices": null}', b'{"data": [1]}', b'{"a": "\\ud83d"}', b'["choices"]']
)
def test_what_holds_none_is_no_answer_of_a_model(body: bytes) -> None:
    assert isinstance(misfit_without_choices(body), UpstreamBroken)


@pytest.mark.parametrize("body", [b'{"data": []}', b'{"embedding": [1.0]}', b'[{"embedding": [1.0]}]', b'{"embeddings": [[1.0]]}'])
def test_what_may_hold_vectors_may_be_an_answer(body: bytes) -> None:
    assert EMBEDDINGS.misfit_in(body) is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"choices": [1]}', b'{"a": "\\ud83d"}'])
def test_what_has_none_of_their_names_holds_no_vectors(body: bytes) -> None:
    assert isinstance(EMBEDDINGS.misfit_in(body), UpstreamBroken)


def test_misfit_that_says_what_is_wrong_is_heard() -> None:
    for misfit in (misfit_without_choices, EMBEDDINGS.misfit_in, RESPONSES.misfit_in):
        error = misfit(b'{"message": "Unexpected endpoint"}')
        assert isinstance(error, UpstreamRefused)
        assert (error.message, error.status) == ("Unexpected endpoint", 502)


def test_everything_of_a_choice_is_in_its_chunks() -> None:
    message = {"role": "assistant", "content": "hi", "reasoning_content": "hm", "refusal": None}
    choice = {"index": 1, "message": message, "logprobs": {"content": []}, "finish_reason": "length", "stop_reason": 7}
    record = {
        "id": "1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "service_tier": "x",
        "choices": [choice],
        "usage": {"total_tokens": 5},
    }
    first, last = chunks(record)
    frame = {"id": "1", "object": "chat.completion.chunk", "created": 5, "model": "m", "service_tier": "x"}
    assert first == {**frame, "choices": [{"index": 1, "delta": message, "logprobs": {"content": []}, "finish_reason": None}]}
    assert last == {**frame, "choices": [{"index": 1, "delta": {}, "stop_reason": 7, "finish_reason": "length"}]}


def test_calls_get_places() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "index": 5}]
    first, _ = chunks({"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]})
    assert [call["index"] for call in first["choices"][0]["delta"]["tool_calls"]] == [0, 5]


def test_usage_is_told_to_those_who_asked_for_it_and_never_made_up() -> None:
    record = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {"total_tokens": 5}}
    asked = {"stream_options": {"include_usage": True}}
    assert chunks(record, **asked)[-1] == {"choices": [], "usage": {"total_tokens": 5}}
    assert len(chunks(record)) == 2
    assert len(chunks({**record, "usage": None}, **asked)) == 2
    assert len(chunks(record, stream_options="yes")) == 2


def test_finish_is_never_made_up() -> None:
    assert chunks({"choices": [{"message": {"content": "hi"}}]})[-1]["choices"] == [{"index": 0, "delta": {}, "finish_reason": None}]


def test_continuation_of_a_prompt_is_the_same_in_a_stream() -> None:
    choice = {"index": 0, "text": "hi", "finish_reason": "stop"}
    assert chunks({"object": "text_completion", "choices": [choice]}) == [{"object": "text_completion", "choices": [choice]}]


def test_json_that_only_lenient_readers_take_is_told_too() -> None:
    assert chunks(b'{"choices": [{"text": "a", "token": "\\ud83d", "logprobs": [NaN]}]}')[0]["choices"] == [
        {"text": "a", "token": "\ufffd", "logprobs": [None]}
    ]


@pytest.mark.parametrize("body", [b"[]", b'{"choices": 5}', b"{"])
def test_what_cannot_be_told_as_a_stream_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="in one piece"):
        chunks_of(body, {})
