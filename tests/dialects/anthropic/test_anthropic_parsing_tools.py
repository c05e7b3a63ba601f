"""Tools of a request to `/v1/messages`: the client's own, Claude's and Anthropic's, and which one is to be called."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.dialects.anthropic.client_requests import CACHE, FUNCTION, parsed, refused


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
    assert first.may_loosen
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
