"""OpenAI-style servers that only chat: what needs a plain text is told so, and nobody sends its operator to look for another base URL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import OPENAI

NEEDS_ONE = pytest.mark.parametrize("more", [{"raw": True}, {"suffix": "end"}], ids=["raw", "suffix"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("answer", [json_answer({"detail": "Not Found"}, 404), Answer(405, {}, [b"no"])], ids=["404", "405"])
@NEEDS_ONE
def test_the_lack_of_plain_texts_is_told(
    gateway_of: Gateway, upstream: FakeUpstream, answer: Answer, more: dict[str, Any], stream: bool
) -> None:
    client = gateway_of(upstream, OPENAI)
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/completions", answer)
    told = client.post("/api/generate", json={"model": "m", "prompt": "hi", "stream": stream, **more})
    assert told.status_code == 501
    assert "no URL for plain texts, which raw prompts and suffixes need" in told.get_json()["error"]
    assert client.post("/api/generate", json={"model": "m", "prompt": "hi", "stream": stream}).status_code == 200


@NEEDS_ONE
def test_a_model_that_is_missing_is_no_lack_of_plain_texts(gateway_of: Gateway, upstream: FakeUpstream, more: dict[str, Any]) -> None:
    client = gateway_of(upstream, OPENAI)
    upstream.on("/completions", json_answer({"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}, 404))
    told = client.post("/api/generate", json={"model": "m", "prompt": "hi", **more})
    assert (told.status_code, told.get_json()["error"]) == (404, "model 'm' not found")
