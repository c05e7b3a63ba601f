"""Several upstreams behind one gateway, from outside: names, lists, fallbacks, keys, and what is told of all that."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from tests.facts.speech import chat_chunk, chat_reply, embeddings_reply, finish_chunk, refusal, usage_chunk
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Request, json_answer, sse, stream_of
from tests.gateway import several

CHAT = "/chat/completions"
SSE = {"Content-Type": "text/event-stream"}
MESSAGES = [{"role": "user", "content": "hi"}]
CHATS = ["/api/chat", "/api/generate", "/v1/chat/completions"]

TWO = """
[upstreams.boxes]
base_url = @boxes

[upstreams.cloud]
base_url = @cloud
api_key = "sk-of-the-cloud-0123456789"
"""
FALLBACK = f"""{TWO}
[fallbacks]
"big" = ["cloud/large"]
"""

Client = Callable[..., FlaskClient]


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    with several.an_upstream("big", "shared", created=1) as upstream:
        yield upstream


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with several.an_upstream("large", "shared", created=2, owned_by="cloud") as upstream:
        yield upstream


@pytest.fixture
def a_client(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> Client:
    """Makes a client of a gateway in front of both."""
    return lambda text=TWO, **environ: several.a_client(tmp_path, text, environ, boxes=boxes, cloud=cloud)


def ask(client: FlaskClient, path: str = "/api/chat", model: str = "big", **body: Any) -> TestResponse:
    return client.post(path, json={"model": model, "stream": False, "messages": MESSAGES, "prompt": "hi", "input": "hi", **body})


def says(upstream: FakeUpstream, text: str = "hello") -> None:
    """Lets the upstream answer everything with `text`, as it is asked to."""

    def chat(request: Request) -> Answer:
        if request.json.get("stream"):
            return stream_of(chat_chunk(text), finish_chunk(), usage_chunk(3, 2))
        return json_answer(chat_reply(text, usage={"prompt_tokens": 3, "completion_tokens": 2}))

    upstream.on(CHAT, chat)
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0, 0.0]])))


def asked(upstream: FakeUpstream, path: str = CHAT) -> list[Any]:
    """The models that the upstream was asked for."""
    return [request.json.get("model") for request in upstream.requests_to(path)]


def names(client: FlaskClient) -> list[str]:
    tags = client.get("/api/tags")
    assert tags.status_code == 200, tags.data
    return sorted(model["name"] for model in tags.get_json()["models"])


def ids(client: FlaskClient) -> list[str]:
    return sorted(model["id"] for model in client.get("/v1/models").get_json()["data"])


# Names


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


def test_each_upstream_is_shown_its_own_key_alone(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    says(cloud)
    client = a_client()
    for path in CHATS:
        for model in ("big", "large"):
            client.post(
                path, json={"model": model, "messages": MESSAGES, "prompt": "hi"}, headers={"Authorization": "Bearer sk-of-a-client"}
            )
    assert not any("authorization" in request.headers for request in boxes.requests)
    assert {request.headers["authorization"] for request in cloud.requests} == {"Bearer sk-of-the-cloud-0123456789"}


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


# Lists of upstreams that are slow or dead


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


def test_fallback_is_asked_without_a_pause(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("loading"), 503))
    says(cloud)
    client = a_client(FALLBACK, MAX_RETRIES="3")
    assert ask(client).status_code == 200
    assert (asked(boxes), asked(cloud)) == (["big"], ["large"])


def metric(client: FlaskClient, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == f"ollama_proxy_{name}"]
    return next((sample.value for sample in samples if labels.items() <= sample.labels.items()), None)


# Fallbacks

EARLY_FAILURES = {
    "500": json_answer(refusal("crashed"), 500),
    "503": json_answer(refusal("loading"), 503),
    "429": json_answer(refusal("slow down"), 429, {"Retry-After": "60"}),
    "401": json_answer(refusal("who are you"), 401),
    "403": json_answer(refusal("not yours"), 403),
    "no model": json_answer(refusal("The model `big` does not exist", code="model_not_found"), 404),
    "no URL": Answer(404, {}, [b"Not Found"]),
    "redirect": Answer(302, {"Location": "/elsewhere"}, []),
    "cut": Answer(before=[CUT]),
    "reset": Answer(before=[RESET]),
    "web page": Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"]),
    "web page in disguise": Answer(200, SSE, [b"<html>sign in</html>"]),
    "garbage": Answer(200, {"Content-Type": "application/json"}, [b"garbage"]),
    "half of it": Answer(200, {"Content-Type": "application/json"}, [b'{"choices":[{"mess'], "length"),
    "empty": Answer(200, {"Content-Type": "application/json"}, [], "length"),
    "no content": Answer(204, {}, [], "length"),
}
OF_STREAMS = {
    "error first": stream_of({"error": {"message": "crashed", "code": 503}}),
    "no events": Answer(200, SSE, []),
    "nothing but comments": Answer(200, SSE, [b": busy\n\n"] * 3),
    "nothing but an end": Answer(200, SSE, [b"data: [DONE]\n\n"]),
    "an event that is no JSON": Answer(200, SSE, [b"data: hello\n\n"]),
    "cut at once": Answer(200, SSE, [CUT]),
    "JSON error": Answer(200, SSE, [b'{"error": {"message": "crashed", "code": 503}}\n']),
}


@pytest.mark.parametrize("path", [*CHATS, "/api/embed", "/v1/embeddings", "/v1/completions"])
@pytest.mark.parametrize("why", EARLY_FAILURES)
def test_whole_answer_that_fails_comes_from_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, why: str
) -> None:
    for upstream_path in (CHAT, "/embeddings", "/completions"):
        boxes.on(upstream_path, EARLY_FAILURES[why])
    says(cloud)
    cloud.on("/completions", json_answer(chat_reply("hello")))
    response = ask(a_client(FALLBACK), path)
    assert (response.status_code, "error" in (response.get_json() or {})) == (200, False)
    assert [request.json["model"] for request in cloud.requests if request.body] == ["large"]


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("why", [*EARLY_FAILURES, *OF_STREAMS])
def test_stream_that_fails_before_it_says_anything_comes_from_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, why: str
) -> None:
    boxes.on(CHAT, {**EARLY_FAILURES, **OF_STREAMS}[why])
    says(cloud)
    response = ask(a_client(FALLBACK), path, stream=True)
    assert response.status_code == 200
    assert "hello" in response.text
    assert "error" not in response.text
    assert asked(cloud) == ["large"]


@pytest.mark.parametrize("path", CHATS)
def test_stream_that_fails_after_its_role_has_said_nothing_yet(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    role = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    boxes.on(CHAT, stream_of(role, {"error": {"message": "crashed", "code": 503}}))
    says(cloud)
    assert "hello" in ask(a_client(FALLBACK), path, stream=True).text


@pytest.mark.parametrize("wait", ["-5", "inf", "soon", "99999999999999999999", "Wed, 21 Oct 2099 07:28:00 +9999"])
def test_senseless_wait_is_told_to_nobody(a_client: Client, boxes: FakeUpstream, wait: str) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": wait, "Retry-After-Ms": wait}))
    client = a_client()
    for path in CHATS:
        headers = ask(client, path).headers
        assert "Retry-After-Ms" not in headers
        assert headers.get("Retry-After", "2678400") == "2678400"


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
def test_upstream_that_is_not_there_or_silent_is_left_for_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool
) -> None:
    says(cloud)
    boxes.on(CHAT, Answer(before=[STALL]))
    client = a_client(FALLBACK, FIRST_BYTE_TIMEOUT="0.2")
    assert "hello" in ask(client, path, stream=stream).text
    boxes.close()
    assert "hello" in ask(client, path, stream=stream).text


@pytest.mark.parametrize("path", [*CHATS, "/api/embed", "/v1/embeddings"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Answer(before=[STALL]), 504),
        (Answer(before=[0.2, CUT]), 502),
        (Answer(200, SSE, [CUT]), 502),
        (EARLY_FAILURES["web page"], 502),
        (EARLY_FAILURES["half of it"], 502),
    ],
)
def test_what_was_sent_ends_there_when_the_operator_fears_to_pay_twice(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool, trouble: Answer, status: int
) -> None:
    says(cloud)
    for upstream_path in (CHAT, "/embeddings"):
        boxes.on(upstream_path, trouble)
    client = a_client(FALLBACK, FIRST_BYTE_TIMEOUT="0.5", RETRY_SENT="false")
    response = ask(client, path, stream=stream)
    assert response.status_code == status
    assert [request for request in cloud.requests if request.body] == []
    boxes.close()
    assert ask(client, path, stream=stream).status_code == 200


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_request_that_is_refused_for_itself_is_not_asked_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, status: int
) -> None:
    says(cloud)
    boxes.on(CHAT, json_answer(refusal("messages must alternate"), status))
    response = ask(a_client(FALLBACK), path)
    assert 400 <= response.status_code < 500
    assert "messages must alternate" in response.text
    assert asked(cloud) == []


@pytest.mark.parametrize("path", CHATS)
def test_stream_that_breaks_after_words_is_told_and_not_asked_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    says(cloud)
    boxes.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[CUT]))
    response = ask(a_client(FALLBACK), path, stream=True)
    assert response.status_code == 200
    assert "hal" in response.text
    assert "error" in response.text
    assert asked(cloud) == []


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("first", "then", "status", "told"),
    [
        (json_answer(refusal("crashed"), 500), json_answer(refusal("slow down"), 429), 500, "crashed"),
        (json_answer(refusal("who are you"), 401), json_answer(refusal("loading"), 503), 503, "loading"),
        (json_answer(refusal("who are you"), 401), json_answer(refusal("nonsense"), 400), 401, "who are you"),
        (json_answer(refusal("crashed"), 500), json_answer(refusal("nonsense"), 400), 500, "crashed"),
    ],
)
def test_what_is_told_when_nobody_serves(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool, first: Answer, then: Answer, status: int, told: str
) -> None:
    boxes.on(CHAT, first)
    cloud.on(CHAT, then)
    response = ask(a_client(FALLBACK), path, stream=stream)
    assert response.status_code == status
    assert told in response.text
    assert (asked(boxes), asked(cloud)) == (["big"], ["large"])


def test_each_destination_has_its_own_repairs_and_lessons(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    def refusing(request: Request) -> Answer:
        if "seed" in request.json:
            return json_answer({"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": None}}, 400)
        return json_answer(chat_reply("hello"))

    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    cloud.on(CHAT, refusing)
    client = a_client(FALLBACK)
    for _ in range(2):
        assert ask(client, options={"seed": 1}).status_code == 200
    assert ["seed" in request.json for request in boxes.requests_to(CHAT)] == [True, True]
    assert ["seed" in request.json for request in cloud.requests_to(CHAT)] == [True, False, False]


def test_relayed_request_is_sent_on_as_it_came_but_for_its_model(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    body = b'{ "model" : "big",  "messages":[{"role":"user","content":"\\u00e9 \\"model\\""}],"x":1.50 }\n'
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    says(cloud)
    assert a_client(FALLBACK).post("/v1/chat/completions", data=body).status_code == 200
    assert boxes.requests_to(CHAT)[0].body == body
    assert cloud.requests_to(CHAT)[0].body == body.replace(b'"big"', b'"large"')


def test_fallback_that_lacks_what_the_request_needs_is_passed_over(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.json"
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    boxes.on("/embeddings", json_answer(refusal("crashed"), 500))
    says(cloud)
    for able, chat, embed in (("embedding", 500, 200), ("completion", 200, 500)):
        catalogue.write_text(json.dumps({"large": {"capabilities": [able]}}))
        client = a_client(FALLBACK, MODEL_CATALOG_FILE=str(catalogue))
        assert ask(client).status_code == chat
        assert ask(client, "/api/embed").status_code == embed
    assert (len(asked(cloud)), len(asked(cloud, "/embeddings"))) == (1, 1)


# Replicas


@pytest.mark.parametrize("first", ["Why is the sky blue?", "Write a poem.", "What is 2+2?"])
def test_conversation_comes_back_to_its_replica_in_whatever_dialect(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream, first: str
) -> None:
    text = '[upstreams.both]\nbase_url = [@boxes, @cloud]\npolicy = "prefix_affinity"\n'
    client = several.a_client(tmp_path, text, boxes=boxes, cloud=cloud)
    says(boxes)
    says(cloud)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": first}]
    for turn in range(4):
        for path in ("/api/chat", "/v1/chat/completions"):
            for stream in (True, False):
                assert ask(client, path, "shared", messages=messages, stream=stream).get_data()
        messages += [{"role": "assistant", "content": f"answer {turn}"}, {"role": "user", "content": f"and {turn}?"}]
    assert sorted((len(asked(boxes)), len(asked(cloud)))) == [0, 16]


# Upstreams that are full

FULL = TWO.replace("@boxes", "@boxes\nlimits = {in_flight = 1, queue = 0}")
ONE_WORKER = {"WEB_CONCURRENCY": "1"}


@contextmanager
def occupied(client: FlaskClient, upstream: FakeUpstream) -> Iterator[None]:
    """While the one seat at the upstream is taken."""
    gate = upstream.gate()
    answer = json_answer(chat_reply("at last"))
    upstream.on(CHAT, Answer(200, answer.headers, answer.steps, "length", before=[gate]))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, client.application.test_client())
        assert upstream.wait_for_requests(1, path=CHAT)
        yield
        gate.set()
        assert first.result().status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_full_upstream_is_told_in_each_dialects_words(a_client: Client, boxes: FakeUpstream, stream: bool) -> None:
    client = a_client(FULL, **ONE_WORKER)
    with occupied(client, boxes):
        ollama, openai = (ask(client, path, stream=stream) for path in ("/api/chat", "/v1/chat/completions"))
    assert (ollama.status_code, openai.status_code) == (503, 503)
    assert ollama.get_json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
    assert openai.get_json()["error"]["type"] == "server_error"
    assert openai.get_json()["error"]["code"] == "overloaded"
    assert [int(response.headers["Retry-After"]) >= 1 for response in (ollama, openai)] == [True, True]


@pytest.mark.parametrize("queue", [0, 10])
@pytest.mark.parametrize("path", CHATS)
def test_full_upstream_is_left_for_the_next_after_a_second(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, queue: int
) -> None:
    says(cloud)
    text = f'{FULL}\n[fallbacks]\n"big" = ["cloud/large"]\n'.replace("queue = 0", f"queue = {queue}")
    client = a_client(text, **ONE_WORKER)
    with occupied(client, boxes):
        began_s = time.monotonic()
        assert "hello" in ask(client, path).text
        assert time.monotonic() - began_s < 3


# What is noted


def last_line(log: pytest.LogCaptureFixture) -> dict[str, Any]:
    return vars([record for record in log.records if record.name == "proxy.access"][-1])


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
def test_log_and_metrics_tell_who_served_and_who_did_not(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str, stream: bool
) -> None:
    caplog.set_level(logging.INFO)
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    says(cloud)
    client = a_client(FALLBACK, ENABLE_METRICS="true", MAX_RETRIES="1")
    before = {name: metric(client, name, upstream="boxes") or 0 for name in ("fallbacks_total", "upstream_failures_total")}
    response = ask(client, path, stream=stream)
    response.get_data()
    response.close()
    line = last_line(caplog)
    assert (line["upstream"], line["upstream_model"], line["attempts"], line["fallbacks"]) == ("cloud", "large", 2, 1)
    assert line["end"] == "finished"
    (turned,) = [vars(record) for record in caplog.records if record.getMessage() == "falling back to another upstream"]
    assert (turned["upstream"], turned["next_upstream"], turned["error"]) == ("boxes", "cloud", "crashed")
    assert metric(client, "fallbacks_total", upstream="boxes") == before["fallbacks_total"] + 1
    assert metric(client, "upstream_failures_total", upstream="boxes") == before["upstream_failures_total"] + 1
    assert metric(client, "upstream_failures_total", upstream="cloud") is None
    assert (metric(client, "tokens_total", upstream="cloud", model="large", direction="completion") or 0) >= 2


def test_log_of_a_request_that_its_upstream_served_counts_no_fallbacks(
    a_client: Client, boxes: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    says(boxes)
    ask(a_client(FALLBACK)).close()
    assert (last_line(caplog)["status"], last_line(caplog)["upstream"]) == (200, "boxes")
    assert "fallbacks" not in last_line(caplog)


# Health


def test_ready_when_one_of_several_upstreams_answers(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.close()
    response = a_client().get("/ready")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    cloud.close()
    assert a_client().get("/ready").status_code == 503


def test_ready_does_not_wait_for_the_slow_one(a_client: Client, boxes: FakeUpstream) -> None:
    boxes.on("/models", Answer(before=[STALL]))
    began_s = time.monotonic()
    assert a_client(HEALTH_CHECK_TIMEOUT="3").get("/ready").status_code == 200
    assert time.monotonic() - began_s < 2


def test_health_tells_of_each_upstream(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    cloud.close()
    client = a_client()
    assert ask(client).status_code == 200
    assert ask(client, model="cloud/large").status_code == 503
    health = client.get("/health").get_json()
    assert health["status"] == "degraded"
    assert {name: told["state"] for name, told in health["upstreams"].items()} == {"boxes": "up", "cloud": "down"}


# The client's own key

PASSING = TWO.replace('api_key = "sk-of-the-cloud-0123456789"', "pass_client_key = true")
PASSING_ELSE_BOXES = f'{PASSING}\n[fallbacks]\n"large" = ["boxes/big"]\n'


@pytest.mark.parametrize("header", [{"Authorization": "Bearer sk-of-a-client"}, {"x-api-key": "sk-of-a-client"}])
@pytest.mark.parametrize("path", [*CHATS, "/api/embed"])
def test_clients_key_goes_only_where_the_operator_lets_it(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, header: dict[str, str]
) -> None:
    says(boxes)
    says(cloud)
    client = a_client(PASSING)
    for model in ("big", "large"):
        body = {"model": model, "messages": MESSAGES, "prompt": "hi", "input": "hi", "stream": False}
        assert client.post(path, json=body, headers=header).status_code == 200
    sent = [request.headers.get("authorization") for request in cloud.requests if request.body]
    assert sent == ["Bearer sk-of-a-client"]
    assert not any("sk-of-a-client" in f"{request.headers}{request.body!r}" for request in boxes.requests)


def test_clients_key_does_not_follow_a_fallback(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    cloud.on(CHAT, json_answer(refusal("out of order"), 500))
    client = a_client(PASSING_ELSE_BOXES)
    response = client.post(
        "/v1/chat/completions", json={"model": "large", "messages": MESSAGES}, headers={"Authorization": "Bearer sk-mine"}
    )
    assert response.status_code == 200
    assert "authorization" not in boxes.requests_to(CHAT)[0].headers


@pytest.mark.parametrize("header", [{"Authorization": "Bearer sk-wrong"}, {}], ids=["wrong key", "no key"])
@pytest.mark.parametrize("status", [401, 402, 403, 429])
@pytest.mark.parametrize("path", [*CHATS, "/api/embed"])
def test_clients_key_that_is_refused_opens_no_other_door(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, status: int, header: dict[str, str]
) -> None:
    """The operator's key elsewhere is not for those whom the upstream of their choice does not let in."""
    says(boxes)
    for asked in (CHAT, "/embeddings"):
        cloud.on(asked, json_answer(refusal("who are you"), status))
    for stream in (False, True):
        body = {"model": "large", "messages": MESSAGES, "prompt": "hi", "input": "hi", "stream": stream}
        assert a_client(PASSING_ELSE_BOXES).post(path, json=body, headers=header).status_code == status
    assert not any(request.body for request in boxes.requests)


