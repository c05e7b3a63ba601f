"""What is wrong with a chat is refused in OpenAI's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.openai.asked import F, G, refused


@pytest.mark.parametrize(
    ("payload", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 1}, "model", "invalid_type"),
        ({"messages": []}, "messages", "missing_required_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [{"role": "boss", "content": "hi"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "messages[0].content[0].type", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "system", "content": None}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "empty_array"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", "missing_required_parameter"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": None}]}]},
            "messages[0].content[0].refusal",
            "missing_required_parameter",
        ),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "missing_required_parameter"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
            "missing_required_parameter",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom", "custom": {}}]}]},
            "messages[0].tool_calls[0].type",
            "unsupported_parameter",
        ),
        ({"n": 9}, "n", "unsupported_value"),
        ({"best_of": 2}, "best_of", "unsupported_value"),
        ({"n": 0}, "n", "integer_out_of_range"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "integer_out_of_range"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stop": 1}, "stop", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_out_of_range"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
        ({"tools": [F], "tool_choice": "must"}, "tool_choice", "invalid_value"),
        ({"tools": [F], "tool_choice": G}, "tool_choice.function.name", "invalid_value"),
        ({"tools": [F], "tool_choice": {"type": "custom"}}, "tool_choice.type", "unsupported_parameter"),
        (
            {"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [G]}}},
            "tool_choice.allowed_tools.tools[0].function.name",
            "invalid_value",
        ),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools.tools", "invalid_type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema", "missing_required_parameter"),
        ({"reasoning_effort": "hard"}, "reasoning_effort", "invalid_value"),
        ({"think": "hard"}, "think", "invalid_value"),
        ({"think": 1}, "think", "invalid_type"),
        ({"keep_alive": "soon"}, "keep_alive", "invalid_value"),
        ({"options": {"num_ctx": "big"}}, "options.num_ctx", "invalid_type"),
        ({"num_gpu": "all"}, "num_gpu", "invalid_type"),
        ({"options": {"use_mmap": 1}}, "options.use_mmap", "invalid_type"),
        ({"options": 1}, "options", "invalid_type"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
    ],
)
def test_what_is_wrong_is_named_in_openais_words(payload: Any, param: str, code: str) -> None:
    error = refused(**payload)
    assert (error.param, error.code, error.status) == (param, code, 400)
    assert f"'{param}'" in error.message or code == "invalid_value"
