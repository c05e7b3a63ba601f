"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    assert rows(result) == [
        ("MODEL", "UPSTREAM", "UPSTREAM MODEL", "WHY"),
        ("llama3:latest", "default", "org/talker", "alias llama3 of org/talker, listed by default"),
        ("org/talker:latest", "default", "org/talker", "listed by default"),
        ("mistral:7b", "default", "org/talker", "alias mist* of org/talker, listed by default"),
    ]


def rows(result: Result) -> list[tuple[str, ...]]:
    """The table's cells; its columns begin where those of the head do."""
    head, *lines = result.stdout.splitlines()
    starts = [head.index(column) for column in ("MODEL", "UPSTREAM", "UPSTREAM MODEL", "WHY")]
    ends = [*starts[1:], None]
    return [tuple(line[start:end].rstrip() for start, end in zip(starts, ends, strict=True)) for line in (head, *lines)]


@pytest.fixture
def several(models: Models, tmp_path: Path) -> Iterator[tuple[FakeUpstream, Models]]:
    """A server, and what runs the command in front of it and of one that is not there."""
    file = tmp_path / "proxy.toml"
    with FakeUpstream() as boxes:
        boxes.on("/models", json_answer({"object": "list", "data": [{"id": "big"}, {"id": "secret"}]}))
        file.write_text(f"""
            [upstreams.boxes]
            base_url = "{boxes.base_url}"
            models.hide = ["secret"]
            [upstreams.cloud]
            base_url = "http://127.0.0.1:9/v1"
            [fallbacks]
            big = ["cloud/large"]
        """)
        yield boxes, lambda *names: CliRunner().invoke(main, ["models", *names], env={"PROXY_CONFIG": str(file), "MAX_RETRIES": "0"})


def test_fallbacks_stand_below_their_model_and_an_upstream_that_is_not_there_is_told(several: tuple[FakeUpstream, Models]) -> None:
    _, run = several
    result = run()
    assert result.exit_code == 0
    assert rows(result)[1:] == [
        ("big:latest", "boxes", "big", "listed by boxes"),
        ("  then", "cloud", "large", "fallback of big, prefix cloud/, its list is not known"),
    ]
    assert "The models of cloud are not known" in result.stderr


def test_names_that_are_asked_for_need_no_list(several: tuple[FakeUpstream, Models]) -> None:
    _, run = several
    result = run("cloud:x", "nobody-lists-me", "boxes/secret")
    assert rows(result)[1:] == [
        ("cloud:x", "cloud", "x", "prefix cloud:, its list is not known"),
        ("nobody-lists-me", "boxes", "nobody-lists-me", "not listed, first upstream"),
        ("boxes/secret", "-", "-", "hidden"),
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
