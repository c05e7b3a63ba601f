"""Error answers of Anthropic upstreams, and of what stands before them."""

from __future__ import annotations

import orjson
import pytest

from proxy.dialects.anthropic.egress import read_error
from tests.dialects.anthropic.asking import claude_refusal


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (400, "invalid_request_error", 400),
        (401, "authentication_error", 401),
        (402, "billing_error", 402),
        (403, "permission_error", 403),
        (413, "request_too_large", 413),
        (429, "rate_limit_error", 429),
        (500, "api_error", 500),
        (504, "timeout_error", 504),
        (529, "overloaded_error", 503),
    ],
)
def test_an_error_keeps_its_words_and_its_status(status: int, kind: str, told: int) -> None:
    error = claude_refusal("Something is wrong", kind, status)
    assert (error.status, error.upstream_status, error.message) == (told, status, "Something is wrong")
    assert error.raw == {"type": "error", "error": {"type": kind, "message": "Something is wrong"}, "request_id": "req_1"}


def test_the_headers_that_matter_are_kept() -> None:
    headers = {"request-id": "req_1", "retry-after": "7", "set-cookie": "x"}
    assert read_error(429, headers, b"{}").headers == {"request-id": "req_1", "retry-after": "7"}


def test_an_unknown_model_is_not_an_unknown_url() -> None:
    error = claude_refusal("model: claude-9", "not_found_error", 404)
    assert (error.status, error.code, error.message) == (404, "model_not_found", "model: claude-9")
    error = claude_refusal("Not Found", "not_found_error", 404)
    assert (error.status, error.code) == (502, None)
    assert "check the base URL" in error.message


@pytest.mark.parametrize(
    ("message", "kind", "status", "code"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error", 400, "context_length_exceeded"),
        ("input length and `max_tokens` exceed context limit: 9 + 9 > 10", "invalid_request_error", 400, "invalid_value"),
        ("input length and `max_tokens` exceed context limit: 11 + 9 > 10", "invalid_request_error", 400, "context_length_exceeded"),
        ("Your credit balance is too low to access the Anthropic API.", "invalid_request_error", 400, "insufficient_quota"),
        ("You have reached your specified workspace API usage limits.", "invalid_request_error", 400, "insufficient_quota"),
        ("Pay first", "billing_error", 402, "insufficient_quota"),
        ("Overloaded", "overloaded_error", 529, None),
    ],
)
def test_the_reason_is_told_in_openais_words(message: str, kind: str, status: int, code: str | None) -> None:
    assert claude_refusal(message, kind, status).code == code


@pytest.mark.parametrize(
    "body", [b"", b"<html><h1>Bad gateway</h1></html>", b'{"detail":"no"}', b'{"error":{"type":3}}', b"[]", orjson.dumps("x")]
)
def test_errors_in_other_shapes_have_words(body: bytes) -> None:
    error = read_error(502, {}, body)
    assert error.status == 502
    assert error.message
    assert "<" not in error.message


def test_keys_are_not_repeated() -> None:
    assert "sk-ant" not in claude_refusal("invalid x-api-key sk-ant-api03-secretsecret", "authentication_error", 401).message
