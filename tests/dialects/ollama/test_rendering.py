from __future__ import annotations

from typing import Any

import ollama
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.completion import CUT_OFF, Completion, FinishReason, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.canonical.request import PromptRequest, ReasoningPart, RefusalPart, Sampling, TextPart, ToolCallPart
from proxy.dialects.ollama.rendering import (
    ChatStreamRenderer,
    GenerateStreamRenderer,
    render_chat,
    render_chat_loaded,
    render_generate,
    render_generate_loaded,
)
from proxy.errors import UpstreamBroken, UpstreamTimeout
from tests.dialects.ollama.answers import TickingStopwatch, a_call, a_chat_request, a_part, a_stream, records, rendered, without_time

DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def chat_lines(events: list[ChatEvent], **changes: Any) -> list[dict[str, Any]]:
    return rendered(ChatStreamRenderer(a_chat_request(**changes), TickingStopwatch()), events)


def generate_lines(events: list[ChatEvent], **changes: Any) -> list[dict[str, Any]]:
    return rendered(GenerateStreamRenderer(a_chat_request(**changes), TickingStopwatch()), events)


def test_chat_stream_is_byte_for_byte_what_ollama_writes() -> None:
    renderer = ChatStreamRenderer(a_chat_request(), TickingStopwatch())
    events = a_stream(a_part("text", "He", "llo"), usage=Usage(12, 5))

    assert b"".join(renderer.render([event]) for event in events) == (
        b'{"model":"llama3","created_at":"2026-01-02T03:04:05.678901234Z","message":{"role":"assistant","content":"He"},"done":false}\n'
        b'{"model":"llama3","created_at":"2026-01-02T03:04:05.678901234Z","message":{"role":"assistant","content":"llo"},"done":false}\n'
        b'{"model":"llama3","created_at":"2026-01-02T03:04:05.678901234Z","message":{"role":"assistant","content":""},"done":true,'
        b'"done_reason":"stop","total_duration":2000000,"load_duration":1,"prompt_eval_count":12,"prompt_eval_duration":999999,'
        b'"eval_count":5,"eval_duration":1000000}\n'
    )


def test_generate_stream_has_response_and_an_empty_last_line() -> None:
    lines = generate_lines(a_stream(a_part("text", "He", "llo"), usage=Usage(12, 5)))

    assert [line["response"] for line in lines] == ["He", "llo", ""]
    assert [line["done"] for line in lines] == [False, False, True]
    assert all("message" not in line and "context" not in line and "thinking" not in line for line in lines)
    assert (lines[-1]["prompt_eval_count"], lines[-1]["eval_count"]) == (12, 5)


def test_started_and_usage_give_the_client_nothing_to_read() -> None:
    renderer = ChatStreamRenderer(a_chat_request(), TickingStopwatch())

    assert renderer.render([Started("x"), UsageSeen(Usage(1, 1)), PartOpened("text")]) == b""
    assert renderer.render([]) == b""


def test_an_empty_delta_is_no_line() -> None:
    assert len(chat_lines(a_stream(a_part("text", "", "a", "")))) == 2


def test_thinking_and_text_stand_in_separate_lines() -> None:
    events = a_stream(a_part("reasoning", "pl", "an"), a_part("text", "ok"))

    messages = [line["message"] for line in chat_lines(events)]
    assert messages == [
        {"role": "assistant", "content": "", "thinking": "pl"},
        {"role": "assistant", "content": "", "thinking": "an"},
        {"role": "assistant", "content": "ok"},
        {"role": "assistant", "content": ""},
    ]
    assert [without_time(line) for line in generate_lines(events)][:3] == [
        {"model": "llama3", "response": "", "thinking": "pl", "done": False},
        {"model": "llama3", "response": "", "thinking": "an", "done": False},
        {"model": "llama3", "response": "ok", "done": False},
    ]


