"""Names and ids that Anthropic takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.dialects.anthropic.tool_ids import legal_id, own_id
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


@pytest.mark.parametrize("call_id", ["toolu_01A", "call_0123456789abcdef01234567", "a-b_C9", "x" * 128])
def test_legal_ids_stay(call_id: str) -> None:
    assert legal_id(call_id) == own_id(call_id) == call_id


@given(st.text(max_size=30) | st.text("ab.:", max_size=140) | st.builds(legal_id, st.text(max_size=8)))
@example("x" * 129)
@example("x" * 87 + ".")
@example("toolu_spelt_")
def test_ids_are_legal_and_come_back(call_id: str) -> None:
    legal = legal_id(call_id)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", legal)
    assert own_id(legal) == (legal if legal.startswith("toolu_digest_") else call_id)
    assert legal.startswith("toolu_digest_") == (len(call_id.encode("utf-8", "surrogatepass")) > 87 and legal != call_id)


def test_long_ids_differ_where_they_did() -> None:
    assert legal_id("a" * 129) != legal_id("a" * 130)


@pytest.mark.parametrize("legal", ["toolu_spelt_a", "toolu_spelt_-_8", "toolu_spelt_YR", "toolu_spelt_\u00e9", "toolu_spelt_eA=="])
def test_what_we_did_not_make_is_left_as_it_is(legal: str) -> None:
    assert own_id(legal) == legal
