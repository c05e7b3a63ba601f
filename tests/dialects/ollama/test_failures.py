"""Errors in Ollama's words."""

from __future__ import annotations

import orjson

from proxy.dialects.ollama.failures import error_line, render_embed_error, render_error
from proxy.errors import ModelNotFound, Overloaded, UpstreamUnavailable

BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}


def test_a_full_queue_is_told_in_ollamas_sentence() -> None:
    error = Overloaded("the upstream is at its limit of requests, and 9 wait; try again in 3 s", code="overloaded", retry_after_s=3)
    assert orjson.loads(render_error(error)) == BUSY
    assert orjson.loads(render_embed_error(error)) == BUSY
    assert orjson.loads(error_line(error)) == BUSY


def test_other_errors_keep_their_words() -> None:
    assert orjson.loads(render_error(UpstreamUnavailable("it is off"))) == {"error": "it is off"}
    assert orjson.loads(render_error(ModelNotFound("m"))) == {"error": "model 'm' not found"}
