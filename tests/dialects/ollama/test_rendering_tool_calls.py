"""Tool calls as Ollama's clients get them: whole, in order, with arguments that are an object."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.completion import CUT_OFF, FinishReason
from proxy.canonical.events import Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started
from proxy.canonical.request import ToolCallPart
from proxy.dialects.ollama.rendering import ChatStreamRenderer, render_chat
from proxy.errors import UpstreamBroken
from tests.dialects.ollama.answers import (
    TickingStopwatch,
    a_call,
    a_chat_request,
    a_completion,
    a_part,
    a_stream,
    chat_lines,
    generate_lines,
    records,
    without_time,
)


def test_a_tool_call_is_held_until_complete_and_comes_whole() -> None:
    renderer = ChatStreamRenderer(a_chat_request(), TickingStopwatch())

    assert renderer.render([Started("x"), PartOpened("tool_call", "a", "f"), PartDelta('{"x"'), PartDelta(":1}")]) == b""
    (line,) = records(renderer.render([PartClosed()]))
    assert without_time(line) == {
        "model": "llama3",
        "message": {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}}],
        },
        "done": False,
    }
    (last,) = records(renderer.render([Finished("tool_calls")]))
    assert last["done_reason"] == "stop"


def test_parallel_calls_keep_order_with_distinct_index_and_id() -> None:
    lines = chat_lines(a_stream(a_call("a", "f", '{"x":1}'), a_call("b", "g", "{}"), finish="tool_calls"))

    calls = [call for line in lines for call in line["message"].get("tool_calls", ())]
    assert calls == [
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]


@pytest.mark.parametrize("arguments", ["", " ", "null", "{}"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    (call,) = chat_lines(a_stream(a_call("a", "f", arguments), finish="tool_calls"))[0]["message"]["tool_calls"]

    assert call["function"]["arguments"] == {}


def test_arguments_keep_their_bytes_but_stand_on_one_line() -> None:
    renderer = ChatStreamRenderer(a_chat_request(), TickingStopwatch())
    written = '\n{"big": 12345678901234567890123,\r\n\t"one": 1.0, "text": "a\\nb\u2028c"}\n'

    data = b"".join(renderer.render([event]) for event in a_stream(a_call("a", "f", written), finish="tool_calls"))

    assert b'"arguments":{"big": 12345678901234567890123,   "one": 1.0, "text": "a\\nb\\u2028c"}' in data
    assert len(data.decode().splitlines()) == 2


def test_generate_gives_tool_calls_too() -> None:
    lines = generate_lines(a_stream(a_call("a", "f", "{}"), finish="tool_calls"))

    assert lines[0]["response"] == ""
    assert lines[0]["tool_calls"] == [{"id": "a", "function": {"index": 0, "name": "f", "arguments": {}}}]


@pytest.mark.parametrize("finish", sorted(CUT_OFF))
@pytest.mark.parametrize("arguments", ['{"x":', "[1]", '"{}"', '{"a":1}{"b":2}', "7"])
def test_a_call_cut_off_by_the_token_limit_or_a_filter_is_dropped(arguments: str, finish: FinishReason) -> None:
    lines = chat_lines(a_stream(a_part("text", "ok"), a_call("a", "f", arguments), finish=finish))

    assert [line["message"].get("tool_calls") for line in lines] == [None, None]
    assert lines[-1]["done_reason"] == finish


def test_arguments_that_are_nested_too_deeply_are_not_said_to_be_no_object() -> None:
    lines = chat_lines(a_stream(a_call("a", "f", '{"a":' * 5000 + "1" + "}" * 5000), finish="tool_calls"))

    assert lines[-1] == {"error": "the model called the tool 'f' with arguments that are nested too deeply to be read; ask again"}


@pytest.mark.parametrize("arguments", ['{"x":', "[1]", '"{}"', '{"a":1}{"b":2}'])
def test_a_call_with_unreadable_arguments_is_an_error_and_nothing_follows(arguments: str) -> None:
    lines = chat_lines(a_stream(a_part("text", "ok"), a_call("a", "get_weather", arguments), finish="tool_calls"))

    assert lines[-1] == {"error": "the model called the tool 'get_weather' with arguments that are not a JSON object; ask again"}
    assert not any(line.get("done") for line in lines)


@pytest.mark.parametrize("half", [r"\ud83d", r"\uDE00", r"a\ud83db"])
def test_half_characters_in_arguments_are_replaced_and_all_else_is_kept(half: str) -> None:
    """JavaScript's servers cut texts between the halves of a character."""
    text = f'{{"s":"{half}", "n": 1.0, "t":"\\\\ud83d"}}'
    read = {"s": "\ufffd" if half.startswith("\\") else "a\ufffdb", "n": 1.0, "t": r"\ud83d"}
    data = ChatStreamRenderer(a_chat_request(), TickingStopwatch()).render(a_stream(a_call("a", "f", text), finish="tool_calls"))
    whole = render_chat(a_completion(parts=(ToolCallPart("a", "f", text),)), a_chat_request(), TickingStopwatch())

    for answer in (data.splitlines()[0], whole):
        assert orjson.loads(answer)["message"]["tool_calls"][0]["function"]["arguments"] == read
        assert b'"n": 1.0' in answer


def test_a_dropped_call_takes_no_index() -> None:
    lines = chat_lines(a_stream(a_call("a", "f", "{"), a_call("b", "g", "{}"), finish="length"))

    assert [call["function"]["index"] for line in lines for call in line["message"].get("tool_calls", ())] == [0]


def test_a_keep_alive_inside_a_call_does_not_disturb_it() -> None:
    events = [Started("x"), PartOpened("tool_call", "a", "f"), PartDelta("{"), KeepAlive(), PartDelta("}"), PartClosed(), Finished("stop")]

    lines = chat_lines(events)
    assert [line["message"].get("tool_calls", [{}])[0].get("id") for line in lines] == [None, "a", None]


def test_a_held_call_is_lost_with_a_failure() -> None:
    events = [Started("x"), PartOpened("tool_call", "a", "f"), PartDelta("{}"), Failed(UpstreamBroken("cut"))]

    assert chat_lines(events) == [{"error": "cut"}]
