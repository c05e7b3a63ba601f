"""Model lists of servers that speak Anthropic's language: how they are asked for, page by page, and what they tell of models. Pure.

Source: https://platform.claude.com/docs/en/api/models/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamBroken
from proxy.profiles import CLAUDE_FAMILIES, PROFILES
from proxy.wire.messages import UpstreamCall

Entry = Mapping[str, Any]

_PATH: Final = "/v1/models"
# The most that a page may have.
_PAGE: Final = "limit=1000"
# Ollama's word for a capability of Anthropic's.
_WORDS: Final = {"image_input": "vision", "thinking": "thinking"}
_ALWAYS: Final = frozenset({"completion", "tools"})


def build_models() -> UpstreamCall:
    """The call for the first page of the model list."""
    return UpstreamCall(_PATH, method="GET", query=_PAGE)


def next_models(body: bytes) -> UpstreamCall | None:
    """The call for the page after this one, `None` after the last."""
    payload = _payload(body)
    last = payload.get("last_id")
    if payload.get("has_more") is not True or not isinstance(last, str) or not last:
        return None
    return UpstreamCall(_PATH, method="GET", query=f"{_PAGE}&after_id={quote(last, safe='')}")


def read_models(body: bytes) -> list[ModelCard]:
    """The cards of all models of a page, in the upstream's order. Entries without an id are left out.

    Raises:
        UpstreamBroken: the body is no model list.
    """
    return [card_of(model_id, entry) for model_id, entry in _identified(_payload(body)["data"])]


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_list() from error
    if not isinstance(payload, dict) or not isinstance(payload.get("data"), list):
        raise _no_list()
    return payload


def _no_list() -> UpstreamBroken:
    return UpstreamBroken("the upstream's answer to /v1/models is no model list; check that its base URL ends before /v1")


def _identified(items: list[Any]) -> Iterator[tuple[str, Entry]]:
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]:
            yield item["id"], item


def card_of(model_id: str, entry: Entry) -> ModelCard:
    """What an entry says of the model."""
    has = _abilities(entry)
    owner = entry.get("owned_by")
    return ModelCard(
        id=model_id,
        created=_created(entry),
        owned_by=owner if isinstance(owner, str) else "",
        capabilities=has,
        has=_by_name(model_id) if has is None else has,
        context_length=_count(entry.get("max_input_tokens")),
        raw=entry,
    )


def _abilities(entry: Entry) -> frozenset[str] | None:
    """All that the model can do, `None` where the list does not say. Every model of a list that does can call tools."""
    can = entry.get("capabilities")
    if not isinstance(can, dict):
        return None
    named = {word for name, word in _WORDS.items() if isinstance(can.get(name), dict) and can[name].get("supported") is True}
    return _ALWAYS | named


def _by_name(model_id: str) -> frozenset[str]:
    """What a model can do at least whose list says nothing of that: all of Claude's since the third see, and most think.

    Source: https://platform.claude.com/docs/en/build-with-claude/vision and .../docs/en/about-claude/models.
    """
    family = next((name for pattern, name in CLAUDE_FAMILIES if pattern.search(model_id.lower())), None)
    if family is None:
        return frozenset()
    return _ALWAYS | ({"vision"} if PROFILES[family].reasoning == "none" else {"vision", "thinking"})


def _created(entry: Entry) -> int:
    """Unix seconds, from Anthropic's date or OpenAI's number; 0 when neither says. The epoch stands for dates that are not known."""
    number, date = entry.get("created"), entry.get("created_at")
    if isinstance(date, str):
        try:
            moment = datetime.fromisoformat(date)
        except ValueError:
            return 0
        return max(0, int(moment.timestamp())) if moment.tzinfo is not None else 0
    return number if type(number) is int and number > 0 else 0


def _count(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
