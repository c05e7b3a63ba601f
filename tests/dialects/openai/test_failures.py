"""Errors as OpenAI's clients read them, whoever made them; no key stands in any."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.dialects.openai.failures import error_object, render_error
from proxy.dialects.openai.reading import read_error
from proxy.dialects.openai.relay import RelayTail
from proxy.errors import (
    InvalidRequest,
    ModelNotFound,
    NotFound,
    ProxyError,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

KEY = "sk-proj-abcdefghijklmnop"


def rendered(error: ProxyError) -> dict[str, Any]:
    body = json.loads(render_error(error))
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    inner: dict[str, Any] = body["error"]
    return inner


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("no"), "invalid_request_error"),
        (NotFound("no"), "invalid_request_error"),
        (UpstreamBroken("no"), "server_error"),
        (UpstreamUnavailable("no"), "server_error"),
        (UpstreamTimeout("no"), "server_error"),
        (ProxyError("no"), "server_error"),
    ],
)
def test_error_when_it_is_ours_has_openais_type(error: ProxyError, kind: str) -> None:
    assert rendered(error) == {"message": "no", "type": kind, "param": None, "code": None}


def test_unknown_model_has_the_type_that_ollama_gives_it() -> None:
    error = rendered(ModelNotFound("nope"))
    assert error == {"message": "model 'nope' not found", "type": "not_found_error", "param": "model", "code": "model_not_found"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "insufficient_quota"),
        (403, "permission_error"),
        (409, "conflict"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (529, "server_error"),
    ],
)
def test_error_when_the_upstream_gives_no_type_has_that_of_its_status(status: int, kind: str) -> None:
    assert rendered(read_error(status, {}, b'{"error":{"message":"no"}}'))["type"] == kind


def test_error_when_the_account_is_empty_has_openais_type() -> None:
    own = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    assert rendered(read_error(429, {}, json.dumps({"error": own}).encode()))["type"] == "insufficient_quota"


@pytest.mark.parametrize("code", ["string_above_max_length", 400, None])
def test_error_when_it_is_the_upstreams_keeps_its_type_param_and_code(code: object) -> None:
    own = {"message": "too long", "type": "their_type", "param": "messages[0].content", "code": code}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    assert rendered(error) == own


@pytest.mark.parametrize(
    "body",
    [b'{"error":"flat"}', b'{"detail":"flat"}', b"flat", b'{"error":{"message":"flat","type":null,"param":null,"code":null}}', b'["flat"]'],
)
def test_error_when_the_upstream_has_another_shape_becomes_openais(body: bytes) -> None:
    assert rendered(read_error(400, {}, body)) == {"message": "flat", "type": "invalid_request_error", "param": None, "code": None}


def test_reason_when_the_upstream_gave_no_code_is_told() -> None:
    own = {"message": "This model's maximum context length is 10 tokens", "type": "BadRequestError", "param": None, "code": None}
    assert rendered(read_error(400, {}, json.dumps({"error": own}).encode()))["code"] == "context_length_exceeded"


def test_a_reason_in_words_of_the_upstreams_own_is_told_in_openais_where_the_answer_is_translated() -> None:
    own = {"message": "the request exceeds the available context size", "type": "exceed_context_size_error", "code": 400}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    assert rendered(error) == {**own, "param": None}
    assert error_object(error, is_translated=True)["type"] == "invalid_request_error"
    error.is_translated = True
    told = rendered(error)
    assert (told["type"], told["code"]) == ("invalid_request_error", "context_length_exceeded")


def test_what_openai_itself_says_stays_where_the_answer_is_translated() -> None:
    own = {"message": "no", "type": "image_error", "param": "input", "code": "image_too_small"}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    error.is_translated = True
    assert rendered(error) == own


@pytest.mark.parametrize("member", ["message", "type", "param", "code"])
def test_error_when_the_upstream_echoes_a_key_shows_none(member: str) -> None:
    own = {"message": "no", "type": "x", "param": None, "code": None, member: f"Incorrect API key provided: {KEY}"}
    error = read_error(401, {}, json.dumps({"error": own}).encode())
    assert KEY.encode() not in render_error(error)
    assert KEY.encode() not in RelayTail().render_failure(error)


@pytest.mark.parametrize("member", ["message", "type", "param", "code"])
def test_error_without_an_object_of_its_own_when_it_echoes_a_key_shows_none(member: str) -> None:
    error = read_error(401, {}, json.dumps({"message": "no", member: f"key {KEY}"}).encode())
    assert KEY.encode() not in render_error(error)
    assert KEY not in f"{error.message}{error.param}{error.code}"


@pytest.mark.parametrize("value", [{"deep": KEY}, [KEY], 1.5, True])
def test_error_when_its_members_have_odd_types_shows_no_key(value: object) -> None:
    own = {"message": "no", "type": value, "param": value, "code": value}
    error = read_error(400, {}, json.dumps({"error": own}).encode())
    assert KEY.encode() not in render_error(error)
    assert rendered(error)["message"] == "no"


def test_refusal_without_a_body_is_rendered() -> None:
    assert rendered(UpstreamRefused("no", status=400))["type"] == "invalid_request_error"
