"""Responses for OpenAI's clients: the events and the object, judged by the `openai` package."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest
from openai.types.responses import Response, ResponseOutputMessage
from pydantic import TypeAdapter

from proxy.canonical.completion import CUT_OFF, FinishReason, Usage
from proxy.canonical.events import ChatEvent, Failed, KeepAlive, PartClosed, PartDelta, PartOpened
from proxy.canonical.fold import collect
from proxy.canonical.request import ReasoningPart
from proxy.dialects.openai.ingress import RESPONSES_TRANSLATED
from proxy.errors import InvalidRequest, UpstreamBroken, UpstreamRefused, UpstreamUnavailable
from tests.dialects.openai.judged import NOON_S, Judge, a_broken_stream, a_call, a_part, a_stream, records, streamed, whole

PATH = "/v1/responses"
HI = {"model": "m", "input": "hi"}
LOGPROB = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
ITEMS = {"reasoning": "reasoning", "tool_call": "function_call"}
EVERYTHING = a_stream(
    a_part("reasoning", "pl", "an", closed=PartClosed("sig==", "anthropic")),
    a_part("text", "o", "k"),
    a_part("refusal", "but ", "no"),
    a_call("call_a", "f", '{"x"', ":1}", closed=PartClosed("QQ==", "gemini")),
    a_part("text", "bye"),
    finish="tool_calls",
    usage=Usage(9, 8, 4, 2, 5),
)


def events_of(events: list[ChatEvent], **payload: Any) -> list[Any]:
    return records(streamed(RESPONSES_TRANSLATED, events, {**HI, **payload}))


def answer(events: list[ChatEvent], **payload: Any) -> Any:
    return orjson.loads(whole(RESPONSES_TRANSLATED, events, {**HI, **payload}))


def final(judge: Judge, events: list[ChatEvent], **payload: Any) -> Any:
    """The response that the SDK's helper puts together."""
    data = streamed(RESPONSES_TRANSLATED, events, {**HI, **payload})
    with judge.told(PATH, data).responses.stream(model="m", input="hi") as stream:
        return stream.get_final_response()


def test_the_events_of_everything_come_in_the_order_that_openai_has() -> None:
    found = events_of(EVERYTHING)

    assert [event["type"].removeprefix("response.") for event in found] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", *["reasoning_summary_text.delta"] * 2),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", *["output_text.delta"] * 2, "output_text.done", "content_part.done"),
        *("content_part.added", *["refusal.delta"] * 2, "refusal.done", "content_part.done", "output_item.done"),
        *("output_item.added", *["function_call_arguments.delta"] * 2, "function_call_arguments.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done"),
        "completed",
    ]
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert {event["response"]["id"] for event in found if "response" in event} == {"resp_up1"}


def test_every_event_has_its_name_and_fits_the_types_of_the_sdk() -> None:
    from openai.types.responses import ResponseStreamEvent

    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for block in streamed(RESPONSES_TRANSLATED, EVERYTHING, HI).split(b"\n\n")[:-1]:
        name, data = block.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        assert adapter.validate_python(event).type == event["type"]
    assert Response.model_validate(answer(EVERYTHING)).id == "resp_up1"


def test_the_helper_of_the_sdk_puts_everything_together(judge: Judge) -> None:
    response = final(judge, EVERYTHING)

    thoughts, message, call, last = response.output
    assert (response.status, response.model, response.created_at, response.completed_at) == ("completed", "m", NOON_S, NOON_S)
    assert [part.text for part in thoughts.summary] == ["plan"]
    assert thoughts.encrypted_content == "anthropic:sig=="
    assert [getattr(part, "text", None) or part.refusal for part in message.content] == ["ok", "but no"]
    assert (call.call_id, call.name, call.arguments, call.status) == ("call_a", "f", '{"x":1}', "completed")
    assert last.content[0].text == "bye"
    assert response.output_text == "okbye"
    assert response.usage.model_dump() == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "cache_write_tokens_details": None},
        "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 17,
    }


def test_the_whole_answer_is_what_the_stream_ends_with(judge: Judge) -> None:
    for events in (EVERYTHING, a_stream(), a_stream(a_part("text", "x"), finish="length"), a_stream(a_call("a", "f", "{}"))):
        # Of a part that nothing was said in, the stream has told before that could be known.
        assert answer(events) == events_of(events)[-1]["response"]
    client = judge.told_whole(PATH, whole(RESPONSES_TRANSLATED, EVERYTHING, HI))
    assert client.responses.create(model="m", input="hi").output_text == "okbye"


