"""Reads `tools` and `tool_choice`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.canonical.request import Tool
from proxy.dialects.anthropic.parsing.client_tools import known_tool
from proxy.dialects.anthropic.parsing.computer_tool import computer_tool
from proxy.dialects.anthropic.parsing.rows import Row

# Finds tools whose definitions the client holds back; here the model is told of all of them.
_SEARCH = "tool_search_tool_"
_ON_SERVERS = ("web_search_", "web_fetch_", "code_execution_", "mcp_toolset", "advisor_")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read_tools(request: Row) -> tuple[Tool, ...]:
    """The functions that the model may call.

    Raises:
        InvalidRequest: for those that only Anthropic's servers can run, or only Claude knows.
    """
    return tuple(tool for row in request.rows("tools") if (tool := _tool(row)) is not None)


def read_choice(request: Row, tools: Sequence[Tool]) -> tuple[str | Mapping[str, Any] | None, bool | None]:
    """The choice in OpenAI's words, and whether several calls at once are allowed; nothing of this without tools."""
    row = request.row("tool_choice")
    if row is None or not tools:
        return None, None
    parallel = False if row.flag("disable_parallel_tool_use") else None
    kind = row.text("type")
    if kind == "tool":
        name = row.text("name")
        if all(tool.name != name for tool in tools):
            raise row.refuse("name", f"Tool '{name}' not found in provided tools")
        return {"type": "function", "function": {"name": name}}, parallel
    if kind not in _CHOICES:
        raise row.refuse("type", f"Input tag {kind[:40]!r} does not match any of the expected tags: 'auto', 'any', 'tool', 'none'")
    return _CHOICES[kind], parallel


def _tool(row: Row) -> Tool | None:
    kind = row.text_or("type", "custom")
    cache_hint = row.members("cache_control")
    if kind == "custom":
        if not row.has("input_schema"):
            raise row.refuse("input_schema", "Field required")
        description, parameters = row.text_or("description", ""), row.members("input_schema")
        # Anthropic's strict schemas may have optional fields, which OpenAI's may not.
        return Tool(_name(row), description, parameters, row.flag("strict"), cache_hint, may_loosen=True)
    if kind.startswith(_SEARCH):
        return None
    known = known_tool(kind) or computer_tool(kind, row)
    if known is None:
        raise row.refuse("type", f"'{kind[:60]}' {_why_not(kind)}")
    return Tool(_name(row), *known, cache_hint=cache_hint)


def _why_not(kind: str) -> str:
    if kind.startswith(_ON_SERVERS):
        return "runs on Anthropic's servers, which do not serve this model: leave the tool out"
    return (
        "is a tool that only Claude knows, and it does not serve this request: leave the tool out, or send its input_schema as a custom one"
    )


def _name(row: Row) -> str:
    name = row.text("name")
    if not name:
        raise row.refuse("name", "String should have at least 1 character")
    return name
