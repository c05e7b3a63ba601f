"""Requests to `/v1/messages` as a whole: the least and the fullest, their numbers, their users, and their counts."""

from __future__ import annotations

from proxy.canonical.request import ChatRequest, Message, ReasoningPart, Sampling, TextPart, ToolCallPart
from proxy.dialects.anthropic.parsing import parse_count
from tests.dialects.anthropic.client_requests import CACHE, FUNCTION, call, parsed, result, text


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
