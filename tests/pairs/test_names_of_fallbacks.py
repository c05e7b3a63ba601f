"""Which model an answer of a fallback names: OpenAI's and Anthropic's clients hear who gave it, Ollama's the name that they asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy import create_app
from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.several import config_of
from tests.pairs.clients import INGRESSES, PROMPTS, Ingress
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, EGRESSES, GEMINI, OLLAMA, Egress

Json = dict[str, Any]
TEXT = BY_NAME["text"]
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EVERY_CLIENT = pytest.mark.parametrize("ingress", [*INGRESSES, *PROMPTS], ids=lambda ingress: ingress.name)
VECTORS = {
    "openai": ("/embeddings", {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}]}),
    "gemini": ("/v1beta/models/m:batchEmbedContents", {"embeddings": [{"values": [1.0]}]}),
}


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


def named(folder: Path, first: FakeUpstream, egress: Egress, second: FakeUpstream, path: str, body: Json, *, more: str = "") -> set[str]:
    """The models that are named in the answer of a gateway whose first upstream is overloaded, and has a fallback at the second."""
    busy = json_answer({"error": {"message": "overloaded"}}, 503, before=[0.4] if more else [])
    for busy_path in ("/chat/completions", "/completions", "/responses", "/embeddings"):
        first.on(busy_path, busy)
    text = f"""
[upstreams.u0]
base_url = "{first.base_url}"
{more}
[upstreams.u1]
dialect = "{egress.name}"
base_url = "{egress.base_url(second)}"

[aliases]
"nick" = "u1/m"

[fallbacks]
"u0/big" = ["u1/m"]
"u0/m" = ["u1/m"]
"""
    answer = create_app(config_of(folder, text, {}, KEEPALIVE_INTERVAL="0.2")).test_client().post(path, json=body)
    assert answer.status_code == 200, answer.text
    return set(re.findall(r'"model": ?"([^"]+)"', answer.text))


def translated_for(ingress: Ingress) -> Egress:
    return ANTHROPIC if ingress.dialect == "ollama" else OLLAMA


@BOTH_WAYS
@EVERY_CLIENT
def test_an_answer_of_another_model_names_it(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress, stream: bool
) -> None:
    egress = GEMINI if ingress in INGRESSES else translated_for(ingress)
    egress.play(second, TEXT)
    body = {**ingress.body(TEXT), "model": "u0/big", "stream": stream}
    told = named(tmp_path, upstream, egress, second, ingress.path, body)
    assert told == {"u0/big" if ingress.dialect == "ollama" else "m"}


@EVERY_CLIENT
def test_a_stream_whose_status_was_sent_before_names_who_answers(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress
) -> None:
    egress = translated_for(ingress)
    egress.play(second, TEXT)
    body = {**ingress.body(TEXT), "model": "u0/big", "stream": True}
    told = named(tmp_path, upstream, egress, second, ingress.path, body, more="timeouts.commit = 0.2")
    assert told == {"u0/big" if ingress.dialect == "ollama" else "m"}


@BOTH_WAYS
@pytest.mark.parametrize("asked", ["u0/m", "nick"], ids=["the same model elsewhere", "an alias"])
@EVERY_CLIENT
def test_the_model_that_was_asked_for_has_the_name_that_it_was_asked_by(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress, asked: str, stream: bool
) -> None:
    egress = translated_for(ingress)
    egress.play(second, TEXT)
    assert named(tmp_path, upstream, egress, second, ingress.path, {**ingress.body(TEXT), "model": asked, "stream": stream}) == {asked}


@BOTH_WAYS
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_several_answers_of_another_model_name_it(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, path: str, stream: bool
) -> None:
    OLLAMA.play(second, TEXT)
    asked = {"messages": [{"role": "user", "content": "hi"}]} if "chat" in path else {"prompt": "hi"}
    body = {"model": "u0/big", "n": 3, "stream": stream, **asked}
    assert named(tmp_path, upstream, OLLAMA, second, path, body) == {"m"}


@pytest.mark.parametrize(("path", "kind", "told"), [("/v1/embeddings", "gemini", "m"), ("/api/embed", "openai", "u0/big")])
def test_vectors_of_another_model_name_it(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, path: str, kind: str, told: str
) -> None:
    egress = next(each for each in EGRESSES if each.name == kind)
    egress.play(second, TEXT)
    second.on(VECTORS[kind][0], json_answer(VECTORS[kind][1]))
    assert named(tmp_path, upstream, egress, second, path, {"model": "u0/big", "input": ["a"]}) == {told}
