"""Names and ids that Anthropic takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.anthropic.tool_ids import legal_ids
from proxy.dialects.anthropic.tool_names import ANSWER_TOOL, own_name, wire_name
from proxy.errors import InvalidRequest

NAMES = st.builds(ANSWER_TOOL.__add__, st.text("_", max_size=3)) | st.text("_x2.a-", min_size=1, max_size=14)


@pytest.mark.parametrize("name", ["get_weather", "a-b_C9", "_x", "_x2e_", "answer_in_json", "answer_in_json_x"])
def test_names_stay(name: str) -> None:
    assert wire_name(name) == own_name(name) == name


@given(NAMES)
def test_no_name_is_taken_for_the_tool_of_answers(name: str) -> None:
    assert wire_name(name) != ANSWER_TOOL
    assert own_name(wire_name(name)) == name


def test_no_name_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        wire_name("")
    assert refusal.value.param == "tools"


@given(st.lists(st.text(max_size=8)))
def test_ids_are_legal_and_differ_where_they_did(ids: list[str]) -> None:
    legal = legal_ids(ids)
    assert legal.keys() == set(ids)
    assert len(set(legal.values())) == len(legal)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call_id) for call_id in legal.values())
