"""Refusals that are about what one request names or needs: its client hears of them, once, and no other client does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.several import config_of
from tests.pairs.scenes import BY_NAME, PNG
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OLLAMA, OPENAI, Egress

HI = {"role": "user", "content": "hi"}
RESPONSE = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": []}
URL = f"data:image/png;base64,{PNG}"
NO_PICTURES = "No endpoints found that support image input"
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
WITH_PICTURE = [
    ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}]}),
    ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [PICTURE]}]}),
]


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


def a_client(folder: Path, first: FakeUpstream, egress: Egress, fallback: FakeUpstream | None = None, more: str = "") -> FlaskClient:
    """A client of a gateway whose model `u0/m` is one of the first upstream, and of a Claude's where that one fails."""
    egress.play(first, BY_NAME["text"])
    text = f'[upstreams.u0]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(first)}"\n{more}\n'
    if fallback is not None:
        ANTHROPIC.play(fallback, BY_NAME["text"])
        text += f'[upstreams.u1]\ndialect = "anthropic"\nbase_url = "{ANTHROPIC.base_url(fallback)}"\n'
        text += '[fallbacks]\n"u0/m" = ["u1/m"]\n'
    return create_app(config_of(folder, text, {}, MAX_RETRIES="3")).test_client()


def posts(upstream: FakeUpstream) -> list[str]:
    return [request.path for request in upstream.requests if request.method == "POST"]


def refusing(upstream: FakeUpstream, path: str, mark: bytes, refusal: Answer, otherwise: Answer) -> None:
    """Lets the upstream refuse what has the mark."""

    def answer(request: Request) -> Answer:
        return refusal if mark in request.body else otherwise

    upstream.on(path, answer)


def blind(upstream: FakeUpstream) -> None:
    """Lets a server like OpenRouter refuse pictures."""
    refusal = json_answer({"error": {"message": NO_PICTURES, "code": 404}, "user_id": "u"}, 404)
    refusing(upstream, "/responses", b"image", refusal, json_answer(RESPONSE))
    refusing(upstream, "/chat/completions", b"image", refusal, json_answer(OPENAI.whole(BY_NAME["text"])))


@pytest.mark.parametrize("more", ["", 'profile = "openrouter"'], ids=["generic", "openrouter"])
@pytest.mark.parametrize(("path", "asked"), WITH_PICTURE, ids=["responses", "chat", "messages"])
def test_who_has_nobody_for_pictures_is_asked_once_and_keeps_its_urls(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, path: str, asked: dict[str, Any], more: str
) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second, more)
    blind(upstream)
    told = client.post(path, json={"model": "u0/m", **asked})
    assert (told.status_code, told.get_json()["error"]["message"]) == (404, NO_PICTURES)
    assert len(posts(upstream)) == 1
    for more_asked in ({}, {"previous_response_id": "resp_0"}):
        assert client.post("/v1/responses", json={"model": "u0/m", "input": "hi", **more_asked}).get_json() == RESPONSE
    assert client.post("/v1/messages", json={"model": "u0/m", "max_tokens": 9, "messages": [HI]}).status_code == 200
    assert posts(second) == []


def test_no_replica_is_left_alone_for_a_picture(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    OPENAI.play(second, BY_NAME["text"])
    blind(upstream)
    blind(second)
    text = f'[upstreams.u0]\nbase_url = ["{upstream.base_url}", "{second.base_url}"]\n'
    client = create_app(config_of(tmp_path, text, {}, MAX_RETRIES="3")).test_client()
    path, asked = WITH_PICTURE[1]
    assert client.post(path, json={"model": "u0/m", **asked}).status_code == 404
    assert len(posts(upstream) + posts(second)) == 1
    for _ in range(4):
        assert client.post(path, json={"model": "u0/m", "messages": [HI]}).status_code == 200
    replicas = client.get("/health").get_json()["upstreams"]["u0"]["replicas"]
    assert [replica["cooling_s"] for replica in replicas.values()] == [{}, {}]


def of_claude(message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "not_found_error", "message": message}, "request_id": "r"}


