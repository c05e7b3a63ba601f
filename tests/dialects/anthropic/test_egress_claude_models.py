"""Anthropic's model lists, and what they and the models' names say of what models take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from anthropic.types import ModelInfo

from proxy.canonical.catalog import ModelCard
from proxy.dialects.anthropic import egress
from proxy.errors import UpstreamBroken
from proxy.profiles import PROFILES
from proxy.routing import profile_of

YES, NO = {"supported": True}, {"supported": False}


def an_entry(**changes: Any) -> dict[str, Any]:
    return {
        "type": "model",
        "id": "claude-opus-5-20260301",
        "display_name": "Claude Opus 5",
        "created_at": "2026-03-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
        **changes,
    }


def capabilities(**changes: Any) -> dict[str, Any]:
    efforts = {"supported": True, "low": YES, "medium": YES, "high": YES, "max": YES, "xhigh": NO}
    types = {"adaptive": YES, "enabled": NO, "disabled": YES, "between_tools": NO}
    return {
        "image_input": YES,
        "pdf_input": YES,
        "structured_outputs": YES,
        "effort": efforts,
        "thinking": {"supported": True, "types": types},
        **changes,
    }


def a_page(*entries: object, **more: Any) -> bytes:
    return orjson.dumps({"data": entries, "has_more": False, **more})


def test_an_entry_is_read() -> None:
    entry = an_entry()
    assert ModelInfo.model_validate(entry).max_tokens == 128_000
    (card,) = egress.read_models(a_page(entry))
    has = frozenset({"completion", "tools", "vision", "thinking"})
    assert card == ModelCard("claude-opus-5-20260301", created=1_772_323_200, context_length=1_000_000, raw=entry, has=has)


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("claude-sonnet-4-5", {"vision", "thinking"}),
        ("anthropic.Claude-Opus-4-6-v1:0", {"vision", "thinking"}),
        ("claude-3-5-haiku-20241022", {"vision"}),
        ("claude-2.1", set()),
        ("kimi-k2", set()),
    ],
)
def test_where_no_list_says_it_the_name_of_a_claude_tells_what_it_can_do(name: str, has: set[str]) -> None:
    (card,) = egress.read_models(a_page(an_entry(id=name)))
    assert (card.capabilities, card.has) == (None, has | {"completion", "tools"} if has else set())
    (told,) = egress.read_models(a_page(an_entry(id=name, capabilities=capabilities(image_input=NO, thinking=NO))))
    assert told.has == {"completion", "tools"}


def test_capabilities_are_told_in_our_words() -> None:
    (card,) = egress.read_models(a_page(an_entry(capabilities=capabilities(thinking=NO))))
    assert card.capabilities == card.has == {"completion", "tools", "vision"}
    (card,) = egress.read_models(a_page(an_entry(capabilities=capabilities())))
    assert card.capabilities == {"completion", "tools", "vision", "thinking"}


@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "soon", None, "2026-03-01"])
def test_unknown_dates_are_none(date: object) -> None:
    assert egress.read_models(a_page(an_entry(created_at=date)))[0].created == 0


def test_entries_in_openais_shape_are_read_and_those_without_an_id_are_not() -> None:
    cards = egress.read_models(a_page({"id": "a", "object": "model", "created": 7, "owned_by": "me"}, {"id": ""}, None, {"id": 3}))
    assert [(card.id, card.created, card.owned_by, card.capabilities) for card in cards] == [("a", 7, "me", None)]


def test_pages_are_followed() -> None:
    assert egress.build_models().query == "limit=1000"
    call = egress.next_models(a_page(an_entry(), has_more=True, last_id="claude 1&2"))
    assert call is not None
    assert (call.method, call.path, call.query) == ("GET", "/v1/models", "limit=1000&after_id=claude%201%262")
    assert egress.next_models(a_page(an_entry(), last_id="a")) is None
    assert egress.next_models(a_page(has_more=True, last_id=None)) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"data":null}', b'{"type":"error"}'])
def test_what_is_no_list_is_no_list(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="no model list"):
        egress.read_models(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"9"}'])
def test_what_is_no_count_is_no_count(body: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="no count"):
        egress.read_count(body)


# Profiles


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("claude-opus-4-8", "claude-5"),
        ("claude-sonnet-5", "claude-5"),
        ("claude-sonnet-5-20260601", "claude-5"),
        ("claude-haiku-5-5", "claude-5.1"),
        ("claude-fable-5", "claude-thinker"),
        ("claude-mythos-preview", "claude-thinker"),
        ("claude-mythos-5-1", "claude-5.1-thinker"),
        ("claude-opus-4-7-20260416", "claude-4.7"),
        ("claude-opus-4.6", "claude-4.6"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-4.5"),
        ("Claude-Haiku-4-5", "claude-4.5"),
        ("claude-opus-4-1-20250805", "claude-4"),
        ("claude-sonnet-4@20250514", "claude-4"),
        ("claude-opus-4-0", "claude-4"),
        ("claude-3-7-sonnet-latest", "claude-4"),
        ("anthropic/claude-3-5-haiku-20241022", "claude-3"),
        ("claude-3-opus-20240229", "claude-3"),
        ("claude-opus-4-9", "anthropic"),
        ("claude-sonnet-6", "anthropic"),
        ("kimi-k2", "anthropic"),
    ],
)
def test_models_are_known_by_their_families(model: str, profile: str) -> None:
    assert profile_of("https://a.example/v1", "auto", None, model, "anthropic") == replace(
        PROFILES[profile], unsigned_thoughts=model == "kimi-k2"
    )


def listed(model: str, **changes: Any) -> Any:
    (card,) = egress.read_models(a_page(an_entry(id=model, **changes)))
    return profile_of("https://api.anthropic.com/v1", "auto", card, model, "anthropic")


def test_what_the_list_says_of_a_new_model_counts() -> None:
    profile = listed("claude-next-6", capabilities=capabilities())
    assert (profile.reasoning, profile.efforts) == ("adaptive", ("none", "low", "medium", "high", "max"))
    assert (profile.output_limit, profile.json_schema) == (128_000, True)


def test_what_the_list_says_of_an_old_model_counts() -> None:
    types = {"adaptive": NO, "enabled": YES, "disabled": NO}
    profile = listed("claude-next-6", max_tokens=9, capabilities=capabilities(thinking={"supported": True, "types": types}))
    assert (profile.reasoning, profile.efforts, profile.output_limit) == ("budget", ("low", "medium", "high"), 9)
    profile = listed("claude-opus-5", capabilities=capabilities(thinking=NO, structured_outputs=NO))
    assert (profile.reasoning, profile.json_schema) == ("none", False)


@pytest.mark.parametrize("said", [None, [], {}, {"thinking": []}, {"thinking": {"types": 3}, "structured_outputs": "yes"}])
def test_a_list_that_says_nothing_changes_nothing(said: object) -> None:
    assert listed("claude-opus-5", capabilities=said) == PROFILES["claude-5"]
