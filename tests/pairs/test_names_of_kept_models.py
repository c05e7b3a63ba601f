"""Names that the operator gave to models of Ollama servers: who makes, fetches, sends away or deletes a model never means another one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.several import config_of, lists

BOXES = """
[upstreams.ola]
dialect = "ollama"
base_url = @ola
models.hide = ["secret*"]
[upstreams.olb]
dialect = "ollama"
base_url = @olb
[upstreams.olb.aliases]
"tiny" = "mistral:7b"
[upstreams.cloud]
base_url = @cloud
[aliases]
"gpt-4" = "ola/qwen3:8b"
"gpt-*" = "ola/llama3:latest"
"mymistral" = "olb/mistral:7b"
"mistral:7b" = "olb/mistral:7b"
"big" = "cloud/large"
"ola/llama4" = "ola/llama3"
"""
HELD = {"ola": ("llama3:latest", "qwen3:8b", "emb-l:latest", "secret:1b"), "olb": ("mistral:7b", "llama3:latest")}
CHANGES = ("/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete")

Boxes = dict[str, FakeUpstream]


def a_box(names: tuple[str, ...]) -> FakeUpstream:
    def deleted(request: Request) -> Answer:
        name = request.json["model"]
        there = name in names or f"{name}:latest" in names
        return Answer(200, {}, [], "length") if there else json_answer({"error": f"model '{name}' not found"}, 404)

    box = FakeUpstream()
    box.on("/api/tags", json_answer({"models": [{"name": name, "model": name, "digest": "ab" * 32} for name in names]}))
    for path in CHANGES:
        box.on(path, deleted if path == "/api/delete" else json_answer({"status": "success"}))
    return box


@pytest.fixture
def boxes() -> Iterator[Boxes]:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(a_box(names)) for name, names in HELD.items()}
        servers["cloud"] = stack.enter_context(FakeUpstream())
        lists(servers["cloud"], "large")
        yield servers


@pytest.fixture
def client(tmp_path: Path, boxes: Boxes) -> FlaskClient:
    addresses = {name: f'"{box.base_url if name == "cloud" else box.origin}"' for name, box in boxes.items()}
    return create_app(config_of(tmp_path, BOXES, addresses)).test_client()


@pytest.fixture
def mapped(tmp_path: Path, boxes: Boxes) -> Callable[[dict[str, str]], FlaskClient]:
    """A client of a gateway with one Ollama server, and this in `MODEL_MAPPING_FILE`."""

    def made(mapping: dict[str, str]) -> FlaskClient:
        file = tmp_path / "map.json"
        file.write_text(json.dumps(mapping))
        text = f'[upstreams.ola]\ndialect = "ollama"\nbase_url = "{boxes["ola"].origin}"\n'
        return create_app(config_of(tmp_path, text, {}, MODEL_MAPPING_FILE=str(file))).test_client()

    return made


def changed(boxes: Boxes) -> list[tuple[str, str, Any]]:
    """What the servers were asked to do to their models."""
    return [(name, path, request.json) for name, box in boxes.items() for path in CHANGES for request in box.requests_to(path)]


def ask(client: FlaskClient, word: str, **body: Any) -> tuple[int, str]:
    """The status, and the words of an error."""
    answer = client.open(f"/api/{word}", method="DELETE" if word == "delete" else "POST", json=body)
    told = answer.get_json(silent=True)
    return answer.status_code, told.get("error", "") if isinstance(told, dict) else ""


@pytest.mark.parametrize("word", ["delete", "pull", "push"])
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("gpt-4", "ola/qwen3:8b"),
        ("GPT-4:latest", "ola/qwen3:8b"),
        ("mymistral", "olb/mistral:7b"),
        ("tiny", "olb/mistral:7b"),
        ("olb/tiny", "olb/mistral:7b"),
        ("ola/llama4", "ola/llama3"),
    ],
)
def test_what_has_another_name_is_not_changed_by_an_alias(client: FlaskClient, boxes: Boxes, word: str, name: str, place: str) -> None:
    assert ask(client, word, model=name, stream=False) == (400, f'"{name}" is a name of this gateway for {place}: name that one')
    assert changed(boxes) == []


@pytest.mark.parametrize("name", ["gpt-4", "tiny", "big"])
@pytest.mark.parametrize(
    ("word", "body", "member"),
    [
        ("create", {"from": "emb-l"}, "model"),
        ("create", {"files": {"m.gguf": "sha256:" + "0a" * 32}}, "model"),
        ("copy", {"source": "qwen3:8b"}, "destination"),
    ],
    ids=["made of a model", "made of files", "copied"],
)
def test_no_model_is_made_behind_an_alias(client: FlaskClient, boxes: Boxes, name: str, word: str, body: Any, member: str) -> None:
    place = {"gpt-4": "ola/qwen3:8b", "tiny": "olb/mistral:7b", "big": "cloud/large"}[name]
    told = f'"{name}" is a name of this gateway for {place}: choose another name, or name that one'
    assert ask(client, word, **body, **{member: name}, **({} if word == "copy" else {"stream": False})) == (400, told)
    assert changed(boxes) == []


@pytest.mark.parametrize(
    ("word", "body", "where", "got"),
    [
        ("delete", {"model": "gpt-nonsense"}, "ola", {"model": "gpt-nonsense"}),
        ("pull", {"model": "gpt-oss:20b"}, "ola", {"model": "gpt-oss:20b"}),
        ("push", {"model": "gpt-oss:20b"}, "ola", {"model": "gpt-oss:20b"}),
        ("push", {"model": "olb/gpt-oss:20b"}, "olb", {"model": "gpt-oss:20b"}),
        ("create", {"model": "gpt-mine", "from": "emb-l"}, "ola", {"model": "gpt-mine", "from": "emb-l"}),
        ("create", {"model": "olb/gpt-mine", "from": "mistral:7b"}, "olb", {"model": "gpt-mine", "from": "mistral:7b"}),
        ("create", {"model": "zzz", "from": "gpt-oss:20b"}, "ola", {"model": "zzz", "from": "llama3:latest"}),
        ("create", {"model": "zzz", "from": "gpt-4"}, "ola", {"model": "zzz", "from": "qwen3:8b"}),
        ("copy", {"source": "gpt-4", "destination": "gpt-5"}, "ola", {"source": "qwen3:8b", "destination": "gpt-5"}),
        ("copy", {"source": "tiny", "destination": "olb/LLAMA3"}, "olb", {"source": "mistral:7b", "destination": "llama3:latest"}),
    ],
)
def test_a_name_that_only_a_glob_knows_is_its_own(client: FlaskClient, boxes: Boxes, word: str, body: Any, where: str, got: Any) -> None:
    status, _ = ask(client, word, **body)
    assert status == (404 if word == "delete" else 200)
    assert changed(boxes) == [(where, f"/api/{word}", got)]


@pytest.mark.parametrize(
    ("name", "where", "got"),
    [
        ("ola/qwen3:8b", "ola", "qwen3:8b"),
        ("ola/gpt-4", "ola", "gpt-4"),
        ("olb/llama3", "olb", "llama3:latest"),
        ("mistral:7b", "olb", "mistral:7b"),
        ("emb-l:latest", "ola", "emb-l:latest"),
        ("EMB-L", "ola", "emb-l:latest"),
    ],
)
def test_a_models_own_name_leads_to_it_in_every_spelling(client: FlaskClient, boxes: Boxes, name: str, where: str, got: str) -> None:
    ask(client, "delete", model=name)
    assert changed(boxes) == [(where, "/api/delete", {"model": got})]


@pytest.mark.parametrize(
    ("word", "body", "status"),
    [
        ("delete", {"model": "secret:1b"}, 404),
        ("delete", {"model": "ola/secret:1b"}, 404),
        ("pull", {"model": "ola/secret:2b"}, 404),
        ("create", {"model": "secret:1b", "from": "emb-l"}, 400),
        ("create", {"model": "ola/secret:2b", "from": "emb-l"}, 400),
        ("create", {"model": "mine", "from": "ola/secret:1b"}, 404),
        ("copy", {"source": "emb-l", "destination": "secret:1b"}, 400),
        ("copy", {"source": "ola/secret:1b", "destination": "mine"}, 404),
    ],
)
def test_hidden_models_are_neither_read_nor_overwritten(client: FlaskClient, boxes: Boxes, word: str, body: Any, status: int) -> None:
    assert ask(client, word, **body)[0] == status
    assert changed(boxes) == []


@pytest.mark.parametrize(
    ("word", "body", "status"),
    [
        ("show", {"model": "secret:1b"}, 500),
        ("pull", {"model": "secret:1b"}, 404),
        ("create", {"model": "mine", "from": "secret:1b"}, 404),
        ("copy", {"source": "secret:1b", "destination": "mine"}, 404),
    ],
)
def test_hidden_models_stay_hidden_while_another_list_is_not_to_be_had(
    client: FlaskClient, boxes: Boxes, word: str, body: Any, status: int
) -> None:
    boxes["cloud"].on("/models", json_answer({"error": "down"}, 500))
    boxes["ola"].on("/api/show", json_answer({"details": {}}))
    assert ask(client, word, **body)[0] == status
    assert changed(boxes) == []
    assert boxes["ola"].requests_to("/api/show") == []


def test_aliases_of_models_elsewhere_are_what_they_were(client: FlaskClient, boxes: Boxes) -> None:
    assert ask(client, "delete", model="big")[0] == 501
    assert ask(client, "push", model="big")[0] == 501
    assert ask(client, "pull", model="big", stream=False) == (200, "")
    assert changed(boxes) == []


@pytest.mark.parametrize(
    ("word", "body", "got"),
    [
        ("delete", {"model": "typo"}, {"model": "typo"}),
        ("delete", {"model": "emb-l"}, {"model": "emb-l:latest"}),
        ("pull", {"model": "phi4"}, {"model": "phi4"}),
        ("push", {"model": "me/phi4"}, {"model": "me/phi4"}),
        ("create", {"model": "my-assistant", "from": "emb-l"}, {"model": "my-assistant", "from": "emb-l"}),
        ("create", {"model": "my-assistant", "from": "nobody"}, {"model": "my-assistant", "from": "llama3"}),
        ("copy", {"source": "emb-l", "destination": "emb-2"}, {"source": "emb-l:latest", "destination": "emb-2"}),
    ],
)
def test_a_mapping_of_everything_names_no_model_that_is_to_be_changed(
    mapped: Callable[[dict[str, str]], FlaskClient], boxes: Boxes, word: str, body: Any, got: Any
) -> None:
    client = mapped({"gpt-4": "qwen3:8b", "*": "llama3"})
    status, _ = ask(client, word, **body)
    assert status == (404 if body.get("model") == "typo" else 200)
    assert changed(boxes) == [("ola", f"/api/{word}", got)]


def test_where_there_is_one_server_its_own_name_is_advised(mapped: Callable[[dict[str, str]], FlaskClient], boxes: Boxes) -> None:
    client = mapped({"gpt-4": "qwen3:8b", "*": "llama3"})
    assert ask(client, "delete", model="gpt-4") == (400, '"gpt-4" is a name of this gateway for qwen3:8b: name that one')
    assert changed(boxes) == []


def test_names_that_changed_places_are_told_with_the_prefix(mapped: Callable[[dict[str, str]], FlaskClient], boxes: Boxes) -> None:
    client = mapped({"qwen3:8b": "emb-l:latest", "emb-l": "qwen3:8b"})
    assert ask(client, "delete", model="emb-l") == (400, '"emb-l" is a name of this gateway for ola/qwen3:8b: name that one')
    assert ask(client, "delete", model="ola/qwen3:8b") == (200, "")
    assert changed(boxes) == [("ola", "/api/delete", {"model": "qwen3:8b"})]
