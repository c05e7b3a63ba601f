"""An upstream for which only clients have keys: each client sees the list that its own key shows, and the names of all keys lead there."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.from_outside import MESSAGES
from tests.gateway.many_upstreams.two_upstreams import Client, asked, says

ALONE = "[upstreams.cloud]\nbase_url = @cloud\npass_client_key = true\n"
NAMED = f'{ALONE}[aliases]\n"quick" = "large"\n'
BOTH = f'{ALONE}[upstreams.boxes]\nbase_url = @boxes\n[settings]\ndefault_upstream = "boxes"\n'
KEY, OTHER_KEY, WRONG_KEY = "sk-of-a-client-1", "sk-of-a-client-2", "sk-of-nobody-3"
LISTS = ["/v1/models", "/api/tags"]


@pytest.fixture(autouse=True)
def strict(cloud: FakeUpstream) -> None:
    """The cloud lets nobody see its models without a key, and shows more to one of them."""
    shown = {KEY: ["large", "shared"], OTHER_KEY: ["private", "shared"]}

    def answer(request: Request) -> Answer:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in shown:
            return json_answer(refusal("a wrong key" if key else "no key"), 401)
        return json_answer({"object": "list", "data": [{"id": model, "object": "model"} for model in shown[key]]})

    cloud.on("/models", answer)
    says(cloud)


def header(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def listed(client: FlaskClient, path: str, key: str) -> tuple[int, list[str]]:
    response = client.get(path, headers=header(key))
    answer: dict[str, Any] = response.get_json()
    models = answer.get("data") or answer.get("models") or []
    return response.status_code, sorted((model.get("id") or model["name"]).removesuffix(":latest") for model in models)


def chat(client: FlaskClient, model: str, key: str) -> int:
    return client.post("/v1/chat/completions", json={"model": model, "messages": MESSAGES}, headers=header(key)).status_code


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("text", "more"), [(ALONE, []), (NAMED, ["quick"])], ids=["alone", "with an alias"])
def test_list_is_asked_for_with_the_key_of_the_client(a_client: Client, cloud: FakeUpstream, path: str, text: str, more: list[str]) -> None:
    assert listed(a_client(text), path, KEY) == (200, sorted(["large", "shared", *more]))
    assert {request.headers.get("authorization") for request in cloud.requests_to("/models")} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("text", [ALONE, NAMED, BOTH], ids=["alone", "with an alias", "one of two"])
def test_single_models_are_told_to_those_with_a_key(a_client: Client, cloud: FakeUpstream, text: str) -> None:
    cloud.on("/models/large", json_answer({"id": "large", "object": "model"}))
    client = a_client(text)
    for path in ("/v1/models/large", "/v1/models/cloud/large"):
        assert client.get(path, headers=header(KEY)).status_code == 200
    assert client.post("/api/show", json={"model": "large"}, headers=header(KEY)).status_code == 200


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("text", [ALONE, NAMED], ids=["alone", "with an alias"])
@pytest.mark.parametrize(("key", "word"), [("", "no key"), (WRONG_KEY, "a wrong key")])
def test_refusal_is_about_the_key_that_the_client_brought(a_client: Client, path: str, text: str, key: str, word: str) -> None:
    client = a_client(text)
    before = client.get(path, headers=header(key))
    assert listed(client, path, KEY)[0] == 200
    after = client.get(path, headers=header(key))
    assert [before.status_code, after.status_code] == [401, 401]
    assert [word in before.text, word in after.text] == [True, True]
    show = client.post("/api/show", json={"model": "large"}, headers=header(key))
    assert (show.status_code, word in show.text) == (401, True)


@pytest.mark.parametrize("path", LISTS)
def test_refused_key_does_not_stand_in_the_way_of_a_good_one(a_client: Client, path: str) -> None:
    client = a_client(NAMED)
    for key in ("", WRONG_KEY):
        assert listed(client, path, key)[0] == 401
    assert listed(client, path, KEY)[0] == 200


@pytest.mark.parametrize("path", LISTS)
def test_each_key_sees_what_it_is_shown_beside_the_other_upstreams_models(a_client: Client, path: str) -> None:
    client = a_client(BOTH)
    for _ in range(2):
        assert listed(client, path, KEY) == (200, ["big", "boxes/shared", "large", "shared"])
        assert listed(client, path, OTHER_KEY) == (200, ["big", "boxes/shared", "private", "shared"])
        assert listed(client, path, WRONG_KEY) == (200, ["big", "boxes/shared"])
        assert listed(client, path, "") == (200, ["big", "boxes/shared"])


def test_anthropics_clients_see_what_their_key_is_shown(a_client: Client) -> None:
    client = a_client(BOTH)
    for key, more in ((KEY, ["large", "shared"]), (OTHER_KEY, ["private", "shared"]), (WRONG_KEY, [])):
        shown = client.get("/v1/models", headers={"anthropic-version": "2023-06-01", "x-api-key": key})
        assert sorted(model["id"] for model in shown.get_json()["data"]) == sorted(["big", "boxes/shared", *more])
    for key, status in ((OTHER_KEY, 200), (KEY, 404), (WRONG_KEY, 401)):
        found = client.get("/v1/models/private", headers={"anthropic-version": "2023-06-01", "x-api-key": key})
        assert (found.status_code, found.get_json()["type"]) == (status, "model" if status == 200 else "error")


def test_model_of_another_key_is_not_there(a_client: Client) -> None:
    client = a_client(BOTH)
    assert listed(client, "/v1/models", OTHER_KEY)[0] == 200
    for path in ("/v1/models/private", "/v1/models/cloud/private"):
        assert client.get(path, headers=header(OTHER_KEY)).status_code == 200
        assert client.get(path, headers=header(KEY)).status_code == 404
        assert client.get(path, headers=header(WRONG_KEY)).status_code == 401


def test_plain_names_lead_to_the_upstream_that_lists_them_to_the_client(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    client = a_client(BOTH)
    assert [chat(client, model, key) for model, key in (("large", KEY), ("private", OTHER_KEY), ("large", KEY))] == [200] * 3
    assert (asked(boxes), asked(cloud)) == ([], ["large", "private", "large"])


def test_list_is_asked_for_once_while_it_is_fresh(a_client: Client, cloud: FakeUpstream) -> None:
    client = a_client(BOTH)
    for _ in range(3):
        assert listed(client, "/api/tags", KEY)[0] == chat(client, "large", KEY) == 200
    assert len(cloud.requests_to("/models")) == 1


def test_last_known_list_serves_while_the_upstream_is_out_of_order(a_client: Client, cloud: FakeUpstream) -> None:
    client = a_client(BOTH, MODEL_LIST_TTL="0")
    before = listed(client, "/api/tags", KEY)
    cloud.on("/models", json_answer(refusal("not today"), 500))
    assert [listed(client, "/api/tags", KEY) for _ in range(3)] == [before] * 3
