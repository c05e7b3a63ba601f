"""Tools, and which of them the model may or must call. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.canonical.request import Tool
from proxy.dialects.openai.asking.row import Row, unsupported, wrong_type
from proxy.errors import InvalidRequest

ToolChoice = str | Mapping[str, Any] | None

WORDS = ("none", "auto", "required")


def read_tools(row: Row) -> tuple[Tool, ...]:
    """The functions of `tools`, or those of the older `functions`. Raises `InvalidRequest` for tools that are none."""
    tools = [function_tool(only_function(tool).row("function"), tool.mapping("cache_control")) for tool in row.rows("tools")]
    return tuple(tools or [function_tool(function) for function in row.rows("functions")])


def only_function(tool: Row) -> Row:
    """`tool`, when it is a function. Raises `InvalidRequest`."""
    kind = tool.text("type") or "function"
    if kind != "function":
        raise unsupported(tool.place("type"), f"must be 'function': the tool '{kind[:40]}' is OpenAI's own, and this model is not")
    return tool


def function_tool(function: Row, cache_hint: Mapping[str, Any] | None = None) -> Tool:
    """The tool that `function` describes."""
    return Tool(
        function.required_text("name"), function.text("description"), function.mapping("parameters"), function.flag("strict"), cache_hint
    )


def read_choice(row: Row, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that may be called, and whether one must be; without tools there is nothing to choose. Raises `InvalidRequest`."""
    name = "tool_choice" if row.get("tool_choice") is not None else "function_call"
    given = row.get(name)
    if not tools or given is None:
        return tools, None
    if type(given) is str:
        return tools, row.word(name, WORDS)
    choice = row.row(name)
    if name == "function_call":
        return tools, named(choice, tools)
    if choice.text("type") == "allowed_tools":
        allowed = choice.row("allowed_tools")
        return allowed_tools(allowed, [only_function(tool).row("function") for tool in allowed.rows("tools")], tools)
    return tools, named(only_function(choice).row("function"), tools)


def named(function: Row, tools: Sequence[Tool]) -> Mapping[str, Any]:
    """The choice of one tool. Raises `InvalidRequest` when there is none of that name."""
    name = function.required_text("name")
    if all(tool.name != name for tool in tools):
        raise _no_such_tool(function, name)
    return {"type": "function", "function": {"name": name}}


def allowed_tools(allowed: Row, functions: Sequence[Row], tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """Those of `tools` that are allowed, as if there were no others: no upstream could call one that it was not told of.

    Raises:
        InvalidRequest: none is, or one of them is not there.
    """
    names = [function.required_text("name") for function in functions]
    known = {tool.name for tool in tools}
    for name, function in zip(names, functions, strict=True):
        if name not in known:
            raise _no_such_tool(function, name)
    if not names:
        raise wrong_type(allowed.place("tools"), "an array with a tool", [])
    mode = allowed.word("mode", ("auto", "required")) or "auto"
    wanted = set(names)
    return tuple(tool for tool in tools if tool.name in wanted), mode


def _no_such_tool(function: Row, name: str) -> InvalidRequest:
    place = function.place("name")
    return InvalidRequest(f"Invalid value: '{name[:80]}' is none of the tools of this request.", param=place, code="invalid_value")
