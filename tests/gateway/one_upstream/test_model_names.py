"""The model that a request names, or does not, and what the upstream is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_reply, refusal
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway.from_outside import CHAT, MESSAGES
from tests.gateway.one_upstream.questions import a_client, ask, asked


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions"])
def test_unknown_model_when_the_upstream_says_so_is_named_as_the_client_named_it(upstream: FakeUpstream, tmp_path: Path, path: str) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"mine": "theirs"}')
    client = a_client(upstream, model_mapping_file=str(mapping))
    for upstream_path in (CHAT, "/completions"):
        upstream.on(upstream_path, json_answer(refusal("The model `theirs` does not exist", code="model_not_found"), 404))
    response = ask(client, path, model="mine")
    assert response.status_code == 404
    assert b"model 'mine' not found" in response.data
    assert b"theirs" not in response.data
    assert {body["model"] for body in asked(upstream)} == {"theirs"}


def test_404_when_it_is_not_about_a_model_is_a_wrong_base_url(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(404, {}, [b"Not Found"]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 502
        assert b"check the base URL" in response.data


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("body", [{"model": ""}, {"model": None}, {}], ids=["empty", "null", "absent"])
def test_default_model_when_none_is_named_stands_in(upstream: FakeUpstream, path: str, body: dict[str, Any]) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    client = a_client(upstream, default_model="m")
    assert client.post(path, json={**body, "messages": MESSAGES, "stream": False}).status_code == 200
    assert asked(upstream)[0]["model"] == "m"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_default_model_when_another_is_named_stays_out(upstream: FakeUpstream, path: str) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    ask(a_client(upstream, default_model="m"), path, model="unlisted")
    assert asked(upstream)[0]["model"] == "unlisted"


def test_model_of_a_wrong_type_is_not_replaced_but_judged(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, json_answer(refusal("model must be a string"), 400))
    client = a_client(upstream, default_model="m")
    response = client.post("/v1/chat/completions", data=b'{"model": 5, "messages": []}')
    assert response.status_code == 400
    assert upstream.requests_to(CHAT)[0].body == b'{"model": 5, "messages": []}'
    assert client.post("/api/chat", json={"model": 5, "messages": MESSAGES}).status_code == 400


def test_missing_model_when_there_is_no_default_is_the_upstreams_to_judge_on_relay(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer({"error": {"message": "you must provide a model parameter", "code": None}}, 400))
    response = client.post("/v1/chat/completions", json={"messages": MESSAGES})
    assert response.status_code == 400
    assert b"you must provide a model parameter" in response.data
    assert asked(upstream) == [{"messages": MESSAGES}]


@pytest.mark.parametrize("name", ["\u2028", "\u00a0", " \t "])
def test_relayed_model_when_it_is_nothing_but_space_goes_up_as_it_came(upstream: FakeUpstream, client: FlaskClient, name: str) -> None:
    ask(client, "/v1/chat/completions", model=name)
    assert asked(upstream)[-1]["model"] == name


def test_what_a_model_lacks_is_known_to_the_first_request_too(upstream: FakeUpstream) -> None:
    models = [{"id": "vectors", "object": "model", "created": 1, "owned_by": "them", "capabilities": ["embedding"]}]
    upstream.on("/models", json_answer({"object": "list", "data": models}))
    response = ask(a_client(upstream), model="vectors")
    assert response.status_code == 400
    assert b"does not support chat" in response.data
    assert asked(upstream) == []
