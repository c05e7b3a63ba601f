"""`/api/chat`: each rule of translation 1.1, and the order in which Ollama finds fault."""

from __future__ import annotations

import math
from typing import Any

import pytest

from proxy.canonical.request import (
    ChatRequest,
    ImagePart,
    Message,
    ReasoningPart,
    ResponseFormat,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
)
from proxy.dialects.ollama.parsing import KEEP_ALIVE, load_reason, parse_chat
from proxy.errors import InvalidRequest

PIXEL = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "required": ["b"]}


def parsed(**changes: Any) -> ChatRequest:
    return parse_chat({"model": "m", "messages": [{"role": "user", "content": "hi"}], **changes})


def messages_of(*rows: Any) -> tuple[Message, ...]:
    return parsed(messages=list(rows)).messages


def refusal(**changes: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**changes)
    return caught.value


def test_the_least_request_says_nothing_that_the_client_did_not_say() -> None:
    assert parsed() == ChatRequest(model="m", messages=(Message("user", (TextPart("hi"),)),), stream=True)


@pytest.mark.parametrize(("sent", "stream"), [({}, True), ({"stream": None}, True), ({"stream": True}, True), ({"stream": False}, False)])
def test_rule_stream_is_true_when_absent_or_null(sent: dict[str, Any], stream: bool) -> None:
    assert parsed(**sent).stream is stream


def test_rule_model_is_echoed_as_the_client_spelt_it() -> None:
    assert parsed(model="  Meta-Llama/Llama 3@x:Latest ").model == "  Meta-Llama/Llama 3@x:Latest "


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "\u0085x", "x" * 501])
def test_names_that_can_be_no_name_are_refused(name: str) -> None:
    assert refusal(model=name).message == "invalid model name"


@pytest.mark.parametrize(
    "payload", [{}, {"model": ""}, {"model": None}, {"model": "  "}, {"model": "\u2028"}, {"model": "\u00a0 "}, {"name": "m"}]
)
def test_fact_33_chat_needs_a_model_under_its_own_name(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"^model is required$") as caught:
        parse_chat(payload)
    assert caught.value.status == 400


def test_rule_role_is_lower_cased() -> None:
    assert [message.role for message in messages_of(*({"role": role} for role in ("SYSTEM", "Developer", "uSer", "Assistant")))] == [
        "system",
        "developer",
        "user",
        "assistant",
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"role": "critic"}, 'messages[1] has the unknown role "critic": use system, developer, user, assistant or tool'),
        ({"content": "hi"}, "messages[1] has no role: use system, developer, user, assistant or tool"),
        (None, "messages[1] has no role: use system, developer, user, assistant or tool"),
    ],
)
def test_rule_an_unknown_role_is_refused_by_name(row: Any, complaint: str) -> None:
    error = refusal(messages=[{"role": "user"}, row])
    assert (error.message, error.status, error.param) == (complaint, 400, "messages")


@pytest.mark.parametrize("row", [{"role": "user"}, {"role": "user", "content": ""}, {"role": "user", "content": None}])
def test_fact_49_rule_content_may_be_missing_and_an_empty_text_is_no_part(row: dict[str, Any]) -> None:
    assert messages_of(row) == (Message("user", ()),)


def test_rule_images_follow_the_text_with_their_sniffed_type() -> None:
    picture = ImagePart(mime="image/png", data=PIXEL)
    assert messages_of({"role": "user", "content": "see", "images": [PIXEL, PIXEL]})[0].parts == (TextPart("see"), picture, picture)
    assert messages_of({"role": "user", "content": "", "images": [PIXEL]})[0].parts == (picture,)


def test_case_72_a_data_url_is_not_doubled_and_garbage_is_refused() -> None:
    assert messages_of({"role": "user", "images": [f"data:image/jpeg;base64,{PIXEL}"]})[0].parts == (ImagePart("image/png", PIXEL),)
    error = refusal(messages=[{"role": "user", "images": ["no base64!"]}])
    assert (error.message, error.status, error.param) == ("illegal base64 data at input byte 2", 400, "messages")


def test_rule_thinking_of_the_history_is_a_reasoning_part() -> None:
    row = {
        "role": "assistant",
        "thinking": "hm",
        "content": "so",
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"z": 1, "a": [1.0, None]}}}],
    }
    assert messages_of(row)[0].parts == (ReasoningPart("hm"), TextPart("so"), ToolCallPart("c", "f", '{"z":1,"a":[1.0,null]}'))


