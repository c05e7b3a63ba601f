"""Whatever OpenAI's clients send is a request or an `InvalidRequest` that names a field; nothing else ever comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import ChatRequest, ToolCallPart, ToolResultPart
from proxy.dialects.openai.affinity import response_affinity_key
from proxy.dialects.openai.asking import parse_chat, parse_completion, parse_embeddings
from proxy.dialects.openai.responses.asking import parse_response
from proxy.dialects.openai.responses.foreign_items import without_foreign_items
from proxy.errors import InvalidRequest
from proxy.profiles import PROFILES

WORDS = (
    *("user", "assistant", "tool", "function", "system", "a", "b", "", "f", "text", "image_url", "file", "input_audio", "refusal"),
    *("thinking", "redacted_thinking", "function_call", "function_call_output", "reasoning", "message", "input_text", "input_image"),
    *("input_file", "json_schema", "json_object", "auto", "required", "allowed_tools", "high", "none", "enabled", "base64"),
    *("data:image/png;base64,AAAA", "data:,%", "https://x/y", "anthropic*:x", "5m", "{}", '{"x":', "\ud800"),
)
KEYS = (
    *("role", "content", "type", "text", "image_url", "url", "file", "file_data", "filename", "input_audio", "data", "format", "refusal"),
    *("tool_calls", "id", "function", "name", "arguments", "tool_call_id", "function_call", "reasoning_content", "thinking_blocks"),
    *("thinking", "signature", "extra_content", "google", "thought_signature", "cache_control", "call_id", "output", "summary"),
    *("encrypted_content", "file_id", "file_url", "schema", "strict", "parameters", "description", "mode", "tools", "effort"),
)
TOPS = (
    *("messages", "input", "prompt", "instructions", "tools", "functions", "function_call", "tool_choice", "response_format", "text"),
    *("reasoning", "reasoning_effort", "thinking", "think", "options", "extra_body", "keep_alive", "num_ctx", "stop", "stream", "n"),
    *("stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_k", "logprobs", "top_logprobs"),
    *("modalities", "user", "include", "metadata", "background", "previous_response_id", "encoding_format", "dimensions", "echo", "suffix"),
    *("chat_template_kwargs", "include_reasoning", "reasoning_format", "parallel_tool_calls", "best_of", "seed"),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.sampled_from([0.5, 2**70, 1e300]), st.sampled_from(WORDS))
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)), max_leaves=12
)
payloads = st.dictionaries(st.sampled_from(TOPS), values, max_size=6).map(lambda payload: {"model": "m", **payload})
rows = st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=5), min_size=1, max_size=4)

READERS = {"messages": parse_chat, "input": parse_response, "prompt": parse_completion}


def read(parse: Callable[[Any], object], payload: dict[str, Any]) -> object:
    """The request, `None` for one that is refused by the name of a field."""
    refusal = None
    try:
        return parse(payload)
    except InvalidRequest as error:
        refusal = error
    assert refusal.param
    assert refusal.message
    return None


@pytest.mark.parametrize("parse", [parse_chat, parse_completion, parse_embeddings, parse_response])
@given(payload=payloads)
def test_any_payload_is_a_request_or_names_what_is_wrong(parse: Callable[[Any], object], payload: dict[str, Any]) -> None:
    read(parse, payload)


@pytest.mark.parametrize("name", ["messages", "input"])
@given(given_rows=rows)
def test_any_conversation_is_one_that_upstreams_take_or_names_what_is_wrong(name: str, given_rows: list[dict[str, Any]]) -> None:
    request = read(READERS[name], {"model": "m", name: given_rows})
    if request is None:
        return
    assert isinstance(request, ChatRequest)
    calls = [part.id for message in request.messages for part in message.parts if isinstance(part, ToolCallPart)]
    results = [part.call_id for message in request.messages for part in message.parts if isinstance(part, ToolResultPart)]
    assert sorted(calls) == sorted(results)
    assert len(set(calls)) == len(calls)


@given(payload=payloads)
def test_looking_at_any_payload_raises_nothing(payload: dict[str, Any]) -> None:
    own = without_foreign_items(payload, PROFILES["openai"])
    assert own is None or without_foreign_items(own, PROFILES["openai"]) is None
    assert response_affinity_key(payload, "m") == response_affinity_key(payload, "m")
