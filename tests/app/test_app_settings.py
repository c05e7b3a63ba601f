"""The app and its settings: what is wrong is told at once, and apps are independent."""

from __future__ import annotations

from typing import Any

import pytest

from proxy import create_app
from proxy.settings import Settings, SettingsError
from tests.app.apps import an_app
from tests.fake_upstream import FakeUpstream, json_answer


def test_app_without_an_upstream_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_BASE_URL"):
        create_app(Settings.from_env({}, dotenv=None))


def test_app_with_wrong_settings_names_all_of_them() -> None:
    wrong = {"OPENAI_API_BASE_URL": "nonsense", "PROXY_PORT": "x", "MAX_RETRIES": "-1"}
    with pytest.raises(SettingsError) as error:
        create_app(Settings.from_env(wrong, dotenv=None))
    assert set(error.value.problems) == set(wrong)


def test_app_with_an_unknown_profile_names_the_variable(upstream: FakeUpstream) -> None:
    with pytest.raises(SettingsError, match="UPSTREAM_PROFILE"):
        an_app(upstream, upstream_profile="nonsense")


def test_app_tells_all_that_is_wrong_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalogue.json").write_text('{"m": {"context_length": "long"}}')
    wrong = {"LOG_LEVEL": "LOUD", "UPSTREAM_PROFILE": "nonsense", "MODEL_CATALOG_FILE": "catalogue.json"}
    for name, value in {**wrong, "OPENAI_API_BASE_URL": ""}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        create_app()
    assert set(error.value.problems) == {*wrong, "OPENAI_API_BASE_URL"}
    with pytest.raises(SettingsError) as error:
        create_app(Settings(upstream_profile="nonsense"))
    assert set(error.value.problems) == {"UPSTREAM_PROFILE", "OPENAI_API_BASE_URL"}


def test_app_reads_the_environment_when_it_is_given_no_settings(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_BASE_URL", upstream.base_url)
    monkeypatch.setenv("ENABLE_METRICS", "false")
    assert create_app().test_client().get("/api/tags").status_code == 200


def test_apps_are_independent(upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        other.on("/models", json_answer({"object": "list", "data": [{"id": "theirs", "object": "model"}]}))
        first, second = an_app(upstream).test_client(), an_app(other).test_client()
        assert [model["name"] for model in first.get("/api/tags").get_json()["models"]] == ["m:latest"]
        assert [model["name"] for model in second.get("/api/tags").get_json()["models"]] == ["theirs:latest"]
