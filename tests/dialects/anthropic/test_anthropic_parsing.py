"""Requests to `/v1/messages`: what they mean, and what is wrong with them."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from anthropic.types import ContentBlockParam
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import (
    ChatRequest,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    ResponseFormat,
    Sampling,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.anthropic.parsing import parse_count, parse_messages
from proxy.errors import InvalidRequest

PNG = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
PDF = b64encode(b"%PDF-1.7" + bytes(40)).decode()
CACHE = {"type": "ephemeral"}
FUNCTION = {"name": "f", "input_schema": {"type": "object"}}
UNEXPECTED = "does not match any of the expected tags"
OF_USERS = "'text', 'image', 'document', 'search_result', 'tool_result'"


def parsed(**changes: Any) -> ChatRequest:
    usual = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return parse_messages({**usual, **changes})


def user(*blocks: Any) -> tuple[Message, ...]:
    return parsed(messages=[{"role": "user", "content": list(blocks)}]).messages


def turns(*rows: tuple[str, Any], **changes: Any) -> tuple[Message, ...]:
    return parsed(messages=[{"role": role, "content": content} for role, content in rows], **changes).messages


def refused(**changes: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**changes)
    return caught.value.message


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def result(call_id: str, content: Any = "done", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def call(call_id: str, name: str = "f", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def test_the_least_request_says_nothing_that_the_client_did_not() -> None:
    assert parsed() == ChatRequest("claude", (Message("user", (TextPart("hi"),)),), sampling=Sampling(max_tokens=9), names_stops=True)


def test_all_numbers_and_words_come_through() -> None:
    asked = parsed(
        stream=True,
        temperature=1,
        top_p=0.5,
        top_k=40,
        stop_sequences=["a", "b"],
        metadata={"user_id": "u1"},
        service_tier="auto",
        some_new_field={"a": 1},
    )
    assert asked.stream
    assert asked.sampling == Sampling(max_tokens=9, temperature=1.0, top_p=0.5, top_k=40, stop=("a", "b"))
    assert asked.user == "u1"


def test_long_user_ids_are_told_apart_by_a_digest() -> None:
    users = [parsed(metadata={"user_id": "x" * 64 + tail}).user for tail in "abb"]
    assert users[0] != users[1] == users[2]
    assert all(user is not None and len(user) == 64 for user in users)


def test_system_blocks_are_the_first_message() -> None:
    asked = parsed(system=[text("x-anthropic-billing-header: cch=1;"), text("be brief", cache_control=CACHE), text("")])
    assert asked.messages[0] == Message("system", (TextPart("be brief", CACHE),))
    assert parsed(system="be brief").messages[0] == Message("system", (TextPart("be brief"),))
    assert [message.role for message in parsed(system="").messages] == ["user"]


def test_system_turns_stay_where_they_are() -> None:
    assert [message.role for message in turns(("user", "a"), ("system", "b"), ("user", "c"))] == ["user", "system", "user"]
    block = {"type": "mid_conv_system", "content": [text("b")]}
    assert user(text("a"), block, text("c")) == (
        Message("user", (TextPart("a"),)),
        Message("system", (TextPart("b"),)),
        Message("user", (TextPart("c"),)),
    )


def test_pictures_have_the_type_that_their_bytes_tell() -> None:
    source = {"type": "base64", "media_type": "image/jpeg", "data": PNG}
    url = {"type": "url", "url": "https://x/y.png"}
    (message,) = user({"type": "image", "source": source, "cache_control": CACHE}, {"type": "image", "source": url})
    assert message.parts == (ImagePart("image/png", PNG, cache_hint=CACHE), ImagePart(url="https://x/y.png"))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "?"}, "source.data: illegal base64 data at input byte 0"),
        ({"type": "base64", "media_type": "image/png", "data": ""}, "source.data: the file is empty: expected its base64 data"),
        ({"type": "base64", "data": PNG}, "source.media_type: Field required"),
        ({"type": "base64", "media_type": "image/bmp", "data": b64encode(b"BMxxxx").decode()}, "not 'image/bmp'"),
        ({"type": "file", "file_id": "f"}, "source.type: files are kept by Anthropic's servers"),
        ({"type": "url", "url": "file:///etc/passwd"}, "source.url: Only HTTPS URLs are supported"),
        ({"type": "x"}, "does not match any of the expected tags"),
        (None, "messages.0.content.0.source: Field required"),
    ],
)
def test_pictures_that_are_none_are_refused_by_their_place(source: Any, complaint: str) -> None:
    said = refused(messages=[{"role": "user", "content": [{"type": "image", "source": source}]}])
    assert said.startswith("messages.0.content.0.source")
    assert complaint in said


def test_documents_become_files_or_text() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "T", "context": "C"}
    link = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "cache_control": CACHE}
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}, "title": "T", "context": "C"}
    bare = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    blocks = {"type": "document", "source": {"type": "content", "content": [text("a"), text("b")]}, "title": "T"}
    assert user(pdf, link, plain, bare, blocks)[0].parts == (
        TextPart("C"),
        FilePart("application/pdf", PDF, name="T"),
        FilePart("application/pdf", url="https://x/y.pdf", cache_hint=CACHE),
        TextPart("T\nC\n\nwords"),
        TextPart("words"),
        TextPart("T"),
        TextPart("a"),
        TextPart("b"),
    )
    assert "not 'image/png'" in refused(
        messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "base64", "data": PNG}}]}]
    )
    assert "Anthropic's servers" in refused(
        messages=[{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}]}]
    )


def test_the_mark_of_a_document_of_several_texts_stands_on_the_last() -> None:
    parts = {"type": "document", "title": "T", "source": {"type": "content", "content": [text("a"), text("b")]}, "cache_control": CACHE}
    assert user(parts)[0].parts == (TextPart("T"), TextPart("a"), TextPart("b", CACHE))
    empty = {"type": "document", "title": "T", "source": {"type": "content", "content": []}, "cache_control": CACHE}
    assert user(empty)[0].parts == (TextPart("T", CACHE),)


def test_search_results_become_text() -> None:
    found = {"type": "search_result", "title": "T", "source": "https://x", "content": [text("a"), text("b")]}
    assert user(found)[0].parts == (TextPart("T\nhttps://x\n\na\n\nb"),)


def test_results_stand_before_all_else_that_their_message_says() -> None:
    messages = turns(
        ("user", "go"),
        ("assistant", [text("ok"), call("t1", "f", x=1), call("t2", "g")]),
        ("user", [text("see"), result("t2", [text("a")], is_error=True, cache_control=CACHE), text("next"), result("t1")]),
    )
    assert messages[1:] == (
        Message("assistant", (TextPart("ok"), ToolCallPart("t1", "f", '{"x":1}'), ToolCallPart("t2", "g", "{}"))),
        Message("tool", (ToolResultPart("t1", "f", (TextPart("done"),)),)),
        Message("tool", (ToolResultPart("t2", "g", (TextPart("a"),), is_error=True, cache_hint=CACHE),)),
        Message("user", (TextPart("see"), TextPart("next"))),
    )


@pytest.mark.parametrize("answered", [["t3", "t1"], ["t2"], ["t3", "t2", "t1"], []])
def test_results_stand_in_the_order_of_their_calls(answered: list[str]) -> None:
    calls = [("assistant", [call(name)]) for name in ("t1", "t2", "t3")]
    results = [("user", [text("see"), result(name)]) for name in answered]
    called, *tools = [message for message in turns(("user", "go"), *calls, *results)[1:] if message.role != "user"]
    ids = ["t1", "t2", "t3"]
    assert [part.id for part in called.parts if isinstance(part, ToolCallPart)] == ids
    found = [part for message in tools for part in message.parts if isinstance(part, ToolResultPart)]
    assert [(part.call_id, part.is_error) for part in found] == [(name, name not in answered) for name in ids]


def test_results_show_pictures_and_documents() -> None:
    shown = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
        {"type": "tool_reference", "tool_name": "g"},
    ]
    messages = turns(("user", "go"), ("assistant", [call("t1")]), ("user", [result("t1", shown)]))
    assert messages[2].parts == (ToolResultPart("t1", "f", (ImagePart("image/png", PNG), FilePart("application/pdf", PDF), TextPart("g"))),)


def test_calls_and_results_without_each_other_do_no_harm() -> None:
    messages = turns(("user", "go"), ("assistant", [call("t1")]), ("user", [result("t9"), text("so?")]))
    assert [message.role for message in messages] == ["user", "assistant", "tool", "user", "user"]
    answer = messages[2].parts[0]
    assert isinstance(answer, ToolResultPart)
    assert answer.is_error


def test_big_numbers_in_arguments_stay_as_they_are() -> None:
    messages = turns(("user", "go"), ("assistant", [call("t1", id=2**70)]), ("user", [result("t1")]))
    assert messages[1].parts == (ToolCallPart("t1", "f", '{"id":1180591620717411303424}'),)


def test_arguments_too_deep_to_be_written_are_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"a": deep}
    said = refused(messages=[{"role": "assistant", "content": [call("t1") | {"input": deep}]}])
    assert said.startswith("messages.0.content.0.input: can't be written as JSON")


def test_thoughts_come_back_with_the_name_of_their_maker() -> None:
    blocks = [
        {"type": "thinking", "thinking": "a", "signature": "c2ln"},
        {"type": "thinking", "thinking": "b", "signature": "gemini:c2ln"},
        {"type": "thinking", "thinking": "c", "signature": ""},
        {"type": "redacted_thinking", "data": "ZGF0"},
        {"type": "redacted_thinking", "data": "openai*:ZGF0"},
        text("d"),
    ]
    assert turns(("user", "go"), ("assistant", blocks))[1].parts == (
        ReasoningPart("a", "c2ln", "anthropic"),
        ReasoningPart("b", "c2ln", "gemini"),
        ReasoningPart("c"),
        ReasoningPart("", "ZGF0", "anthropic", redacted=True),
        ReasoningPart("", "ZGF0", "openai", redacted=True),
        TextPart("d"),
    )


def test_what_anthropics_own_tools_left_is_left_out() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        text("found"),
        {"type": "compaction", "content": "before"},
        {"type": "compaction", "content": None},
    ]
    assert turns(("user", "go"), ("assistant", blocks))[1].parts == (TextPart("found"), TextPart("before"))
    assert len(turns(("user", "go"), ("assistant", blocks[:2]))) == 1


def test_all_blocks_of_the_sdk_are_known() -> None:
    """But for those that only Anthropic's own servers can open."""
    kinds = {get_args(get_type_hints(block)["type"])[0] for block in get_args(ContentBlockParam)}
    assert len(kinds) > 10
    assert {kind for kind in kinds if not (_is_known("user", kind) or _is_known("assistant", kind))} == {"container_upload"}


