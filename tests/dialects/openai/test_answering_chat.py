"""Chats for OpenAI's clients: the chunks and objects, judged by the `openai` package."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import openai
import orjson
import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Failed, KeepAlive, PartClosed, PartDelta, PartOpened, Started
from proxy.canonical.fold import collect
from proxy.canonical.request import ReasoningPart
from proxy.dialects.openai.ingress import CHAT_TRANSLATED
from proxy.errors import UpstreamRefused, UpstreamUnavailable
from tests.dialects.openai.judged import NOON_S, Judge, NoonStopwatch, a_broken_stream, a_call, a_part, a_stream, records, streamed, whole

HELLO: list[Any] = [{"role": "user", "content": "hi"}]
PATH = "/v1/chat/completions"
LOGPROB = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Ho", "logprob": -2.0, "bytes": None}]}


def chunks(events: list[ChatEvent], **payload: Any) -> list[Any]:
    return records(streamed(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO, **payload}))


def deltas(events: list[ChatEvent], **payload: Any) -> list[Any]:
    """What the chunks say, without the one that begins the stream and those that end it."""
    found = [record["choices"][0]["delta"] for record in chunks(events, **payload)[:-1] if record["choices"]]
    assert found[0] == {"role": "assistant", "content": ""}
    assert found[-1] == {}
    return found[1:-1]


def answer(events: list[ChatEvent], **payload: Any) -> Any:
    return orjson.loads(whole(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO, **payload}))


def final(judge: Judge, events: list[ChatEvent], **payload: Any) -> Any:
    """The completion that the SDK's helper puts together."""
    data = streamed(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO, **payload})
    with judge.told(PATH, data).chat.completions.stream(model="m", messages=HELLO) as stream:
        return stream.get_final_completion()


def test_a_text_is_a_stream_of_chunks_that_all_have_the_same_members() -> None:
    assert streamed(CHAT_TRANSLATED, a_stream(a_part("text", "He", "llo")), {"model": "m", "messages": HELLO}) == b"".join(
        b'data: {"id":"chatcmpl-up1","object":"chat.completion.chunk","created":%d,"model":"m","choices":[{"index":0,"delta":%s,'
        b'"logprobs":null,"finish_reason":%s}]}\n\n' % (NOON_S, delta, finish)
        for delta, finish in (
            (b'{"role":"assistant","content":""}', b"null"),
            (b'{"content":"He"}', b"null"),
            (b'{"content":"llo"}', b"null"),
            (b"{}", b'"stop"'),
        )
    ) + (b"data: [DONE]\n\n")


def test_events_that_come_together_are_written_as_those_that_come_alone() -> None:
    events = a_stream(a_part("reasoning", "a", "b"), a_part("text", "c", "d"), a_call("x", "f", "{", "}"), finish="tool_calls")
    renderer = CHAT_TRANSLATED.stream_renderer(CHAT_TRANSLATED.parse({"model": "m", "messages": HELLO}), NoonStopwatch())

    assert renderer.render(events) == streamed(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO})


def test_the_helper_of_the_sdk_puts_reasoning_text_and_calls_together(judge: Judge) -> None:
    completion = final(
        judge,
        a_stream(
            a_part("reasoning", "pl", "an"),
            a_part("text", "o", "k"),
            a_call("call_a", "f", '{"x"', ":1}"),
            a_call("call_b", "g", "{}"),
            finish="tool_calls",
            usage=Usage(9, 8, 4, 2, 5),
        ),
        stream_options={"include_usage": True},
    )

    choice = completion.choices[0]
    assert (choice.message.content, choice.message.reasoning_content, choice.finish_reason) == ("ok", "plan", "tool_calls")
    assert [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls] == [
        ("call_a", "f", '{"x":1}'),
        ("call_b", "g", "{}"),
    ]
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (9, 8, 17)
    assert completion.usage.prompt_tokens_details.cached_tokens == 4
    assert completion.usage.completion_tokens_details.reasoning_tokens == 5


