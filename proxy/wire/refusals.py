"""Error answers of upstreams, in all the shapes they have -> `UpstreamRefused`. Pure.

What comes out has the status that the client is to get, a message that says what happened in the server's own words, and the reason in
OpenAI's words (`code`) where code or text give it away.
"""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

import orjson

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused
from proxy.wire.error_messages import message_of
from proxy.wire.headers import passed_on
from proxy.wire.model_faults import is_of_models_words
from proxy.wire.plain_words import plain
from proxy.wire.refusal_reasons import reason_of
from proxy.wire.request_faults import blame_request
from proxy.wire.retry_info import read_retry_info
from proxy.wire.sse import SseReader
from proxy.wire.what_lacks import is_of_thing, is_unserved, says_no_url

_NO_SUCH_URL = "the upstream has no such URL; check the base URL"

# Statuses that mean something else to our clients than to us, or that HTTP does not know.
_STATUSES = {
    405: 502,
    407: 502,
    422: 400,
    424: 502,
    499: 502,
    522: 504,
    524: 504,
    529: 503,
    598: 504,
    599: 504,
}
_STATUS_OF_REASON = {
    "context_length_exceeded": 400,
    "invalid_value": 400,
    "content_filter": 400,
    "insufficient_quota": 429,
    "model_not_found": 404,
}
_ABOUT_THE_REQUEST = frozenset({"context_length_exceeded", "invalid_value", "content_filter"})
# So much of a name or a code is told; they are no place for sentences, but some servers put them there.
_WORD_CHARS = 200
_PASSED_ON = ("retry-after", "retry-after-ms", "x-should-retry", "x-request-id")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    """The error for an answer with an error status. How long to wait is told only where the body says it; the caller knows the headers."""
    raw = _decoded(body)
    words = message_of(raw)
    reason = reason_of(raw, words) if status in (400, 402, 403, 404, 413, 422, 429, 500) else None
    error = UpstreamRefused(
        _message(status, raw, reason),
        status=404 if _is_about_a_thing(status, raw) else _client_status(status, reason),
        upstream_status=status,
        param=_param(raw),
        code=reason or _code(raw),
        retry_after_s=read_retry_info(raw),
        raw=raw,
        headers=passed_on(headers, _PASSED_ON),
    )
    error.is_models_own = status == 500 and is_of_models_words(words)
    is_of_api = (status == 403 or error.status == 404) and not isinstance(raw, str)
    error.is_requests_own = _is_requests_own(status, reason, words if is_of_api else "")
    error.is_unserved = is_of_api and _is_unserved(status, reason, words)
    blame_request(error, status, words)
    return error


def refusal_in_whole(body: bytes, answers: Collection[str]) -> UpstreamRefused | None:
    """The error that a whole answer with status 200 is, if it is one: one that stands beside an answer is a part of it.

    Args:
        answers: the members of which an answer has one.
    """
    if b'"error"' not in body:
        return None
    record = _decoded(body)
    if not isinstance(record, dict) or not record.get("error") or any(record.get(name) for name in answers):
        return None
    return refusal_in_answer(record)


def refusal_in_answer(record: Mapping[str, Any]) -> UpstreamRefused:
    """The error that stands in an answer with status 200: in its body, or in a record of its stream."""
    message = message_of(record)
    reason = reason_of(record, message)
    error = record.get("error")
    status = _number(error.get("code") if isinstance(error, dict) else record.get("code"))
    if status is None and isinstance(error, dict):
        status = _number(error.get("status"))
    if status is None:
        status = _STATUS_OF_REASON.get(reason or "", 502)
    is_of_model, is_requests_own = reason == "model_not_found", _is_requests_own(status, reason, message)
    nobody_serves = _is_unserved(status, reason, message)
    if status in (404, 405) and not (is_of_model or is_requests_own or nobody_serves):
        status = 502
    is_as_told = nobody_serves or (is_requests_own and is_of_thing(status, message))
    refusal = UpstreamRefused(
        plain(message) or "the upstream reported an error without saying which",
        status=status if is_as_told else _client_status(status, reason),
        upstream_status=200,
        param=_param(record),
        code=reason or _code(record),
        retry_after_s=read_retry_info(record),
        raw=record,
    )
    refusal.is_models_own = status in (500, 502) and is_of_models_words(message)
    refusal.is_requests_own, refusal.is_unserved = is_requests_own, nobody_serves
    blame_request(refusal, status, message)
    return refusal