def test_thinking_of_other_roles_is_dropped() -> None:
    assert messages_of({"role": "user", "content": "hi", "thinking": "hm"})[0].parts == (TextPart("hi"),)


@pytest.mark.parametrize("function", [{"name": "f", "arguments": None}, {"name": "f"}, {"name": "f", "arguments": {}, "index": 3}])
def test_rule_absent_arguments_are_an_empty_object_and_the_index_is_dropped(function: dict[str, Any]) -> None:
    part = messages_of({"role": "assistant", "tool_calls": [{"function": function, "type": "function"}]})[0].parts[0]
    assert isinstance(part, ToolCallPart)
    assert (part.name, part.arguments) == ("f", "{}")


def test_rule_string_arguments_are_refused_as_go_does() -> None:
    error = refusal(messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]}])
    assert "messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments" in error.message


def test_arguments_too_deep_to_be_written_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"a": deep}
    assert "arguments" in refusal(messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": deep}}]}]).message


@pytest.mark.parametrize("call", [{}, None, {"function": None}, {"function": {"name": ""}}])
def test_a_call_without_a_name_is_refused(call: Any) -> None:
    message = refusal(messages=[{"role": "assistant", "tool_calls": [call]}]).message
    assert message == "messages[0].tool_calls[0].function.name is missing"


@pytest.mark.parametrize("asked", [None, ""])
def test_fact_45_rule_format_empty_or_null_is_free_text(asked: Any) -> None:
    assert parsed(format=asked).response_format is None


def test_rule_format_json_and_schema() -> None:
    assert parsed(format="json").response_format == ResponseFormat("json")
    asked = parsed(format=SCHEMA).response_format
    assert asked == ResponseFormat("json_schema", schema=SCHEMA)
    assert asked is not None
    assert asked.strict is None
    assert list((asked.schema or {})["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("yaml", r'"\"yaml\""'), (3, '"3"'), (True, '"true"'), (["json"], r'"[\"json\"]"'), ("x" * 300, '"' + r"\"" + "x" * 119 + '..."')],
)
def test_rule_any_other_format_fails_at_inference_with_500(asked: Any, shown: str) -> None:
    error = refusal(format=asked)
    assert error.message == f'invalid format: {shown}; expected "json" or a valid JSON Schema object'
    assert (error.status, error.param) == (500, "format")
    assert parsed(messages=[], format=asked).response_format is None


def test_a_format_too_deep_to_be_shown_is_refused_all_the_same() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert refusal(format=deep).message.startswith('invalid format: "[[[[')


@pytest.mark.parametrize(
    ("think", "reasoning"),
    [(None, None), (True, "on"), (False, "off"), ("low", "low"), ("medium", "medium"), ("high", "high"), ("max", "max")],
)
def test_rule_think_becomes_reasoning(think: Any, reasoning: str | None) -> None:
    assert parsed(think=think).reasoning == reasoning


@pytest.mark.parametrize(
    ("think", "complaint"),
    [
        ("banana", 'invalid think value: "banana" (must be "high", "medium", "low", "max", true, or false)'),
        ("", 'invalid think value: "" (must be "high", "medium", "low", "max", true, or false)'),
        ("Low", 'invalid think value: "Low" (must be "high", "medium", "low", "max", true, or false)'),
        ('a"\n\x01\u200b', 'invalid think value: "a\\"\\n\\x01\\u200b" (must be "high", "medium", "low", "max", true, or false)'),
        (1, 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)'),
        ({}, 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)'),
    ],
)
def test_fact_40_case_74_a_broken_think_is_refused_in_ollamas_words(think: Any, complaint: str) -> None:
    error = refusal(think=think)
    assert (error.message, error.status, error.param) == (complaint, 400, "think")


def test_rule_tools_keep_their_schema_and_a_missing_one_stays_missing() -> None:
    tools = [
        {"type": "function", "function": {"name": "f", "description": "does f", "parameters": SCHEMA | {"additionalProperties": False}}},
        {"type": "function", "function": {"name": "g"}},
    ]
    assert parsed(tools=tools).tools == (
        Tool("f", "does f", SCHEMA | {"additionalProperties": False}, may_loosen=True),
        Tool("g", may_loosen=True),
    )
    assert parsed(tools=tools).tool_choice is None


