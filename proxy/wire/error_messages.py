"""The message in an error body, whatever shape the server gave it. Pure."""

from __future__ import annotations

from typing import Any

import orjson

# Words stand a few levels down; what is nested more deeply says nothing, and must not exhaust the stack.
_LEVELS = 16


def message_of(raw: object, levels: int = _LEVELS) -> str:
    """The server's own words, `""` when there are none. They may have several lines, tags and secrets: they are not for clients yet."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, list):
        return message_of(raw[0], levels - 1) if raw and levels else ""
    if not isinstance(raw, dict) or not levels:
        return ""
    error = raw.get("error")
    if isinstance(error, dict):
        return _message_of_object(error, levels - 1)
    if isinstance(error, str) and error:
        return error
    return _message_of_object(raw, levels - 1)


def _message_of_object(error: dict[str, Any], levels: int) -> str:
    message = _text(error.get("message"))
    if message:
        return _with_provider_words(message, error, levels)
    detail, title = _text(error.get("detail")), _text(error.get("title"))
    if detail or title:
        return ": ".join(text for text in (title, detail) if text)
    errors = error.get("errors")
    if isinstance(errors, list) and errors:
        return message_of(errors[0], levels)
    return _text(error.get("msg")) or _text(error.get("error")) or _text(error.get("code")) or _text(error.get("type"))


def _text(value: object, levels: int = _LEVELS) -> str:
    """A message, or several, as text. Validation errors are lists of objects with the place of the error (`loc`) and a sentence (`msg`)."""
    if isinstance(value, str):
        return value.strip()
    if not levels:
        return ""
    if isinstance(value, list):
        return "; ".join(text for item in value if (text := _text(item, levels - 1)))
    if isinstance(value, dict):
        sentence = next((text for key in ("msg", "message", "detail") if (text := _text(value.get(key), levels - 1))), "")
        place = value.get("loc")
        if sentence and isinstance(place, list):
            return f"{'.'.join(str(step) for step in place if isinstance(step, str | int))}: {sentence}"
        return sentence
    return ""


def _with_provider_words(message: str, error: dict[str, Any], levels: int) -> str:
    """OpenRouter says only that its provider failed; what the provider said stands in `metadata.raw`."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str) or not raw.strip():
        return message
    try:
        words = message_of(orjson.loads(raw), levels)
    except orjson.JSONDecodeError:
        words = raw
    return f"{message}: {words}" if words and words not in message else message