def test_client_without_a_key_where_the_operator_has_one_is_served_elsewhere_when_that_is_refused(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    says(boxes)
    cloud.on(CHAT, json_answer(refusal("who are you"), 401))
    text = PASSING_ELSE_BOXES.replace("pass_client_key = true", 'pass_client_key = true\napi_key = "sk-of-the-cloud-0123456789"')
    assert ask(a_client(text), model="large").status_code == 200
    assert len(boxes.requests_to(CHAT)) == 1


# Streams whose upstream takes its time

LATE = f"{FALLBACK}\n[upstreams.boxes.timeouts]\ncommit = 0.1\n"
QUICK = {"KEEPALIVE_INTERVAL": "0.1"}


def lines_of(response: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.data.splitlines()]


def test_silence_of_an_upstream_is_bridged_in_ollamas_words(a_client: Client, boxes: FakeUpstream) -> None:
    answer = stream_of(chat_chunk("late"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[0.5]))
    response = ask(a_client(LATE, **QUICK), stream=True)
    assert (response.status_code, response.content_type) == (200, "application/x-ndjson")
    *signs, word, end = lines_of(response)
    assert [sign["message"]["content"] for sign in signs] == [""] * len(signs)
    assert 2 <= len(signs) <= 6
    assert (word["message"]["content"], end["done_reason"]) == ("late", "stop")


def test_silence_of_an_upstream_is_bridged_by_comments(a_client: Client, boxes: FakeUpstream) -> None:
    answer = stream_of(chat_chunk("late"), finish_chunk())
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[0.5]))
    response = ask(a_client(LATE, **QUICK), "/v1/chat/completions", stream=True)
    assert (response.status_code, response.content_type) == (200, "text/event-stream")
    signs, _, rest = response.data.partition(b"data: ")
    assert set(signs.split(b"\n\n")) == {b": keep-alive", b""}
    assert 2 <= signs.count(b": keep-alive") <= 6
    assert b"data: " + rest == b"".join(answer.steps)


