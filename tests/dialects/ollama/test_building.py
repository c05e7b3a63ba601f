"""Requests to Ollama servers: what canonical requests become."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import (
    AudioPart,
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    PromptRequest,
    ReasoningPart,
    RefusalPart,
    ResponseFormat,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.ollama import egress
from proxy.dialects.ollama.parsing import parse_chat
from proxy.errors import InvalidRequest
from proxy.wire.exact_json import dumps_exact, loads_exact
from tests.dialects.ollama.upstream_asking import NATIVE, beside_messages, body_of, built, messages, options, prompted, said, to

PNG = "iVBORw0KGgo="
WEATHER = Tool("get_weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


def test_a_chat_says_who_is_asked_and_whether_it_is_a_stream() -> None:
    request = ChatRequest("asked", (said("user", "Hello"),), stream=True)
    call = egress.build_chat(request, to())

    assert (call.path, call.model, call.stream, call.method) == ("/api/chat", "sent", True, "POST")
    assert body_of(call.body) == {"model": "sent", "messages": [{"role": "user", "content": "Hello"}], "stream": True}


def test_no_stream_is_said_aloud_because_absence_means_a_stream() -> None:
    assert built()["stream"] is False


def test_parts_of_one_message_stay_one_message() -> None:
    assert messages(said("user", "See", ImagePart("image/png", PNG), "this", AudioPart("wav", "UklGRg=="))) == [
        {"role": "user", "content": "See\nthis", "images": [PNG, "UklGRg=="]}
    ]


def test_texts_of_the_system_are_set_apart_and_those_of_a_model_are_not() -> None:
    assert messages(said("developer", "Be brief.", "Be kind."), said("user", "Hi"), said("assistant", "Hel", "lo", RefusalPart("!"))) == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
    ]


def test_a_turn_keeps_its_thinking_and_its_calls_as_objects() -> None:
    turn = said(
        "assistant",
        ReasoningPart("hm", opaque="signed", origin="anthropic"),
        ToolCallPart("a", "f", '{"id":123456789012345678901234567890,"x":1.0}'),
        ToolCallPart("b", "g", ""),
    )
    call = egress.build_chat(ChatRequest("asked", (turn,)), to())

    assert call.body is not None
    assert b'"arguments":{"id":123456789012345678901234567890,"x":1.0}' in call.body
    assert messages(turn)[0] | {"tool_calls": None} == {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": None}
    assert messages(turn)[0]["tool_calls"][1] == {"id": "b", "function": {"name": "g", "arguments": {}}}


@pytest.mark.parametrize("broken", ['{"x":', "[1]", "12", "nonsense"])
def test_broken_arguments_of_the_past_are_put_into_an_object(broken: str) -> None:
    (turn,) = messages(said("assistant", ToolCallPart("a", "f", broken)))

    assert turn["tool_calls"] == [{"id": "a", "function": {"name": "f", "arguments": {"_raw": broken}}}]


def test_results_name_their_tool_and_call_and_show_what_they_show() -> None:
    results = Message("tool", (ToolResultPart("a", "f", (TextPart("12"), TextPart("C"), ImagePart("image/png", PNG))),))

    assert messages(results) == [{"role": "tool", "content": "12\nC", "images": [PNG], "tool_name": "f", "tool_call_id": "a"}]


def test_a_failed_tool_says_so_in_words() -> None:
    (result,) = messages(Message("tool", (ToolResultPart("a", "f", (TextPart("no such city"),), is_error=True),)))

    assert result["content"] == "Error: no such city"


def test_documents_that_are_plain_text_are_said() -> None:
    files = (FilePart("text/plain", "aMOp", name="a.txt"), FilePart("application/json", "e30="))

    assert messages(said("user", "See", *files)) == [{"role": "user", "content": "See\na.txt:\nhé\n{}"}]


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (ImagePart(url="https://example.com/cat.png"), "URL"),
        (AudioPart("flac", "ZkxhQw=="), "WAV"),
        (FilePart("application/pdf", "JVBERg=="), "documents"),
        (FilePart("text/plain", url="https://example.com/a.txt"), "documents"),
        (FilePart("text/plain", "/w=="), "UTF-8"),
    ],
)
def test_what_has_no_place_is_refused_by_name(part: Any, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word) as refused:
        messages(said("user", "See", part))

    assert refused.value.param == "messages"


def test_nothing_to_answer_is_refused_because_it_would_only_load_the_model() -> None:
    with pytest.raises(InvalidRequest, match="messages must not be empty"):
        built(messages=())
    with pytest.raises(InvalidRequest, match="prompt must not be empty"):
        prompted(prompt="")


def test_sampling_becomes_options_and_what_was_not_said_is_not() -> None:
    assert options() == {}
    assert options(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        min_p=0.1,
        typical_p=0.9,
        seed=7,
        presence_penalty=0.2,
        frequency_penalty=0.3,
        repeat_penalty=1.1,
        stop=("a", "b", "c", "d", "e"),
    ) == {
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "presence_penalty": 0.2,
        "frequency_penalty": 0.3,
        "top_k": 3,
        "min_p": 0.1,
        "typical_p": 0.9,
        "repeat_penalty": 1.1,
        "num_predict": 5,
        "stop": ["a", "b", "c", "d", "e"],
    }


def test_wishes_of_ollamas_users_arrive() -> None:
    extra = {"num_ctx": 8192, "keep_alive_s": 300.0, "of_others": 1}

    assert beside_messages(extra=extra) == {"options": {"num_ctx": 8192}, "keep_alive": 300.0}
    runner = {"num_gpu": 0, "num_thread": 8, "use_mmap": False, "repeat_last_n": -1}
    assert beside_messages(extra={"of_others": 1, **runner}) == {"options": runner}
    assert beside_messages(extra={"keep_alive_s": math.inf}) == {"keep_alive": -1}


def test_logprobs_stand_beside_the_options() -> None:
    assert beside_messages(sampling=Sampling(logprobs=True, top_logprobs=3)) == {"logprobs": True, "top_logprobs": 3}
    assert beside_messages(sampling=Sampling(logprobs=True)) == {"logprobs": True}


@pytest.mark.parametrize(
    ("asked", "think"),
    [
        ({"reasoning": "off"}, False),
        ({"reasoning": "on"}, True),
        ({"reasoning": "minimal"}, "low"),
        ({"reasoning": "medium"}, "medium"),
        ({"reasoning": "xhigh"}, "max"),
        ({"reasoning_budget": 0}, False),
        ({"reasoning_budget": 1500}, "low"),
        ({"reasoning": "on", "reasoning_budget": 9000}, "high"),
        ({"reasoning": "low", "reasoning_budget": 9000}, "low"),
    ],
)
def test_thinking_is_asked_for_in_ollamas_words(asked: dict[str, Any], think: bool | str) -> None:
    assert beside_messages(**asked) == {"think": think}


@pytest.mark.parametrize(
    ("efforts", "effort", "think"), [(("low", "medium", "high"), "max", "high"), ((), "max", True), ((), "low", True), ((), "off", False)]
)
def test_a_server_with_fewer_words_gets_the_nearest(efforts: tuple[str, ...], effort: str, think: bool | str) -> None:
    assert beside_messages(replace(NATIVE, efforts=efforts), reasoning=effort) == {"think": think}


def test_nothing_is_said_of_thinking_unasked_or_to_a_model_that_cannot() -> None:
    assert beside_messages() == {}
    assert beside_messages(replace(NATIVE, reasoning="none"), reasoning="high") == {}


def test_a_format_is_a_word_or_a_schema() -> None:
    assert beside_messages(response_format=ResponseFormat("json")) == {"format": "json"}
    assert beside_messages(response_format=ResponseFormat("json_schema", {"type": "array"})) == {"format": {"type": "array"}}


def test_tools_are_sent_unless_they_must_not_be_called() -> None:
    sent = [{"type": "function", "function": {"name": "get_weather", "description": "Tells the weather", "parameters": WEATHER.parameters}}]

    assert beside_messages(tools=(WEATHER,)) == beside_messages(tools=(WEATHER,), tool_choice="auto") == {"tools": sent}
    assert beside_messages(tools=(WEATHER,), tool_choice="none") == {}
    assert beside_messages(tool_choice="required") == {}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_call_cannot_be_demanded(choice: Any) -> None:
    with pytest.raises(InvalidRequest, match="cannot make a model call a tool") as refused:
        built(tools=(WEATHER,), tool_choice=choice)

    assert refused.value.param == "tool_choice"


def test_tools_for_a_model_that_takes_none_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="does not support tools"):
        built(replace(NATIVE, tools=False), tools=(WEATHER,))


def test_a_prompt_goes_without_the_template_unless_a_gap_is_to_be_filled() -> None:
    call = egress.build_prompt(PromptRequest("asked", "def f("), to())

    assert (call.path, call.model, call.stream) == ("/api/generate", "sent", False)
    assert prompted() == {"model": "sent", "prompt": "def f(", "stream": False, "raw": True}
    assert prompted(suffix="return", sampling=Sampling(max_tokens=3)) == {
        "model": "sent",
        "prompt": "def f(",
        "stream": False,
        "suffix": "return",
        "options": {"num_predict": 3},
    }


def test_what_is_no_json_is_the_clients_mistake() -> None:
    with pytest.raises(InvalidRequest, match="can't be written as JSON"):
        built(messages=(said("user", "\ud800"),))


def test_keys_are_shown_as_bearers() -> None:
    assert egress.key_headers("secret", "ollama.com") == {"Authorization": "Bearer secret"}
    assert egress.headers == {}


NAMES = st.text("abc_", min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10)
MEDIA = st.sampled_from([ImagePart("image/png", PNG), AudioPart("wav", "UklGRgAAAABXQVZF")])
ARGUMENTS = st.dictionaries(NAMES, st.integers() | st.booleans() | TEXTS | st.none(), max_size=2).map(
    lambda value: dumps_exact(value).decode()
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Conversations that Ollama can carry without loss: ids are unique, and results stand behind their calls."""
    ids = (f"call_{number}" for number in count())
    turns: list[Message] = []
    for _ in range(draw(st.integers(1, 4))):
        turns.append(Message("user", (TextPart(draw(TEXTS)), *draw(st.lists(MEDIA, max_size=2)))))
        calls = [ToolCallPart(next(ids), draw(NAMES), draw(ARGUMENTS)) for _ in range(draw(st.integers(0, 2)))]
        thoughts = [ReasoningPart(draw(TEXTS))] if draw(st.booleans()) else []
        turns.append(Message("assistant", (*thoughts, TextPart(draw(TEXTS)), *calls)))
        shown = [(TextPart(draw(TEXTS)), *draw(st.lists(MEDIA, max_size=1))) for _ in calls]
        turns += [Message("tool", (ToolResultPart(call.id, call.name, parts),)) for call, parts in zip(calls, shown, strict=True)]
    return tuple(turns)


@given(conversations())
def test_a_conversation_arrives_as_it_is(conversation: tuple[Message, ...]) -> None:
    call = egress.build_chat(ChatRequest("asked", conversation), to())

    assert call.body is not None
    assert parse_chat(loads_exact(call.body)).messages == conversation
