"""Parameters that an upstream refuses are left out, and the lesson is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer, sse, stream_of
from tests.gateway.from_outside import CHAT, SSE
from tests.gateway.one_upstream.questions import ask, asked, text_of


def refusing(*names: str) -> Callable[[Request], Answer]:
    """An upstream that refuses the first of `names` that it is sent."""

    def script(request: Request) -> Answer:
        for name in names:
            if name in request.json:
                return json_answer({"error": {"message": f"Unsupported parameter: '{name}'", "param": name, "code": None}}, 400)
        return stream_of(chat_chunk("hello"), finish_chunk()) if request.json.get("stream") else json_answer(chat_reply("hello"))

    return script


@pytest.mark.parametrize("stream", [True, False])
def test_refused_parameters_when_learnt_are_not_sent_again(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, refusing("seed", "top_p"))
    options = {"seed": 1, "top_p": 0.5, "temperature": 0.5}
    for _ in range(2):
        response = ask(client, stream=stream, options=options)
        assert response.status_code == 200
        assert "hello" in response.get_data(as_text=True)
    sent = asked(upstream)
    assert len(sent) == 4
    assert not {"seed", "top_p"} & sent[3].keys()
    assert sent[3]["temperature"] == 0.5


def test_lessons_of_one_model_are_not_anothers(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, refusing("seed"))
    ask(client, options={"seed": 1})
    ask(client, model="org/large:7b", options={"seed": 1})
    assert ["seed" in body for body in asked(upstream)] == [True, False, True, False]


def test_repairs_when_the_upstream_refuses_for_ever_end_after_three(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, refusing("seed", "top_p", "temperature", "presence_penalty"))
    response = ask(client, options={"seed": 1, "top_p": 0.5, "temperature": 0.5, "presence_penalty": 1})
    assert response.status_code == 400
    assert response.json == {"error": "Unsupported parameter: 'presence_penalty'"}
    assert len(asked(upstream)) == 4


def test_refusal_when_it_is_about_no_parameter_is_the_clients(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(refusal("messages must alternate"), 400))
    response = ask(client)
    assert (response.status_code, response.json) == (400, {"error": "messages must alternate"})
    assert len(asked(upstream)) == 1


def test_refusal_when_it_comes_inside_a_stream_is_learnt_from_too(upstream: FakeUpstream, client: FlaskClient) -> None:
    told = Answer(200, SSE, sse({"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": 400}}))

    def script(request: Request) -> Answer:
        return told if "seed" in request.json else stream_of(chat_chunk("hello"), finish_chunk())

    upstream.on(CHAT, script)
    assert text_of(ask(client, stream=True, options={"seed": 1})) == "hello"
    assert "seed" not in asked(upstream)[1]
