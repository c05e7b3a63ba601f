"""Reads requests to `/v1/messages` and `/v1/messages/count_tokens`. Pure."""

from __future__ import annotations

import hashlib

from proxy.canonical.request import ChatRequest, Sampling
from proxy.dialect import Payload
from proxy.dialects.anthropic.parsing.messages import read_messages
from proxy.dialects.anthropic.parsing.rows import Row
from proxy.dialects.anthropic.parsing.thinking import read_format, read_thinking
from proxy.dialects.anthropic.parsing.tools import read_choice, read_tools

# OpenAI takes no more, and others no less.
_USER_CHARS = 64


def parse_messages(payload: Payload) -> ChatRequest:
    """The conversation to be continued. With `max_tokens: 0` it is only to be remembered: see `answer_locally`. Raises `InvalidRequest`."""
    request = Row(payload)
    stream = request.flag("stream") or False
    max_tokens = request.whole_number("max_tokens", 0)
    if max_tokens is None:
        raise request.refuse("max_tokens", "Field required")
    if stream and not max_tokens:
        raise request.refuse("max_tokens", "Input should be greater than or equal to 1 when the answer is streamed")
    return _chat(request, _sampling(request, max_tokens), stream=stream)


def parse_count(payload: Payload) -> ChatRequest:
    """The conversation whose tokens are to be counted. Raises `InvalidRequest`."""
    return _chat(Row(payload), Sampling(), stream=False)


def _chat(request: Row, sampling: Sampling, *, stream: bool) -> ChatRequest:
    model = request.text("model")
    if not model.strip():
        raise request.refuse("model", "String should have at least 1 character")
    if request.rows("mcp_servers"):
        raise request.refuse("mcp_servers", "MCP servers are asked by Anthropic's servers, which do not serve this model: leave them out")
    tools = read_tools(request)
    tool_choice, parallel_tool_calls = read_choice(request, tools)
    thinking = read_thinking(request)
    return ChatRequest(
        model=model,
        messages=read_messages(request),
        stream=stream,
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=parallel_tool_calls,
        response_format=read_format(request),
        reasoning=thinking.effort,
        reasoning_budget=thinking.budget,
        hides_reasoning=thinking.is_hidden,
        names_stops=True,
        sampling=sampling,
        user=_user(request),
    )


def _sampling(request: Row, max_tokens: int) -> Sampling:
    stops = request.texts("stop_sequences")
    for index, stop in enumerate(stops):
        if not stop.strip():
            raise request.refuse(f"stop_sequences.{index}", "each stop sequence must contain non-whitespace")
    return Sampling(
        max_tokens=max_tokens,
        temperature=request.share("temperature"),
        top_p=request.share("top_p"),
        top_k=request.whole_number("top_k", 0),
        stop=stops,
    )


def _user(request: Row) -> str | None:
    """Who the request is for. Coding clients write JSON that is longer than servers take it: a digest tells users apart as well."""
    metadata = request.row("metadata")
    user = metadata.text_or("user_id", "") if metadata is not None else ""
    if len(user) > _USER_CHARS:
        return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
    return user or None
