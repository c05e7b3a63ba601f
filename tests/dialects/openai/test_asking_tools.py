"""How tools are read, and the choice among them."""

from __future__ import annotations

import time

from proxy.canonical.request import Tool, ToolCallPart, ToolResultPart
from tests.dialects.openai.asked import F, G, asked, conversation


def test_functions_of_the_older_kind_are_calls_and_results_too() -> None:
    turn = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "1"}
    found = conversation(turn, result, turn, result)

    ids = [part.id for message in found for part in message.parts if isinstance(part, ToolCallPart)]
    assert ids == [part.call_id for message in found for part in message.parts if isinstance(part, ToolResultPart)]
    assert len(set(ids)) == 2
    request = asked(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})
    assert request.tools == (Tool("f", parameters={}),)
    assert request.tool_choice == {"type": "function", "function": {"name": "f"}}
    assert (request.speaks_functions, request.parallel_tool_calls) == (True, False)
    assert asked(functions=[{"name": "f"}], function_call="none").tool_choice == "none"


def test_tools_come_as_they_are() -> None:
    request = asked(tools=[F, G], tool_choice="required", parallel_tool_calls=False)
    assert request.tools == (Tool("f"), Tool("g", "G", {"type": "object"}, strict=True))
    assert (request.tool_choice, request.parallel_tool_calls, request.speaks_functions) == ("required", False, False)


def test_without_tools_there_is_nothing_to_choose() -> None:
    request = asked(tools=[], tool_choice="auto", parallel_tool_calls=True)
    assert (request.tool_choice, request.parallel_tool_calls) == (None, None)


def test_who_may_call_only_some_tools_knows_no_others() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}}
    request = asked(tools=[F, G], tool_choice=allowed)
    assert (request.tools, request.tool_choice) == ((Tool("f"),), "required")


def test_many_tools_that_are_allowed_cost_no_more_than_their_number() -> None:
    many = [{"type": "function", "function": {"name": f"f{number}"}} for number in range(30_000)]
    began = time.process_time()
    request = asked(tools=many, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": many}})
    assert time.process_time() - began < 3, "where each is looked for among all others, it takes far longer"
    assert (len(request.tools), request.tool_choice) == (len(many), "auto")
