"""Strictness: what Go's decoder says to values of the wrong type, and what it does not mind."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.ollama.schemas import CHAT, COPY, CREATE, DELETE, EMBED, EMBEDDINGS, GENERATE, PULL, PUSH, SHOW, GoSchema
from proxy.errors import InvalidRequest

EVERY_SCHEMA = (CHAT, COPY, CREATE, DELETE, EMBED, EMBEDDINGS, GENERATE, PULL, PUSH, SHOW)


def complaint(schema: GoSchema, payload: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        schema.load(payload)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("payload", "kind", "place", "go_type"),
    [
        ({"model": 5}, "number", "ChatRequest.model", "string"),
        ({"stream": "yes"}, "string", "ChatRequest.stream", "bool"),
        ({"stream": 1}, "number", "ChatRequest.stream", "bool"),
        ({"logprobs": []}, "array", "ChatRequest.logprobs", "bool"),
        ({"top_logprobs": "3"}, "string", "ChatRequest.top_logprobs", "int"),
        ({"top_logprobs": True}, "bool", "ChatRequest.top_logprobs", "int"),
        ({"top_logprobs": 3.0}, "number 3.0", "ChatRequest.top_logprobs", "int"),
        ({"top_logprobs": 1 << 63}, "number 9223372036854775808", "ChatRequest.top_logprobs", "int"),
        ({"options": "fast"}, "string", "ChatRequest.options", "map[string]interface {}"),
        ({"options": []}, "array", "ChatRequest.options", "map[string]interface {}"),
        ({"_debug_render_only": 0}, "number", "ChatRequest._debug_render_only", "bool"),
        ({"truncate": "no"}, "string", "ChatRequest.truncate", "bool"),
        ({"shift": {}}, "object", "ChatRequest.shift", "bool"),
        ({"messages": {}}, "object", "ChatRequest.messages", "[]api.Message"),
        ({"messages": ["hi"]}, "string", "ChatRequest.messages", "api.Message"),
        ({"messages": [{"content": 1}]}, "number", "ChatRequest.messages.content", "string"),
        ({"messages": [{"content": [{"type": "text"}]}]}, "array", "ChatRequest.messages.content", "string"),
        ({"messages": [{"role": True}]}, "bool", "ChatRequest.messages.role", "string"),
        ({"messages": [{"images": "abcd"}]}, "string", "ChatRequest.messages.images", "[]api.ImageData"),
        ({"messages": [{"images": [7]}]}, "number", "ChatRequest.messages.images", "api.ImageData"),
        ({"messages": [{"tool_calls": {}}]}, "object", "ChatRequest.messages.tool_calls", "[]api.ToolCall"),
        ({"messages": [{"tool_calls": [{"id": 1}]}]}, "number", "ChatRequest.messages.tool_calls.id", "string"),
        (
            {"messages": [{"tool_calls": [{"function": {"arguments": "{}"}}]}]},
            "string",
            "ChatRequest.messages.tool_calls.function.arguments",
            "api.ToolCallFunctionArguments",
        ),
        (
            {"messages": [{"tool_calls": [{"function": {"index": 0.5}}]}]},
            "number 0.5",
            "ChatRequest.messages.tool_calls.function.index",
            "int",
        ),
        ({"tools": {}}, "object", "ChatRequest.tools", "api.Tools"),
        ({"tools": ["f"]}, "string", "ChatRequest.tools", "api.Tool"),
        ({"tools": [{"function": "f"}]}, "string", "Tool.tools.function", "api.ToolFunction"),
        ({"tools": [{"function": {"name": 1}}]}, "number", "ToolFunction.tools.function.name", "string"),
        ({"tools": [{"function": {"parameters": []}}]}, "array", "ToolFunction.tools.function.parameters", "api.ToolFunctionParameters"),
    ],
)
def test_chat_says_what_go_says_when_a_type_is_wrong(payload: dict[str, Any], kind: str, place: str, go_type: str) -> None:
    error = complaint(CHAT, payload)
    assert error.message == f"json: cannot unmarshal {kind} into Go struct field {place} of type {go_type}"
    assert error.param == next(iter(payload))


@pytest.mark.parametrize(
    ("schema", "payload", "place", "go_type"),
    [
        (GENERATE, {"prompt": 1}, "GenerateRequest.prompt", "string"),
        (GENERATE, {"context": [1, 2]} | {"raw": 2}, "GenerateRequest.raw", "bool"),
        (GENERATE, {"images": [2]}, "GenerateRequest.images", "api.ImageData"),
        (EMBED, {"model": 2}, "EmbedRequest.model", "string"),
        (EMBED, {"truncate": 2}, "EmbedRequest.truncate", "bool"),
        (EMBEDDINGS, {"prompt": 2}, "EmbeddingRequest.prompt", "string"),
        (SHOW, {"verbose": 2}, "ShowRequest.verbose", "bool"),
        (PULL, {"insecure": 2}, "PullRequest.insecure", "bool"),
        (PUSH, {"stream": 2}, "PushRequest.stream", "bool"),
        (CREATE, {"from": 2}, "CreateRequest.from", "string"),
        (CREATE, {"files": 2}, "CreateRequest.files", "map[string]string"),
        (COPY, {"source": 2}, "CopyRequest.source", "string"),
        (DELETE, {"name": 2}, "DeleteRequest.name", "string"),
    ],
)
def test_every_request_type_names_itself_when_a_type_is_wrong(schema: GoSchema, payload: dict[str, Any], place: str, go_type: str) -> None:
    assert complaint(schema, payload).message == f"json: cannot unmarshal number into Go struct field {place} of type {go_type}"


def test_a_wrong_item_of_a_list_of_numbers_is_refused() -> None:
    message = complaint(GENERATE, {"context": [1, "2"]}).message
    assert message == "json: cannot unmarshal string into Go struct field GenerateRequest.context of type int"


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_null_is_absence_in_every_field(schema: GoSchema) -> None:
    assert schema.load(dict.fromkeys(schema.wire_names)) == {}
    assert schema.load(None) == {}


@pytest.mark.parametrize("schema", EVERY_SCHEMA)
def test_unknown_fields_are_ignored(schema: GoSchema) -> None:
    assert schema.load({"nobody_knows": {"this": 1}}) == {}


@pytest.mark.parametrize(("body", "kind"), [([], "array"), ("hi", "string"), (1, "number"), (True, "bool")])
def test_a_body_that_is_no_object_is_refused(body: object, kind: str) -> None:
    error = complaint(CHAT, body)
    assert error.message == f"json: cannot unmarshal {kind} into Go value of type api.ChatRequest"
    assert error.param is None


def test_keys_match_in_any_case() -> None:
    row = CHAT.load({"MODEL": "x", "Messages": [{"Role": "user", "CONTENT": "hi"}], "keep_ALIVE": 3})
    assert row == {"model": "x", "messages": [{"role": "user", "content": "hi"}], "keep_alive": 3.0}


@pytest.mark.parametrize("payload", [{"model": "exact", "Model": "folded"}, {"Model": "folded", "model": "exact"}])
def test_an_exact_key_wins_over_a_folded_one(payload: dict[str, str]) -> None:
    assert CHAT.load(payload) == {"model": "exact"}


def test_a_folded_key_counts_when_the_exact_one_is_null() -> None:
    assert CHAT.load({"model": None, "Model": "folded"}) == {"model": "folded"}


def test_null_among_items_is_the_zero_value() -> None:
    assert CHAT.load({"messages": [None]}) == {"messages": [{}]}
    assert GENERATE.load({"context": [None, 4]}) == {"context": [0, 4]}


def test_only_what_was_sent_comes_back() -> None:
    assert CHAT.load({"model": "x", "messages": [{"role": "user"}]}) == {"model": "x", "messages": [{"role": "user"}]}
