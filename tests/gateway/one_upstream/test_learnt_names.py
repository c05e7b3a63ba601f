"""Names of tools that an upstream refuses are spelled plainly for it, and clients hear of their own."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import call_delta, chat_reply, finish_chunk, refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.from_outside import CHAT, MESSAGES, lines_of_stream
from tests.gateway.one_upstream.questions import ask, asked


def reading_plain_names_alone(request: Request) -> Answer:
    """An upstream that calls the first of its tools, if it can read the names of all of them, also of those that were called before."""
    tools = [tool["function"]["name"] for tool in request.json["tools"]]
    called = [call["function"]["name"] for message in request.json["messages"] for call in message.get("tool_calls", ())]
    if not all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in tools + called):
        return json_answer(refusal("Invalid 'tools[0].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."), 400)
    if request.json.get("stream"):
        return stream_of(call_delta(0, "call_1", tools[0], "{}"), finish_chunk("tool_calls"))
    call = {"id": "call_1", "type": "function", "function": {"name": tools[0], "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return json_answer({**chat_reply(""), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})


@pytest.mark.parametrize("stream", [True, False])
def test_names_of_tools_when_refused_are_spelled_plainly_and_come_back(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, reading_plain_names_alone)
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("mcp.server/x", "f")]
    calls = [{"function": {"name": "mcp.server/x", "arguments": {}}}]
    before = [*MESSAGES, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_name": "mcp.server/x", "content": "1"}]
    for messages in (MESSAGES, before):
        first = lines_of_stream(ask(client, stream=stream, tools=tools, messages=messages))[0]
        assert [call["function"]["name"] for call in first["message"]["tool_calls"]] == ["mcp.server/x"]
    assert len(asked(upstream)) == 3
