"""The tables of what becomes of OpenAI's fields, against the readers of requests and the SDK's own lists of fields."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase as CompletionParams
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from proxy.dialects.openai.asking import parse_chat, parse_completion
from proxy.dialects.openai.responses.asking import parse_response
from proxy.dialects.openai.support import CLIENT_FIELDS, UPSTREAM_FEATURES
from proxy.errors import InvalidRequest
from proxy.support import FEATURES

CHAT: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
RESPONSE: Any = {"model": "m", "input": "hi"}
DROPPED = sorted(field for field, support in CLIENT_FIELDS.items() if support.outcome == "dropped" and field.isidentifier())
REFUSED = {
    "n": (parse_chat, {**CHAT, "n": 2}),
    "best_of": (parse_completion, {"model": "m", "prompt": "a", "best_of": 2}),
    "modalities (audio)": (parse_chat, {**CHAT, "modalities": ["text", "audio"]}),
    "messages[].content (file, file_id)": (
        parse_chat,
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
    ),
    "messages[].tool_calls (custom)": (
        parse_chat,
        {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"type": "custom"}]}]},
    ),
    "tools (custom)": (parse_chat, {**CHAT, "tools": [{"type": "custom"}]}),
    "tools (OpenAI's other own)": (parse_response, {**RESPONSE, "tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}),
    "input[] (input_image.file_id, input_file.file_id)": (
        parse_response,
        {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
    ),
    "input[] (item_reference)": (parse_response, {"model": "m", "input": [{"type": "item_reference", "id": "x"}]}),
    "input[] (calls of OpenAI's other tools)": (parse_response, {"model": "m", "input": [{"type": "file_search_call", "id": "x"}]}),
    "previous_response_id": (parse_response, {**RESPONSE, "previous_response_id": "r"}),
    "conversation": (parse_response, {**RESPONSE, "conversation": "c"}),
    "prompt (responses)": (parse_response, {**RESPONSE, "prompt": {"id": "p"}}),
    "background": (parse_response, {**RESPONSE, "background": True}),
}


@pytest.mark.parametrize("params", [ChatParams, CompletionParams, EmbeddingCreateParams, ResponseCreateParamsBase])
def test_all_fields_of_the_sdk_stand_in_the_table(params: Any) -> None:
    named = {name.strip() for field in CLIENT_FIELDS for name in field.split(" (")[0].split(",")}
    tops = {name.split(".")[0].removesuffix("[]") for name in named}
    assert set(get_type_hints(params)) <= tops


def test_features_are_those_of_the_house() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} - {""} <= FEATURES.keys()
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()
    for support in (*CLIENT_FIELDS.values(), *UPSTREAM_FEATURES.values()):
        assert support.note or support.outcome in ("carried", "translated")


@pytest.mark.parametrize("field", DROPPED)
def test_dropped_fields_change_nothing(field: str) -> None:
    assert parse_chat({**CHAT, field: {"any": 1}}) == parse_chat(CHAT)
    if field not in ("prompt_cache_key", "max_tool_calls", "metadata"):  # A response repeats these.
        assert parse_response({**RESPONSE, field: {"any": 1}}) == parse_response(RESPONSE)


def test_refused_fields_are_refused() -> None:
    assert {field for field, support in CLIENT_FIELDS.items() if support.outcome == "refused"} == REFUSED.keys()
    for parse, payload in REFUSED.values():
        with pytest.raises(InvalidRequest):
            parse(payload)