def _is_known(role: str, kind: str) -> bool:
    try:
        turns((role, [{"type": kind}, text("x")]))
    except InvalidRequest as error:
        return error.param != "messages.0.content.0.type"
    return True


def test_prefill_stays_the_last_message() -> None:
    assert turns(("user", "go"), ("assistant", "The answer is ("))[-1] == Message("assistant", (TextPart("The answer is ("),))


def test_the_requests_own_cache_mark_stands_on_its_last_block() -> None:
    assert turns(("user", [text("a"), text("b")]), cache_control=CACHE)[0].parts == (TextPart("a"), TextPart("b", CACHE))
    own = {"type": "ephemeral", "ttl": "1h"}
    assert turns(("user", [text("a", cache_control=own)]), cache_control=CACHE)[0].parts == (TextPart("a", own),)
    thought = [{"type": "thinking", "thinking": "a", "signature": "s"}]
    assert turns(("user", "a"), ("assistant", thought), cache_control=CACHE)[1].parts == (ReasoningPart("a", "s", "anthropic"),)


def test_tools_are_functions() -> None:
    tools = parsed(
        tools=[
            {**FUNCTION, "description": "does", "strict": True, "cache_control": CACHE},
            {"type": "custom", "name": "g", "input_schema": {}},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 9},
            {"type": "memory_20250818", "name": "memory"},
            {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
        ]
    ).tools
    assert [tool.name for tool in tools] == ["f", "g", "bash", "str_replace_based_edit_tool", "memory"]
    first = tools[0]
    assert (first.description, first.parameters, first.strict, first.cache_hint) == ("does", {"type": "object"}, True, CACHE)
    assert all(tool.parameters and tool.parameters["type"] == "object" for tool in tools[2:])
    assert orjson.dumps([tool.parameters for tool in tools])


