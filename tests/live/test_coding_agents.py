"""What Claude Code and Codex send, with all that they put into it, to upstreams of every kind: two turns of work, and what goes along."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import anthropic
import pytest
import requests

from tests.fake_upstream import json_answer
from tests.live.house import House
from tests.pairs.clients import INGRESSES
from tests.pairs.scenes import BY_NAME, SCHEMA, Call
from tests.pairs.upstreams import EGRESSES, Egress
from tests.vendors import anthropic_at

ON_ALL = pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
MARK: dict[str, Any] = {"type": "ephemeral"}
LONG = "mcp__a_server_with_a_name_that_says_much__and_a_tool_with_a_name_that_says_even_more"
BASH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "command": {"type": "string", "description": "The command"},
        "timeout": {"type": "number", "maximum": 600000, "exclusiveMinimum": 0},
        "edits": {"type": "array", "items": {"type": "object", "properties": {"old": {"type": "string"}}}, "minItems": 1},
    },
    "required": ["command"],
    "additionalProperties": False,
}
MANY = [f"Tool{number}" for number in range(20)]
CALLS = replace(BY_NAME["reasoning_and_call"], calls=(Call("toolu_01parisparis", "get_weather", {"city": "Paris"}),))
ANSWERED = BY_NAME["tool_result"]

# Claude Code

CLAUDE_CODE: dict[str, Any] = {
    "max_tokens": 32_000,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.9.abc; cc_entrypoint=cli; cch=ab12f;"},
        {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude.", "cache_control": MARK},
        {"type": "text", "text": "Be careful.", "cache_control": {**MARK, "ttl": "1h"}},
    ],
    "tools": [
        *({"name": name, "description": f"Does {name}", "input_schema": BASH} for name in (*MANY, LONG)),
        {"name": "get_weather", "description": "The weather", "input_schema": SCHEMA, "cache_control": MARK},
    ],
    "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "4e26b4d0-9e0b-4e0a-9ed5-7f3a3f3b1d55"})},
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
}
ASKED: list[Any] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "<system-reminder>\nToday is Saturday.\n</system-reminder>"},
            {"type": "text", "text": "How is the weather in Paris?", "cache_control": MARK},
        ],
    }
]
BETAS = ["claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27", "prompt-caching-scope-2026-01-05"]
HEADERS = {"x-app": "cli", "User-Agent": "claude-cli/2.1.9 (external, cli)", "anthropic-dangerous-direct-browser-access": "true"}


def claude_code(house: House) -> anthropic.Anthropic:
    return anthropic_at(house.master.address, api_key=None, auth_token="of-the-client", default_headers=HEADERS)


@ON_ALL
def test_claude_code_works_for_two_turns(house: House, egress: Egress) -> None:
    model, upstream = f"{egress.name}/m", house.upstreams[egress.name]
    with claude_code(house) as client:
        house.play(egress, CALLS)
        with client.beta.messages.stream(model=model, messages=ASKED, betas=BETAS, **CLAUDE_CODE) as stream:
            called = stream.get_final_message()
        assert (called.stop_reason, called.content[-1].type) == ("tool_use", "tool_use")
        asked = egress.asked(upstream.requests[-1])
        assert len(asked.tools) == len(MANY) + 2
        (call,) = (block for block in called.content if block.type == "tool_use")
        assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
        said = [block.model_dump(mode="json", exclude_none=True) for block in called.content]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny in Paris", "is_error": False, "cache_control": MARK}
        history = [*ASKED, {"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
        house.play(egress, ANSWERED)
        with client.beta.messages.stream(model=model, messages=history, betas=BETAS, **CLAUDE_CODE) as stream:
            answer = stream.get_final_message()
    assert (answer.stop_reason, answer.content[-1].type, getattr(answer.content[-1], "text", "")) == ("end_turn", "text", "Sunny.")
    asked = egress.asked(upstream.requests[-1])
    assert asked.said_by("result") == [("result", '{"city": "Paris"}', "sunny in Paris")]
    system = "".join(turn[1] for turn in asked.said_by("system"))
    assert "You are Claude Code" in system
    assert "Be careful." in system
    # Only Anthropic has a use for it, and elsewhere it would spoil what is cached.
    assert ("x-anthropic-billing-header" in system) is (egress.name == "anthropic")


def test_claude_codes_betas_reach_claude(house: House) -> None:
    (egress,) = (egress for egress in EGRESSES if egress.name == "anthropic")
    house.play(egress, BY_NAME["text"])
    with claude_code(house) as client, client.beta.messages.stream(model="anthropic/m", messages=ASKED, betas=BETAS, **CLAUDE_CODE) as told:
        told.until_done()
    (request,) = house.upstreams["anthropic"].requests[-1:]
    assert request.headers["anthropic-beta"] == ",".join(BETAS)
    assert request.json["context_management"] == CLAUDE_CODE["context_management"]
    assert request.json["system"] == CLAUDE_CODE["system"]


@ON_ALL
def test_claude_code_counts_before_it_asks(house: House, egress: Egress) -> None:
    house.upstreams["anthropic"].on("/v1/messages/count_tokens", json_answer({"input_tokens": 4321}))
    house.upstreams["gemini"].on("/v1beta/models/m:countTokens", json_answer({"totalTokens": 4321}))
    about = {name: CLAUDE_CODE[name] for name in ("system", "tools", "thinking")}
    with claude_code(house) as client:
        counted = client.beta.messages.count_tokens(model=f"{egress.name}/m", messages=ASKED, betas=BETAS, **about).input_tokens
    assert counted == 4321 if egress.name in ("anthropic", "gemini") else 1000 < counted < 10_000


def test_claude_code_looks_whether_anybody_is_there(house: House) -> None:
    for method, path in (("HEAD", "/"), ("GET", "/v1/models?limit=1000")):
        answer = requests.request(method, house.master.address + path, headers={**HEADERS, "anthropic-version": "2023-06-01"}, timeout=10)
        assert answer.status_code == 200


# Codex

CODEX: dict[str, Any] = {
    "instructions": "You are a coding agent running in the Codex CLI.",
    "tools": [
        {"type": "function", "name": "exec_command", "description": "Runs", "strict": False, "parameters": BASH},
        {"type": "function", "name": "get_weather", "description": "The weather", "strict": False, "parameters": SCHEMA},
        {"type": "web_search", "external_web_access": False},
        {
            "type": "namespace",
            "name": "mcp__docs__",
            "description": "Tools of docs",
            "tools": [{"type": "function", "name": "search", "description": "Searches", "strict": False, "parameters": BASH}],
        },
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199-conversation",
    "text": {"verbosity": "medium"},
    "client_metadata": {"x-codex-installation-id": "i"},
}
CODEX_INPUT: list[Any] = [
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "<permissions>all</permissions>"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "How is the weather in Paris?"}]},
]
(RESPONSES,) = (ingress for ingress in INGRESSES if ingress.name == "openai.responses")


def codex(house: House, egress: Egress, items: list[Any]) -> dict[str, Any]:
    """The response that a stream ends with."""
    headers = {"Authorization": "Bearer of-the-client", "originator": "codex_cli_rs", "session_id": "s", "Accept": "text/event-stream"}
    body = {**CODEX, "model": f"{egress.name}/m", "input": items}
    answer = requests.post(f"{house.master.address}/v1/responses", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    assert RESPONSES.read_stream(answer.content).ended
    (end,) = (line for line in answer.text.split("\n") if line.startswith('data: {"type":"response.completed"'))
    response: dict[str, Any] = json.loads(end.removeprefix("data: "))["response"]
    return response


@ON_ALL
@pytest.mark.parametrize("name", ["get_weather", "mcp__docs__search"])
def test_codex_works_for_two_turns(house: House, egress: Egress, name: str) -> None:
    house.play(egress, replace(CALLS, calls=(replace(CALLS.calls[0], name=name),)))
    called = codex(house, egress, CODEX_INPUT)
    asked = egress.asked(house.upstreams[egress.name].requests[-1])
    assert list(asked.tools) == ["exec_command", "get_weather", "mcp__docs__search"]
    call = called["output"][-1]
    assert (call.get("namespace", ""), call["name"]) == (("mcp__docs__", "search") if name.startswith("mcp") else ("", name))
    house.play(egress, ANSWERED)
    said = [{key: value for key, value in item.items() if key not in ("id", "status")} for item in called["output"]]
    answer = codex(
        house, egress, [*CODEX_INPUT, *said, {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny in Paris"}]
    )
    assert answer["output"][-1]["content"][0]["text"] == "Sunny."
    asked = egress.asked(house.upstreams[egress.name].requests[-1])
    assert asked.said_by("call") == [("call", name, '{"city": "Paris"}')]
    assert asked.said_by("result") == [("result", '{"city": "Paris"}', "sunny in Paris")]


@ON_ALL
def test_codex_is_told_that_no_search_can_be_demanded(house: House, egress: Egress) -> None:
    body = {**CODEX, "model": f"{egress.name}/m", "input": CODEX_INPUT, "tool_choice": {"type": "web_search"}}
    answer = requests.post(f"{house.master.address}/v1/responses", json=body, timeout=30)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tool_choice.type")
