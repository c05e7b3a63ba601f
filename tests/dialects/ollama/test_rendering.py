"""Lines of Ollama's streams: their fields and bytes, text, thinking, signs of life and failures."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import Failed, KeepAlive, PartDelta, PartOpened, Started, UsageSeen
from proxy.canonical.fold import collect
from proxy.dialects.ollama.rendering import ChatStreamRenderer, GenerateStreamRenderer, render_chat
from proxy.errors import UpstreamTimeout
from tests.dialects.ollama.answers import (
    TickingStopwatch,
    a_call,
    a_chat_request,
    a_part,
    a_stream,
    chat_lines,
    generate_lines,
    records,
    without_time,
)


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


def test_keep_alive_is_a_line_without_text() -> None:
    chat = ChatStreamRenderer(a_chat_request(), TickingStopwatch())
    generate = GenerateStreamRenderer(a_chat_request(), TickingStopwatch())

    (chat_line,) = records(chat.render([KeepAlive()]))
    (generate_line,) = records(generate.render([KeepAlive()]))
    assert without_time(chat_line) == {"model": "llama3", "message": {"role": "assistant", "content": ""}, "done": False}
    assert without_time(generate_line) == {"model": "llama3", "response": "", "done": False}


def test_a_failure_is_one_line_with_only_the_error() -> None:
    events = [Started("x"), PartOpened("text"), PartDelta("Hel"), Failed(UpstreamTimeout("the upstream was silent for 60 seconds"))]

    lines = chat_lines(events)
    assert lines[-1] == {"error": "the upstream was silent for 60 seconds"}
    assert not any(line.get("done") for line in lines)


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
