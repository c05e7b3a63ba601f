"""How requests are judged: refusals, and the rules that every server of this kind has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
LOGPROBS = frozenset({"logprobs", "top_logprobs"})
BASIC = frozenset({"model", "messages", "stream", "stop", "tools", "tool_choice", "response_format"}) | SAMPLING
OPENAI = (
    BASIC | LOGPROBS | {"max_tokens", "max_completion_tokens", "seed", "stream_options", "parallel_tool_calls", "user", "n", "logit_bias"}
)


@dataclass
class Refusal:
    """An error answer. `fields` are dotted paths, for servers that name several at once."""

    message: str
    status: int = 400
    param: str | None = None
    code: str | None = None
    fields: list[str] = field(default_factory=list)


def given_calls(body: Json) -> list[Json]:
    """The tool calls in the conversation so far."""
    return [call for message in body["messages"] for call in message.get("tool_calls") or ()]


def speaks_of_json(body: Json) -> bool:
    return "json" in json.dumps([message.get("content") for message in body["messages"]]).lower()


def format_of(body: Json) -> str:
    """`json_object`, `json_schema` or nothing."""
    kind = (body.get("response_format") or {}).get("type", "")
    assert isinstance(kind, str)
    return kind


def check_conversation(body: Json) -> Iterator[Refusal]:
    """What is refused by all: an empty list of tools, wrong types, calls without results and results without calls."""
    yield from _check_parameters(body)
    yield from _check_schema(body)
    open_calls: list[str] = []
    for index, message in enumerate(body["messages"]):
        if message["role"] not in ("system", "user", "assistant", "tool"):
            yield Refusal(f"Invalid role '{message['role']}'", param=f"messages.[{index}].role")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                yield Refusal("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.", param="messages")
            open_calls = [call_id for call_id in open_calls if call_id != message.get("tool_call_id")]
        elif open_calls:
            yield _unanswered()
        yield from _check_message(index, message)
        if message["role"] == "assistant":
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        yield _unanswered()


def _unanswered() -> Refusal:
    return Refusal("An assistant message with 'tool_calls' must be followed by tool messages.", param="messages")


def _check_parameters(body: Json) -> Iterator[Refusal]:
    if body.get("tools") == []:
        yield Refusal("[] is too short - 'tools'", param="tools")
    if "tools" not in body and body.keys() & {"tool_choice", "parallel_tool_calls"}:
        yield Refusal("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    if "stream_options" in body and not body.get("stream"):
        yield Refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options")
    if "stop" in body and not (isinstance(body["stop"], list) and body["stop"] and all(body["stop"])):
        yield Refusal("Invalid 'stop'", param="stop")


def _check_message(index: int, message: Json) -> Iterator[Refusal]:
    content = message.get("content")
    if message["role"] in ("tool", "system") and not isinstance(content, str):
        yield Refusal(f"Invalid type for 'messages[{index}].content'", param="messages")
    if isinstance(content, list):
        for part in content:
            kind = part["type"]
            if kind not in ("text", "image_url", "input_audio") or kind not in part or (kind == "text" and not part["text"]):
                yield Refusal(f"Invalid value: 'messages[{index}].content'", param="messages")
    for call in message.get("tool_calls") or ():
        function = call["function"]
        if call.get("type") != "function" or not call.get("id") or not isinstance(function["arguments"], str):
            yield Refusal(f"Missing required parameter: 'messages[{index}].tool_calls[0].type'.", param="messages")
        elif not isinstance(json.loads(function["arguments"]), dict):
            yield Refusal("invalid tool call arguments", param="messages")


def _check_schema(body: Json) -> Iterator[Refusal]:
    if format_of(body) != "json_schema":
        return
    about = body["response_format"]["json_schema"]
    if not about.get("name") or not isinstance(about.get("schema"), dict):
        yield Refusal("Missing required parameter: 'response_format.json_schema'.", param="response_format.json_schema")
    elif about.get("strict") and about["schema"].get("additionalProperties") is not False:
        place = "In context=(), 'additionalProperties' is required to be supplied and to be false."
        yield Refusal(f"Invalid schema for response_format '{about['name']}': {place}", param="response_format")


def check_strict_tools(body: Json) -> Iterator[Refusal]:
    """What OpenAI refuses of tools that are called strict. Others take them, or pass the word over."""
    for index, tool in enumerate(body.get("tools", ())):
        function = tool["function"]
        missing = set(function["parameters"].get("properties", ())) - set(function["parameters"].get("required", ()))
        if function.get("strict") and (missing or function["parameters"].get("additionalProperties") is not False):
            place = "In context=(), 'required' is required to be supplied and to be an array including every key in properties."
            words = f"Invalid schema for function '{function['name']}': {place} Missing '{min(missing, default='')}'."
            yield Refusal(words, param=f"tools[{index}].function.parameters", code="invalid_function_parameters")