@pytest.mark.parametrize(
    "kind", ["web_search_20250305", "web_fetch_20250910", "code_execution_20250825", "mcp_toolset", "advisor_20260301"]
)
def test_tools_of_anthropics_servers_are_refused(kind: str) -> None:
    assert refused(tools=[FUNCTION, {"type": kind, "name": "t"}]).startswith(f"tools.1.type: '{kind}' runs on Anthropic's servers")


@pytest.mark.parametrize("kind", ["computer_toolset_20260801", "browser_toolset_20260801", "bash_x", "computer_1", "x"])
def test_tools_that_only_claude_knows_are_refused(kind: str) -> None:
    assert refused(tools=[FUNCTION, {"type": kind}]).startswith(f"tools.1.type: '{kind}' is a tool that only Claude knows")


SCREEN = {"name": "computer", "display_width_px": 1024, "display_height_px": 768}


def test_a_computer_is_told_with_the_size_of_its_screen() -> None:
    (tool,) = parsed(tools=[{"type": "computer_20250124", **SCREEN, "display_number": 1, "cache_control": CACHE}]).tools
    assert (tool.name, tool.cache_hint) == ("computer", CACHE)
    assert "(X11 display :1) is 1024 pixels wide and 768 pixels high" in tool.description
    assert tool.parameters
    fields = "action coordinate text start_coordinate scroll_direction scroll_amount duration"
    assert (list(tool.parameters["properties"]), tool.parameters["required"]) == (fields.split(), ["action"])


