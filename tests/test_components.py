"""What happens to a test whose component is missing."""

from __future__ import annotations

import pytest

from tests import components


def test_a_present_component_lets_the_test_run() -> None:
    assert components.is_present("openai")
    try:
        components.require("openai")
    except BaseException as ended:
        raise AssertionError("a present component ended its test") from ended


def test_a_missing_component_is_a_skip_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not run: nginx is not installed"):
        components.require("nginx")


def test_a_missing_component_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nginx is not installed"):
        components.require("nginx")


def test_a_component_that_nobody_listed_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        components.require("ngnix")
