"""Lists of upstreams that are slow or dead: they delay nothing, and what nobody told is not said to be missing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.facts.speech import refusal
from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer
from tests.gateway import several
from tests.gateway.from_outside import CHAT
from tests.gateway.many_upstreams.two_upstreams import CHATS, TWO, Client, ask, asked, ids, metric, names, says


def test_dead_upstream_delays_no_list(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    cloud.close()
    client = a_client()
    began_s = time.monotonic()
    assert names(client) == ["big:latest", "shared:latest"]
    assert ids(client) == ["big", "shared"]
    assert ask(client).status_code == 200
    assert time.monotonic() - began_s < 2
    assert ask(client, model="large").status_code == 404 or asked(boxes)[-1] == "large"


def test_upstream_that_hangs_delays_no_list(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    gate = cloud.gate()
    listed = json_answer({"object": "list", "data": [{"id": "large"}]})
    cloud.on("/models", Answer(200, listed.headers, listed.steps, "length", before=[gate]))
    client = a_client()
    began_s = time.monotonic()
    assert names(client) == ["big:latest", "shared:latest"]
    assert time.monotonic() - began_s < 2
    began_s = time.monotonic()
    assert ask(client).status_code == 200
    assert names(client) == ["big:latest", "shared:latest"]
    assert time.monotonic() - began_s < 1


def test_name_that_only_a_list_under_way_may_hold_waits_for_it(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(cloud)
    listed = json_answer({"object": "list", "data": [{"id": "large"}]})
    cloud.on("/models", Answer(200, listed.headers, listed.steps, "length", before=[1.5]))
    assert ask(a_client(), model="large").status_code == 200
    assert (asked(boxes), asked(cloud)) == ([], ["large"])


def test_last_known_list_is_shown_and_marked_as_old(a_client: Client, cloud: FakeUpstream) -> None:
    client = a_client(MODEL_LIST_TTL="0", ENABLE_METRICS="true")
    assert "large:latest" in names(client)
    assert metric(client, "model_list_stale", upstream="cloud") == 0
    cloud.on("/models", json_answer(refusal("no today"), 500))
    deadline_s = time.monotonic() + 5
    while not client.get("/health").get_json()["upstreams"]["cloud"]["models_stale"]:
        assert "large:latest" in names(client)
        assert time.monotonic() < deadline_s
    assert "large:latest" in names(client)
    assert metric(client, "model_list_stale", upstream="cloud") == 1
    assert metric(client, "model_list_stale", upstream="boxes") == 0
    assert 0 < (metric(client, "model_list_age_seconds", upstream="cloud") or 0) < 60
    health = client.get("/health").get_json()["upstreams"]
    assert (health["cloud"]["models"], health["boxes"]["models_stale"]) == (2, False)


@pytest.mark.parametrize(
    "answer", [Answer(before=[STALL]), Answer(200, {"Content-Type": "text/html"}, [b"<p>Log in"]), Answer(503, {}, [b""])]
)
def test_replica_that_is_ill_delays_no_list_and_takes_no_model_from_it(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream, answer: Answer
) -> None:
    text = "[upstreams.both]\nbase_url = [@boxes, @cloud]\nhealth_check_interval = 0\n"
    client = several.a_client(tmp_path, text, {"HEALTH_CHECK_TIMEOUT": "0.5", "MAX_RETRIES": "1"}, boxes=boxes, cloud=cloud)
    several.lists(cloud, "big", "shared")
    boxes.on("/models", answer)
    assert {"big:latest", "shared:latest"} <= set(names(client))
    began_s = time.monotonic()
    for _ in range(10):
        assert client.get("/v1/models").get_json()["data"][0]["id"] == "big"
        assert client.get("/v1/models/big").get_json()["id"] == "big"
    assert time.monotonic() - began_s < 2


def test_list_is_known_before_anybody_asks_for_it(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    """A worker that has served nobody yet can still tell its models when all replicas are gone."""
    client = several.a_client(tmp_path, "[upstreams.both]\nbase_url = [@boxes, @cloud]\n", boxes=boxes, cloud=cloud)
    deadline_s = time.monotonic() + 5
    while not client.get("/health").get_json()["upstreams"]["both"]["models"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    boxes.close()
    cloud.close()
    assert "shared:latest" in names(client)


def test_lists_when_nobody_tells_one_are_an_error(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.close()
    cloud.on("/models", json_answer(refusal("no today"), 500))
    client = a_client()
    for path in ("/api/tags", "/v1/models", "/v1/models/big"):
        assert client.get(path).status_code == 503
    assert client.post("/api/show", json={"model": "big"}).status_code == 503


def test_model_that_an_upstream_may_have_that_never_told_is_no_unknown_one(a_client: Client, cloud: FakeUpstream) -> None:
    cloud.close()
    client = a_client()
    assert client.post("/api/show", json={"model": "large"}).status_code == 503
    assert client.get("/v1/models/cloud/large").status_code == 503
    assert client.post("/api/show", json={"model": "big"}).status_code == 200


@pytest.mark.parametrize("model", ["boxes/nosuch", "boxes:nosuch", "BOXES/nosuch:latest", "boxes/secret"])
@pytest.mark.parametrize("upstreams", [TWO, f"{TWO}[settings]\ndefault_upstream = 'cloud'\n"])
def test_name_that_its_own_upstream_lacks_is_unknown_whatever_others_may_have(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, model: str, upstreams: str
) -> None:
    several.lists(boxes, "big", "secret")
    boxes.on(CHAT, json_answer(refusal("no such model", code="model_not_found"), 404))
    cloud.close()
    client = a_client(upstreams.replace("base_url = @boxes", "base_url = @boxes\nmodels.hide = ['secret']"))
    answers = [ask(client, model=model), client.get(f"/v1/models/{model}"), client.post("/api/show", json={"model": model})]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert [answer for answer in answers if "cloud" in answer.text or "Retry-After" in answer.headers] == []


def test_name_is_unknown_where_a_glob_leads_to_an_upstream_that_lacks_it(a_client: Client, cloud: FakeUpstream) -> None:
    cloud.close()
    client = a_client(f'{TWO}\n[aliases]\n"nosuch*" = "boxes/nosuch"\n')
    assert client.get("/v1/models/nosuch-1").status_code == 404
    assert client.get("/v1/models/unheard").status_code == 503


def test_name_whose_own_upstream_has_not_told_its_models_hears_of_that_one(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    boxes.close()
    cloud.close()
    client = a_client()
    for path in ("/v1/models/cloud/large", "/v1/models/cloud:large"):
        answer = client.get(path)
        assert (answer.status_code, "'cloud'" in answer.text, "'boxes'" in answer.text) == (503, True, False)


@pytest.mark.parametrize("path", [*CHATS, "/v1/embeddings"])
def test_name_that_nobody_lists_is_no_unknown_one_while_an_upstream_has_not_told_its_models(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    boxes.on(CHAT, json_answer(refusal("The model `large` does not exist", code="model_not_found"), 404))
    boxes.on("/embeddings", json_answer(refusal("The model `large` does not exist", code="model_not_found"), 404))
    cloud.close()
    response = ask(a_client(), path, "large")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "not all have told them: the upstream 'cloud' refuses connections" in response.text


def test_name_that_nobody_has_is_unknown_when_the_other_lists_are_known(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on("/models", json_answer(refusal("no today"), 500))
    boxes.on(CHAT, json_answer(refusal("The model `nope` does not exist", code="model_not_found"), 404))
    assert ask(a_client(), model="nope").status_code == 404


@pytest.mark.parametrize("path", CHATS)
def test_list_that_hangs_holds_no_chat_where_there_is_one_upstream(tmp_path: Path, boxes: FakeUpstream, path: str) -> None:
    says(boxes)
    boxes.on("/models", Answer(before=[STALL]))
    client = several.a_client(tmp_path, "[upstreams.boxes]\nbase_url = @boxes\n", boxes=boxes)
    began_s = time.monotonic()
    assert [ask(client, path).status_code for _ in range(2)] == [200, 200]
    assert time.monotonic() - began_s < 2.5


def test_an_upstream_that_comes_late_serves_the_first_who_asks_for_its_model(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    cloud.on("/models", json_answer(refusal("starting"), 503))
    boxes.on(CHAT, json_answer(refusal("model 'large' not found"), 404))
    says(cloud)
    client = a_client(TWO)
    assert ask(client, model="large").status_code == 503
    several.lists(cloud, "large", created=2)
    time.sleep(2.1)  # It is not asked again sooner.
    assert ask(client, model="large").status_code == 200
    assert asked(cloud) == ["large"]
