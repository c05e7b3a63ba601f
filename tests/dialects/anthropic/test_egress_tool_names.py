"""Names and ids that Anthropic takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.dialects.anthropic.tool_ids import legal_ids
from proxy.dialects.anthropic.tool_names import ANSWER_TOOL, own_name, wire_name
from proxy.errors import InvalidRequest

NAMES = st.text(st.sampled_from("_x25ef.a-Ø/"), min_size=1, max_size=14) | st.text(min_size=1, max_size=14)


@pytest.mark.parametrize("name", ["get_weather", "a-b_C9", "_x", "x2e_", "_xyz_"])
def test_legal_names_stay(name: str) -> None:
    assert wire_name(name) == name


@pytest.mark.parametrize(("name", "spelled"), [("look.up", "look_x2e_up"), ("_x2e_", "_x5f_x2e_"), (ANSWER_TOOL, "_x61_nswer_in_json_")])
def test_other_names_are_spelled(name: str, spelled: str) -> None:
    assert wire_name(name) == spelled


@given(NAMES)
def test_every_name_is_read_back(name: str) -> None:
    try:
        spelled = wire_name(name)
    except InvalidRequest:
        assume(False)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", spelled)
    assert own_name(spelled) == name


@pytest.mark.parametrize("name", ["", "a" * 129, "." * 30])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        wire_name(name)
    assert refusal.value.param == "tools"


@given(st.lists(st.text(max_size=8)))
def test_ids_are_legal_and_differ_where_they_did(ids: list[str]) -> None:
    legal = legal_ids(ids)
    assert legal.keys() == set(ids)
    assert len(set(legal.values())) == len(legal)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", call_id) for call_id in legal.values())