@pytest.mark.parametrize("tools", [[], None])
def test_fact_50_rule_an_empty_list_of_tools_is_none(tools: Any) -> None:
    assert parsed(tools=tools).tools == ()


@pytest.mark.parametrize("tool", [{}, None, {"type": "web_search"}, {"function": {"name": ""}}])
def test_a_tool_without_a_name_is_refused(tool: Any) -> None:
    error = refusal(tools=[{"function": {"name": "f"}}, tool])
    assert (error.message, error.param) == ("tools[1].function.name is missing", "tools")


def test_rule_keep_alive_and_num_ctx_go_to_extra() -> None:
    assert parsed(keep_alive="5m", options={"num_ctx": 8192}).extra == {"num_ctx": 8192, KEEP_ALIVE: 300.0}
    assert parsed(keep_alive=-1).extra == {KEEP_ALIVE: math.inf}
    assert parsed(keep_alive=None, options={"num_ctx": 0}).extra == {}


@pytest.mark.parametrize(
    ("keep_alive", "complaint"),
    [("", 'time: invalid duration ""'), ("10", 'time: missing unit in duration "10"'), (False, "Unsupported type: 'bool'")],
)
def test_fact_48_a_broken_keep_alive_is_refused(keep_alive: Any, complaint: str) -> None:
    error = refusal(keep_alive=keep_alive)
    assert (error.message, error.status, error.param) == (complaint, 400, "keep_alive")


@pytest.mark.parametrize("messages", [{}, {"messages": None}, {"messages": []}])
def test_fact_30_case_75_no_messages_load_the_model(messages: dict[str, Any]) -> None:
    request = parse_chat({"model": "m", **messages})
    assert request.messages == ()
    assert load_reason(request) == "load"


@pytest.mark.parametrize("keep_alive", [0, 0.0, "0", "0s", "0m"])
def test_fact_31_case_75_no_messages_and_keep_alive_0_unload_it(keep_alive: Any) -> None:
    assert load_reason(parsed(messages=[], keep_alive=keep_alive)) == "unload"


@pytest.mark.parametrize("keep_alive", ["5m", -1, None])
def test_no_messages_and_another_keep_alive_load_it(keep_alive: Any) -> None:
    assert load_reason(parsed(messages=[], keep_alive=keep_alive)) == "load"


def test_keep_alive_0_with_messages_is_an_ordinary_chat() -> None:
    assert load_reason(parsed(keep_alive=0)) is None


def test_rule_logprobs() -> None:
    assert parsed(logprobs=True, top_logprobs=5).sampling == Sampling(logprobs=True, top_logprobs=5)
    assert parsed(logprobs=True, top_logprobs=0).sampling == Sampling(logprobs=True)
    assert parsed(top_logprobs=5).sampling == Sampling()


@pytest.mark.parametrize("asked", [-1, 21, 1 << 40])
def test_fact_43_top_logprobs_out_of_range_are_refused_before_the_model_is_looked_at(asked: int) -> None:
    with pytest.raises(InvalidRequest, match=r"^top_logprobs must be between 0 and 20$"):
        parse_chat({"top_logprobs": asked})


def test_rule_truncate_shift_and_debug_are_dropped() -> None:
    assert parsed(truncate=False, shift=False, _debug_render_only=True) == parsed()


@pytest.mark.parametrize(
    ("beside", "within", "strict"),
    [
        ({"strict": True}, {}, True),
        ({}, {"strict": False}, False),
        ({"strict": True}, {"strict": False}, False),
        ({"strict": "yes"}, {}, None),
    ],
)
def test_strictness_of_a_tool_is_passed_on(beside: dict[str, Any], within: dict[str, Any], strict: bool | None) -> None:
    (tool,) = parsed(tools=[{"type": "function", "function": {"name": "f", **within}, **beside}]).tools
    assert tool == Tool("f", strict=strict, may_loosen=True)


def test_arguments_of_the_history_keep_the_digits_of_their_integers() -> None:
    call = {"function": {"name": "f", "arguments": {"id": (1 << 64) + 1}}}
    part = messages_of({"role": "assistant", "tool_calls": [call]})[0].parts[0]
    assert isinstance(part, ToolCallPart)
    assert part.arguments == '{"id":18446744073709551617}'
