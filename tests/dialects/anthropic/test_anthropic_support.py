"""The table of what becomes of Anthropic's fields, against the reader of requests and the SDK's own list of fields."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase

from proxy.dialects.anthropic.parsing import parse_count, parse_messages
from proxy.dialects.anthropic.support import CLIENT_FIELDS
from proxy.support import FEATURES
from tests.dialects.client_fields import Json, Sample, check, is_answered

SAID: Json = {"role": "user", "content": "hi"}
TEXT: Json = {"type": "text", "text": "hi"}
ASKED: Json = {"model": "claude", "max_tokens": 9, "messages": [SAID]}
SCHEMA: Json = {"type": "object", "properties": {}}
TOOL: Json = {"name": "look", "input_schema": SCHEMA}
CALL: Json = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
RESULT: Json = {"type": "tool_result", "tool_use_id": "t1", "content": [TEXT]}
CACHED: Json = {"cache_control": {"type": "ephemeral"}}
PNG: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PDF: Json = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}}


def with_fields(**fields: Any) -> Sample:
    """A request with these, beside one without."""
    return Sample(parse_messages, {**ASKED, **fields}, ASKED)


def with_tools(tools: Any = (TOOL,), **fields: Any) -> Sample:
    """A request with functions and these."""
    return Sample(parse_messages, {**ASKED, "tools": list(tools), **fields}, {**ASKED, "tools": [TOOL]})


def shown(*blocks: Json, before: tuple[Json, ...] = ()) -> Sample:
    """A user who shows this, beside one who does not."""
    return Sample(parse_messages, _said([SAID | {"content": [TEXT, *blocks]}]), _said([SAID | {"content": [TEXT, *before]}]))


def thought(*blocks: Json) -> Sample:
    """A turn of the model's that has these before what it says, beside one that has not."""
    return _answered([*blocks, TEXT], [TEXT])


def called(result: Json, otherwise: Json) -> Sample:
    """A call with this result, beside one with that."""
    turns = [SAID, {"role": "assistant", "content": [CALL]}]
    return Sample(parse_messages, _said([*turns, SAID | {"content": [result]}]), _said([*turns, SAID | {"content": [otherwise]}]))


def document(**source: Any) -> Json:
    return {"type": "document", "source": source}


def _answered(said: list[Json], otherwise: list[Json]) -> Sample:
    asked, plain = ([SAID, {"role": "assistant", "content": content}, SAID] for content in (said, otherwise))
    return Sample(parse_messages, _said(asked), _said(plain))


def _said(messages: list[Json]) -> Json:
    return {**ASKED, "messages": messages}


