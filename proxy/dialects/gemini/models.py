"""Model lists: how they are asked for, page by page, and what Gemini tells of its models. Pure.

Source: https://ai.google.dev/api/models
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamBroken
from proxy.profiles import SEEING_GEMINI
from proxy.wire.messages import UpstreamCall

Entry = Mapping[str, Any]

_PAGE: Final = "pageSize=1000"
_CHATS: Final = frozenset({"generateContent", "streamGenerateContent"})
_EMBEDS: Final = frozenset({"embedContent", "embedText", "batchEmbedContents"})
# Not a number of anything here.
_BEYOND: Final = 2**63


def build_models() -> UpstreamCall:
    """The call for the first page of the model list."""
    return UpstreamCall("/v1beta/models", method="GET", query=_PAGE)


def next_models(body: bytes) -> UpstreamCall | None:
    """The call for the page after this one, `None` after the last."""
    token = _page(body).get("nextPageToken")
    if not isinstance(token, str) or not token:
        return None
    return UpstreamCall("/v1beta/models", method="GET", query=f"{_PAGE}&pageToken={quote(token, safe='')}")


def read_models(body: bytes) -> list[ModelCard]:
    """The cards of all models of a page, in the upstream's order. Entries without a name are left out.

    Raises:
        UpstreamBroken: the body is no model list.
    """
    entries = _page(body).get("models", [])
    if not isinstance(entries, list):
        raise _no_list()
    return [_card(entry) for entry in entries if isinstance(entry, dict) and _text(entry, "name").removeprefix("models/")]


def _page(body: bytes) -> Entry:
    try:
        page = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _no_list() from error
    # A page without models is an empty object: lists without items are left out on the wire.
    if not isinstance(page, dict) or (page and page.keys().isdisjoint({"models", "nextPageToken"})):
        raise _no_list()
    return page


def _no_list() -> UpstreamBroken:
    return UpstreamBroken("the upstream's answer to /v1beta/models is no model list; check that its base URL ends before /v1beta")


def _card(entry: Entry) -> ModelCard:
    model_id = _text(entry, "name").removeprefix("models/")
    capabilities, has = _abilities(entry, model_id)
    return ModelCard(
        id=model_id,
        owned_by="google",
        capabilities=capabilities,
        has=has,
        context_length=_count(entry, "inputTokenLimit"),
        description=_text(entry, "description"),
        raw=entry,
    )


def _abilities(entry: Entry, model_id: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    """What the model can do, `None` when the entry leaves something open, as it does of tools; and what it can do at least.

    Pictures are told by the name alone. That most of those models hear, too, is not told: clients that know Ollama's words from before
    `audio` read none of a list that has it.
    """
    methods = entry.get("supportedGenerationMethods")
    if not isinstance(methods, list):
        return None, frozenset()
    named = {method for method in methods if isinstance(method, str)}
    has = set()
    if named & _CHATS:
        has.add("completion")
        if SEEING_GEMINI.match(model_id.lower()):
            has.add("vision")
        if entry.get("thinking") is True:
            has.add("thinking")
    if named & _EMBEDS:
        has.add("embedding")
    # Models that make vectors do nothing else.
    return (frozenset(has) if has == {"embedding"} else None), frozenset(has)


def _count(entry: Entry, key: str) -> int | None:
    value = entry.get(key)
    return int(value) if isinstance(value, int | float) and 1 <= value < _BEYOND else None


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
