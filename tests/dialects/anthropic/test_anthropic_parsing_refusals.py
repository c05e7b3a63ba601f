"""What is wrong with a request to `/v1/messages`, told by its place; and nothing that comes is more than wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest
from tests.dialects.anthropic.client_requests import FUNCTION, parsed, refused

UNEXPECTED = "does not match any of the expected tags"
OF_USERS = "'text', 'image', 'document', 'search_result', 'tool_result'"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 0, "stream": True}, "max_tokens: Input should be greater than or equal to 1 when the answer is streamed"),
        ({"model": None}, "model: Field required"),
        ({"model": " "}, "model: String should have at least 1 character"),
        ({"model": 1}, "model: Input should be a valid string"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": {}}, "messages: Input should be a valid list"),
        ({"messages": ["x"]}, "messages.0: Input should be an object"),
        ({"messages": [{"content": "x"}]}, "messages.0.role: Field required"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content: user messages must have non-empty content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text: Field required"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type: Field required"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content: Input should be a valid list"),
        (
            {"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]},
            f"messages.0.content.0.type: Input tag 'container_upload' {UNEXPECTED}: {OF_USERS}",
        ),
        ({"temperature": 1.5}, "temperature: range: 0..1"),
        ({"temperature": "1"}, "temperature: Input should be a valid number"),
        ({"top_k": 1.5}, "top_k: Input should be a valid integer"),
        ({"stop_sequences": "x"}, "stop_sequences: Input should be a valid list"),
        ({"stop_sequences": [1]}, "stop_sequences.0: Input should be a valid string"),
        ({"stop_sequences": ["a", "\n"]}, "stop_sequences.1: each stop sequence must contain non-whitespace"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"system": [{"type": "image"}]}, f"system.0.type: Input tag 'image' {UNEXPECTED}: 'text'"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema: Field required"),
        ({"tools": [{"name": "", "input_schema": {}}]}, "tools.0.name: String should have at least 1 character"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name: Tool 'g' not found in provided tools"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            "thinking.budget_tokens: Input should be greater than or equal to 1024",
        ),
        ({"thinking": {"type": "x"}}, f"thinking.type: Input tag 'x' {UNEXPECTED}: 'enabled', 'adaptive', 'between_tools', 'disabled'"),
        (
            {"tools": [FUNCTION], "tool_choice": {"type": "x"}},
            f"tool_choice.type: Input tag 'x' {UNEXPECTED}: 'auto', 'any', 'tool', 'none'",
        ),
        ({"output_config": {"effort": "x"}}, "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id: Input should be a valid string"),
        ({"cache_control": "x"}, "cache_control: Input should be an object"),
        (
            {"mcp_servers": [{"type": "url"}]},
            "mcp_servers: MCP servers are asked by Anthropic's servers, which do not serve this model: leave them out",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_place(changes: dict[str, Any], complaint: str) -> None:
    assert refused(**changes) == complaint


def test_places_are_params() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(messages=[{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "x", "data": 1}}]}])
    assert caught.value.param == "messages.0.content.0.source.data"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["text", "user", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "role", "source", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ["model", "messages", "system", "tools", "tool_choice", "thinking", "max_tokens", "metadata", "output_config", "stop_sequences"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_whatever_comes_is_read_or_refused(changes: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        parsed(**changes)
