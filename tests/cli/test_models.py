"""`models`: the names that clients can use, and where each goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.settings import Settings
from tests.fake_upstream import Answer, FakeUpstream, json_answer

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
        ("nobody-lists-me", "boxes", "nobody-lists-me", "not listed by those that tell, first upstream"),
        ("boxes/secret", "-", "-", "hidden"),
    ]


def test_upstream_that_is_waited_for_is_named_meanwhile(several: tuple[FakeUpstream, Models]) -> None:
    boxes, run = several
    listed = json_answer({"object": "list", "data": [{"id": "big"}]})
    boxes.on("/models", Answer(200, listed.headers, listed.steps, "length", before=[2.3]))
    result = run("big")
    assert result.exit_code == 0
    assert result.stderr.startswith("Waiting for the models of boxes.\n")
    assert result.stderr.count("Waiting") == 1


def test_nobody_is_named_who_answers_soon(several: tuple[FakeUpstream, Models]) -> None:
    _, run = several
    assert "Waiting" not in run("big").stderr


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


KEY_OF_CLIENTS = """
[upstreams.boxes]
base_url = "{boxes}"
[upstreams.cloud]
base_url = "{cloud}"
pass_client_key = true
"""


@pytest.fixture
def by_key(models: Models, tmp_path: Path) -> Iterator[tuple[FakeUpstream, Models]]:
    """An upstream that wants the keys of clients, and what runs the command in front of it and another one."""
    file = tmp_path / "proxy.toml"
    with FakeUpstream() as boxes, FakeUpstream() as cloud:
        boxes.on("/models", json_answer({"object": "list", "data": [{"id": "big"}]}))
        file.write_text(KEY_OF_CLIENTS.format(boxes=boxes.base_url, cloud=cloud.base_url))
        environ = {"PROXY_CONFIG": str(file), "MAX_RETRIES": "0", "PROXY_PORT": "4321"}
        yield cloud, lambda *names: CliRunner().invoke(main, ["models", *names], env=environ)


def test_list_that_depends_on_the_clients_key_says_how_it_is_seen(by_key: tuple[FakeUpstream, Models]) -> None:
    cloud, run = by_key
    cloud.on("/models", json_answer({"error": {"message": "who are you"}}, 401))
    result = run()
    assert result.exit_code == 0
    assert rows(result)[1:] == [("big:latest", "boxes", "big", "listed by boxes")]
    assert "What cloud lists depends on the key that a client brings" in result.stderr
    assert "(who are you)" in result.stderr
    assert "curl -H 'Authorization: Bearer <key>' http://127.0.0.1:4321/v1/models" in result.stderr
    assert "ask again" not in result.stderr
    assert "finds out more" not in result.stderr


def test_list_that_is_shown_without_a_key_is_shown(by_key: tuple[FakeUpstream, Models]) -> None:
    cloud, run = by_key
    cloud.on("/models", json_answer({"object": "list", "data": [{"id": "free"}]}))
    result = run()
    assert rows(result)[1:] == [("big:latest", "boxes", "big", "listed by boxes"), ("free:latest", "cloud", "free", "listed by cloud")]
    assert "What cloud lists depends on the key that a client brings: here is what it shows without one" in result.stderr
    assert "not known" not in result.stderr


def test_list_of_a_server_for_clients_keys_that_is_ill_is_said_to_be_unknown(by_key: tuple[FakeUpstream, Models]) -> None:
    cloud, run = by_key
    cloud.on("/models", json_answer({"error": {"message": "not today"}}, 500))
    result = run()
    assert "The models of cloud are not known: not today" in result.stderr
    assert "depends on the key that a client brings" in result.stderr


def test_only_list_that_depends_on_the_clients_key_says_how_it_is_seen(models: Models, tmp_path: Path) -> None:
    with FakeUpstream() as cloud:
        cloud.on("/models", json_answer({"error": {"message": "who are you"}}, 401))
        file = tmp_path / "proxy.toml"
        file.write_text(f'[upstreams.cloud]\nbase_url = "{cloud.base_url}"\npass_client_key = true\n')
        result = CliRunner().invoke(main, ["models"], env={"PROXY_CONFIG": str(file), "MAX_RETRIES": "0"})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "What cloud lists depends on the key that a client brings" in result.stderr