ON_SERVERS = [
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
]
SAMPLES: dict[str, Sample] = {
    "model": with_fields(model="other"),
    "max_tokens": with_fields(max_tokens=8),
    "stream": with_fields(stream=True),
    "system": with_fields(system="Be short"),
    "messages[].role=system": with_fields(messages=[SAID, {"role": "system", "content": "Be short"}]),
    "messages[].content[].mid_conv_system": shown({"type": "mid_conv_system", "content": "Be short"}),
    "messages[].content[].text": shown({"type": "text", "text": "more"}),
    "messages[].content[].text.citations": shown({**TEXT, "citations": [{"type": "char_location"}]}, before=(TEXT,)),
    "messages[].content[].image (base64)": shown(PNG),
    "messages[].content[].image (url)": shown({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
    "messages[].content[].image (file)": shown({"type": "image", "source": {"type": "file", "file_id": "f"}}),
    "messages[].content[].document (base64)": shown(PDF),
    "messages[].content[].document (url)": shown(document(type="url", url="https://example.com/a.pdf")),
    "messages[].content[].document (text, content)": shown(
        document(type="text", media_type="text/plain", data="one"), document(type="content", content=[TEXT])
    ),
    "messages[].content[].document (file)": shown(document(type="file", file_id="f")),
    "messages[].content[].document.citations": shown({**PDF, "citations": {"enabled": True}}, before=(PDF,)),
    "messages[].content[].search_result": shown({"type": "search_result", "title": "One", "source": "there", "content": [TEXT]}),
    "messages[].content[].tool_use": _answered([TEXT, CALL], [TEXT]),
    "messages[].content[].tool_result": called(RESULT, {**RESULT, "content": "no"}),
    "messages[].content[].tool_result (images)": called({**RESULT, "content": [TEXT, PNG]}, RESULT),
    "messages[].content[].tool_result.is_error": called({**RESULT, "is_error": True}, RESULT),
    "messages[].content[].thinking": thought({"type": "thinking", "thinking": "hm", "signature": ""}),
    "messages[].content[].thinking.signature": thought({"type": "thinking", "thinking": "", "signature": "U0lH"}),
    "messages[].content[].redacted_thinking": thought({"type": "redacted_thinking", "data": "U0lH"}),
    "messages[].content[].server_tool_use, *_tool_result": thought(*ON_SERVERS),
    "messages[].content[].container_upload": shown({"type": "container_upload", "file_id": "f"}),
    "messages[] (assistant, last)": with_fields(messages=[SAID, {"role": "assistant", "content": "Well,"}]),
    "cache_control": with_fields(**CACHED),
    "tools[] (custom)": with_fields(tools=[TOOL]),
    "tools[].strict": with_tools([{**TOOL, "strict": True}]),
    "tools[] (bash, text_editor, memory, computer)": with_fields(tools=[{"type": "bash_20250124", "name": "bash"}]),
    "tools[] (web_search, web_fetch, code_execution, mcp_toolset, advisor)": with_fields(
        tools=[{"type": "web_search_20250305", "name": "web_search"}]
    ),
    "tools[] (computer_toolset, browser_toolset)": with_fields(tools=[{"type": "browser_toolset_20260801"}]),
    "tools[].defer_loading, input_examples, eager_input_streaming, allowed_callers": with_tools(
        [{**TOOL, "defer_loading": True, "input_examples": [{}], "eager_input_streaming": True, "allowed_callers": ["direct"]}]
    ),
    "tool_choice": with_tools(tool_choice={"type": "any"}),
    "tool_choice (tool)": with_tools(tool_choice={"type": "tool", "name": "look"}),
    "tool_choice.disable_parallel_tool_use": with_tools(tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    "stop_sequences": with_fields(stop_sequences=["END"]),
    "temperature": with_fields(temperature=0.5),
    "top_p": with_fields(top_p=0.5),
    "top_k": with_fields(top_k=5),
    "thinking (enabled)": with_fields(thinking={"type": "enabled", "budget_tokens": 2000}),
    "thinking (adaptive, disabled)": with_fields(thinking={"type": "disabled"}),
    "thinking (between_tools)": with_fields(thinking={"type": "between_tools"}),
    "thinking.display": with_fields(thinking={"type": "adaptive", "display": "omitted"}),
    "output_config.effort": with_fields(output_config={"effort": "low"}),
    "output_config.format, output_format": with_fields(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    "metadata.user_id": with_fields(metadata={"user_id": "ann"}),
    "mcp_servers": with_fields(mcp_servers=[{}]),
    "context_management": with_fields(context_management={"edits": []}),
    "(unknown fields)": with_fields(tomorrow=1),
    **{
        field: with_fields(**{field: "any"})
        for field in ("container", "diagnostics", "inference_geo", "service_tier", "speed", "user_profile_id", "workspace_id")
    },
}
# Another function of the reader, and a tool that is left out because all others are told.
APART = {"count_tokens", "tools[] (tool_search_tool)"}


def test_all_fields_of_the_sdk_stand_in_the_table() -> None:
    named = {name.strip() for field in CLIENT_FIELDS for name in field.split(" (")[0].split(",")}
    tops = {name.split(".")[0].removesuffix("[]") for name in named}
    assert set(get_type_hints(MessageCreateParamsBase)) <= tops


def test_features_are_those_of_the_house() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} - {""} <= FEATURES.keys()
    assert all(support.note for support in CLIENT_FIELDS.values() if support.outcome in ("approximated", "dropped", "refused"))


def test_every_field_is_read_here() -> None:
    assert {*SAMPLES, *APART} == {field for field in CLIENT_FIELDS if not is_answered(field)}


@pytest.mark.parametrize("field", SAMPLES)
def test_fields_are_read_as_the_table_says(field: str) -> None:
    check(CLIENT_FIELDS[field], SAMPLES[field])


def test_what_is_to_be_counted_is_read() -> None:
    assert parse_count(ASKED).messages == parse_messages(ASKED).messages


def test_a_search_for_tools_is_left_out() -> None:
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    sample = with_tools([search, {**TOOL, "defer_loading": True}])
    assert parse_messages(sample.asked) == parse_messages(sample.plain)