def test_what_clients_give_back_is_what_the_model_said(judge: Judge) -> None:
    hidden = a_part("reasoning", closed=PartClosed("data", "anthropic", redacted=True))
    events = a_stream(
        a_part("reasoning", "plan", closed=PartClosed("sig==", "anthropic")),
        hidden,
        a_part("text", "ok"),
        a_call("call_a", "f", "{}", closed=PartClosed("QQ==", "gemini")),
        finish="tool_calls",
    )
    items = [item.model_dump(exclude_none=True) for item in final(judge, events).output]
    result = {"type": "function_call_output", "call_id": "call_a", "output": "1"}

    request = RESPONSES_TRANSLATED.parse({"model": "m", "input": [{"role": "user", "content": "hi"}, *items, result]})
    assert request.messages[1].parts == collect(events).parts  # type: ignore[union-attr]


def test_the_length_limit_and_the_filter_leave_an_answer_incomplete(judge: Judge) -> None:
    for finish, reason in (("length", "max_output_tokens"), ("content_filter", "content_filter")):
        found = events_of(a_stream(a_part("text", "ha"), finish=finish))  # type: ignore[arg-type]
        response = found[-1]["response"]
        assert (found[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
        assert response["incomplete_details"] == {"reason": reason}
        assert response["output"][0]["status"] == "incomplete"
        assert response["completed_at"] is None


def test_a_call_that_was_cut_off_is_not_done() -> None:
    found = events_of(a_stream(a_call("a", "f", "{}"), a_call("b", "f", '{"x":'), finish="length"))

    assert [event["arguments"] for event in found if event["type"] == "response.function_call_arguments.done"] == ["{}"]
    assert [item["status"] for item in found[-1]["response"]["output"]] == ["completed", "incomplete"]


STATE = a_part("reasoning", closed=PartClosed("QUJD", "openrouter"))


@pytest.mark.parametrize("hidden", [{}, {"reasoning": {"exclude": True}}])
@pytest.mark.parametrize("cut", [a_call("a", "f", '{"x":'), a_part("text", "Hel")])
def test_what_was_cut_off_is_incomplete_though_state_of_thoughts_follows_it(cut: list[ChatEvent], hidden: dict[str, Any]) -> None:
    """OpenRouter tells the state of thoughts behind what was said, and the reason to stop behind that."""
    found = events_of(a_stream(cut, STATE, STATE, finish="length"), **hidden)

    said, *states = found[-1]["response"]["output"]
    assert said["status"] == "incomplete"
    assert "response.function_call_arguments.done" not in [event["type"] for event in found]
    assert [item["encrypted_content"] for item in states] == ["openrouter:QUJD"] * 2
    done = [event for event in found if event["type"] == "response.output_item.done"]
    assert [event["output_index"] for event in done] == [0, 1, 2]
    assert [event["item"] for event in done] == [said, *states]


@pytest.mark.parametrize("hidden", [{}, {"reasoning": {"exclude": True}}])
def test_what_was_said_is_complete_once_more_than_state_follows_it(hidden: dict[str, Any]) -> None:
    signed = a_part("reasoning", "so", closed=PartClosed("sig==", "anthropic"))
    for behind in (signed, a_call("b", "g", '{"x":')):
        output = events_of(a_stream(a_part("text", "Hello"), STATE, behind, finish="length"), **hidden)[-1]["response"]["output"]
        assert (output[0]["status"], [item["type"] for item in output[1:]]) == ("completed", ["reasoning", ITEMS[behind[0].kind]])  # type: ignore[union-attr]


@pytest.mark.parametrize("hidden", [{}, {"reasoning": {"exclude": True}}])
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_state_of_thoughts_stays_between_the_texts_that_it_came_between(finish: FinishReason, hidden: dict[str, Any]) -> None:
    """Claude's thoughts that are not displayed, and Gemini's signatures without a text."""
    for texts in (("text", "text"), ("text", "refusal"), ("refusal", "text")):
        one, two = (a_part(kind, words) for kind, words in zip(texts, ("one ", "two"), strict=True))  # type: ignore[arg-type]
        events = a_stream(STATE, one, STATE, STATE, two, STATE, finish=finish)
        output = events_of(events, **hidden)[-1]["response"]["output"]

        told = [item["type"] for item in output]
        assert told == ["reasoning", "message", "reasoning", "reasoning", "message", "reasoning"]
        assert [item["status"] for item in output if "status" in item] == ["completed", "completed" if finish == "stop" else "incomplete"]
        assert answer(events, **hidden)["output"] == output
        asked = RESPONSES_TRANSLATED.parse({"model": "m", "input": [{"role": "user", "content": "hi"}, *output]})
        assert asked.messages[1].parts == collect(events).parts  # type: ignore[union-attr]
    unwanted = answer(events, reasoning={"effort": "none"})["output"]
    assert [(item["type"], len(item["content"])) for item in unwanted] == [("message", 2)]


@pytest.mark.parametrize("finish", sorted(CUT_OFF))
def test_a_call_whose_arguments_are_whole_is_done_though_the_answer_was_cut_off(finish: FinishReason) -> None:
    """Gemini's and Ollama's calls come whole, also before a limit or a filter."""
    for arguments, status in (('{"x":1}', "completed"), ("{}", "completed"), (" ", "incomplete"), ('{"x":1', "incomplete")):
        found = events_of(a_stream(a_call("a", "f", arguments), finish=finish))
        assert [item["status"] for item in found[-1]["response"]["output"]] == [status]
        assert any(event["type"] == "response.function_call_arguments.done" for event in found) is (status == "completed")


def test_thoughts_are_not_shown_to_those_who_do_not_want_them() -> None:
    events = a_stream(a_part("text", "a"), a_part("reasoning", "hm"), a_part("text", "b"))
    for payload in ({"reasoning": {"effort": "none"}}, {"reasoning": {"exclude": True}}):
        output = answer(events, **payload)["output"]
        assert [part["text"] for item in output for part in item["content"]] == ["a", "b"]
        assert len(output) == 1
        assert answer(events, **payload) == events_of(events, **payload)[-1]["response"]


def test_of_thoughts_that_are_hidden_there_is_what_must_come_back() -> None:
    signed = a_part("reasoning", "plan", closed=PartClosed("sig==", "anthropic"))
    events = a_stream(a_part("text", "a"), a_part("reasoning", "unsigned"), a_part("text", "b"), signed, a_part("text", "c"))
    hidden = {"reasoning": {"exclude": True}}
    output = answer(events, **hidden)["output"]

    assert [item["type"] for item in output] == ["message", "reasoning", "message"]
    assert (output[1]["summary"], output[1]["encrypted_content"]) == ([], "anthropic:sig==")
    assert answer(events, **hidden) == events_of(events, **hidden)[-1]["response"]
    assert "plan" not in str(events_of(events, **hidden))
    asked = RESPONSES_TRANSLATED.parse({"model": "m", "input": [{"role": "user", "content": "hi"}, *output]})
    assert any(part == ReasoningPart("", "sig==", "anthropic") for part in asked.messages[1].parts)  # type: ignore[union-attr]
    unwanted = answer(events, reasoning={"effort": "none"})["output"]
    assert [item["type"] for item in unwanted] == ["message"]


def test_log_probabilities_come_with_their_text() -> None:
    events = a_stream([PartOpened("text"), PartDelta("Hi", [LOGPROB]), PartDelta("!"), PartClosed()])
    found = events_of(events, top_logprobs=1)

    deltas = [event["logprobs"] for event in found if event["type"] == "response.output_text.delta"]
    assert deltas == [[LOGPROB], []]
    assert found[-1]["response"]["output"][0]["content"][0]["logprobs"] == [LOGPROB]
    assert answer(events)["output"][0]["content"][0]["logprobs"] == []


def test_unknown_counts_are_not_told() -> None:
    assert answer(a_stream(usage=Usage(prompt_tokens=3)))["usage"] is None


def test_what_was_asked_is_repeated_even_numbers_that_few_can_write() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "maximum": 2**70}}
    body = whole(RESPONSES_TRANSLATED, a_stream(), {**HI, "tools": [tool], "metadata": {"a": "b"}})
    assert str(2**70).encode() in body
    assert orjson.loads(body)["metadata"] == {"a": "b"}
    assert orjson.loads(body)["store"] is False


