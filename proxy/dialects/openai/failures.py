"""OpenAI's error objects, as the body of an answer or in a stream. Pure."""

from __future__ import annotations

import orjson

from proxy.errors import ProxyError, UpstreamRefused
from proxy.wire.plain_words import plain

_TYPE_OF_STATUS = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    409: "conflict",
    429: "rate_limit_error",
}


def render_error(error: ProxyError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps({"error": error_object(error)})


def error_object(error: ProxyError, *, is_translated: bool = False) -> dict[str, object]:
    """OpenAI's error object. An upstream keeps its own `type`, `param`, `code`; an unknown model has the type that Ollama gives it.

    A reason that an upstream tells in words of its own (llama.cpp's `exceed_context_size_error`) has OpenAI's where nothing is relayed.

    Args:
        is_translated: whether it ends a translated answer that had begun. Of a refusal, it knows itself.
    """
    own = _upstream_error(error)
    is_translated = is_translated or (isinstance(error, UpstreamRefused) and error.is_translated)
    word, code = _word(own.get("type")), _word(own.get("code"))
    if is_translated and error.code and code != error.code:
        word, code = None, error.code
    return {
        "message": error.message,
        "type": word or _type_of(error),
        "param": _word(own.get("param")) or error.param,
        "code": code or error.code,
    }


def _type_of(error: ProxyError) -> str:
    if error.kind == "model_not_found":
        return "not_found_error"
    if error.code == "insufficient_quota":
        return error.code
    return _TYPE_OF_STATUS.get(error.status) or ("invalid_request_error" if 400 <= error.status < 500 else "server_error")


def _upstream_error(error: ProxyError) -> dict[str, object]:
    raw = error.raw if isinstance(error, UpstreamRefused) and not error.is_misnamed else None
    own = raw.get("error") if isinstance(raw, dict) else None
    return own if isinstance(raw, dict) and isinstance(own, dict) and not _is_foreign(raw, own) else {}


def _is_foreign(raw: dict[str, object], own: dict[str, object]) -> bool:
    """Whether an error is Anthropic's or Google's, whose words mean nothing to OpenAI's clients."""
    return raw.get("type") == "error" or ("type" not in own and isinstance(own.get("status"), str))


def _word(value: object) -> str | int | None:
    """A member of an upstream's error as clients may read it: a word without secrets, or a number."""
    if isinstance(value, str):
        return plain(value, 200)
    return value if type(value) is int else None