def of_openai(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


@pytest.mark.parametrize("with_fallback", [False, True], ids=["alone", "with a fallback"])
@pytest.mark.parametrize(
    ("egress", "path", "part", "refusal"),
    [
        (
            ANTHROPIC,
            "/v1/messages",
            {"type": "document", "source": {"type": "file", "file_id": "file_gone"}},
            of_claude("File not found: file_gone"),
        ),
        (OPENAI, "/v1/chat/completions", {"type": "file", "file": {"file_id": "file-gone"}}, of_openai("No such File object: file-gone")),
    ],
    ids=["anthropic", "openai"],
)
def test_a_file_that_is_gone_is_told_as_it_is(
    tmp_path: Path,
    upstream: FakeUpstream,
    second: FakeUpstream,
    egress: Egress,
    path: str,
    part: dict[str, Any],
    refusal: dict[str, Any],
    with_fallback: bool,
) -> None:
    client = a_client(tmp_path, upstream, egress, second if with_fallback else None)
    refusing(upstream, egress.paths[0], b"gone", json_answer(refusal, 404), json_answer(egress.whole(BY_NAME["text"])))
    asked = {"model": "u0/m", "max_tokens": 9}
    told = client.post(path, json={**asked, "messages": [{"role": "user", "content": [part]}]})
    assert (told.status_code, told.get_json()["error"]["message"]) == (404, refusal["error"]["message"])
    assert client.post(path, json={**asked, "messages": [HI]}).status_code == 200
    assert (len(posts(upstream)), posts(second)) == (2, [])


GONE = "CachedContent not found (or permission denied)"
NO_FILE = "You do not have permission to access the File x or it may not exist."


@pytest.mark.parametrize("words", [GONE, NO_FILE])
def test_what_googles_403_says_of_a_file_or_a_cache_takes_the_model_from_nobody(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, words: str
) -> None:
    client = a_client(tmp_path, upstream, GEMINI, second)
    refusal = json_answer({"error": {"code": 403, "message": words, "status": "PERMISSION_DENIED"}}, 403)
    refusing(upstream, GEMINI.paths[0], b"cachedContents/gone", refusal, json_answer(GEMINI.whole(BY_NAME["text"])))
    chat = {"model": "u0/m", "messages": [HI]}
    told = client.post("/v1/chat/completions", json={**chat, "cachedContent": "cachedContents/gone"})
    assert (told.status_code, told.get_json()["error"]["message"]) == (403, words)
    assert client.post("/v1/chat/completions", json=chat).status_code == 200
    assert (len(posts(upstream)), posts(second)) == (2, [])


def test_a_cache_may_be_another_keys_and_no_key_rests_for_it(tmp_path: Path, upstream: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, GEMINI, more='api_key = ["k1", "k2"]')
    refusal = json_answer({"error": {"code": 403, "message": GONE, "status": "PERMISSION_DENIED"}}, 403)
    good = json_answer(GEMINI.whole(BY_NAME["text"]))

    def answer(request: Request) -> Answer:
        is_its = "k2" in request.headers.values()
        return good if is_its and b"cachedContents/of-k2" in request.body else refusal

    upstream.on(GEMINI.paths[0], answer)
    chat = {"model": "u0/m", "messages": [HI]}
    for _ in range(4):
        told = client.post("/v1/chat/completions", json={**chat, "cachedContent": "cachedContents/of-k2"})
        assert told.status_code == 200, told.data
    assert client.post("/v1/chat/completions", json={**chat, "cachedContent": "cachedContents/gone"}).status_code == 403
    replicas = client.get("/health").get_json()["upstreams"]["u0"]["replicas"]
    assert [replica["resting_keys_s"] for replica in replicas.values()] == [{}]


def test_no_fallback_answers_without_what_google_keeps_of_a_conversation(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream
) -> None:
    client = a_client(tmp_path, upstream, GEMINI, second)
    upstream.on(GEMINI.paths[0], json_answer({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}, 503))
    chat = {"model": "u0/m", "messages": [HI]}
    told = client.post("/v1/chat/completions", json={**chat, "cachedContent": "cachedContents/1"})
    assert (told.status_code, "overloaded" in told.text, posts(second)) == (503, True, [])
    assert client.post("/v1/chat/completions", json=chat).status_code == 200
    assert len(posts(second)) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("egress", [OPENAI, ANTHROPIC, GEMINI, OLLAMA], ids=lambda egress: egress.name)
def test_nobody_is_asked_for_what_the_answer_could_not_repeat(tmp_path: Path, upstream: FakeUpstream, egress: Egress, stream: bool) -> None:
    client = a_client(tmp_path, upstream, egress)
    deep: Any = 1
    for _ in range(260):
        deep = {"a": deep}
    told = client.post("/v1/responses", json={"model": "u0/m", "input": "hi", "stream": stream, "metadata": deep})
    error = told.get_json()["error"]
    assert (told.status_code, error["param"]) == (400, "metadata")
    assert "can't be written as JSON" in error["message"]
    assert [path for path in posts(upstream) if path in egress.paths] == []