def test_the_sdk_raises_at_a_response_that_broke_however_it_listens(judge: Judge) -> None:
    data = streamed(RESPONSES_TRANSLATED, a_broken_stream(a_part("text", "ha"), [PartOpened("text"), PartDelta("lf")]), HI)

    failed = records(data)[-2]
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["response"]["error"] == {"code": "server_error", "message": "it broke"}
    with pytest.raises(openai.APIError, match="it broke"):
        list(judge.told(PATH, data).responses.create(model="m", input="hi", stream=True))
    with pytest.raises(openai.APIError, match="it broke"), judge.told(PATH, data).responses.stream(model="m", input="hi") as stream:
        stream.get_final_response()


def test_a_stream_that_never_began_is_an_error_too(judge: Judge) -> None:
    data = streamed(RESPONSES_TRANSLATED, [KeepAlive(), Failed(UpstreamUnavailable("nobody is there"))], HI)

    assert data.startswith(b": keep-alive\n\n")
    with pytest.raises(openai.APIError, match="nobody is there"), judge.told(PATH, data).responses.stream(model="m", input="hi") as stream:
        stream.get_final_response()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamRefused("m", status=429), "rate_limit_exceeded"),
        (InvalidRequest("m", code="context_length_exceeded"), "context_length_exceeded"),
        (UpstreamBroken("m"), "server_error"),
    ],
)
def test_errors_have_words_that_clients_know(error: Any, code: str) -> None:
    found = events_of([*a_stream()[:1], Failed(error)])
    assert found[-2]["response"]["error"]["code"] == code
    assert (found[-1]["type"], found[-1]["error"]["message"], found[-1]["message"]) == ("error", "m", "m")