def test_id_and_name_of_a_call_come_once() -> None:
    assert deltas(a_stream(a_call("call_a", "f", "{", "}"), finish="tool_calls")) == [
        {"tool_calls": [{"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
    ]


def test_text_after_a_call_is_content_again() -> None:
    said = deltas(a_stream(a_part("text", "a"), a_call("x", "f", "{}"), a_part("text", "b")))
    assert [next(iter(delta)) for delta in said] == ["content", "tool_calls", "tool_calls", "content"]


def test_counts_come_only_when_asked_for_and_known() -> None:
    asked = {"stream_options": {"include_usage": True}}
    counted = chunks(a_stream(a_part("text", "a"), usage=Usage(3, 4)), **asked)

    assert counted[-2] == counted[-2] | {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
    assert all(record["usage"] is None for record in counted[:-2])
    for silent in (
        chunks(a_stream(a_part("text", "a"), usage=Usage(3, 4))),
        chunks(a_stream(a_part("text", "a"), usage=Usage(prompt_tokens=3)), **asked),
        chunks(a_stream(a_part("text", "a")), **asked),
    ):
        assert silent[-1] == "[DONE]"
        assert silent[-2]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("payload", [{"reasoning_effort": "none"}, {"think": False}])
def test_thoughts_are_not_shown_to_those_who_do_not_want_them(payload: dict[str, Any]) -> None:
    events = a_stream(a_part("reasoning", "plan", closed=PartClosed("sig", "anthropic")), a_part("text", "ok"))

    assert deltas(events, **payload) == [{"content": "ok"}]
    message = answer(events, **payload)["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "ok", "refusal": None}


@pytest.mark.parametrize("payload", [{"reasoning": {"exclude": True}}, {"include_reasoning": False}])
def test_of_thoughts_that_are_hidden_there_is_what_must_come_back(payload: dict[str, Any]) -> None:
    signed = a_part("reasoning", "plan", closed=PartClosed("sig", "anthropic"))
    events = a_stream(signed, a_part("reasoning", "unsigned"), a_part("text", "ok"))
    block = {"type": "thinking", "thinking": "", "signature": "anthropic:sig"}

    assert deltas(events, **payload) == [{"thinking_blocks": [{"index": 0, **block}]}, {"content": "ok"}]
    message = answer(events, **payload)["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "ok", "refusal": None, "thinking_blocks": [block]}


def test_signed_thoughts_come_in_blocks_that_clients_can_give_back(judge: Judge) -> None:
    events = a_stream(
        a_part("reasoning", "pl", "an", closed=PartClosed("sig==", "anthropic")),
        a_part("reasoning", closed=PartClosed("hidden", "anthropic", redacted=True)),
        a_part("reasoning", "more", closed=PartClosed("g", "gemini")),
        a_part("text", "ok"),
    )
    blocks = [
        {"type": "thinking", "thinking": "plan", "signature": "anthropic:sig=="},
        {"type": "redacted_thinking", "data": "anthropic:hidden"},
        {"type": "thinking", "thinking": "more", "signature": "gemini:g"},
    ]

    message = final(judge, events).choices[0].message
    assert [{key: value for key, value in block.items() if key != "index"} for block in message.thinking_blocks] == blocks
    assert answer(events)["choices"][0]["message"]["thinking_blocks"] == blocks
    assert message.reasoning_content == "planmore"


def test_what_clients_give_back_is_what_the_model_said(judge: Judge) -> None:
    events = a_stream(
        a_part("reasoning", "plan", closed=PartClosed("sig==", "anthropic")),
        a_part("reasoning", closed=PartClosed("hidden", "anthropic", redacted=True)),
        a_part("text", "ok"),
        a_call("call_a", "f", "{}", closed=PartClosed("QQ==", "gemini")),
        finish="tool_calls",
    )
    given_back = final(judge, events).choices[0].message.model_dump(exclude_none=True)
    result = {"role": "tool", "tool_call_id": "call_a", "content": "1"}
    for message in (given_back, answer(events)["choices"][0]["message"]):
        request = CHAT_TRANSLATED.parse({"model": "m", "messages": [*HELLO, message, result]})
        said = tuple(replace(part, is_loose=True) if isinstance(part, ReasoningPart) else part for part in collect(events).parts)
        assert request.messages[1].parts == said  # but for where the thoughts stood, of which a chat tells nothing


def test_a_signed_call_says_so_where_google_does() -> None:
    events = a_stream(a_call("call_a", "f", "{}", closed=PartClosed("QQ==", "gemini")), finish="tool_calls")
    signed = {"google": {"thought_signature": "gemini:QQ=="}}

    assert deltas(events)[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": ""}, "extra_content": signed}]}
    assert answer(events)["choices"][0]["message"]["tool_calls"][0]["extra_content"] == signed


def test_those_who_speak_of_functions_are_answered_with_one(judge: Judge) -> None:
    events = a_stream(a_call("call_a", "f", '{"x"', ":1}"), a_call("call_b", "f", "{}"), finish="tool_calls")
    functions = {"functions": [{"name": "f"}]}

    data = streamed(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO, **functions})
    said = [chunk.choices[0] for chunk in judge.told(PATH, data).chat.completions.create(model="m", messages=HELLO, stream=True)]
    calls = [choice.delta.function_call for choice in said if choice.delta.function_call]
    assert (calls[0].name, "".join(call.arguments or "" for call in calls)) == ("f", '{"x":1}')
    assert said[-1].finish_reason == "function_call"
    choice = answer(events, **functions)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert choice["finish_reason"] == "function_call"


def test_a_refusal_has_its_own_member(judge: Judge) -> None:
    events = a_stream(a_part("refusal", "I ", "won't"))

    choice = final(judge, events).choices[0]
    assert (choice.message.refusal, choice.finish_reason) == ("I won't", "stop")
    assert answer(events)["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "I won't"}


def test_the_stop_sequence_that_matched_is_named() -> None:
    events = a_stream(a_part("text", "a"), stop_sequence="END")

    assert chunks(events)[-2]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop", "stop_reason": "END"}
    assert answer(events)["choices"][0]["stop_reason"] == "END"


def test_log_probabilities_come_with_their_text_and_alternatives_only_when_asked_for(judge: Judge) -> None:
    events = a_stream([PartOpened("text"), PartDelta("Hi", [LOGPROB]), PartClosed()])

    completion = final(judge, events, logprobs=True, top_logprobs=1)
    assert completion.choices[0].logprobs.content[0].top_logprobs[0].token == "Ho"
    asked = answer(events, logprobs=True)["choices"][0]["logprobs"]
    assert asked == {"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}], "refusal": None}
    assert answer(events)["choices"][0]["logprobs"] is None
    assert all(record["choices"][0]["logprobs"] is None for record in chunks(events)[:-1])


def test_arguments_that_are_no_json_are_the_clients_to_judge() -> None:
    events = a_stream(a_call("call_a", "f", '{"x":'), finish="length")

    choice = answer(events)["choices"][0]
    assert (choice["message"]["tool_calls"][0]["function"]["arguments"], choice["finish_reason"]) == ('{"x":', "length")


def test_a_whole_answer_is_read_by_the_sdk(judge: Judge) -> None:
    events = a_stream(a_part("reasoning", "plan"), a_part("text", "ok"), a_call("a", "f", "{}"), finish="tool_calls", usage=Usage(1, 2))

    client = judge.told_whole(PATH, whole(CHAT_TRANSLATED, events, {"model": "m", "messages": HELLO}))
    completion = client.chat.completions.create(model="m", messages=HELLO)
    choice = completion.choices[0]
    assert (completion.id, completion.created, completion.model) == ("chatcmpl-up1", NOON_S, "m")
    assert choice.message.content == "ok"
    assert choice.message.tool_calls is not None
    assert choice.message.tool_calls[0].id == "a"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 3


def test_an_answer_without_a_word_is_an_empty_text_and_one_of_calls_has_none() -> None:
    assert answer(a_stream())["choices"][0]["message"]["content"] == ""
    assert answer(a_stream(a_call("a", "f", "{}")))["choices"][0]["message"]["content"] is None
    assert "usage" not in answer(a_stream())


def test_an_id_that_is_a_completions_stays_as_it_is() -> None:
    assert answer(a_stream(start="chatcmpl-7"))["id"] == "chatcmpl-7"


def test_the_sdk_raises_at_a_stream_that_broke(judge: Judge) -> None:
    data = streamed(CHAT_TRANSLATED, a_broken_stream(a_part("text", "ha")), {"model": "m", "messages": HELLO})

    assert b'"finish_reason":"' not in data
    stream = judge.told(PATH, data).chat.completions.create(model="m", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="it broke"):
        list(stream)


def test_a_stream_that_never_began_is_an_error_too(judge: Judge) -> None:
    data = streamed(CHAT_TRANSLATED, [KeepAlive(), Failed(UpstreamUnavailable("nobody is there"))], {"model": "m", "messages": HELLO})

    assert data.startswith(b": keep-alive\n\n")
    with pytest.raises(openai.APIError, match="nobody is there"):
        list(judge.told(PATH, data).chat.completions.create(model="m", messages=HELLO, stream=True))


def test_silence_is_a_comment_that_the_sdk_reads_over(judge: Judge) -> None:
    events = [KeepAlive(), *a_stream(a_part("text", "a")), KeepAlive()]
    events[3:3] = [KeepAlive()]

    assert final(judge, events[:-1]).choices[0].message.content == "a"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "server_error"),
        ({"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, "server_error"),
        ({"error": {"type": "engine_error", "message": "m", "code": 7}}, "engine_error"),
    ],
)
def test_only_openais_own_words_for_errors_are_told(raw: object, kind: str) -> None:
    error = orjson.loads(CHAT_TRANSLATED.render_error(UpstreamRefused("m", status=503, raw=raw)))["error"]
    assert error == {"message": "m", "type": kind, "param": None, "code": 7 if kind == "engine_error" else None}


def test_line_ends_of_unicode_do_not_end_lines() -> None:
    data = streamed(CHAT_TRANSLATED, a_stream(a_part("text", "a\u2028b\x85c")), {"model": "m", "messages": HELLO})
    assert [line for line in data.decode().splitlines() if line and not line.startswith("data: ")] == []


def test_nothing_is_written_before_the_answer_begins() -> None:
    renderer = CHAT_TRANSLATED.stream_renderer(CHAT_TRANSLATED.parse({"model": "m", "messages": HELLO}), NoonStopwatch())
    assert renderer.render([]) == b""
    assert renderer.render([Started("x", created=5)]).startswith(b'data: {"id":"chatcmpl-x","object":"chat.completion.chunk","created":5,')