def test_think_false_drops_thinking() -> None:
    events = a_stream(a_part("reasoning", "secret"), a_part("text", "ok"))

    lines = chat_lines(events, reasoning="off")
    assert [line["message"]["content"] for line in lines] == ["ok", ""]
    assert all("thinking" not in line["message"] for line in lines)


def test_a_refusal_is_content() -> None:
    assert chat_lines(a_stream(a_part("refusal", "I cannot.")))[0]["message"]["content"] == "I cannot."


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


def test_keep_alive_is_a_line_without_text() -> None:
    chat = ChatStreamRenderer(a_chat_request(), TickingStopwatch())
    generate = GenerateStreamRenderer(a_chat_request(), TickingStopwatch())

    (chat_line,) = records(chat.render([KeepAlive()]))
    (generate_line,) = records(generate.render([KeepAlive()]))
    assert without_time(chat_line) == {"model": "llama3", "message": {"role": "assistant", "content": ""}, "done": False}
    assert without_time(generate_line) == {"model": "llama3", "response": "", "done": False}


def test_a_keep_alive_inside_a_call_does_not_disturb_it() -> None:
    events = [Started("x"), PartOpened("tool_call", "a", "f"), PartDelta("{"), KeepAlive(), PartDelta("}"), PartClosed(), Finished("stop")]

    lines = chat_lines(events)
    assert [line["message"].get("tool_calls", [{}])[0].get("id") for line in lines] == [None, "a", None]


def test_a_failure_is_one_line_with_only_the_error() -> None:
    events = [Started("x"), PartOpened("text"), PartDelta("Hel"), Failed(UpstreamTimeout("the upstream was silent for 60 seconds"))]

    lines = chat_lines(events)
    assert lines[-1] == {"error": "the upstream was silent for 60 seconds"}
    assert not any(line.get("done") for line in lines)


def test_a_held_call_is_lost_with_a_failure() -> None:
    events = [Started("x"), PartOpened("tool_call", "a", "f"), PartDelta("{}"), Failed(UpstreamBroken("cut"))]

    assert chat_lines(events) == [{"error": "cut"}]


@pytest.mark.parametrize(
    ("finish", "done_reason"), [("stop", "stop"), ("length", "length"), ("tool_calls", "stop"), ("content_filter", "content_filter")]
)
def test_done_reasons(finish: Any, done_reason: str) -> None:
    assert chat_lines(a_stream(a_part("text", "a"), finish=finish))[-1]["done_reason"] == done_reason
    whole = orjson.loads(render_chat(collect(a_stream(a_part("text", "a"), finish=finish)), a_chat_request(), TickingStopwatch()))
    assert whole["done_reason"] == done_reason


def test_only_the_last_line_has_reason_and_metrics() -> None:
    lines = chat_lines(a_stream(a_part("text", "a"), a_call("c", "f"), usage=Usage(7, 2)))

    for line in lines[:-1]:
        assert line.keys() == {"model", "created_at", "message", "done"}
    assert lines[-1].keys() == {
        "model", "created_at", "message", "done", "done_reason", "prompt_eval_count", "eval_count", *DURATIONS,
    }  # fmt: skip


def test_unknown_counts_are_left_out_and_known_zeros_are_kept() -> None:
    assert not {"prompt_eval_count", "eval_count"} & chat_lines(a_stream(a_part("text", "a")))[-1].keys()
    last = chat_lines(a_stream(a_part("text", "a"), usage=Usage(3, None)))[-1]
    assert (last["prompt_eval_count"], "eval_count" in last) == (3, False)


@pytest.mark.parametrize("step_ns", [0, 1, 2, 5_000_000_000])
def test_durations_are_integers_of_at_least_one_that_add_up(step_ns: int) -> None:
    for events in (a_stream(a_part("text", "a")), a_stream()):
        stream = rendered(ChatStreamRenderer(a_chat_request(), TickingStopwatch(step_ns)), events)[-1]
        whole = orjson.loads(render_chat(collect(events), a_chat_request(), TickingStopwatch(step_ns)))
        for record in (stream, whole):
            total, load, prompt, evaluation = (record[name] for name in DURATIONS)
            assert all(type(record[name]) is int and record[name] >= 1 for name in DURATIONS)
            assert total >= load + prompt + evaluation


