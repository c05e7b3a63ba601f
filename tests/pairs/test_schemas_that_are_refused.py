"""A schema that an upstream refuses is said in another way; the next request's schema binds its answer as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OPENAI, Egress

Json = dict[str, Any]
HARD: Json = {"type": "object", "properties": {"hard": {"type": "integer"}}, "required": ["hard"], "additionalProperties": False}
SIMPLE: Json = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
LOOSE: Json = {**HARD, "required": []}
LOOSE_TOOL = (
    "Invalid schema for function 'f': In context=(), 'required' is required to be supplied and to be an array including every key in "
    "properties. Missing 'hard'."
)
TOO_MANY_STATES = "The specified schema produces a constraint that has too many states for serving."
TOO_COMPLEX = "output_config.format.schema: Schema is too complex for compilation."
NOT_STRICT = "Invalid schema for response_format 'n': In context=('properties', 'hard'), 'minimum' is not permitted."


def _gemini_schema(body: Json) -> Any:
    return body["generationConfig"].get("responseJsonSchema", body["generationConfig"].get("responseSchema"))


def _anthropic_schema(body: Json) -> Any:
    return body.get("output_config", {}).get("format", {}).get("schema")


def _openai_schema(body: Json) -> Any:
    return body["response_format"].get("json_schema")


@pytest.mark.parametrize(
    ("egress", "model", "schema_of", "refusal", "bound"),
    [
        (
            GEMINI,
            "gemini-3-flash",
            _gemini_schema,
            {"error": {"code": 400, "message": TOO_MANY_STATES, "status": "INVALID_ARGUMENT"}},
            SIMPLE,
        ),
        (
            ANTHROPIC,
            "claude-sonnet-4-5",
            _anthropic_schema,
            {"type": "error", "error": {"type": "invalid_request_error", "message": TOO_COMPLEX}},
            SIMPLE,
        ),
        (
            OPENAI,
            "m",
            _openai_schema,
            {"error": {"message": NOT_STRICT, "type": "invalid_request_error", "param": "response_format", "code": None}},
            {"name": "response", "schema": SIMPLE, "strict": True},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Egress) else "",
)
def test_what_is_said_of_one_schema_unbinds_no_other_answer(
    gateway_of: Gateway,
    upstream: FakeUpstream,
    egress: Egress,
    model: str,
    schema_of: Callable[[Json], Any],
    refusal: Json,
    bound: Json,
) -> None:
    egress.play(upstream, BY_NAME["text"])
    (path, *_) = (path.replace("/m:", f"/{model}:") for path in egress.paths)

    def answer(request: Request) -> Answer:
        schema = schema_of(request.json)
        is_refused = schema and "hard" in str(schema) and (egress is not OPENAI or schema.get("strict"))
        return json_answer(refusal, 400) if is_refused else egress.answer(request, BY_NAME["text"])

    upstream.on(path, answer)
    client = gateway_of(upstream, egress)

    def ask(schema: Json) -> list[Json]:
        """What the upstream was asked for that."""
        before = len(upstream.requests_to(path))
        answer = client.post(
            "/api/chat", json={"model": model, "messages": [{"role": "user", "content": "hi"}], "format": schema, "stream": False}
        )
        assert answer.status_code == 200, answer.data
        return [request.json for request in upstream.requests_to(path)[before:]]

    assert len(ask(HARD)) > 1
    (asked,) = ask(SIMPLE)
    assert schema_of(asked) == bound


@pytest.mark.parametrize("schema", [HARD, LOOSE])
@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/v1/messages", {"name": "f", "input_schema": {}, "strict": True}),
        ("/api/chat", {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}),
    ],
)
def test_strict_tools_are_asked_for_as_openai_takes_them(
    gateway_of: Gateway, upstream: FakeUpstream, path: str, tool: Json, schema: Json
) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    (asked_at, *_) = OPENAI.paths
    refusal = {"message": LOOSE_TOOL, "type": "invalid_request_error", "param": "tools[0].function.parameters"}

    def answer(request: Request) -> Answer:
        function = request.json["tools"][0]["function"]
        is_refused = function.get("strict") and not function["parameters"]["required"]
        return json_answer({"error": refusal}, 400) if is_refused else OPENAI.answer(request, BY_NAME["text"])

    upstream.on(asked_at, answer)
    place, key = (tool["function"], "parameters") if "function" in tool else (tool, "input_schema")
    tools = [{**tool, key: schema} if place is tool else {**tool, "function": {**place, key: schema}}]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": tools, "stream": False}
    assert gateway_of(upstream, OPENAI).post(path, json=body).status_code == 200
    (asked,) = upstream.requests_to(asked_at)
    assert asked.json["tools"][0]["function"].get("strict", False) is (schema is HARD)


def test_what_no_lesson_changes_is_not_asked_twice(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    """A strict tool of an OpenAI client's stays what it is: its client is to hear what is wrong with it."""
    upstream.on("/responses", Answer(404, {"Content-Type": "text/plain"}, [b"404 page not found"]))
    (asked_at, *_) = OPENAI.paths
    refusal = {"message": LOOSE_TOOL, "type": "invalid_request_error", "param": "tools[0].function.parameters"}
    upstream.on(asked_at, json_answer({"error": refusal}, 400))
    tool = {"type": "function", "name": "f", "strict": True, "parameters": LOOSE}
    answer = gateway_of(upstream, OPENAI).post("/v1/responses", json={"model": "m", "input": "hi", "tools": [tool]})
    assert (answer.status_code, answer.json["error"]["message"]) == (400, LOOSE_TOOL)
    assert len(upstream.requests_to(asked_at)) == 1
