"""Vectors, pulls, errors, and what the server says of itself."""

from __future__ import annotations

from array import array
from typing import Any

import ollama
import orjson
import pytest

from proxy.canonical.catalog import EmbeddingsRequest, EmbeddingsResult
from proxy.dialects.ollama.about import RECOMMENDATIONS, SIGNED_OUT, STATUS, render_service, render_version
from proxy.dialects.ollama.failures import error_line, render_copy_error, render_embed_error, render_error, render_show_error
from proxy.dialects.ollama.ingress import CHAT, EMBED, EMBEDDINGS, GENERATE
from proxy.dialects.ollama.pulling import SUCCESS, missing_lines, pulled_lines, render_missing
from proxy.dialects.ollama.vectors import embed_nothing, embeddings_of_nothing, render_embed, render_embeddings
from proxy.errors import ModelNotFound, ProxyError, UpstreamUnavailable
from tests.dialects.ollama.answers import TickingStopwatch, a_chat_request, records

TWO = EmbeddingsRequest("nomic", ("a", "b"))
NONE = EmbeddingsRequest("nomic", ())


def test_embed_gives_the_vectors_in_order_with_integer_durations() -> None:
    whole = orjson.loads(render_embed(EmbeddingsResult(([0.6, 0.8], [1.0, 0.0]), prompt_tokens=4), TWO, TickingStopwatch()))

    assert whole == {
        "model": "nomic",
        "embeddings": [[0.6, 0.8], [1.0, 0.0]],
        "total_duration": 1_000_000,
        "load_duration": 1,
        "prompt_eval_count": 4,
    }
    assert ollama.EmbedResponse(**whole).embeddings == [[0.6, 0.8], [1.0, 0.0]]


def test_embed_leaves_an_unknown_count_out() -> None:
    whole = orjson.loads(render_embed(EmbeddingsResult(([1.0],)), TWO, TickingStopwatch(step_ns=0)))

    assert "prompt_eval_count" not in whole
    assert whole["total_duration"] >= whole["load_duration"] >= 1


def test_embeddings_has_one_key() -> None:
    assert render_embeddings(EmbeddingsResult(([3.0, 4.5],), 2), TWO, TickingStopwatch()) == b'{"embedding":[3.0,4.5]}'


def test_vectors_may_be_arrays() -> None:
    assert render_embeddings(EmbeddingsResult((array("d", [3.0, 4.5]),)), TWO, TickingStopwatch()) == b'{"embedding":[3.0,4.5]}'


def test_no_text_is_answered_without_an_upstream() -> None:
    assert embed_nothing(NONE, TickingStopwatch()) == b'{"model":"nomic","embeddings":[]}'
    assert embeddings_of_nothing(NONE, TickingStopwatch()) == b'{"embedding":[]}'
    assert embed_nothing(TWO, TickingStopwatch()) is embeddings_of_nothing(TWO, TickingStopwatch()) is None


@pytest.mark.parametrize(
    ("keep_alive", "reason"),
    [({}, "load"), ({"keep_alive_s": 0.0}, "unload"), ({"keep_alive_s": 300.0}, "load"), ({"keep_alive_s": -1.0}, "load")],
)
def test_chat_without_messages_is_answered_locally(keep_alive: dict[str, Any], reason: str) -> None:
    for endpoint, content in ((CHAT, "message"), (GENERATE, "response")):
        answer = endpoint.answer_locally(a_chat_request(messages=(), extra=keep_alive), TickingStopwatch())
        assert answer is not None
        whole = orjson.loads(answer)
        assert (whole["done"], whole["done_reason"]) == (True, reason)
        assert content in whole
        assert endpoint.answer_locally(a_chat_request(extra=keep_alive), TickingStopwatch()) is None


DIGEST = "0a8c266910232fd3291e71e5ba1e058cc5af9d411192cf88b6d30e92b6e73163"


def test_a_pull_of_a_known_model_says_what_ollama_says() -> None:
    assert records(pulled_lines(DIGEST, 7)) == [
        {"status": "pulling manifest"},
        {"status": "pulling 0a8c26691023", "digest": f"sha256:{DIGEST}", "total": 7, "completed": 7},
        {"status": "verifying sha256 digest"},
        {"status": "writing manifest"},
        {"status": "success"},
    ]
    assert orjson.loads(SUCCESS) == {"status": "success"}
    for record in records(pulled_lines(DIGEST, 0)):
        ollama.ProgressResponse(**record)


def test_a_pull_of_an_unknown_model_ends_in_an_error() -> None:
    error = {"error": "pull model manifest: file does not exist"}

    assert records(missing_lines()) == [{"status": "pulling manifest"}, error]
    assert orjson.loads(render_missing()) == error


def test_a_missing_model_is_told_in_the_words_of_the_endpoint() -> None:
    error = ModelNotFound("x")

    assert render_error(error) == CHAT.render_error(error) == GENERATE.render_error(error) == b'{"error":"model \'x\' not found"}'
    sentence = {"error": 'model "x" not found, try pulling it first'}
    assert [orjson.loads(render(error)) for render in (render_embed_error, EMBED.render_error, EMBEDDINGS.render_error)] == [sentence] * 3
    assert orjson.loads(render_show_error(error)) == {"error": "model 'x:latest' not found"}
    assert orjson.loads(render_copy_error(error)) == {"error": 'model "x" not found'}


@pytest.mark.parametrize("render", [render_error, render_embed_error, render_show_error, render_copy_error])
def test_an_error_is_one_string_on_one_line(render: Any) -> None:
    body = render(UpstreamUnavailable('no "connection"\n\u2028to the upstream', param="x", code="y", retry_after_s=3))

    assert orjson.loads(body) == {"error": 'no "connection"\n\u2028to the upstream'}
    assert len(body.decode().splitlines()) == 1
    assert ollama.ResponseError(body.decode(), 503).error == 'no "connection"\n\u2028to the upstream'


def test_an_error_line_ends_its_stream() -> None:
    assert error_line(ProxyError("boom")) == b'{"error":"boom"}\n'


def test_what_the_server_says_of_itself() -> None:
    assert render_version("0.33.0") == b'{"version":"0.33.0"}'
    assert orjson.loads(STATUS) == {"cloud": {"disabled": False, "source": "none"}}
    assert orjson.loads(SIGNED_OUT) == {"error": "unauthorized"}
    assert orjson.loads(RECOMMENDATIONS) == {"recommendations": []}
    assert orjson.loads(render_service("proxy", "1.0", "0.33.0", [("/b", ["POST"]), ("/a", ["GET", "HEAD"])])) == {
        "service": "proxy",
        "version": "1.0",
        "ollama_version": "0.33.0",
        "endpoints": [{"path": "/a", "methods": ["GET", "HEAD"]}, {"path": "/b", "methods": ["POST"]}],
    }
