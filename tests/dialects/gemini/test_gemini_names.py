"""Names of functions and models."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.gemini.names import client_name, resource_of, wire_name
from proxy.errors import InvalidRequest

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


@pytest.mark.parametrize("name", ["f", "_f", "get_weather", "a.b:c-d", "Escape", "f" * 128])
def test_a_legal_name_stays_what_it_is(name: str) -> None:
    assert wire_name(name) == client_name(name) == name


@pytest.mark.parametrize("name", ["1f", "-f", "a b", "a/b", "über", "", "esc.f", "esc.", "a\nb"])
def test_any_other_is_spelled_out_and_read_back(name: str) -> None:
    assert LEGAL.fullmatch(wire_name(name))
    assert wire_name(name) != name
    assert client_name(wire_name(name)) == name


@given(st.text(max_size=10), st.text(max_size=10))
def test_names_are_legal_and_differ_where_they_differed(one: str, other: str) -> None:
    assert LEGAL.fullmatch(wire_name(one))
    assert client_name(wire_name(one)) == one
    assert (wire_name(one) == wire_name(other)) == (one == other)


@given(st.text(max_size=30) | st.from_regex(r"esc\.[\w.]{0,10}", fullmatch=True))
def test_a_name_that_the_model_made_up_is_read_without_fail(name: str) -> None:
    assert isinstance(client_name(name), str)


def test_a_name_that_cannot_be_spelled_out_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="too long") as refused:
        wire_name("é" * 50)
    assert refused.value.param == "tools"


@pytest.mark.parametrize(
    ("model", "resource"),
    [("gemini-3-flash", "models/gemini-3-flash"), ("models/gemini-3-flash", "models/gemini-3-flash"), ("tunedModels/x", "tunedModels/x")],
)
def test_models_have_their_place_in_paths(model: str, resource: str) -> None:
    assert resource_of(model) == resource
