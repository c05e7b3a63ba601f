"""URLs that a server may do without, though it chats: a client that asks for one takes no model away from the others, also where the model
has a fallback.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.gateway.several import config_of
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OPENAI, Egress

HI = {"role": "user", "content": "hi"}
COUNT, INPUT_TOKENS, GEMINI_COUNT = "/v1/messages/count_tokens", "/v1/chat/completions/input_tokens", "/v1beta/models/m:countTokens"
NO_SUCH_URL = json_answer({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, 404)
GO = Answer(404, {"Content-Type": "text/plain"}, [b"404 page not found"])
EXPRESS = Answer(404, {"Content-Type": "text/html"}, [b"<!DOCTYPE html>\n<html><body>\n<pre>Cannot POST /v1/responses</pre>\n</body></html>"])
FASTIFY = json_answer({"message": "Route POST:/v1/responses not found", "error": "Not Found", "statusCode": 404}, 404)
NO_SUCH_METHOD = Answer(405, {}, [b"no"])
NOT_FOR_CHATS = "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?"
CHATS_ONLY = json_answer({"error": {"message": NOT_FOR_CHATS, "type": "invalid_request_error", "param": "model", "code": None}}, 404)
NO_CHATS = "This model is only supported in v1/responses and not in v1/chat/completions."
RESPONSES_ONLY = json_answer({"error": {"message": NO_CHATS, "type": "invalid_request_error", "param": "model", "code": None}}, 404)
NO_VECTORS = "models/m is not found for API version v1beta, or is not supported for embedContent."
NO_RESPONSE = {"message": "Previous response with id 'resp_1' not found.", "code": "previous_response_not_found"}
NO_MODEL = json_answer({"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}, 404)


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        GEMINI.play(upstream, BY_NAME["text"])
        upstream.on(GEMINI_COUNT, json_answer({"totalTokens": 42}))
        yield upstream


def a_client(folder: Path, first: FakeUpstream, egress: Egress, second: FakeUpstream, more: str = "") -> FlaskClient:
    """A client of a gateway whose model `u0/m` is one of the first upstream, and of the second where that one fails."""
    egress.play(first, BY_NAME["text"])
    text = f"""
[upstreams.u0]
dialect = "{egress.name}"
base_url = "{egress.base_url(first)}"
{more}
[upstreams.u1]
dialect = "gemini"
base_url = "{GEMINI.base_url(second)}"

