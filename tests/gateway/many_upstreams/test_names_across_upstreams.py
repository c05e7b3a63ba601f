"""Which upstream a name leads to, and which names are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway import several
from tests.gateway.many_upstreams.two_upstreams import CHATS, TWO, Client, ask, asked, ids, names, says


@pytest.mark.parametrize(
    ("name", "upstream", "sent"),
    [
        ("big", "boxes", "big"),
        ("BIG:latest", "boxes", "big"),
        ("large", "cloud", "large"),
        ("shared", "boxes", "shared"),
        ("cloud/shared", "cloud", "shared"),
        ("cloud:shared", "cloud", "shared"),
        ("cloud/unheard-of", "cloud", "unheard-of"),
        ("unheard-of", "boxes", "unheard-of"),
    ],
)
@pytest.mark.parametrize("path", CHATS)
def test_name_leads_to_its_upstream(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, name: str, upstream: str, sent: str
) -> None:
    says(boxes, "boxes")
    says(cloud, "cloud")
    response = ask(a_client(), path, name)
    assert response.status_code == 200
    assert upstream in response.text
    assert {"boxes": asked(boxes), "cloud": asked(cloud)} == {"boxes": [], "cloud": [], upstream: [sent]}


def test_lists_are_merged_and_no_name_comes_twice(a_client: Client) -> None:
    client = a_client()
    assert names(client) == ["big:latest", "cloud/shared:latest", "large:latest", "shared:latest"]
    assert ids(client) == ["big", "cloud/shared", "large", "shared"]
    by_name = {model["name"]: model for model in client.get("/api/tags").get_json()["models"]}
    assert len({model["digest"] for model in by_name.values()}) == 4
    entries = {model["id"]: model for model in client.get("/v1/models").get_json()["data"]}
    assert entries["cloud/shared"] == {"id": "cloud/shared", "object": "model", "created": 2, "owned_by": "cloud"}


@pytest.mark.parametrize("name", ["large", "cloud/large", "cloud:large", "LARGE", "cloud/shared"])
def test_model_is_shown_under_the_name_that_was_asked_for(a_client: Client, name: str) -> None:
    client = a_client()
    one = client.get(f"/v1/models/{name}")
    assert (one.status_code, one.get_json()["id"], one.get_json()["owned_by"]) == (200, name, "cloud")
    assert client.post("/api/show", json={"model": name}).status_code == 200
    assert client.post("/api/pull", json={"model": name, "stream": False}).status_code == 200


def test_model_of_an_upstream_that_tells_of_single_models_has_the_id_that_was_asked_for(a_client: Client, cloud: FakeUpstream) -> None:
    cloud.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    cloud.on("/models/large", json_answer({"id": "large", "object": "model", "context": 7}))
    client = a_client()
    assert client.get("/v1/models/cloud/large").get_json() == {"id": "cloud/large", "object": "model", "context": 7}


@pytest.mark.parametrize("name", ["nope", "boxes/nope", "cloud/nope"])
def test_model_that_nobody_has_is_not_found(a_client: Client, name: str) -> None:
    client = a_client()
    assert client.get(f"/v1/models/{name}").get_json()["error"]["message"] == f"model '{name}' not found"
    assert client.post("/api/show", json={"model": name}).status_code == 404


def test_aliases_and_hidden_models(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes, "boxes")
    says(cloud, "cloud")
    client = a_client(f"""{TWO}aliases = {{"fast" = "large"}}
models.hide = ["shared"]

[aliases]
"mine" = "boxes/big"
"gpt-*" = "fast"
""")
    assert names(client) == ["big:latest", "fast:latest", "large:latest", "mine:latest", "shared:latest"]
    assert ids(client) == ["big", "fast", "large", "mine", "shared"]
    assert [ask(client, model=name).status_code for name in ("mine", "gpt-4o", "fast", "cloud/shared")] == [200, 200, 200, 404]
    assert (asked(boxes), asked(cloud)) == (["big"], ["large", "large"])
    assert client.get("/v1/models/mine").get_json()["id"] == "mine"
    assert client.post("/api/show", json={"model": "cloud/shared"}).status_code == 404


def test_one_upstream_with_names_of_the_operator_lists_them_on_both_sides(tmp_path: Path, boxes: FakeUpstream) -> None:
    client = several.a_client(
        tmp_path, '[upstreams.boxes]\nbase_url = @boxes\naliases = {"mine" = "big", "theirs" = "unlisted"}\n', boxes=boxes
    )
    assert names(client) == ["big:latest", "mine:latest", "shared:latest", "theirs:latest"]
    assert ids(client) == ["big", "mine", "shared", "theirs"]
    assert client.post("/api/show", json={"model": "Theirs:latest"}).status_code == 200


def test_catalogue_describes_what_no_upstream_lists(tmp_path: Path, a_client: Client, cloud: FakeUpstream) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text('{"ghost": {"context_length": 5}, "big": {"context_length": 6}}')
    cloud.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    client = a_client(MODEL_CATALOG_FILE=str(catalogue))

    def window_of(name: str) -> int:
        window: int = client.post("/api/show", json={"model": name}).get_json()["model_info"]["unknown.context_length"]
        return window

    assert (window_of("cloud/ghost"), window_of("big")) == (5, 6)
    assert client.post("/api/show", json={"model": "ghost"}).status_code == 404
    assert client.get("/v1/models/cloud/ghost").get_json()["id"] == "cloud/ghost"
