"""The table of what becomes of Anthropic's fields, against the reader of requests and the SDK's own list of fields."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase

from proxy.dialects.anthropic.parsing import parse_messages
from proxy.dialects.anthropic.support import CLIENT_FIELDS
from proxy.errors import InvalidRequest
from proxy.support import FEATURES

ASKED: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def test_all_fields_of_the_sdk_stand_in_the_table() -> None:
    named = {name.strip() for field in CLIENT_FIELDS for name in field.split(" (")[0].split(",")}
    tops = {name.split(".")[0].removesuffix("[]") for name in named}
    assert set(get_type_hints(MessageCreateParamsBase)) <= tops


def test_features_are_those_of_the_house() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} - {""} <= FEATURES.keys()
    assert all(support.note for support in CLIENT_FIELDS.values() if support.outcome in ("approximated", "dropped", "refused"))


@pytest.mark.parametrize(
    "field", [field for field, support in CLIENT_FIELDS.items() if support.outcome == "dropped" and field.isidentifier()]
)
def test_dropped_fields_change_nothing(field: str) -> None:
    assert parse_messages({**ASKED, field: {"any": 1}}) == parse_messages(ASKED)


@pytest.mark.parametrize("value", [{"mcp_servers": [{}]}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}])
def test_refused_fields_are_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_messages({**ASKED, **value})
