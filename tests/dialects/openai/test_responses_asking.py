"""How requests to `/v1/responses` are read that go to upstreams of other dialects."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.canonical.request import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    RefusalPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.openai.ingress import RESPONSES_TRANSLATED
from proxy.dialects.openai.responses.asking import AskedResponse
from proxy.errors import InvalidRequest

PDF = "JVBERi0xLjQK"
WAV = "UklGRiQAAABXQVZFZm10IA=="
F: dict[str, Any] = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
G: dict[str, Any] = {"type": "function", "name": "g"}
SEARCH = {"type": "web_search", "external_web_access": False}
SPACE: dict[str, Any] = {"type": "namespace", "name": "n", "description": "all of n", "tools": [F, G]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_a", "output": "1"}


def asked(given: Any = "hi", **payload: Any) -> AskedResponse:
    request = RESPONSES_TRANSLATED.parse({"model": "m", "input": given, **payload})
    assert isinstance(request, AskedResponse)
    return request


def conversation(*items: Any) -> tuple[Message, ...]:
    return asked(list(items)).messages


def test_a_text_is_what_the_user_says_behind_the_instructions() -> None:
    assert asked("hi", instructions="Be brief").messages == (
        Message("system", (TextPart("Be brief"),)),
        Message("user", (TextPart("hi"),)),
    )


def test_messages_have_the_roles_and_parts_that_they_have() -> None:
    assert conversation(
        {"role": "developer", "content": "be brief"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "https://x/a.png", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
                {"type": "input_file", "file_url": "https://x/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            ],
        },
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": "go on"},
    ) == (
        Message("developer", (TextPart("be brief"),)),
        Message(
            "user",
            (
                TextPart("see"),
                ImagePart(url="https://x/a.png"),
                FilePart("application/pdf", PDF, name="a.pdf"),
                FilePart(url="https://x/a.pdf"),
                AudioPart("wav", WAV),
            ),
        ),
        Message("assistant", (TextPart("ok"), RefusalPart("no"))),
        Message("user", (TextPart("go on"),)),
    )


def test_all_that_the_model_said_in_a_turn_is_one_turn() -> None:
    thoughts = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "plan"}]}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]}
    second = {**CALL, "call_id": "call_b"}
    shown = [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "https://x/a.png"}]
    assert conversation(thoughts, said, CALL, second, RESULT, {**RESULT, "call_id": "call_b", "output": shown}) == (
        Message("assistant", (ReasoningPart("plan"), TextPart("ok"), ToolCallPart("call_a", "f", "{}"), ToolCallPart("call_b", "f", "{}"))),
        Message("tool", (ToolResultPart("call_a", "f", (TextPart("1"),)),)),
        Message("tool", (ToolResultPart("call_b", "f", (TextPart("see"), ImagePart(url="https://x/a.png"))),)),
    )


def test_a_call_without_result_gets_one_and_a_result_without_call_is_said_by_the_user() -> None:
    assert conversation(CALL, {**RESULT, "call_id": "zzz"}) == (
        Message("assistant", (ToolCallPart("call_a", "f", "{}"),)),
        Message("tool", (ToolResultPart("call_a", "f", (TextPart("(no result)"),), is_error=True),)),
        Message("user", (TextPart("1"),)),
    )


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ({"encrypted_content": "anthropic:sig"}, ReasoningPart("plan", "sig", "anthropic")),
        ({"encrypted_content": "anthropic*:data", "summary": []}, ReasoningPart("", "data", "anthropic", redacted=True)),
        ({"encrypted_content": "gAAAAA=="}, ReasoningPart("plan", "gAAAAA==", "openai")),
        ({"content": [{"type": "reasoning_text", "text": "raw"}]}, ReasoningPart("raw")),
        ({"summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]}, ReasoningPart("a\n\nb")),
    ],
)
def test_thoughts_come_back_with_what_is_known_of_them(item: Any, part: ReasoningPart) -> None:
    thoughts = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "plan"}], **item}
    assert conversation(thoughts, CALL, RESULT)[0].parts[0] == part


def test_thoughts_without_a_word_are_none() -> None:
    assert conversation({"type": "reasoning", "id": "rs_1", "summary": []}, CALL, RESULT)[0].parts == (ToolCallPart("call_a", "f", "{}"),)


def test_signatures_of_calls_come_back() -> None:
    signed = {**CALL, "extra_content": {"google": {"thought_signature": "QQ=="}}}
    assert conversation(signed, RESULT)[0].parts == (ToolCallPart("call_a", "f", "{}", "QQ==", "gemini"),)


def test_everything_else_of_a_request() -> None:
    request = asked(
        stream=True,
        tools=[F, G],
        tool_choice={"type": "function", "name": "g"},
        parallel_tool_calls=False,
        text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": False}, "verbosity": "low"},
        reasoning={"effort": "xhigh", "summary": "auto"},
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        top_logprobs=2,
        user="u",
        num_ctx=4096,
    )
    assert request.stream
    assert request.tools == (Tool("f", parameters={"type": "object"}, strict=True), Tool("g"))
    assert request.tool_choice == {"type": "function", "function": {"name": "g"}}
    assert request.parallel_tool_calls is False
    assert request.response_format == ResponseFormat("json_schema", {}, "n", strict=False)
    assert request.reasoning == "xhigh"
    assert (request.user, request.extra) == ("u", {"num_ctx": 4096, "verbosity": "low"})
    sampling = request.sampling
    assert (sampling.max_tokens, sampling.temperature, sampling.top_p) == (9, 0.5, 0.25)
    assert (sampling.logprobs, sampling.top_logprobs) == (True, 2)
    assert asked(include=["message.output_text.logprobs"]).sampling.logprobs
    assert asked(text={"format": {"type": "json_object"}}).response_format == ResponseFormat("json")


def test_who_may_call_only_some_tools_knows_no_others() -> None:
    request = asked(tools=[F, G], tool_choice={"type": "allowed_tools", "mode": "required", "tools": [G]})
    assert (request.tools, request.tool_choice) == ((Tool("g"),), "required")
    assert asked(tools=[F], tool_choice="none").tool_choice == "none"


def test_searches_of_the_web_are_not_offered_to_models_that_have_none() -> None:
    request = asked(tools=[SEARCH, F, {"type": "web_search_preview"}], tool_choice="auto")
    assert [tool.name for tool in request.tools] == ["f"]
    assert (request.tool_choice, request.repeated["tools"]) == ("auto", [F])
    alone = asked(tools=[SEARCH], tool_choice="auto", parallel_tool_calls=True)
    assert (alone.tools, alone.tool_choice, alone.parallel_tool_calls, alone.repeated["tools"]) == ((), None, None, [])
    allowed = asked(tools=[SEARCH, F, G], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [SEARCH, G]})
    assert [tool.name for tool in allowed.tools] == ["g"]
    assert asked(tools=[SEARCH, F], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]}).tools == ()


def test_of_searches_in_earlier_turns_the_words_are_left() -> None:
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]}
    assert conversation({"role": "user", "content": "hi"}, searched, said, {"role": "user", "content": "so?"}) == conversation(
        {"role": "user", "content": "hi"}, said, {"role": "user", "content": "so?"}
    )


def test_functions_of_a_namespace_are_known_by_one_name() -> None:
    request = asked(
        [{**CALL, "namespace": "n"}, RESULT],
        tools=[F, SPACE, {"type": "namespace", "name": "mcp__x__", "tools": [G]}],
        tool_choice={"type": "function", "namespace": "n", "name": "g"},
    )
    assert [tool.name for tool in request.tools] == ["f", "n__f", "n__g", "mcp__x__g"]
    assert request.spaced["mcp__x__g"] == ("mcp__x__", "g")
    assert request.tool_choice == {"type": "function", "function": {"name": "n__g"}}
    assert request.messages[0].parts == (ToolCallPart("call_a", "n__f", "{}"),)
    assert request.repeated["tools"][1] == SPACE


@pytest.mark.parametrize("is_allowed", [False, True], ids=["in a namespace", "allowed"])
def test_many_functions_cost_no_more_than_their_number(is_allowed: bool) -> None:
    many = [{**G, "name": f"g{number}"} for number in range(20_000)]
    choice = {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": many}}
    tools = {"tools": many, **choice} if is_allowed else {"tools": [{**SPACE, "tools": many}]}
    began = time.process_time()
    assert len(asked(**tools).tools) == len(many)
    assert time.process_time() - began < 3, "where each is looked for among all others, it takes far longer"


def test_what_the_answer_repeats_is_what_came() -> None:
    repeated = asked(tools=[F], metadata={"a": "b"}, reasoning={"effort": "low"}, store=True).repeated
    assert (repeated["tools"], repeated["metadata"], repeated["tool_choice"]) == ([F], {"a": "b"}, "auto")
    assert repeated["reasoning"] == {"effort": "low", "summary": None}
    assert "store" not in repeated


@pytest.mark.parametrize("payload", [{"store": True}, {"store": False}, {"background": False}, {"previous_response_id": None}, {"foo": 1}])
def test_what_asks_for_nothing_that_would_be_kept_is_taken(payload: Any) -> None:
    assert asked(**payload) == asked()


@pytest.mark.parametrize(
    ("payload", "param", "code"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"background": True}, "background", "unsupported_parameter"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": ""}, "input", "missing_required_parameter"),
        ({"input": []}, "input", "missing_required_parameter"),
        ({"input": 1}, "input", "invalid_type"),
        ({"input": [1]}, "input[0]", "invalid_type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type", "unsupported_parameter"),
        ({"input": [{"type": "file_search_call", "id": "fs_1"}]}, "input[0].type", "unsupported_parameter"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        ({"input": [{"role": "user", "content": []}]}, "input[0].content", "empty_array"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text", "missing_required_parameter"),
        ({"input": [{"type": "function_call_output", "call_id": "a"}]}, "input[0].output", "missing_required_parameter"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id", "missing_required_parameter"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
            "input[0].content[0].file_id",
            "unsupported_parameter",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].file_data",
            "missing_required_parameter",
        ),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tools": [SEARCH], "tool_choice": "required"}, "tool_choice", "unsupported_parameter"),
        ({"tools": [F, SEARCH], "tool_choice": {"type": "web_search"}}, "tool_choice.type", "unsupported_parameter"),
        (
            {"tools": [F, SEARCH], "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [SEARCH]}},
            "tool_choice",
            "unsupported_parameter",
        ),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "c"}]}]},
            "tools[0].tools[0].type",
            "unsupported_parameter",
        ),
        ({"tools": [{**F, "name": "n__f"}, SPACE]}, "tools[1].tools[0].name", "invalid_value"),
        ({"tools": [{"type": "custom", "name": "c"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tools": [F], "tool_choice": {"type": "function", "name": "zzz"}}, "tool_choice.name", "invalid_value"),
        ({"max_output_tokens": 0}, "max_output_tokens", "integer_out_of_range"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema", "missing_required_parameter"),
        ({"reasoning": {"effort": "hard"}}, "reasoning.effort", "invalid_value"),
        ({"top_logprobs": 99}, "top_logprobs", "integer_out_of_range"),
        ({"model": None}, "model", "missing_required_parameter"),
    ],
)
def test_what_is_wrong_is_named_in_openais_words(payload: Any, param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        RESPONSES_TRANSLATED.parse({"model": "m", "input": "hi", **payload})
    assert (caught.value.param, caught.value.code) == (param, code)
