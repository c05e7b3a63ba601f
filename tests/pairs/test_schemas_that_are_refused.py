"""A schema that an upstream refuses is said in another way; the next request's schema binds its answer as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.from_outside import CHAT
from tests.gateway.several import a_client, an_upstream
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OPENAI, Egress

Json = dict[str, Any]
KIND = '[upstreams.them]\nbase_url = @them\napi_key = "k"\nprofile = "{profile}"\n'
HARD: Json = {"type": "object", "properties": {"hard": {"type": "integer"}}, "required": ["hard"], "additionalProperties": False}
SIMPLE: Json = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
LOOSE: Json = {**HARD, "required": []}
LOOSE_TOOL = (
    "Invalid schema for function 'f': In context=(), 'required' is required to be supplied and to be an array including every key in "
    "properties. Missing 'hard'."
)
NOT_TAKEN = "Invalid schema for function 'f': In context=('properties', 'hard'), 'minimum' is not permitted."
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
@pytest.mark.parametrize(
    ("kind", "takes_loose_ones"),
    [("openai", False), ("azure", False), ("generic", False), ("openrouter", False), ("openrouter", True), ("vllm", True)],
)
def test_strict_tools_are_asked_for_as_the_server_takes_them(
    tmp_path: Path, path: str, tool: Json, schema: Json, kind: str, takes_loose_ones: bool
) -> None:
    refusal = {"message": LOOSE_TOOL, "type": "invalid_request_error", "param": "tools[0].function.parameters"}

    def answer(request: Request) -> Answer:
        function = request.json["tools"][0]["function"]
        is_refused = function.get("strict") and not function["parameters"]["required"] and not takes_loose_ones
        return json_answer({"error": refusal}, 400) if is_refused else OPENAI.answer(request, BY_NAME["text"])

    place, key = (tool["function"], "parameters") if "function" in tool else (tool, "input_schema")
    tools = [{**tool, key: schema} if place is tool else {**tool, "function": {**place, key: schema}}]
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": tools, "stream": False}
    with an_upstream("m") as upstream:
        upstream.on(CHAT, answer)
        client = a_client(tmp_path, KIND.format(profile=kind), them=upstream)
        assert [client.post(path, json=body).status_code for _ in range(2)] == [200, 200]
        sent = [request.json["tools"][0]["function"].get("strict", False) for request in upstream.requests_to(CHAT)]
    if schema is HARD or takes_loose_ones:
        assert sent == [True, True]
    else:
        # That a server has OpenAI's rules is learnt once.
        assert sent == ([True, False, False] if kind == "openrouter" else [False, False])


def test_a_lesson_that_changes_nothing_is_skipped_for_the_next_of_the_same_words(tmp_path: Path) -> None:
    refusal = {"message": NOT_TAKEN, "type": "invalid_request_error", "param": "tools[0].function.parameters"}

    def answer(request: Request) -> Answer:
        is_refused = request.json["tools"][0]["function"].get("strict")
        return json_answer({"error": refusal}, 400) if is_refused else OPENAI.answer(request, BY_NAME["text"])

    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    tools = [{"name": "f", "input_schema": HARD, "strict": True}]
    with an_upstream("m") as upstream:
        upstream.on(CHAT, answer)
        client = a_client(tmp_path, KIND.format(profile="openrouter"), them=upstream)
        assert client.post("/v1/messages", json={**body, "tools": tools}).status_code == 200
        sent = [request.json["tools"][0]["function"].get("strict", False) for request in upstream.requests_to(CHAT)]
    assert sent == [True, False]


def test_what_no_lesson_changes_is_not_asked_twice(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    """A strict tool of an OpenAI client's stays what it is: its client is to hear what is wrong with it."""
    upstream.on("/responses", Answer(404, {"Content-Type": "text/plain"}, [b"404 page not found"]))
    (asked_at, *_) = OPENAI.paths
    refusal = {"message": LOOSE_TOOL, "type": "invalid_request_error", "param": "tools[0].function.parameters"}
    upstream.on(asked_at, json_answer({"error": refusal}, 400))
    tool = {"type": "function", "name": "f", "strict": True, "parameters": LOOSE}
    answer = gateway_of(upstream, OPENAI).post("/v1/responses", json={"model": "m", "input": "hi", "tools": [tool]})
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (400, LOOSE_TOOL)
    assert len(upstream.requests_to(asked_at)) == 1