@pytest.mark.parametrize(
    ("kind", "more", "known"),
    [
        ("computer_20241022", {}, (False, False)),
        ("computer_20250124", {"enable_zoom": True}, (True, False)),
        ("computer_20251124", {}, (True, False)),
        ("computer_20251124", {"enable_zoom": True}, (True, True)),
    ],
)
def test_a_computer_does_what_its_version_can(kind: str, more: Any, known: tuple[bool, bool]) -> None:
    (tool,) = parsed(tools=[{"type": kind, **SCREEN, **more}]).tools
    assert tool.parameters
    properties = tool.parameters["properties"]
    actions = properties["action"]["enum"]
    assert {"screenshot", "left_click", "type", "key"} <= set(actions)
    assert ("scroll" in actions, "zoom" in actions) == ("scroll_amount" in properties, "region" in properties) == known
    assert len(set(actions)) == len(actions)


@pytest.mark.parametrize("missing", ["display_width_px", "display_height_px"])
def test_a_computer_without_a_screen_is_refused(missing: str) -> None:
    tool = {"type": "computer_20250124", **SCREEN, missing: None}
    assert refused(tools=[tool]) == f"tools.0.{missing}: Field required"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"type": "auto"}, ("auto", None)),
        ({"type": "any", "disable_parallel_tool_use": True}, ("required", False)),
        ({"type": "none"}, ("none", None)),
        ({"type": "tool", "name": "f"}, ({"type": "function", "function": {"name": "f"}}, None)),
    ],
)
def test_choices_are_in_openais_words(choice: Any, told: Any) -> None:
    asked = parsed(tools=[FUNCTION], tool_choice=choice)
    assert (asked.tool_choice, asked.parallel_tool_calls) == told
    without = parsed(tool_choice=choice)
    assert (without.tool_choice, without.parallel_tool_calls) == (None, None)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"thinking": {"type": "disabled"}}, ("off", None, False)),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, ("off", None, False)),
        ({"thinking": {"type": "adaptive"}}, ("on", None, False)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "xhigh"}}, ("xhigh", None, True)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, ("on", None, False)),
        ({"thinking": {"type": "between_tools"}}, ("minimal", None, False)),
        ({"thinking": {"type": "between_tools"}, "output_config": {"effort": "low"}}, ("low", None, False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ("on", 2048, False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"effort": "max"}}, ("max", 2048, False)),
        ({"output_config": {"effort": "low"}}, ("low", None, False)),
        ({}, (None, None, False)),
    ],
)
def test_thinking_and_effort_are_one(said: Any, told: Any) -> None:
    asked = parsed(**said)
    assert (asked.reasoning, asked.reasoning_budget, asked.hides_reasoning) == told