@pytest.mark.parametrize("path", CHATS)
def test_fallback_goes_on_behind_a_stream_that_has_begun(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str) -> None:
    boxes.on(CHAT, Answer(500, {}, [b"crashed"], before=[0.3]))
    says(cloud)
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    assert response.status_code == 200
    assert "hello" in response.text
    assert "error" not in response.text
    assert asked(cloud) == ["large"]


@pytest.mark.parametrize("path", CHATS)
def test_failure_after_the_status_was_sent_is_told_in_the_stream(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO)
    for upstream in (boxes, cloud):
        upstream.on(CHAT, Answer(500, {}, [b'{"error": {"message": "crashed"}}'], before=[0.2]))
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    assert response.status_code == 200
    if path.startswith("/v1"):
        assert json.loads(response.data.split(b"data: ")[1])["error"]["message"] == "crashed"
        assert response.data.endswith(b"data: [DONE]\n\n")
    else:
        assert lines_of(response)[-1] == {"error": "crashed"}
        assert not any(line.get("done") for line in lines_of(response))
    response.close()
    line = last_line(caplog)
    assert (line["status"], line["end"], line["error"], line["attempts"]) == (200, "failed", "crashed", 2)


def test_whole_answer_that_comes_late_is_told_as_a_stream(a_client: Client, boxes: FakeUpstream) -> None:
    whole = json_answer(chat_reply("late"))
    boxes.on(CHAT, Answer(200, whole.headers, whole.steps, "length", before=[0.3]))
    client = a_client(LATE, **QUICK)
    relayed = ask(client, "/v1/chat/completions", stream=True).data
    assert b'"late"' in relayed
    assert relayed.endswith(b"data: [DONE]\n\n")
    assert lines_of(ask(client, stream=True))[-1]["done"]


