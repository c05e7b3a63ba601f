"""Laws of what Ollama's clients are told, over invented answers; their own client reads every line."""

from __future__ import annotations

from typing import Any

import ollama
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, PartOpened
from proxy.canonical.fold import collect
from proxy.dialects.ollama.rendering import ChatStreamRenderer, GenerateStreamRenderer, render_chat
from proxy.errors import UpstreamBroken
from tests.dialects.ollama.answers import (
    TickingStopwatch,
    a_call,
    a_chat_request,
    a_part,
    a_stream,
    chat_lines,
    generate_lines,
    records,
    rendered,
    without_time,
)

FRAGMENTS = st.lists(st.text(max_size=5), max_size=3)
JSON_ARGUMENTS = st.sampled_from(["", "{}", '{"x":1}', '{"a":[1,2,{"b":null}]}', "{", "[]"])
TEXT_PARTS = st.builds(lambda kind, fragments: a_part(kind, *fragments), st.sampled_from(["text", "reasoning", "refusal"]), FRAGMENTS)
CALLS = st.builds(
    lambda name, text, cut: a_call("", name, text[:cut], text[cut:]), st.sampled_from(["f", "g"]), JSON_ARGUMENTS, st.integers(0, 8)
)


@st.composite
def streams(draw: st.DrawFn) -> list[ChatEvent]:
    parts = draw(st.lists(TEXT_PARTS | CALLS, max_size=5))
    for ordinal, part in enumerate(parts):
        assert isinstance(part[0], PartOpened)
        part[0].id = f"call_{ordinal}"
    usage = draw(st.none() | st.builds(Usage, st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)))
    return a_stream(*parts, finish=draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"])), usage=usage)


@given(streams(), st.data(), st.booleans())
def test_any_grouping_of_the_events_gives_the_same_lines(events: list[ChatEvent], data: st.DataObject, generates: bool) -> None:
    make = GenerateStreamRenderer if generates else ChatStreamRenderer
    one_by_one = rendered(make(a_chat_request(), TickingStopwatch()), events)
    renderer = make(a_chat_request(), TickingStopwatch())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    groups = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]

    grouped = records(b"".join(renderer.render(group) for group in groups))

    assert [without_time(line) for line in grouped] == [without_time(line) for line in one_by_one]


@given(streams(), st.sampled_from([None, "on", "off"]))
def test_stream_and_whole_answer_agree(events: list[ChatEvent], reasoning: Any) -> None:
    request = a_chat_request(reasoning=reasoning)
    lines = rendered(ChatStreamRenderer(request, TickingStopwatch()), events)
    if "error" in lines[-1]:
        with pytest.raises(UpstreamBroken) as raised:
            render_chat(collect(events), request, TickingStopwatch())
        assert lines[-1] == {"error": raised.value.message}
        return
    whole = orjson.loads(render_chat(collect(events), request, TickingStopwatch()))

    message = {"role": "assistant", "content": "".join(line["message"]["content"] for line in lines)}
    thinking = "".join(line["message"].get("thinking", "") for line in lines)
    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
    message |= ({"thinking": thinking} if thinking else {}) | ({"tool_calls": calls} if calls else {})
    assert without_time(whole) == without_time(lines[-1] | {"message": message})


@given(streams())
def test_the_official_client_reads_every_line(events: list[ChatEvent]) -> None:
    for line in chat_lines(events):
        if "error" not in line:
            read = ollama.ChatResponse(**line)
            assert read.message.content == line["message"]["content"]
    for line in generate_lines(events):
        if "error" not in line:
            assert ollama.GenerateResponse(**line).response == line["response"]
