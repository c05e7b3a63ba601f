"""Names of functions and models."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.gemini.names import client_name, resource_of, wire_name


@pytest.mark.parametrize("name", ["f", "_f", "get_weather", "c-d", "Escape", "esc", "f" * 124])
def test_a_legal_name_stays_what_it_is(name: str) -> None:
    assert wire_name(name) == client_name(name) == name


@pytest.mark.parametrize("name", ["1f", "-f", "1" * 124])
def test_any_other_is_marked_and_read_back(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", wire_name(name))
    assert client_name(wire_name(name)) == name


@given(st.text(max_size=10) | st.text("esc.", max_size=10))
def test_every_name_is_read_back(name: str) -> None:
    assert client_name(wire_name(name)) == name


@pytest.mark.parametrize(
    ("model", "resource"),
    [("gemini-3-flash", "models/gemini-3-flash"), ("models/gemini-3-flash", "models/gemini-3-flash"), ("tunedModels/x", "tunedModels/x")],
)
def test_models_have_their_place_in_paths(model: str, resource: str) -> None:
    assert resource_of(model) == resource
