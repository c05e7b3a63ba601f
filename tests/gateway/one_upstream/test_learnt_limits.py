"""What an upstream says of its limits is obeyed: for one request where the prompt is long, from then on where answers have a limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import ask, asked


def counting(context: int, prompt: int) -> Callable[[Request], Answer]:
    """A vLLM whose context must hold a prompt of so many tokens and the answer."""

    def script(request: Request) -> Answer:
        asked_for = request.json.get("max_tokens", 0)
        if prompt + asked_for <= context:
            return stream_of(chat_chunk("hello"), finish_chunk()) if request.json.get("stream") else json_answer(chat_reply("hello"))
        words = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {asked_for}. This model's maximum context length is {context} tokens "
            f"and your request has {prompt} input tokens ({asked_for} > {context} - {prompt})."
        )
        return json_answer({"error": {"message": words, "type": "BadRequestError", "param": None, "code": 400}}, 400)

    return script


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_has_no_room_is_asked_for_as_long_as_can_be(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, counting(40_960, 12_000))
    for _ in range(2):
        assert ask(client, stream=stream, options={"num_predict": 32_000}).status_code == 200
    assert ask(client, stream=stream, options={"num_predict": 100}).status_code == 200
    assert [body["max_tokens"] for body in asked(upstream)] == [32_000, 28_960, 32_000, 28_960, 100]


def test_claude_code_is_told_of_a_prompt_that_is_too_long_and_of_no_other(upstream: FakeUpstream, client: FlaskClient) -> None:
    question = {"model": "m", "max_tokens": 32_000, "messages": [{"role": "user", "content": "hi"}]}
    upstream.on(CHAT, counting(40_960, 12_000))
    assert client.post("/v1/messages", json=question).status_code == 200
    upstream.on(CHAT, counting(40_960, 50_000))
    response = client.post("/v1/messages", json=question)
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"]["message"].startswith("prompt is too long: ")


def test_a_limit_of_answers_is_asked_for_from_then_on(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if request.json["max_tokens"] <= 16_384:
            return json_answer(chat_reply("hello"))
        return json_answer(refusal("max_tokens is too large: 32000. This model supports at most 16384 completion tokens"), 400)

    upstream.on(CHAT, script)
    for _ in range(2):
        assert ask(client, stream=False, options={"num_predict": 32_000}).status_code == 200
    assert [body["max_tokens"] for body in asked(upstream)] == [32_000, 16_384, 16_384]
