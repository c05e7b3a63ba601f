"""Laws of what OpenAI's clients are told, over invented answers: stream and whole say the same, in chats and in responses."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, KeepAlive, PartClosed
from proxy.canonical.fold import collect
from proxy.canonical.grammar import check
from proxy.canonical.request import ChatRequest
from proxy.dialects.openai.ingress import CHAT_TRANSLATED, COMPLETIONS_TRANSLATED, RESPONSES_TRANSLATED
from proxy.dialects.openai.reading import stream_reader
from tests.dialects.openai.judged import a_call, a_part, a_stream, records, streamed, whole
from tests.dialects.openai.records import a_route, ids

words = st.lists(st.text(max_size=6), min_size=1, max_size=3).filter(any)
signed = st.sampled_from([PartClosed("sig==", "anthropic"), PartClosed("g==", "gemini")])
states = st.just(PartClosed()) | signed
spoken = st.builds(lambda kind, said: a_part(kind, *said), st.sampled_from(["text", "refusal"]), words)
thought = st.builds(lambda said, closed: a_part("reasoning", *said, closed=closed), words, states)
hidden = st.builds(lambda closed: a_part("reasoning", closed=closed), signed)
called = st.sampled_from([("{", "}"), ('{"x"', ":1}"), ('{"y":"ü"}',)])


@st.composite
def answers(draw: st.DrawFn) -> list[ChatEvent]:
    parts = draw(st.lists(st.one_of(spoken, thought, hidden, called), max_size=6))
    numbered = [part if isinstance(part, list) else a_call(f"call_{number}", "f", *part) for number, part in enumerate(parts)]
    has_calls = any(not isinstance(part, list) for part in parts)
    finish = draw(st.sampled_from(["length", "tool_calls" if has_calls else "stop"]))
    return a_stream(*numbered, finish=finish, usage=draw(st.sampled_from([None, Usage(1, 2), Usage(5, 6, 3, 2, 1)])))


def with_silence(events: list[ChatEvent], place: int) -> list[ChatEvent]:
    place %= len(events)
    return [*events[:place], KeepAlive(), *events[place:]]


@given(events=answers(), place=st.integers(0, 100))
def test_a_chats_stream_read_again_is_the_answer_but_for_the_order_that_chats_do_not_have(events: list[ChatEvent], place: int) -> None:
    check(events)
    payload = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream_options": {"include_usage": True}}
    reader = stream_reader(a_route(), ids())
    again = [*reader.feed(streamed(CHAT_TRANSLATED, with_silence(events, place), payload)), *reader.close()]

    check(again)
    completion, found = collect(events), collect(again)
    assert found.finish_reason == completion.finish_reason
    assert found.usage == completion.usage
    assert _texts(found.parts) == _texts(completion.parts)


@given(events=answers())
def test_a_whole_chat_says_what_its_stream_says(events: list[ChatEvent]) -> None:
    payload = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    message: dict[str, Any] = {"content": None, "refusal": None}
    calls: dict[int, Any] = {}
    for record in records(streamed(CHAT_TRANSLATED, events, payload))[:-1]:
        _add(message, calls, record["choices"][0]["delta"])
    said = orjson.loads(whole(CHAT_TRANSLATED, events, payload))["choices"][0]["message"]
    assert (message["content"] or None) == (said["content"] or None)
    assert message["refusal"] == said["refusal"]
    assert message.get("reasoning_content") == said.get("reasoning_content")
    assert message.get("thinking_blocks") == said.get("thinking_blocks")
    assert [calls[index] for index in sorted(calls)] == said.get("tool_calls", [])


@given(events=answers(), place=st.integers(0, 100))
def test_a_whole_response_is_what_its_stream_ends_with(events: list[ChatEvent], place: int) -> None:
    payload = {"model": "m", "input": "hi"}
    found = records(streamed(RESPONSES_TRANSLATED, with_silence(events, place), payload))
    assert found[-1]["response"] == orjson.loads(whole(RESPONSES_TRANSLATED, events, payload))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert done == found[-1]["response"]["output"]


@given(events=answers())
def test_a_response_that_is_given_back_is_what_the_model_said_in_its_order(events: list[ChatEvent]) -> None:
    output = records(streamed(RESPONSES_TRANSLATED, events, {"model": "m", "input": "hi"}))[-1]["response"]["output"]
    asked = RESPONSES_TRANSLATED.parse({"model": "m", "input": [{"role": "user", "content": "hi"}, *output]})
    assert isinstance(asked, ChatRequest)
    given_back = [part for message in asked.messages if message.role == "assistant" for part in message.parts]
    assert given_back == list(collect(events).parts)


@given(events=answers())
def test_a_whole_completion_is_what_its_stream_says(events: list[ChatEvent]) -> None:
    payload = {"model": "m", "prompt": "Once", "echo": True}
    found = records(streamed(COMPLETIONS_TRANSLATED, events, payload))[:-1]
    text = orjson.loads(whole(COMPLETIONS_TRANSLATED, events, payload))["choices"][0]["text"]
    assert "".join(record["choices"][0]["text"] for record in found) == text


def _texts(parts: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        name = type(part).__name__
        if name == "ToolCallPart":
            found.setdefault(name, []).append((part.id, part.name, part.arguments))
        elif part.text:
            found[name] = found.get(name, "") + part.text
    return found


def _add(message: dict[str, Any], calls: dict[int, Any], delta: dict[str, Any]) -> None:
    for name in ("content", "refusal", "reasoning_content"):
        if name in delta:
            message[name] = (message.get(name) or "") + delta[name]
    for block in delta.get("thinking_blocks", ()):
        del block["index"]
        message.setdefault("thinking_blocks", []).append(block)
    for entry in delta.get("tool_calls", ()):
        index, fragment = entry.pop("index"), entry["function"]["arguments"]
        if index in calls:
            calls[index]["function"]["arguments"] += fragment
            calls[index] |= {key: value for key, value in entry.items() if key != "function"}
        else:
            calls[index] = entry
