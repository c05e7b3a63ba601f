"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.settings import Settings
from tests.fake_upstream import FakeUpstream, json_answer

Models = Callable[..., Result]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)
    return lambda base_url, **environ: CliRunner().invoke(
        main, ["models"], env={"OPENAI_API_BASE_URL": base_url, "MAX_RETRIES": "0", **environ}
    )


def test_models_are_listed_as_clients_see_them_with_where_they_go(models: Models, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text('{"llama3": "org/talker", "mist*": "org/talker"}')
    with FakeUpstream() as upstream:
        upstream.on("/models", json_answer({"object": "list", "data": [{"id": "org/talker"}, {"id": "mistral:7b"}]}))
        result = models(upstream.base_url, MODEL_MAPPING_FILE=str(mapping))
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["MODEL", "UPSTREAM", "MODEL"],
        ["llama3:latest", "org/talker"],
        ["org/talker:latest", "org/talker"],
        ["mistral:7b", "org/talker"],
    ]


def test_a_server_that_is_not_there_is_one_line_that_names_check(models: Models) -> None:
    result = models("http://127.0.0.1:9/v1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("`ollama-openai-proxy check` finds out more.\n")


def test_an_empty_list_is_an_error(models: Models) -> None:
    with FakeUpstream() as upstream:
        upstream.on("/models", json_answer({"object": "list", "data": []}))
        result = models(upstream.base_url)
    assert result.exit_code == 1
    assert "the upstream lists no models" in result.stderr
