"""Where client and upstream speak one language: the bytes of both stay what they are; only `model` is replaced, in Ollama's answers too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway.several import config_of
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, EGRESSES, OLLAMA, OPENAI, Egress

PAIRS = [
    (ingress, egress) for ingress in INGRESSES for egress in EGRESSES if ingress.dialect == egress.name and "responses" not in ingress.name
]
IDS = [f"{ingress.name} on {egress.name}" for ingress, egress in PAIRS]


def alias_of(folder: Path, upstream: FakeUpstream, egress: Egress) -> FlaskClient:
    text = f'[upstreams.it]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\n[upstreams.it.aliases]\nnick = "m"\n'
    return create_app(config_of(folder, text, {})).test_client()


def odd_body(model: str, *, stream: bool) -> bytes:
    """A request in which nothing is as a program would write it."""
    flag = b"true" if stream else b"false"
    return (
        b'{ "stream":' + flag + b' ,\n "unheard_of": {"model": "x", "n": 1.50}, "model" : "' + model.encode() + b'"  ,"max_tokens":16,'
        b' "messages": [{"role":"user","content":"h\\u0069 \\"model\\""}], "big": 123456789012345678901234567890 }'
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
def test_bytes_stay_what_they_are(tmp_path: Path, upstream: FakeUpstream, ingress: Ingress, egress: Egress, stream: bool) -> None:
    scene = BY_NAME["text"]
    egress.play(upstream, scene)
    client = alias_of(tmp_path, upstream, egress)
    answer = client.post(ingress.path, data=odd_body("nick", stream=stream), headers=dict(ingress.headers))
    (request,) = upstream.requests_to(egress.paths[0])
    assert request.body == odd_body("m", stream=stream)
    steps = egress.steps(scene) if stream else [json.dumps(egress.whole(scene)).encode()]
    told = b"".join(step for step in steps if isinstance(step, bytes))
    assert answer.data == (told.replace(b'"model": "m"', b'"model": "nick"') if egress is OLLAMA else told)


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
def test_what_the_upstream_refuses_the_upstream_refuses(tmp_path: Path, upstream: FakeUpstream, ingress: Ingress, egress: Egress) -> None:
    egress.play(upstream, BY_NAME["text"])
    upstream.on(egress.paths[0], json_answer(egress.refusal, 422, {"Retry-After": "3"}))
    client = alias_of(tmp_path, upstream, egress)
    answer = client.post(ingress.path, data=odd_body("nick", stream=False), headers=dict(ingress.headers))
    # 422 is what servers in OpenAI's language say that have their own framework check the request; OpenAI's clients know 400 for it.
    assert answer.status_code == (422 if egress is ANTHROPIC else 400)
    assert answer.headers["Retry-After"] == "3"


@pytest.mark.parametrize("egress", EGRESSES, ids=lambda egress: egress.name)
@pytest.mark.parametrize("ingress", INGRESSES, ids=lambda ingress: ingress.name)
def test_json_that_is_no_answer_is_handed_on_as_none(tmp_path: Path, upstream: FakeUpstream, ingress: Ingress, egress: Egress) -> None:
    for path in filter(None, (*egress.paths, egress.prompt_path, "/responses")):
        upstream.on(path, json_answer({"ok": True}))
    told = ingress.ask(alias_of(tmp_path, upstream, egress), BY_NAME["text"], stream=False)
    assert (told.status, bool(told.error)) == (502, True)


def test_what_anthropics_clients_say_beside_the_body_goes_along(tmp_path: Path, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    upstream.on("/v1/messages", json_answer(ANTHROPIC.whole(BY_NAME["text"]), headers={"request-id": "req_theirs"}))
    client = alias_of(tmp_path, upstream, ANTHROPIC)
    headers = {"anthropic-version": "2099-01-01", "anthropic-beta": "one,two", "x-api-key": "mine", "x-private": "secret"}
    answer = client.post("/v1/messages?beta=true&key=mine", data=odd_body("nick", stream=False), headers=headers)
    (request,) = upstream.requests_to("/v1/messages")
    assert request.target == "/v1/messages?beta=true"
    assert (request.headers["anthropic-version"], request.headers["anthropic-beta"]) == ("2099-01-01", "one,two")
    assert "x-private" not in request.headers
    assert "mine" not in str(request.headers)
    assert answer.headers["request-id"] == "req_theirs"


def test_ollamas_clients_may_leave_out_stream_and_spell_model_as_they_like(tmp_path: Path, upstream: FakeUpstream) -> None:
    OLLAMA.play(upstream, BY_NAME["text"])
    client = alias_of(tmp_path, upstream, OLLAMA)
    answer = client.post("/api/chat", data=b'{"Model":"nick","messages":[{"role":"user","content":"hi"}]}')
    (request,) = upstream.requests_to("/api/chat")
    assert request.json == {"Model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert answer.data.count(b"\n") > 1


@pytest.mark.parametrize(("listed", "asked", "sent"), [("m:latest", "m", "m"), ("m", "m:latest", "m:latest"), ("m:7b", "M:7b", "m:7b")])
def test_ollamas_servers_are_asked_by_the_clients_own_name_where_both_are_one(
    tmp_path: Path, upstream: FakeUpstream, listed: str, asked: str, sent: str
) -> None:
    OLLAMA.play(upstream, BY_NAME["text"])
    (entry,) = OLLAMA.models[1]["models"]
    upstream.on("/api/tags", json_answer({"models": [entry | {"name": listed, "model": listed}]}))
    body = {"model": asked, "messages": [{"role": "user", "content": "hi"}]}
    assert alias_of(tmp_path, upstream, OLLAMA).post("/api/chat", json=body).status_code == 200
    (request,) = upstream.requests_to("/api/chat")
    assert request.json["model"] == sent


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_gemini_gave_to_keep_is_not_shown_to_openai(tmp_path: Path, upstream: FakeUpstream, stream: bool) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    block = {"type": "thinking", "thinking": "hm", "signature": "gemini:c2ln"}
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}, {"role": "user", "content": "so?"}]
    body = {"model": "nick", "stream": stream, "messages": [history[0], history[1] | {"thinking_blocks": [block]}, history[2]], "odd": 1.5}
    assert alias_of(tmp_path, upstream, OPENAI).post("/v1/chat/completions", json=body).status_code == 200
    (request,) = upstream.requests_to("/chat/completions")
    assert request.json == body | {"model": "m", "messages": history}


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}],
    "usage": {"input_tokens": 9, "output_tokens": 7, "total_tokens": 16},
}


def test_responses_are_relayed_where_the_upstream_has_them(tmp_path: Path, upstream: FakeUpstream) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer(RESPONSE))
    client = alias_of(tmp_path, upstream, OPENAI)
    body = b'{ "model":"nick", "input":"hi","x": 1.50}'
    answer = client.post("/v1/responses", data=body)
    (request,) = upstream.requests_to("/responses")
    assert request.body == body.replace(b"nick", b"m")
    assert answer.get_json() == RESPONSE
    assert not upstream.requests_to("/chat/completions")


def test_that_an_upstream_has_no_responses_is_learnt_once(tmp_path: Path, upstream: FakeUpstream) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    client = alias_of(tmp_path, upstream, OPENAI)
    for _ in range(3):
        answer = client.post("/v1/responses", json={"model": "nick", "input": "hi"})
        assert answer.status_code == 200, answer.data
        assert answer.get_json()["model"] == "nick"
    assert len(upstream.requests_to("/responses")) == 1
    assert len(upstream.requests_to("/chat/completions")) == 3


def test_a_404_that_is_about_the_model_is_not_taken_for_the_lack_of_responses(tmp_path: Path, upstream: FakeUpstream) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    missing = {"error": {"message": "The model `m` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}
    upstream.on("/responses", json_answer(missing, 404), json_answer(RESPONSE))
    client = alias_of(tmp_path, upstream, OPENAI)
    answer = client.post("/v1/responses", json={"model": "nick", "input": "hi"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "model_not_found")
    assert client.post("/v1/responses", json={"model": "nick", "input": "hi"}).get_json() == RESPONSE
    assert not upstream.requests_to("/chat/completions")


ITEM = {
    "message": "Item with id 'rs_x' not found. Items are not persisted when `store` is set to false.",
    "type": "invalid_request_error",
    "param": "input",
    "code": None,
}
RESPONSE_BEFORE = {"message": "Response with id 'resp_1' not found.", "type": "invalid_request_error", "param": "response_id", "code": 404}
BODY_OF_ITEMS = {
    "model": "nick",
    "previous_response_id": "resp_1",
    "input": [{"type": "reasoning", "id": "rs_x", "summary": []}, {"role": "user", "content": "hi"}],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "refusal",
    [
        ITEM,
        RESPONSE_BEFORE,
        ITEM | {"param": None},
        RESPONSE_BEFORE | {"param": None},
        {"message": "gone", "code": "previous_response_not_found"},
    ],
)
def test_a_404_that_is_about_what_the_request_names_is_not_taken_for_the_lack_of_responses(
    tmp_path: Path, upstream: FakeUpstream, refusal: dict[str, object], stream: bool
) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer({"error": refusal}, 404), json_answer(RESPONSE))
    client = alias_of(tmp_path, upstream, OPENAI)
    answer = client.post("/v1/responses", json=BODY_OF_ITEMS | {"stream": stream})
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (404, refusal["message"])
    assert client.post("/v1/responses", json={"model": "nick", "input": "hi"}).get_json() == RESPONSE
    assert not upstream.requests_to("/chat/completions")


@pytest.mark.parametrize(
    "refusal",
    [
        {"detail": "Not Found"},
        {"error": {"message": "Invalid URL (POST /v1/responses)", "type": "invalid_request_error", "param": None, "code": None}},
        {"error": {"message": "Unknown request URL: POST /v1/responses", "type": "invalid_request_error", "code": "unknown_url"}},
        {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}},
        {"error": {"message": "Resource not found", "code": "404"}},
    ],
)
def test_what_servers_say_of_urls_that_they_lack_is_known(tmp_path: Path, upstream: FakeUpstream, refusal: dict[str, object]) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer(refusal, 404))
    client = alias_of(tmp_path, upstream, OPENAI)
    body = {"model": "nick", "input": [{"type": "reasoning", "id": "rs_x", "summary": []}, {"role": "user", "content": "hi"}]}
    assert client.post("/v1/responses", json=body).status_code == 200
    assert upstream.requests_to("/chat/completions")


def test_a_relayed_answer_that_is_a_page_names_the_api_that_is_missed(tmp_path: Path, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    upstream.on("/v1/messages", Answer(200, {"Content-Type": "text/html"}, [b"<html>hello</html>"], "length"))
    client = alias_of(tmp_path, upstream, ANTHROPIC)
    answer = client.post("/v1/messages", data=odd_body("nick", stream=False), headers={"anthropic-version": "2023-06-01"})
    assert (answer.status_code, answer.get_json()["type"]) == (502, "error")
    assert "an Anthropic API" in answer.get_json()["error"]["message"]
