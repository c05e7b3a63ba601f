"""Model lists: how they are asked for, and what each kind of server tells of its models. Pure.

What is not told stays unknown: nothing is guessed from a model's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.dialects.openai.abilities import abilities_of
from proxy.errors import UpstreamBroken
from proxy.wire.messages import UpstreamCall

Entry = Mapping[str, Any]


def build_models() -> UpstreamCall:
    """The call for the model list."""
    return UpstreamCall("/models", method="GET")


def read_models(body: bytes) -> list[ModelCard]:
    """The cards of all models, in the upstream's order. Entries without an id are left out.

    Raises:
        UpstreamBroken: the body is no model list.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_list() from error
    entries, extras = _entries(payload), _extras(payload)
    return [_card(model_id, {**extras.get(model_id, {}), **entry}) for model_id, entry in entries]


def _no_list() -> UpstreamBroken:
    return UpstreamBroken(
        "the upstream's answer to /models is no model list; check that its base URL ends where its API begins, often in /v1"
    )


def _entries(payload: Any) -> Iterator[tuple[str, Entry]]:
    """The ids with their entries. Together sends a bare array; Ollama says `null` when it has none."""
    if isinstance(payload, dict):
        for key in ("data", "models"):
            if key in payload and (payload[key] is None or isinstance(payload[key], list)):
                return _identified(payload[key] or [])
        raise _no_list()
    if isinstance(payload, list):
        return _identified(payload)
    raise _no_list()


def _identified(items: list[Any]) -> Iterator[tuple[str, Entry]]:
    for item in items:
        if isinstance(item, dict):
            model_id = item.get("id") or item.get("name")
            if isinstance(model_id, str) and model_id:
                yield model_id, item


def _extras(payload: Any) -> dict[str, Entry]:
    """What llama.cpp says beside its list, in Ollama's shape, by model."""
    beside = payload.get("models") if isinstance(payload, dict) and "data" in payload else None
    if not isinstance(beside, list):
        return {}
    return {
        name: {key: item[key] for key in ("capabilities", "details", "description") if key in item}
        for item in beside
        if isinstance(item, dict) and isinstance(name := item.get("model") or item.get("name"), str)
    }


# Where servers tell how long a conversation may be, the one that they run with before the one that the model could have.
_CONTEXT: Final = ("loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens")
_CONTEXT_OF_META: Final = ("n_ctx", "n_ctx_train")


def _card(model_id: str, entry: Entry) -> ModelCard:
    meta, details = _object(entry, "meta"), _object(entry, "details")
    capabilities, has = abilities_of(entry)
    return ModelCard(
        id=model_id,
        created=_count(entry, "created") or 0,
        owned_by=_text(entry, "owned_by") or _text(entry, "organization"),
        capabilities=capabilities,
        has=has,
        context_length=_count(entry, *_CONTEXT) or _count(meta, *_CONTEXT_OF_META),
        embedding_length=_count(meta, "n_embd"),
        parameter_count=_count(meta, "n_params"),
        size_bytes=_count(meta, "size") or _count(entry, "size_bytes"),
        family=_text(entry, "arch") or _text(details, "family"),
        quantization=_text(entry, "quantization") or _text(details, "quantization_level"),
        description=_text(entry, "description"),
        parameters=_names(entry.get("supported_parameters")),
        raw=entry,
    )


# Not a number of anything here: infinities, and dates far off.
_BEYOND: Final = 2**63


def _object(entry: Entry, key: str) -> Entry:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _count(entry: Entry, *keys: str) -> int | None:
    """The first whole number above 0 under one of `keys`."""
    for key in keys:
        value = entry.get(key)
        if isinstance(value, int | float) and 1 <= value < _BEYOND:
            return int(value)
    return None


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _names(value: object) -> frozenset[str] | None:
    """The texts in a list; `None` when there are none."""
    return (frozenset(name for name in value if isinstance(name, str)) or None) if isinstance(value, list) else None
