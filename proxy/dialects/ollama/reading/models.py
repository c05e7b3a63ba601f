"""The lists of an Ollama server, of its models and of those that are loaded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from proxy.canonical.catalog import CAPABILITIES, ModelCard
from proxy.dialects.ollama.reading.times import unix_s
from proxy.errors import UpstreamBroken

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMBT]?)\s*", re.IGNORECASE)
_SCALES: Final = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def read_models(body: bytes) -> list[ModelCard]:
    """The cards of all models, in the server's order. What older servers do not tell, of capabilities above all, stays unknown.

    The entries themselves are kept for Ollama's clients alone: to others they would be shown as fields of their own language.

    Raises:
        UpstreamBroken: the body is no model list.
    """
    return [card_of(name, entry) for name, entry in _entries(body, "/api/tags")]


def read_loaded(body: bytes) -> list[tuple[str, Mapping[str, Any]]]:
    """The names of the models that are loaded, with the entries of `/api/ps`. Raises as `read_models`."""
    return list(_entries(body, "/api/ps"))


def _entries(body: bytes, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_list(path) from error
    entries = payload.get("models") if isinstance(payload, dict) else None
    if not isinstance(entries, list) and not (isinstance(payload, dict) and "models" in payload and entries is None):
        raise _no_list(path)
    return ((name, entry) for entry in entries or () if isinstance(entry, dict) and (name := _name(entry)))


def _no_list(path: str) -> UpstreamBroken:
    return UpstreamBroken(
        f"the upstream's answer to {path} is no model list; check that its base URL is an Ollama server's, without /api or /v1"
    )


def _name(entry: Mapping[str, Any]) -> str:
    return _text(entry.get("name")) or _text(entry.get("model"))


def card_of(name: str, entry: Mapping[str, Any]) -> ModelCard:
    """The card of the model that a list has under `name`."""
    details = entry.get("details")
    details = details if isinstance(details, dict) else {}
    listed = entry.get("capabilities")
    return ModelCard(
        id=name,
        created=unix_s(entry.get("modified_at")),
        owned_by="library",  # Ollama's own word, where it speaks OpenAI's language
        capabilities=frozenset(word for word in listed if word in CAPABILITIES) if isinstance(listed, list) else None,
        context_length=_count(details.get("context_length")),
        embedding_length=_count(details.get("embedding_length")),
        parameter_count=_parameter_count(details.get("parameter_size")),
        size_bytes=_count(entry.get("size")),
        family=_text(details.get("family")),
        quantization=_text(details.get("quantization_level")),
        tag=entry,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and 1 <= value < 2**63 else None


def _parameter_count(size: object) -> int | None:
    """The number that `8.0B` stands for."""
    found = _SIZE.fullmatch(_text(size))
    return round(float(found[1]) * _SCALES[found[2].upper()]) or None if found else None
