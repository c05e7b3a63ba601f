"""`cases.toml`: what gateways are known to get wrong, and which tests see to it here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.pairs.test_cases_of_answers import CASES

TESTS = Path(__file__).parents[1]
INDEX: list[dict[str, Any]] = tomllib.loads((TESTS / "pairs/cases.toml").read_text())["case"]
OF_ANSWERS = "pairs/test_cases_of_answers.py::test_every_client_is_told_what_the_upstream_said"


def test_no_case_is_missing() -> None:
    assert [entry["number"] for entry in INDEX] == list(range(1, 109))


@pytest.mark.parametrize("entry", INDEX, ids=[str(entry["number"]) for entry in INDEX])
def test_each_case_has_tests_that_are_there(entry: dict[str, Any]) -> None:
    assert entry["says"]
    assert entry["tests"]
    missing = [name for name in entry["tests"] if not is_there(name)]
    assert missing == []
    assert (OF_ANSWERS in entry["tests"]) is (entry["number"] in {case.number for case in CASES})


def is_there(name: str) -> bool:
    path, _, function = name.partition("::")
    file = TESTS / path
    return file.is_file() and re.search(rf"^def {re.escape(function)}\(", file.read_text(), re.MULTILINE) is not None
