"""Vectors for every client that asks for some, from every upstream that makes them."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dialect_pages import client_tables, upstream_tables
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import Scene
from tests.pairs.upstreams import EGRESSES, Egress

Json = dict[str, Any]
FIRST, SECOND = [0.6, 0.8], [0.0, 1.0]


@dataclass(frozen=True)
class Source:
    """Where vectors come from: a path and an answer with these two, in an order of its own where the language has one."""

    path: str
    answer: Json


SOURCES = {
    "openai": Source(
        "/embeddings",
        {
            "object": "list",
            "model": "m",
            "data": [{"object": "embedding", "index": place, "embedding": vector} for place, vector in ((1, SECOND), (0, FIRST))],
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
        },
    ),
    "gemini": Source("/v1beta/models/m:batchEmbedContents", {"embeddings": [{"values": FIRST}, {"values": SECOND}]}),
    "ollama": Source(
        "/api/embed", {"model": "m", "embeddings": [FIRST, SECOND], "total_duration": 1, "load_duration": 1, "prompt_eval_count": 4}
    ),
}
CLIENTS = {"openai.embeddings": "/v1/embeddings", "ollama.embed": "/api/embed"}
ANSWERED = {"openai.embeddings": "(answer) data[].embedding", "ollama.embed": "(answer) embeddings"}
ON_THOSE = pytest.mark.parametrize("egress", [each for each in EGRESSES if each.name in SOURCES], ids=lambda egress: egress.name)


def longer(answer: Any) -> Any:
    """The same answer with vectors of length 5."""
    match answer:
        case dict():
            return {name: longer(value) for name, value in answer.items()}
        case list():
            return [longer(value) for value in answer]
        case float():
            return answer * 5
    return answer


def answer_of(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, client: str, **body: Any) -> Any:
    egress.play(upstream, Scene("none"))
    if egress.name in SOURCES:
        upstream.on(SOURCES[egress.name].path, json_answer(SOURCES[egress.name].answer))
    return gateway_of(upstream, egress).post(CLIENTS[client], json={"model": "m", "input": ["a", "b"], **body})


@ON_THOSE
@pytest.mark.parametrize("client", CLIENTS)
def test_vectors_come_in_the_order_of_their_texts(gateway_of: Gateway, upstream: FakeUpstream, client: str, egress: Egress) -> None:
    answer = answer_of(gateway_of, upstream, egress, client).get_json()
    if client == "ollama.embed":
        vectors, tokens = answer["embeddings"], answer.get("prompt_eval_count")
    else:
        vectors, tokens = (
            [entry["embedding"] for entry in sorted(answer["data"], key=lambda entry: entry["index"])],
            answer["usage"]["prompt_tokens"],
        )
    assert [pytest.approx(vector) for vector in vectors] == [FIRST, SECOND]
    assert tokens in (4, 0 if egress.name == "gemini" else 4, None if egress.name == "gemini" else 4)


@ON_THOSE
@pytest.mark.parametrize("client", CLIENTS)
def test_vectors_have_length_1_where_they_are_told_in_other_words_and_the_tables_say_so(
    gateway_of: Gateway, upstream: FakeUpstream, client: str, egress: Egress
) -> None:
    egress.play(upstream, Scene("none"))
    upstream.on(SOURCES[egress.name].path, json_answer(longer(SOURCES[egress.name].answer)))
    answer = gateway_of(upstream, egress).post(CLIENTS[client], json={"model": "m", "input": ["a", "b"]}).get_json()
    vectors = answer["embeddings"] if client == "ollama.embed" else [entry["embedding"] for entry in answer["data"]]
    is_relayed = client.startswith(egress.name)
    assert sorted(math.hypot(*vector) for vector in vectors) == pytest.approx([5.0, 5.0] if is_relayed else [1.0, 1.0])
    told = client_tables()[client.partition(".")[0]][ANSWERED[client]]
    assert (told.outcome, "length 1" in told.note) == ("approximated", True)


@pytest.mark.parametrize(
    "egress", [each for each in EGRESSES if each.name in SOURCES and each.name != "ollama"], ids=lambda each: each.name
)
def test_the_vector_of_ollamas_older_form_stays_as_it_came(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress) -> None:
    egress.play(upstream, Scene("none"))
    source = longer(SOURCES[egress.name].answer)
    upstream.on(
        SOURCES[egress.name].path, json_answer({name: value[1:] if type(value) is list else value for name, value in source.items()})
    )
    answer = gateway_of(upstream, egress).post("/api/embeddings", json={"model": "m", "prompt": "a"}).get_json()
    assert math.hypot(*answer["embedding"]) == pytest.approx(5.0)


@pytest.mark.parametrize("tokens", [None, 3], ids=["uncounted", "counted"])
@pytest.mark.parametrize("client", CLIENTS)
def test_more_texts_than_gemini_takes_are_sent_in_parts(
    gateway_of: Gateway, upstream: FakeUpstream, client: str, tokens: int | None
) -> None:
    gemini = next(egress for egress in EGRESSES if egress.name == "gemini")
    gemini.play(upstream, Scene("none"))
    asked: list[list[str]] = []

    def embedded(request: Request) -> Answer:
        texts = [each["content"]["parts"][0]["text"] for each in request.json["requests"]]
        if len(texts) > 100:
            return json_answer(
                {"error": {"code": 400, "message": "at most 100 requests can be in one batch", "status": "INVALID_ARGUMENT"}}, 400
            )
        asked.append(texts)
        counted = {"usageMetadata": {"promptTokenCount": tokens}} if tokens else {}
        return json_answer({"embeddings": [{"values": [1.0, float(text)]} for text in texts]} | counted)

    upstream.on(SOURCES["gemini"].path, embedded)
    texts = [str(number) for number in range(201)]
    answer = gateway_of(upstream, gemini).post(CLIENTS[client], json={"model": "m", "input": texts}).get_json()
    vectors = answer["embeddings"] if client == "ollama.embed" else [entry["embedding"] for entry in answer["data"]]
    assert [vector[1] / vector[0] for vector in vectors] == pytest.approx([*range(201)], abs=1e-3)
    assert [len(part) for part in asked] == [100, 100, 1]
    assert [text for part in asked for text in part] == texts
    told = answer.get("prompt_eval_count") if client == "ollama.embed" else answer["usage"]["prompt_tokens"]
    assert (told or 0) == 3 * (tokens or 0)


@pytest.mark.parametrize(
    "egress", [each for each in EGRESSES if each.name in SOURCES and each.name != "openai"], ids=lambda egress: egress.name
)
def test_vectors_come_in_base64(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress) -> None:
    answer = answer_of(gateway_of, upstream, egress, "openai.embeddings", encoding_format="base64").get_json()
    written = [struct.unpack("<2f", base64.b64decode(entry["embedding"])) for entry in answer["data"]]
    assert [pytest.approx(list(vector)) for vector in written] == [FIRST, SECOND]


@pytest.mark.parametrize("client", CLIENTS)
def test_who_makes_none_is_not_asked_for_any(gateway_of: Gateway, upstream: FakeUpstream, client: str) -> None:
    refusing = {name for name, table in upstream_tables().items() if table["embeddings"].outcome == "refused"}
    assert refusing == {egress.name for egress in EGRESSES} - set(SOURCES)
    for egress in EGRESSES:
        if egress.name in refusing:
            answer = answer_of(gateway_of, upstream, egress, client)
            assert answer.status_code == 400
            assert answer.get_json()["error"]
            assert [request for request in upstream.requests if request.method == "POST"] == []