def test_prompt_eval_is_the_time_to_the_first_token() -> None:
    class Clock(TickingStopwatch):
        times = iter([300, 1_000])

        def elapsed_ns(self) -> int:
            return next(self.times)

    last = rendered(ChatStreamRenderer(a_chat_request(), Clock()), a_stream(a_part("reasoning", "a"), a_part("text", "b")))[-1]

    assert [last[name] for name in DURATIONS] == [1_000, 1, 299, 700]


@pytest.mark.parametrize(
    ("now_ns", "written"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_767_323_045_000_000_007, "2026-01-02T03:04:05.000000007Z"),
        (1_767_323_045_999_999_999, "2026-01-02T03:04:05.999999999Z"),
        (1_767_323_046_000_000_000, "2026-01-02T03:04:06.000000000Z"),
    ],
)
def test_created_at_is_rfc_3339_with_nine_digits(now_ns: int, written: str) -> None:
    (line,) = records(ChatStreamRenderer(a_chat_request(), TickingStopwatch(now_ns=now_ns)).render([KeepAlive()]))

    assert line["created_at"] == written


def test_separators_of_lines_never_stand_raw_in_a_line() -> None:
    odd = "a\u2028b\u2029c\u0085d\x0b\x0c\x1c\x1d\x1ee\r\n"
    events = a_stream(a_part("reasoning", odd), a_part("text", odd), a_call("a", "f", orjson.dumps({odd: odd}).decode()))

    lines = chat_lines(events, model=f"m{odd}")
    assert lines[0]["message"]["thinking"] == lines[1]["message"]["content"] == odd
    assert lines[2]["message"]["tool_calls"][0]["function"]["arguments"] == {odd: odd}
    assert lines[0]["model"] == f"m{odd}"
    whole = render_chat(collect(events), a_chat_request(), TickingStopwatch())
    assert len(whole.decode().splitlines()) == 1
    assert orjson.loads(whole)["message"]["content"] == odd


OPENAI_LOGPROBS = [
    {
        "token": "Hi",
        "logprob": -0.1,
        "bytes": [72, 105],
        "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "\ufffd", "logprob": None, "bytes": None}],
    },
    {"token": "", "logprob": -2, "bytes": [], "top_logprobs": []},
]


def a_stream_with_logprobs() -> list[ChatEvent]:
    return [Started("x"), PartOpened("text"), PartDelta("Hi", OPENAI_LOGPROBS), PartClosed(), Finished("stop")]


def test_logprobs_come_with_their_text_and_without_nulls() -> None:
    lines = chat_lines(a_stream_with_logprobs(), sampling={"logprobs": True, "top_logprobs": 2})

    assert lines[0]["logprobs"] == [
        {
            "token": "Hi",
            "logprob": -0.1,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "\ufffd", "logprob": -9999.0}],
        },
        {"token": "", "logprob": -2, "top_logprobs": []},
    ]
    assert "logprobs" not in lines[1]