@pytest.mark.parametrize("path", CHATS)
def test_status_stays_open_for_whole_answers_and_where_nothing_is_committed(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    for upstream in (boxes, cloud):
        upstream.on(CHAT, Answer(503, {}, [b"crashed"], before=[0.3]))
    assert ask(a_client(LATE), path).status_code == 503
    assert ask(a_client(LATE.replace("commit = 0.1", "commit = 0")), path, stream=True).status_code == 503


@pytest.mark.parametrize("path", CHATS)
def test_client_that_leaves_a_late_stream_frees_the_upstream_in_the_end(a_client: Client, boxes: FakeUpstream, path: str) -> None:
    gate = boxes.gate()
    answer = stream_of(chat_chunk("late"), done=False, then=[STALL])
    boxes.on(CHAT, Answer(200, SSE, answer.steps, before=[gate]))
    response = ask(a_client(LATE, **QUICK), path, stream=True)
    next(iter(response.response))
    response.close()
    gate.set()
    assert boxes.requests_to(CHAT)[0].wait_closed(2)


# Relayed answers that are none


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
@pytest.mark.parametrize("body", [b"garbage", b'{"choices": [', b'{"a": 1}}', b"<html>", b"\xff\xfe"])
def test_whole_answer_that_is_no_json_is_never_handed_on(a_client: Client, boxes: FakeUpstream, path: str, body: bytes) -> None:
    boxes.on(path.removeprefix("/v1"), Answer(200, {"Content-Type": "application/json"}, [body]))
    response = ask(a_client(), path)
    assert response.status_code == 502
    assert "upstreams.boxes.base_url" in response.get_json()["error"]["message"]


@pytest.mark.parametrize("body", [b'{"choices": [{"logprob": NaN}]}', b' {"choices": ["\\ud83d"]}\n', b'{"choices": ["\xff"]}'])
def test_whole_answer_that_lenient_readers_take_is_handed_on(a_client: Client, boxes: FakeUpstream, body: bytes) -> None:
    boxes.on(CHAT, Answer(200, {"Content-Type": "application/json"}, [body]))
    response = ask(a_client(), "/v1/chat/completions")
    assert (response.status_code, response.data) == (200, body)


def test_error_at_the_beginning_of_a_relayed_stream_has_a_status(a_client: Client, boxes: FakeUpstream) -> None:
    own = {"message": "slow down", "type": "their_type", "code": 429}
    boxes.on(CHAT, Answer(200, SSE, [b": wait\n\n", *sse({"error": own})]))
    response = ask(a_client(), "/v1/chat/completions", stream=True)
    assert response.status_code == 429
    assert response.get_json()["error"]["type"] == "their_type"
    assert response.content_type == "application/json; charset=utf-8"


def test_what_is_no_answer_to_a_question_about_a_model_is_asked_of_the_next_replica(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    page = Answer(200, {"Content-Type": "text/html"}, [b"<html>log in</html>"], "length")
    told = json_answer({"id": "big", "object": "model"})
    several.lists(cloud, "big")
    boxes.on("/models/big", page, told)
    cloud.on("/models/big", page, told)
    client = several.a_client(tmp_path, "[upstreams.both]\nbase_url = [@boxes, @cloud]\n", {"MAX_RETRIES": "2"}, boxes=boxes, cloud=cloud)
    assert [client.get("/v1/models/big").status_code for _ in range(2)] == [200, 200]


# One replica, and another upstream to ask


def test_one_replica_is_left_alone_by_those_who_can_be_served_elsewhere(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": "60"}))
    says(cloud)
    client = a_client(FALLBACK)
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 200]
    assert (len(asked(boxes)), len(asked(cloud))) == (1, 3)
    assert ask(client, model="boxes/other").status_code == 429  # Nobody else can be asked for this one.
    assert len(asked(boxes)) == 2


def test_one_replica_that_answers_again_is_asked_again(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": "0.2"}))
    says(cloud)
    client = a_client(FALLBACK)
    assert ask(client).status_code == 200
    says(boxes)
    time.sleep(0.25)
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 200]
    assert (len(asked(boxes)), len(asked(cloud))) == (4, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_for_one_frozen_replica_is_served_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, stream: bool
) -> None:
    says(cloud)
    client = a_client(FALLBACK, HEALTH_CHECK_INTERVAL="0.1", UPSTREAM_TRANSPORT="fast")
    says(boxes)
    assert ask(client).status_code == 200
    for path in (CHAT, "/models"):
        boxes.on(path, Answer(before=[STALL]))
    began_s = time.monotonic()
    assert ask(client, stream=stream).status_code == 200
    assert time.monotonic() - began_s < 3
    began_s = time.monotonic()
    assert ask(client, stream=stream).status_code == 200
    assert time.monotonic() - began_s < 1  # Now it is known.
    assert (len(asked(boxes)), len(asked(cloud))) == (2, 2)
    says(boxes)
    several.lists(boxes, "big", "shared", created=1)
    time.sleep(0.5)
    assert ask(client, stream=stream).status_code == 200
    assert (len(asked(boxes)), len(asked(cloud))) == (3, 2)


def test_one_replica_that_nobody_waits_for_is_not_looked_at(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    client = a_client(FALLBACK, HEALTH_CHECK_INTERVAL="0.1")
    assert ask(client).status_code == 200
    listed = len(boxes.requests_to("/models"))
    time.sleep(0.3)
    assert len(boxes.requests_to("/models")) == listed


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