def misfit_without(body: bytes, names: Collection[bytes]) -> UpstreamError | None:
    """The error for a whole answer that has nothing of what was asked for.

    Args:
        names: how the members begin of which an answer has one, with their quotes.
    """
    if any(name in body for name in names):
        return None
    try:
        return misfit(orjson.loads(body))
    except orjson.JSONDecodeError:
        return misfit(body)


def misfit(record: object) -> UpstreamError:
    """The error for JSON that is no answer, in the upstream's own words, where it has some."""
    if isinstance(record, dict) and any(record.get(name) for name in ("message", "detail", "errors")):
        return refusal_in_answer(record)
    return UpstreamBroken(f"the upstream answered with what is no answer to such a request: {described(record)}; check the base URL")


def described(value: object) -> str:
    """A value from a server as it may stand in a message: short, on one line, without secrets."""
    return plain(value[:2000].decode("utf-8", "replace") if isinstance(value, bytes) else _written(value), 100)


def _written(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # It is nested more deeply than orjson writes, and than `str` does.
        return reprlib.repr(value)


def _decoded(body: bytes) -> object:
    """The decoded JSON of an error body, its text where it is none. Some servers send errors as an event stream, whatever the status."""
    text = body.strip()
    if text.startswith((b"data:", b"event:")):
        reader = SseReader()
        text = next((event.data for event in (*reader.feed(text), *reader.close())), b"")
    try:
        raw: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text[:10_000].decode("utf-8", "replace")
    return raw[0] if isinstance(raw, list) and raw else raw


def _message(status: int, raw: object, reason: str | None) -> str:
    if status in (404, 405) and reason != "model_not_found" and not _is_about_a_thing(status, raw):
        words = plain(message_of(raw), 200)
        return f"{_NO_SUCH_URL} (it says: {words})" if words else _NO_SUCH_URL
    return plain(message_of(raw), 300 if isinstance(raw, str) else 1000) or f"the upstream answered {_phrase(status)}"


def _is_about_a_thing(status: int, raw: object) -> bool:
    """Whether a 404 says that something is missing which the request names or needs, and not the URL. What is no JSON is no API's."""
    if status != 404 or isinstance(raw, str):
        return False
    if _param(raw) is not None:
        return True
    code, words = _code(raw), message_of(raw)
    return not says_no_url("" if words == code else words, code)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _client_status(status: int, reason: str | None) -> int:
    if reason == "model_not_found" and status in (400, 404, 422):
        return 404
    if reason in ("context_length_exceeded", "invalid_value"):
        return 400
    if not 400 <= status < 600 or status == 404:
        return 502
    return _STATUSES.get(status, 502 if 520 <= status < 600 else status)


def _is_requests_own(status: int, reason: str | None, words: str) -> bool:
    """Whether a status that blames nobody but who asks is about the request, and neither about the key nor about the model's name."""
    return status < 500 and (reason in _ABOUT_THE_REQUEST or (reason != "model_not_found" and is_of_thing(status, words)))


def _is_unserved(status: int, reason: str | None, words: str) -> bool:
    return reason != "model_not_found" and is_unserved(status, words)


def _number(code: object) -> int | None:
    """An HTTP status that came as an error code."""
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _code(raw: object) -> str | None:
    code = _field(raw, "code")
    return plain(code, _WORD_CHARS) or None if isinstance(code, str) and not code.isdigit() else None


def _param(raw: object) -> str | None:
    """The parameter at fault: named, or the last word of the place that a validation error gives."""
    param = _field(raw, "param")
    detail = raw.get("detail") if isinstance(raw, dict) else None
    if not param and isinstance(detail, list) and detail and isinstance(detail[0], dict):
        place = detail[0].get("loc")
        words = [word for word in place if isinstance(word, str) and word != "body"] if isinstance(place, list) else []
        param = words[-1] if words else None
    return plain(param, _WORD_CHARS) or None if isinstance(param, str) else None


def _field(raw: object, name: str) -> object:
    """A field of the error object, or of the body where the error has no object of its own."""
    if not isinstance(raw, dict):
        return None
    error = raw.get("error")
    return error.get(name) if isinstance(error, dict) else raw.get(name)
