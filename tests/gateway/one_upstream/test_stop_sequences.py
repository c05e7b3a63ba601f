"""Stop sequences beyond what the upstream takes."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_chunk, chat_reply, finish_chunk, refusal
from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.from_outside import CHAT, lines_of_stream
from tests.gateway.one_upstream.questions import ask, asked, text_of

STOPS = ["1", "2", "3", "4", "END", "FINE"]


def test_stops_beyond_the_limit_when_whole_are_cut_here(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("words and wordsEND and more")))
    response = ask(client, options={"stop": STOPS})
    assert response.json is not None
    assert response.json["message"]["content"] == "words and words"
    assert response.json["done_reason"] == "stop"
    assert asked(upstream)[0]["stop"] == STOPS[:4]


def test_stops_when_within_the_limit_are_the_upstreams(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("1 is not cut here")))
    response = ask(client, options={"stop": STOPS[:4]})
    assert response.json is not None
    assert response.json["message"]["content"] == "1 is not cut here"


@pytest.mark.parametrize("pieces", [["words ", "E", "N", "D more"], ["words END"], ["words E", "ND"], ["words ", "END"]])
def test_stops_beyond_the_limit_when_split_over_chunks_are_cut_and_free_the_upstream(
    upstream: FakeUpstream, client: FlaskClient, pieces: list[str]
) -> None:
    upstream.on(CHAT, stream_of(*map(chat_chunk, pieces), done=False, then=[STALL]))
    response = ask(client, stream=True, options={"stop": STOPS})
    assert text_of(response) == "words "
    assert lines_of_stream(response)[-1]["done_reason"] == "stop"
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stops_that_only_begin_are_words(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(*map(chat_chunk, ["words E", "N", " FIN", "is"]), finish_chunk()))
    assert text_of(ask(client, stream=True, options={"stop": STOPS})) == "words EN FINis"


def test_stop_limit_when_learnt_is_kept_here(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json.get("stop", ())) > 2:
            return json_answer(refusal("'stop': array too long. Expected an array with maximum length 2"), 400)
        return json_answer(chat_reply("oneFINE"))

    upstream.on(CHAT, script)
    response = ask(client, options={"stop": STOPS})
    assert response.json is not None
    assert response.json["message"]["content"] == "one"
    assert asked(upstream)[1]["stop"] == STOPS[:2]