[fallbacks]
"u0/m" = ["u1/m"]
"""
    return create_app(config_of(folder, text, {})).test_client()


def chat(client: FlaskClient) -> int:
    return client.post("/v1/messages", json={"model": "u0/m", "max_tokens": 9, "messages": [HI]}).status_code


def posts(upstream: FakeUpstream) -> list[str]:
    return [request.path for request in upstream.requests if request.method == "POST"]


@pytest.mark.parametrize("answer", [NO_SUCH_URL, NO_SUCH_METHOD], ids=["404", "405"])
@pytest.mark.parametrize(
    ("egress", "more", "path", "chats"),
    [
        (OPENAI, 'profile = "llamacpp"', INPUT_TOKENS, "/v1/chat/completions"),
        (ANTHROPIC, "", COUNT, "/v1/messages"),
    ],
    ids=["llama.cpp", "anthropic"],
)
def test_who_does_not_count_is_known_and_chats_on(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, egress: Egress, more: str, path: str, chats: str, answer: Answer
) -> None:
    client = a_client(tmp_path, upstream, egress, second, more)
    upstream.on(path, answer)
    for _ in range(3):
        counted = client.post(COUNT, json={"model": "u0/m", "messages": [HI]})
        assert counted.status_code == 200
        assert 1 <= counted.get_json()["input_tokens"] <= 10
        assert chat(client) == 200
    assert sorted(posts(upstream)) == sorted([path, chats, chats, chats])
    assert posts(second) == []


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"error": {"message": "slow down"}}, 429, {"Retry-After": "60"}),
        json_answer({"error": {"message": "no scope"}}, 403),
        json_answer({"error": {"message": "loading"}}, 503, {"Retry-After": "60"}),
        json_answer({"error": {"message": "failed"}}, 500),
        json_answer({"tokens": "many"}),
        Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"]),
    ],
    ids=["429", "403", "503", "500", "none", "page"],
)
@pytest.mark.parametrize(
    ("egress", "more", "path"), [(OPENAI, 'profile = "llamacpp"', INPUT_TOKENS), (ANTHROPIC, "", COUNT)], ids=["llama.cpp", "anthropic"]
)
def test_how_counting_fails_says_nothing_of_chats(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, egress: Egress, more: str, path: str, answer: Answer
) -> None:
    """It has limits and rights of its own."""
    client = a_client(tmp_path, upstream, egress, second, more)
    upstream.on(path, answer)
    for _ in range(6):
        assert client.post(COUNT, json={"model": "u0/m", "messages": [HI]}).get_json() == {"input_tokens": 42}
    assert chat(client) == 200
    assert set(posts(second)) == {GEMINI_COUNT}


def test_a_count_is_no_proof_that_a_model_chats_again(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second, 'profile = "llamacpp"\nbreaker_failures = 2')
    upstream.on(INPUT_TOKENS, json_answer({"input_tokens": 7}))
    upstream.on("/chat/completions", json_answer({"error": {"message": "failed"}}, 500))
    for _ in range(4):
        assert chat(client) == 200
        client.post(COUNT, json={"model": "u0/m", "messages": [HI]})
    assert len(upstream.requests_to("/chat/completions")) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("answer", [NO_SUCH_URL, NO_SUCH_METHOD], ids=["404", "405"])
def test_responses_are_translated_at_once_and_not_served_elsewhere(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, answer: Answer, stream: bool
) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/responses", answer)
    for _ in range(2):
        assert client.post("/v1/responses", json={"model": "u0/m", "input": "hi", "stream": stream}).status_code == 200
    assert chat(client) == 200
    assert posts(upstream) == ["/v1/responses", *["/v1/chat/completions"] * 3]
    assert posts(second) == []


@pytest.mark.parametrize("answer", [GO, EXPRESS, FASTIFY], ids=["go", "express", "fastify"])
@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "name": "f", "parameters": {"properties": {"v": {"enum": ["404", "v1", "responses", "zz"]}}}}]},
        {"metadata": {"code": "404", "version": "v1"}},
        {"metadata": {"run_id": "404", "version_id": "v1"}},
    ],
    ids=["values", "metadata", "ids"],
)
def test_a_lack_is_told_from_what_the_request_names(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, answer: Answer, more: dict[str, Any]
) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/responses", answer)
    for _ in range(2):
        assert client.post("/v1/responses", json={"model": "u0/m", "input": "hi", **more}).status_code == 200
    assert posts(upstream) == ["/v1/responses", *["/v1/chat/completions"] * 2]
    assert posts(second) == []


@pytest.mark.parametrize(
    ("more", "thing"),
    [
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1'"),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "Item with id 'rs_1'"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, "File file-1"),
        ({"conversation": "conv_1"}, "Conversation conv_1"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs_0", "vs_1"]}]}, "Vector store vs_1"),
        ({"previous_response_id": "resp_1"}, "GET /v1/responses/resp_1"),
    ],
)
def test_what_is_missing_of_what_a_request_names_is_told(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, more: dict[str, Any], thing: str
) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/responses", json_answer({"error": {"message": f"{thing} not found."}}, 404))
    told = client.post("/v1/responses", json={"model": "u0/m", "input": "hi", **more})
    assert (told.status_code, thing in told.text) == (404, True)
    client.post("/v1/responses", json={"model": "u0/m", "input": "hi"})
    assert posts(upstream).count("/v1/responses") == 2


def test_a_response_that_is_gone_takes_no_model_away(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/responses", json_answer({"error": NO_RESPONSE}, 404))
    client.post("/v1/responses", json={"model": "u0/m", "input": "hi", "previous_response_id": "resp_1"})
    assert chat(client) == 200
    assert posts(second).count(GEMINI.paths[0]) == 0
    assert posts(upstream)[-1] == "/v1/chat/completions"


@pytest.mark.parametrize("answer", [NO_SUCH_URL, NO_SUCH_METHOD, CHATS_ONLY], ids=["404", "405", "chats only"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/completions", {"prompt": "hi"}), ("/v1/embeddings", {"input": "hi"}), ("/api/embed", {"input": "hi"})],
    ids=["completions", "embeddings", "embed"],
)
def test_a_mistaken_call_moves_nobody_elses_chats(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, path: str, asked: dict[str, Any], answer: Answer
) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    for lacking in ("/completions", "/embeddings"):
        upstream.on(lacking, answer)
    client.post(path, json={"model": "u0/m", **asked})
    assert chat(client) == 200
    assert posts(upstream)[-1] == "/v1/chat/completions"


def test_a_model_of_geminis_that_makes_no_vectors_chats_on(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, GEMINI, second)
    upstream.on("/v1beta/models/m:batchEmbedContents", json_answer({"error": {"code": 404, "message": NO_VECTORS}}, 404))
    client.post("/v1/embeddings", json={"model": "u0/m", "input": "hi"})
    before = len(posts(second))
    assert chat(client) == 200
    assert len(posts(second)) == before


def test_plain_texts_are_refused_in_the_same_words_each_time(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/completions", NO_SUCH_URL)
    for _ in range(3):
        told = client.post("/api/generate", json={"model": "u0/m", "prompt": "hi", "suffix": "end", "stream": False})
        assert (told.status_code, "no URL for plain texts" in told.get_json()["error"]) == (501, True)
    assert chat(client) == 200
    assert posts(upstream)[-1] == "/v1/chat/completions"


@pytest.mark.parametrize("answer", [NO_SUCH_URL, RESPONSES_ONLY], ids=["no such url", "responses only"])
def test_a_mistaken_chat_moves_no_other_work(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, answer: Answer) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/chat/completions", answer)
    upstream.on("/responses", json_answer({"object": "response", "status": "completed", "output": []}))
    assert chat(client) == 200
    asked = len(posts(second))
    assert client.post("/v1/responses", json={"model": "u0/m", "input": "hi"}).status_code == 200
    assert (posts(upstream)[-1], len(posts(second))) == ("/v1/responses", asked)


def test_a_model_that_is_missing_is_left_alone(tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream) -> None:
    client = a_client(tmp_path, upstream, OPENAI, second)
    upstream.on("/chat/completions", NO_MODEL)
    assert [chat(client), chat(client)] == [200, 200]
    assert posts(upstream) == ["/v1/chat/completions"]