@pytest.mark.parametrize("place", [lambda wanted: {"output_config": {"format": wanted}}, lambda wanted: {"output_format": wanted}])
def test_formats_stand_in_two_places(place: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    assert parsed(**place({"type": "json_schema", "schema": schema})).response_format == ResponseFormat("json_schema", schema)
    assert "type: Input should be 'json_schema'" in refused(**place({"type": "x"}))
    assert "schema: Field required" in refused(**place({"type": "json_schema"}))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0, "stream": True}, "max_tokens: Input should be greater than or equal to 1 when the answer is streamed"),
        ({"model": None}, "model: Field required"),
        ({"model": " "}, "model: String should have at least 1 character"),
        ({"model": 1}, "model: Input should be a valid string"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": {}}, "messages: Input should be a valid list"),
        ({"messages": ["x"]}, "messages.0: Input should be an object"),
        ({"messages": [{"content": "x"}]}, "messages.0.role: Field required"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content: user messages must have non-empty content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text: Field required"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type: Field required"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content: Input should be a valid list"),
        (
            {"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]},
            f"messages.0.content.0.type: Input tag 'container_upload' {UNEXPECTED}: {OF_USERS}",
        ),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
        ({"temperature": "1"}, "temperature: Input should be a valid number"),
        ({"top_k": 1.5}, "top_k: Input should be a valid integer"),
        ({"stop_sequences": "x"}, "stop_sequences: Input should be a valid list"),
        ({"stop_sequences": [1]}, "stop_sequences.0: Input should be a valid string"),
        ({"stop_sequences": ["a", "\n"]}, "stop_sequences.1: each stop sequence must contain non-whitespace"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"system": [{"type": "image"}]}, f"system.0.type: Input tag 'image' {UNEXPECTED}: 'text'"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema: Field required"),
        ({"tools": [{"name": "", "input_schema": {}}]}, "tools.0.name: String should have at least 1 character"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name: Tool 'g' not found in provided tools"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            "thinking.budget_tokens: Input should be greater than or equal to 1024",
        ),
        ({"thinking": {"type": "x"}}, f"thinking.type: Input tag 'x' {UNEXPECTED}: 'enabled', 'adaptive', 'between_tools', 'disabled'"),
        (
            {"tools": [FUNCTION], "tool_choice": {"type": "x"}},
            f"tool_choice.type: Input tag 'x' {UNEXPECTED}: 'auto', 'any', 'tool', 'none'",
        ),
        ({"output_config": {"effort": "x"}}, "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id: Input should be a valid string"),
        ({"cache_control": "x"}, "cache_control: Input should be an object"),
        (
            {"mcp_servers": [{"type": "url"}]},
            "mcp_servers: MCP servers are asked by Anthropic's servers, which do not serve this model: leave them out",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_place(changes: dict[str, Any], complaint: str) -> None:
    assert refused(**changes) == complaint


def test_places_are_params() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "x", "data": 1}}]}])
    assert caught.value.param == "messages.0.content.0.source.data"


def test_what_claude_code_sends_is_understood() -> None:
    asked = parsed(
        stream=True,
        max_tokens=32_000,
        system=[
            text("x-anthropic-billing-header: cc_version=2.1; cch=ab12;"),
            text("You are Claude Code.", cache_control=CACHE),
            text("Be careful.", cache_control={"type": "ephemeral", "ttl": "1h"}),
        ],
        messages=[
            {"role": "user", "content": [text("<system-reminder>x</system-reminder>"), text("list files", cache_control=CACHE)]},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "ls", "signature": ""}, call("toolu_1", "Bash", command="ls")],
            },
            {"role": "user", "content": [result("toolu_1", [text("a.py")], is_error=False, cache_control=CACHE)]},
        ],
        tools=[{"name": "Bash", "description": "Runs", "input_schema": {"type": "object", "$schema": "x"}, "eager_input_streaming": True}],
        tool_choice={"type": "auto"},
        metadata={"user_id": '{"device_id":"d","account_uuid":"","session_id":"s","and":"so on, and so on"}'},
        thinking={"type": "adaptive"},
        output_config={"effort": "high"},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        temperature=1,
    )
    assert [message.role for message in asked.messages] == ["system", "user", "assistant", "tool"]
    assert [part.text for part in asked.messages[0].parts if isinstance(part, TextPart)] == ["You are Claude Code.", "Be careful."]
    assert asked.messages[2].parts == (ReasoningPart("ls"), ToolCallPart("toolu_1", "Bash", '{"command":"ls"}'))
    assert (asked.reasoning, asked.stream, len(asked.user or "")) == ("high", True, 64)


def test_counts_need_no_limit() -> None:
    asked = parse_count({"model": "claude", "messages": [{"role": "user", "content": "hi"}], "tools": [FUNCTION], "system": "s"})
    assert (asked.sampling, len(asked.messages), len(asked.tools)) == (Sampling(), 2, 1)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["text", "user", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "role", "source", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ["model", "messages", "system", "tools", "tool_choice", "thinking", "max_tokens", "metadata", "output_config", "stop_sequences"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_whatever_comes_is_read_or_refused(changes: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        parsed(**changes)