def test_silence_is_a_comment_that_the_sdk_reads_over(judge: Judge) -> None:
    events = a_stream(a_part("text", "a"))
    response = final(judge, [KeepAlive(), *events[:2], KeepAlive(), *events[2:]])
    assert isinstance(response.output[0], ResponseOutputMessage)
    assert response.output_text == "a"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["metadata", "text", "tools", "tool_choice", "reasoning"])
def test_what_is_repeated_is_refused_before_anything_is_asked_where_it_could_not_be_written(name: str, stream: bool) -> None:
    refusals: list[InvalidRequest] = []
    for levels in range(240, 262):
        members = nested(name, levels)
        try:
            told = events_of(EVERYTHING, **members)[-1]["response"] if stream else answer(EVERYTHING, **members)
        except InvalidRequest as error:
            refusals.append(error)
        else:
            assert told[name] is not None
            assert not refusals
    assert {(error.status, error.param) for error in refusals} == {(400, name)}
    assert all(error.message.startswith(f"Invalid value for '{name}': it can't be written as JSON") for error in refusals)


@pytest.mark.parametrize(
    ("name", "value"),
    [("metadata", {"a": "\ud800", "b": 2**70}), ("prompt_cache_key", "\ud800"), ("metadata", {"a": float("nan"), "b": 2**70})],
)
def test_half_characters_and_what_is_no_number_are_not_repeated(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        answer(EVERYTHING, **{name: value})
    assert (refusal.value.status, refusal.value.param) == (400, name)


def test_integers_beyond_64_bits_are_repeated_digit_by_digit() -> None:
    assert answer(EVERYTHING, metadata={"a": 1})["metadata"] == {"a": 1}
    assert b'"metadata":{"a":1180591620717411303424}' in whole(RESPONSES_TRANSLATED, EVERYTHING, {**HI, "metadata": {"a": 2**70}})


def nested(name: str, levels: int) -> dict[str, Any]:
    """A member that is so deep, and is repeated."""
    deep: Any = 1
    for _ in range(levels):
        deep = {"a": deep}
    match name:
        case "metadata":
            return {name: deep}
        case "text":
            return {name: {"more": deep}}
        case "tools":
            return {name: [{"type": "function", "name": "f", "parameters": deep}]}
        case "tool_choice":
            return {"tools": [{"type": "function", "name": "f"}], name: {"type": "function", "name": "f", "more": deep}}
        case _:
            return {name: {"summary": [deep]}}
