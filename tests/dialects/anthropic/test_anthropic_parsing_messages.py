"""The conversation in a request to `/v1/messages`: system prompts, turns, calls and their results, thoughts, marks of what to cache."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from anthropic.types import ContentBlockParam

from proxy.canonical.request import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from proxy.errors import InvalidRequest
from tests.dialects.anthropic.client_requests import CACHE, call, parsed, refused, result, text, turns, user


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
