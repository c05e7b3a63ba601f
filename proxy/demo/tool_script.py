"""Which of the offered tools a sentence asks for, and with which arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.demo.hints import Hints
from proxy.demo.samples import sample
from proxy.demo.tokens import Part

_CLAUSE = re.compile(r"[;.?!]\s+|,?\s+(?:and|then|und|et|y)\s+|,\s+", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_CALLS = 8
# Words that say nothing about what a tool is for.
_FILLERS = """
    a an and are by call can do does for from get give how if in is it me my of on or please tell that the this to use was what which
    with you
"""
_EMPTY_WORDS = frozenset(_FILLERS.split())


@dataclass(frozen=True, slots=True)
class DemoTool:
    """An offered function."""

    name: str
    description: str
    parameters: Mapping[str, Any]


def plan_calls(tools: Sequence[DemoTool], sentence: str, *, forced: bool, parallel: bool) -> list[Part]:
    """The calls that the sentence asks for, none when no tool fits it; `forced` makes a call in any case."""
    planned = _match_clauses(tools, sentence)
    if not planned and forced and tools:
        planned = [(tools[0], sentence)]
    calls = [Part("call", arguments, tool.name) for tool, clause in planned for arguments in _all_arguments(tool, clause)]
    return calls[: _MOST_CALLS if parallel else 1]


def _match_clauses(tools: Sequence[DemoTool], sentence: str) -> list[tuple[DemoTool, str]]:
    """The tool of each clause. A clause that fits no tool, or the same one again, belongs to the clause before it."""
    matched: list[tuple[DemoTool, str]] = []
    before = ""
    for clause in _CLAUSE.split(sentence):
        tool = _best_tool(tools, clause)
        if tool is not None and not (matched and matched[-1][0] is tool):
            matched.append((tool, f"{before} {clause}".strip()))
        elif matched:
            matched[-1] = (matched[-1][0], f"{matched[-1][1]} and {clause}")
        else:
            before = f"{before} {clause}"
    return matched


def _best_tool(tools: Sequence[DemoTool], clause: str) -> DemoTool | None:
    words = _stems(clause)
    best, best_score = None, 0
    for tool in tools:
        score = (
            4 * len(words & _stems(tool.name))
            + 2 * len(words & _stems(tool.description))
            + len(words & _stems(" ".join(tool.parameters.get("properties", ()))))
        )
        if score > best_score:
            best, best_score = tool, score
    return best


def _stems(text: str) -> set[str]:
    """The words by their first five letters, so that `multiply` and `multiplied` are one."""
    words = re.findall(r"[^\W_]+", _CAMEL.sub(" ", text))
    return {word.lower()[:5] for word in words if word.lower() not in _EMPTY_WORDS}


def _all_arguments(tool: DemoTool, clause: str) -> list[str]:
    """The arguments of each call: `Paris and London` makes two calls of a tool that takes one city."""
    hints = Hints(clause)
    count = _repetitions(tool.parameters, hints)
    return [orjson.dumps(sample(tool.parameters, hints, optional=False)).decode() for _ in range(count)]


def _repetitions(parameters: Mapping[str, Any], hints: Hints) -> int:
    properties = parameters.get("properties", {})
    kinds = [
        properties[key].get("type")
        for key in parameters.get("required", ())
        if isinstance(properties.get(key), Mapping) and "enum" not in properties[key]
    ]
    texts, numbers = kinds.count("string"), kinds.count("integer") + kinds.count("number")
    if texts:
        return max(1, hints.texts // texts)
    return max(1, hints.numbers // numbers) if numbers else 1
