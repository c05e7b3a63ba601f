"""The tools of a request to `/v1/responses`, whose members stand beside their type. Pure.

Functions may stand in namespaces. For models they are functions whose names begin with that of their namespace; their calls are told to the
client by both names again.

Searches of the web run on OpenAI's servers. A model elsewhere is not told of them, and answers as one that did not search; that one must be
made is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from proxy.canonical.request import Tool
from proxy.dialects.openai.asking.row import Row, unsupported
from proxy.dialects.openai.asking.tools import WORDS, ToolChoice, allowed_tools, function_tool, named, only_function
from proxy.errors import InvalidRequest

# Codex offers one with each request (openai/codex, codex-rs/tools/src/tool_spec.rs).
_SEARCHES: Final = frozenset({"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"})
_UNFORCED = "can't be 'required': of these tools, none but OpenAI's own searches of the web are left, and this model has none"


class Spaced(NamedTuple):
    """The two names of a function."""

    namespace: str
    name: str


class Tools(NamedTuple):
    """What may be called.

    Attributes:
        choice: whether one must be.
        spaced: by the names that models know, the functions that stand in namespaces.
    """

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = None
    spaced: Mapping[str, Spaced] = {}


def read_tools(row: Row) -> Tools:
    """What may be called, and whether one must be. Raises `InvalidRequest`."""
    given = row.rows("tools")
    tools: list[Tool] = []
    names: set[str] = set()
    spaced: dict[str, Spaced] = {}
    for tool in given:
        for place, namespace, function in _functions(tool):
            name = spaced_name(namespace, function.name)
            if name in spaced or (namespace and name in names):
                raise InvalidRequest(f"Invalid value: two tools are called '{name[:80]}'.", param=place, code="invalid_value")
            names.add(name)
            tools.append(replace(function, name=name))
            if namespace:
                spaced[name] = Spaced(namespace, function.name)
    allowed, choice = _choice(row, tuple(tools)) if given else ((), None)
    return Tools(allowed, choice, spaced)


def spaced_name(namespace: str, name: str) -> str:
    """The name that models know the function `name` of a namespace by."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"


def offered(row: Row) -> list[object]:
    """The tools that the model is told of, as they came: what the answer repeats."""
    return [tool for tool, read in zip(row.items("tools"), row.rows("tools"), strict=True) if not _is_search(read)]


def _is_search(tool: Row) -> bool:
    return tool.text("type") in _SEARCHES


def _functions(tool: Row) -> Iterator[tuple[str, str, Tool]]:
    """The functions of one of the tools: their places, and their namespaces."""
    if _is_search(tool):
        return
    if tool.text("type") != "namespace":
        yield tool.place("name"), "", function_tool(only_function(tool))
        return
    namespace = tool.required_text("name")
    for function in tool.rows("tools"):
        yield function.place("name"), namespace, function_tool(only_function(function))


def _choice(row: Row, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    given = row.get("tool_choice")
    if given is None:
        return tools, None
    if type(given) is str:
        word = row.word("tool_choice", WORDS)
        if word == "required" and not tools:
            raise unsupported("tool_choice", _UNFORCED)
        return tools, word if tools else None
    choice = row.row("tool_choice")
    if choice.text("type") != "allowed_tools":
        return tools, named(_known_by_one_name(only_function(choice)), tools)
    wanted = choice.rows("tools")
    functions = [_known_by_one_name(only_function(tool)) for tool in wanted if not _is_search(tool)]
    if wanted and not functions:
        if choice.text("mode") == "required":
            raise unsupported("tool_choice", _UNFORCED)
        return (), None
    return allowed_tools(choice, functions, tools)


def _known_by_one_name(function: Row) -> Row:
    namespace = function.text("namespace")
    return Row({"name": spaced_name(namespace, function.required_text("name"))}, function.where) if namespace else function
