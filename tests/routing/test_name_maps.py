"""Spellings of names, and tables that are read by any of them."""

from __future__ import annotations

import pytest

from proxy.routing.names import NameMap, spellings, without_latest


@pytest.mark.parametrize(
    ("name", "bare"),
    [("x", "x"), ("x:latest", "x"), ("x:LATEST", "x"), ("x:8b", "x:8b"), ("latest", "latest"), ("x:latest:latest", "x:latest"), ("", "")],
)
def test_latest_is_taken_off_in_any_case(name: str, bare: str) -> None:
    assert without_latest(name) == bare


def test_a_name_has_two_spellings() -> None:
    assert [spellings(name) for name in ("x", "x:latest", "x:8b")] == [("x", "x:latest"), ("x:latest", "x"), ("x:8b", "x:8b:latest")]


def test_an_entry_comes_with_the_name_that_it_was_written_for() -> None:
    entries = NameMap({"Abc": 1, "abc": 2, "d:latest": 3, "e*": 4})
    assert [entries.named(name) for name in ("abc", "ABC", "D", "e*", "f")] == [("abc", 2), ("Abc", 1), ("d:latest", 3), None, None]
    assert dict(entries.names) == {"Abc": 1, "abc": 2, "d:latest": 3}


def test_globs_match_any_of_several_names_in_their_order() -> None:
    entries = NameMap({"A*": 1, "?b": 2, "[xy]:8b": 3})
    assert [entries.matching(*names) for names in (("ab",), ("xb", "az"), ("Y:8B",), ("zz",))] == [
        ("A*", 1),
        ("A*", 1),
        ("[xy]:8b", 3),
        None,
    ]
    assert entries.matching("ab", beginning="?") == ("?b", 2)
    assert NameMap({"a": 1}).matching("a") is None
