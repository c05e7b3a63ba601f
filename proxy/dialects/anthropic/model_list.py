"""Anthropic's model list: pages of models, between ids. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from proxy.canonical.catalog import ListedModel, made_at
from proxy.dialects.anthropic.models import card_of
from proxy.dialects.anthropic.parsing.rows import invalid
from proxy.errors import UpstreamBroken

_USUAL_LIMIT, _MOST = 20, 1000
_SHOWN_NAMES: Final = ("display_name", "displayName", "name")


class Page(NamedTuple):
    """Which models to list: so many, those after or before one of them."""

    limit: int = _USUAL_LIMIT
    after_id: str = ""
    before_id: str = ""


def parse_page(query: Mapping[str, str]) -> Page:
    """The page that a URL's query asks for. Raises `InvalidRequest`."""
    limit, after_id, before_id = query.get("limit") or str(_USUAL_LIMIT), query.get("after_id", ""), query.get("before_id", "")
    if not limit.isdecimal() or len(limit) > len(str(_MOST)) or not 1 <= int(limit) <= _MOST:
        raise invalid("limit", f"Input should be an integer from 1 to {_MOST}")
    if after_id and before_id:
        raise invalid("before_id", "only one of before_id and after_id can be given")
    return Page(int(limit), after_id, before_id)


def render_models(models: Sequence[ListedModel], page: Page) -> bytes:
    """The models of a page, by the names that clients can use.

    Raises:
        InvalidRequest: its edge is no model.
        UpstreamBroken: as `render_model`.
    """
    names = [model.name for model in models]
    start, end = 0, len(models)
    if page.after_id:
        start = _place(names, page.after_id, "after_id") + 1
    elif page.before_id:
        end = _place(names, page.before_id, "before_id")
    if page.before_id:
        shown, has_more = models[max(start, end - page.limit) : end], end - start > page.limit
    else:
        shown, has_more = models[start : start + page.limit], end - start > page.limit
    return _written(
        {
            "data": [_entry(model) for model in shown],
            "has_more": has_more,
            "first_id": shown[0].name if shown else None,
            "last_id": shown[-1].name if shown else None,
        }
    )


def render_model(model: ListedModel) -> bytes:
    """One model. Raises `UpstreamBroken` when what its upstream says is nested too deeply to be written."""
    return _written(_entry(model))


def _place(names: Sequence[str], name: str, field: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise invalid(field, f"there is no model '{name[:100]}' in the list") from None


def _shown_name(raw: Mapping[str, Any]) -> str:
    """What the upstream calls a model to people: Anthropic's member, Gemini's, or that of many others. Gemini's `name` is a path."""
    told = next((name for name in map(raw.get, _SHOWN_NAMES) if isinstance(name, str) and name), "")
    return told.removeprefix("models/")


def _is_anthropics(raw: Mapping[str, Any]) -> bool:
    """Whether that is an entry of a list of Anthropic's."""
    return raw.get("type") == "model" and isinstance(raw.get("display_name"), str) and isinstance(raw.get("created_at"), str)


def _entry(model: ListedModel) -> dict[str, Any]:
    """What is known of a model; what a server of Anthropic's language tells is shown as it tells it, but for what the operator says."""
    card, ours = model.card, _made_entry(model)
    if not _is_anthropics(card.raw):
        return ours
    theirs = _made_entry(replace(model, card=card_of(card.id, card.raw)))
    return {**card.raw, **{key: value for key, value in ours.items() if key not in card.raw or value != theirs.get(key)}, "id": model.name}


def _made_entry(model: ListedModel) -> dict[str, Any]:
    """An entry of what is known of a model. One whose age nobody knows was made at the epoch, as Anthropic says it."""
    card = model.card
    entry = {
        "type": "model",
        "id": model.name,
        "display_name": _shown_name(card.raw) or model.name,
        "created_at": made_at(card),
    }
    return entry | ({"max_input_tokens": card.context_length} if card.context_length is not None else {})


def _written(value: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise UpstreamBroken(f"the upstream's entry of the model can't be written as JSON: {error}") from error