@pytest.mark.parametrize("top", [None, 0])
def test_alternatives_come_only_when_asked_for(top: int | None) -> None:
    line = chat_lines(a_stream_with_logprobs(), sampling={"logprobs": True, "top_logprobs": top})[0]

    assert line["logprobs"][0] == {"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}


def test_logprobs_that_nobody_asked_for_are_dropped() -> None:
    assert all("logprobs" not in line for line in chat_lines(a_stream_with_logprobs()))
    whole = orjson.loads(render_chat(collect(a_stream_with_logprobs()), a_chat_request(), TickingStopwatch()))
    assert "logprobs" not in whole


def test_a_token_without_text_still_brings_its_logprobs() -> None:
    events: list[ChatEvent] = [
        Started("x"),
        PartOpened("text"),
        PartDelta("", [{"token": "\ufffd", "logprob": -1.0}]),
        PartClosed(),
        Finished("stop"),
    ]

    assert len(chat_lines(events, sampling={"logprobs": True})) == 2


# Whole answers


def a_completion(**changes: Any) -> Completion:
    return Completion(
        **{"id": "x", "model": "up", "created": 1, "parts": (TextPart("Hello"),), "finish_reason": "stop", "usage": Usage(12, 5), **changes}
    )


def test_a_whole_chat_is_one_object_with_everything() -> None:
    completion = a_completion(
        parts=(
            ReasoningPart("pl"),
            ReasoningPart("an"),
            TextPart("He"),
            RefusalPart("llo"),
            ToolCallPart("a", "f", '{"x":1}'),
            ToolCallPart("b", "g", ""),
        ),
        finish_reason="tool_calls",
        logprobs=OPENAI_LOGPROBS,
    )

    whole = orjson.loads(render_chat(completion, a_chat_request(sampling={"logprobs": True}), TickingStopwatch()))

    assert whole["created_at"] == "2026-01-02T03:04:05.678901234Z"
    assert without_time(whole) == {
        "model": "llama3",
        "message": {
            "role": "assistant",
            "content": "Hello",
            "thinking": "plan",
            "tool_calls": [
                {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
                {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
            ],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 12,
        "eval_count": 5,
        "logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}, {"token": "", "logprob": -2}],
    }


def test_a_whole_generate_has_response_and_no_context() -> None:
    completion = a_completion(parts=(ReasoningPart("plan"), TextPart("Hello")))

    whole = orjson.loads(render_generate(completion, a_chat_request(), TickingStopwatch()))

    assert (whole["response"], whole["thinking"], whole["done_reason"]) == ("Hello", "plan", "stop")
    assert not {"message", "context", "tool_calls"} & whole.keys()


def test_a_whole_answer_without_thinking_has_no_such_key() -> None:
    for completion, changes in ((a_completion(), {}), (a_completion(parts=(ReasoningPart("plan"),)), {"reasoning": "off"})):
        assert "thinking" not in orjson.loads(render_chat(completion, a_chat_request(**changes), TickingStopwatch()))["message"]
        assert "thinking" not in orjson.loads(render_generate(completion, a_chat_request(**changes), TickingStopwatch()))


def test_a_plain_continuation_is_rendered_as_a_generate() -> None:
    request = PromptRequest("llama3", "once", sampling=Sampling(logprobs=False))

    assert orjson.loads(render_generate(a_completion(), request, TickingStopwatch()))["response"] == "Hello"
    assert rendered(GenerateStreamRenderer(request, TickingStopwatch()), a_stream(a_part("text", "a")))[0]["response"] == "a"


@pytest.mark.parametrize("finish", sorted(CUT_OFF))
def test_a_whole_call_with_unreadable_arguments_raises_unless_cut_off(finish: FinishReason) -> None:
    parts = (TextPart("ok"), ToolCallPart("a", "f", '{"x":'))

    with pytest.raises(UpstreamBroken, match="the tool 'f' with arguments that are not a JSON object"):
        render_chat(a_completion(parts=parts, finish_reason="tool_calls"), a_chat_request(), TickingStopwatch())
    whole = orjson.loads(render_chat(a_completion(parts=parts, finish_reason=finish), a_chat_request(), TickingStopwatch()))
    assert (whole["message"], whole["done_reason"]) == ({"role": "assistant", "content": "ok"}, finish)


@pytest.mark.parametrize("reason", ["load", "unload"])
def test_load_and_unload_are_one_object_without_metrics(reason: str) -> None:
    chat = orjson.loads(render_chat_loaded(a_chat_request(), TickingStopwatch(), reason))
    generate = orjson.loads(render_generate_loaded(a_chat_request(), TickingStopwatch(), reason))

    assert without_time(chat) == {"model": "llama3", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}
    assert without_time(generate) == {"model": "llama3", "response": "", "done": True, "done_reason": reason}


# Laws

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
