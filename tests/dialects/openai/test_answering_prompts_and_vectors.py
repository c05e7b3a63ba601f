"""Completions of prompts, and vectors, for OpenAI's clients; judged by the `openai` package."""

from __future__ import annotations

import struct
from base64 import b64decode
from typing import Any

import openai
import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsResult
from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, KeepAlive, PartClosed, PartDelta, PartOpened
from proxy.dialects.openai.ingress import COMPLETIONS_TRANSLATED, EMBEDDINGS_TRANSLATED
from proxy.errors import InvalidRequest, UpstreamUnavailable
from tests.dialects.openai.judged import NOON_S, Judge, NoonStopwatch, a_broken_stream, a_part, a_stream, records, streamed, whole

PATH = "/v1/completions"
PROMPT = {"model": "m", "prompt": "Once"}


def texts(events: list[ChatEvent], **payload: Any) -> list[str]:
    return [record["choices"][0]["text"] for record in records(streamed(COMPLETIONS_TRANSLATED, events, {**PROMPT, **payload}))[:-1]]


def answer(events: list[ChatEvent], **payload: Any) -> Any:
    return orjson.loads(whole(COMPLETIONS_TRANSLATED, events, {**PROMPT, **payload}))


def test_a_prompt_is_gone_on_with_in_chunks(judge: Judge) -> None:
    events = a_stream(a_part("text", " upon", " a"), stop_sequence="time", usage=Usage(1, 2))

    data = streamed(COMPLETIONS_TRANSLATED, events, {**PROMPT, "stream_options": {"include_usage": True}})
    chunks = list(judge.told(PATH, data).completions.create(model="m", prompt="Once", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == " upon a"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None, None, "stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 3
    assert {chunk.id for chunk in chunks} == {"cmpl-up1"}
    assert {chunk.object for chunk in chunks} == {"text_completion"}


@pytest.mark.parametrize("upstream_id", ["up1", "chatcmpl-up1", "cmpl-up1"])
def test_an_answer_has_one_prefix_whoever_made_its_id(upstream_id: str) -> None:
    events = a_stream(a_part("text", "a"), start=upstream_id)

    assert {chunk["id"] for chunk in records(streamed(COMPLETIONS_TRANSLATED, events, PROMPT))[:-1]} == {"cmpl-up1"}
    assert answer(events)["id"] == "cmpl-up1"


def test_a_whole_completion_is_read_by_the_sdk(judge: Judge) -> None:
    events = a_stream(a_part("reasoning", "hm"), a_part("text", " upon"), finish="length", usage=Usage(1, 2))

    client = judge.told_whole(PATH, whole(COMPLETIONS_TRANSLATED, events, PROMPT))
    completion = client.completions.create(model="m", prompt="Once")
    choice = completion.choices[0]
    assert (choice.text, choice.finish_reason, completion.created) == (" upon", "length", NOON_S)


def test_who_wants_an_echo_gets_the_prompt_first() -> None:
    events = a_stream(a_part("text", " upon"))
    assert texts(events, echo=True) == ["Once", " upon", ""]
    assert answer(events, echo=True)["choices"][0]["text"] == "Once upon"


def test_thoughts_have_no_place_and_refusals_are_text() -> None:
    events = a_stream(a_part("reasoning", "hm"), a_part("refusal", "no"))
    assert texts(events) == ["no", ""]
    assert answer(events)["choices"][0]["text"] == "no"


def test_log_probabilities_are_lists(judge: Judge) -> None:
    items = [
        {"token": " up", "logprob": -1.0, "top_logprobs": [{"token": " in", "logprob": -2.0}]},
        {"token": "on", "logprob": None, "top_logprobs": []},
    ]
    events = a_stream([PartOpened("text"), PartDelta(" up", items[:1]), PartDelta("on", items[1:]), PartClosed()])

    told = answer(events, logprobs=2)["choices"][0]["logprobs"]
    assert told == {
        "tokens": [" up", "on"],
        "token_logprobs": [-1.0, -9999.0],
        "top_logprobs": [{" in": -2.0}, {}],
        "text_offset": [0, 3],
    }
    assert answer(events, logprobs=0)["choices"][0]["logprobs"]["top_logprobs"] is None
    assert answer(events)["choices"][0]["logprobs"] is None
    streams = records(streamed(COMPLETIONS_TRANSLATED, events, {**PROMPT, "logprobs": 1}))
    assert [record["choices"][0]["logprobs"]["text_offset"] for record in streams[:2]] == [[0], [3]]


def test_the_sdk_raises_at_a_completion_that_broke(judge: Judge) -> None:
    data = streamed(COMPLETIONS_TRANSLATED, a_broken_stream(a_part("text", "ha")), PROMPT)
    with pytest.raises(openai.APIError, match="it broke"):
        list(judge.told(PATH, data).completions.create(model="m", prompt="Once", stream=True))
    silent = streamed(COMPLETIONS_TRANSLATED, [KeepAlive(), Failed(UpstreamUnavailable("gone"))], PROMPT)
    with pytest.raises(openai.APIError, match="gone"):
        list(judge.told(PATH, silent).completions.create(model="m", prompt="Once", stream=True))


@pytest.mark.parametrize(
    ("payload", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1], [2]]}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"n": 9}, "n"),
        ({"best_of": 3}, "best_of"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": ""}, "model"),
        ({"suffix": 1}, "suffix"),
    ],
)
def test_what_no_upstream_could_answer_is_refused(payload: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        COMPLETIONS_TRANSLATED.parse({**PROMPT, **payload})
    assert caught.value.param == param


def test_a_prompt_is_read_with_all_that_belongs_to_it() -> None:
    request = COMPLETIONS_TRANSLATED.parse(
        {"model": "m", "prompt": ["Once"], "suffix": "end", "max_tokens": 7, "stop": "x", "logprobs": 3, "n": 1, "user": "u", "seed": 1}
    )
    assert (request.prompt, request.suffix, request.user) == ("Once", "end", "u")  # type: ignore[union-attr]
    sampling = request.sampling
    assert (sampling.max_tokens, sampling.stop, sampling.logprobs, sampling.top_logprobs, sampling.seed) == (7, ("x",), True, 3, 1)
    assert COMPLETIONS_TRANSLATED.parse(PROMPT).sampling.max_tokens is None


def test_several_answers_to_each_prompt_stand_in_the_order_of_the_prompts() -> None:
    request = COMPLETIONS_TRANSLATED.parse({"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 2, "seed": 5, "echo": True})
    asked = [(each.prompt, each.sampling.seed, each.others) for each in request.others]  # type: ignore[union-attr]
    assert (request.prompt, request.sampling.seed) == ("a", 5)  # type: ignore[union-attr]
    assert asked == [("a", 6, ()), ("b", 5, ()), ("b", 6, ())]
    assert COMPLETIONS_TRANSLATED.parse({**PROMPT, "n": 1, "best_of": 1}).others == ()


def vectors(result: EmbeddingsResult, **payload: Any) -> bytes:
    request = EMBEDDINGS_TRANSLATED.parse({"model": "m", "input": ["a", "b"], **payload})
    return EMBEDDINGS_TRANSLATED.render_result(result, request, NoonStopwatch())


def test_vectors_are_read_by_the_sdk_whatever_it_asked_for(judge: Judge) -> None:
    result = EmbeddingsResult(((0.25, -1.0), (0.5, 1.0)), 4)
    for encoding in ("float", "base64"):
        client = judge.told_whole("/v1/embeddings", vectors(result, encoding_format=encoding))
        answer = client.embeddings.create(model="m", input=["a", "b"])
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == 4
        if encoding == "float":
            assert [item.embedding for item in answer.data] == [[0.25, -1.0], [0.5, 1.0]]


def test_base64_is_single_floats_low_byte_first() -> None:
    body = orjson.loads(vectors(EmbeddingsResult(((0.25, -1.0), (0.5, 1.0))), encoding_format="BASE64"))
    assert struct.unpack("<2f", b64decode(body["data"][0]["embedding"])) == (0.25, -1.0)
    assert body["usage"] == {"prompt_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize(
    ("payload", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1]]}, "input"),
        ({"input": [None]}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"model": None}, "model"),
    ],
)
def test_what_cannot_be_embedded_is_refused(payload: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        EMBEDDINGS_TRANSLATED.parse({"model": "m", "input": "a", **payload})
    assert caught.value.param == param


def test_texts_are_not_shortened_and_vectors_have_length_one() -> None:
    request = EMBEDDINGS_TRANSLATED.parse({"model": "m", "input": "a", "dimensions": 3.0})
    assert (request.inputs, request.dimensions, request.truncate, request.normalize) == (("a",), 3, False, True)
    assert EMBEDDINGS_TRANSLATED.answer_locally(request, NoonStopwatch()) is None
