"""llama.cpp has `/v1/responses`, in a form that OpenAI's own client cannot read: there, a chat is what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.several import a_client
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import OPENAI

ENTRY = {"id": "m", "object": "model", "owned_by": "llamacpp"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("told", ["by the list", "by the operator"])
def test_llamacpps_responses_are_made_of_its_chats(tmp_path: Path, upstream: FakeUpstream, told: str, stream: bool) -> None:
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer({"output": []}))
    upstream.on("/models", json_answer({"data": [ENTRY if told == "by the list" else ENTRY | {"owned_by": "me"}]}))
    profile = "" if told == "by the list" else 'profile = "llamacpp"\n'
    client = a_client(tmp_path, f"[upstreams.it]\n{profile}base_url = @it\n", it=upstream)
    answer = client.post("/v1/responses", json={"model": "m", "input": "hi", "stream": stream})
    assert answer.status_code == 200
    assert b'"output_text"' in answer.data
    assert (b'"output_index":0' in answer.data) is stream
    assert not upstream.requests_to("/responses")
    assert client.post("/v1/chat/completions", json={"model": "m", "messages": [], "odd": 1}).status_code == 200
    assert upstream.requests_to("/chat/completions")[-1].json["odd"] == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_prompt_that_is_too_long_for_llamacpp_is_told_in_openais_words_unless_it_answers_itself(
    tmp_path: Path, upstream: FakeUpstream, stream: bool
) -> None:
    own = {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}
    upstream.on("/models", json_answer({"data": [ENTRY]}))
    upstream.on("/chat/completions", json_answer({"error": own}, 400))
    client = a_client(tmp_path, "[upstreams.it]\nbase_url = @it\n", it=upstream)
    told = client.post("/v1/responses", json={"model": "m", "input": "hi", "stream": stream})
    assert told.status_code == 400
    assert told.json == {
        "error": {"message": own["message"], "type": "invalid_request_error", "param": None, "code": "context_length_exceeded"}
    }
    relayed = client.post("/v1/chat/completions", json={"model": "m", "messages": [], "stream": stream})
    assert (relayed.status_code, relayed.json) == (400, {"error": {**own, "param": None}})
