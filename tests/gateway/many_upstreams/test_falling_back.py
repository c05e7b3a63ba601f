"""Who is asked when an upstream fails, and what is told when nobody serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.facts.speech import chat_chunk, chat_reply, refusal
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Request, json_answer, stream_of
from tests.gateway.from_outside import CHAT, SSE
from tests.gateway.many_upstreams.two_upstreams import CHATS, FALLBACK, Client, ask, asked, is_greeted_by, says

EARLY_FAILURES = {
    "500": json_answer(refusal("crashed"), 500),
    "503": json_answer(refusal("loading"), 503),
    "429": json_answer(refusal("slow down"), 429, {"Retry-After": "60"}),
    "401": json_answer(refusal("who are you"), 401),
    "403": json_answer(refusal("not yours"), 403),
    "no model": json_answer(refusal("The model `big` does not exist", code="model_not_found"), 404),
    "no URL": Answer(404, {}, [b"Not Found"]),
    "redirect": Answer(302, {"Location": "/elsewhere"}, []),
    "cut": Answer(before=[CUT]),
    "reset": Answer(before=[RESET]),
    "web page": Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"]),
    "web page in disguise": Answer(200, SSE, [b"<html>sign in</html>"]),
    "garbage": Answer(200, {"Content-Type": "application/json"}, [b"garbage"]),
    "half of it": Answer(200, {"Content-Type": "application/json"}, [b'{"choices":[{"mess'], "length"),
    "empty": Answer(200, {"Content-Type": "application/json"}, [], "length"),
    "no content": Answer(204, {}, [], "length"),
}
OF_STREAMS = {
    "error first": stream_of({"error": {"message": "crashed", "code": 503}}),
    "no events": Answer(200, SSE, []),
    "nothing but comments": Answer(200, SSE, [b": busy\n\n"] * 3),
    "nothing but an end": Answer(200, SSE, [b"data: [DONE]\n\n"]),
    "an event that is no JSON": Answer(200, SSE, [b"data: hello\n\n"]),
    "cut at once": Answer(200, SSE, [CUT]),
    "JSON error": Answer(200, SSE, [b'{"error": {"message": "crashed", "code": 503}}\n']),
}


@pytest.mark.parametrize("path", [*CHATS, "/api/embed", "/v1/embeddings", "/v1/completions"])
@pytest.mark.parametrize("why", EARLY_FAILURES)
def test_whole_answer_that_fails_comes_from_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, why: str
) -> None:
    for upstream_path in (CHAT, "/embeddings", "/completions"):
        boxes.on(upstream_path, EARLY_FAILURES[why])
    says(cloud)
    cloud.on("/completions", json_answer(chat_reply("hello")))
    response = ask(a_client(FALLBACK), path)
    assert (response.status_code, "error" in (response.get_json() or {})) == (200, False)
    assert [request.json["model"] for request in cloud.requests if request.body] == ["large"]


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("why", [*EARLY_FAILURES, *OF_STREAMS])
def test_stream_that_fails_before_it_says_anything_comes_from_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, why: str
) -> None:
    boxes.on(CHAT, {**EARLY_FAILURES, **OF_STREAMS}[why])
    says(cloud)
    response = ask(a_client(FALLBACK), path, stream=True)
    assert is_greeted_by(cloud, response), response.text


@pytest.mark.parametrize("path", CHATS)
def test_stream_that_fails_after_its_role_has_said_nothing_yet(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    role = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    boxes.on(CHAT, stream_of(role, {"error": {"message": "crashed", "code": 503}}))
    says(cloud)
    assert "hello" in ask(a_client(FALLBACK), path, stream=True).text


def test_fallback_is_asked_without_a_pause(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("loading"), 503))
    says(cloud)
    client = a_client(FALLBACK, MAX_RETRIES="3")
    assert ask(client).status_code == 200
    assert (asked(boxes), asked(cloud)) == (["big"], ["large"])


@pytest.mark.parametrize("wait", ["-5", "inf", "soon", "99999999999999999999", "Wed, 21 Oct 2099 07:28:00 +9999"])
def test_senseless_wait_is_told_to_nobody(a_client: Client, boxes: FakeUpstream, wait: str) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": wait, "Retry-After-Ms": wait}))
    client = a_client()
    for path in CHATS:
        headers = ask(client, path).headers
        assert "Retry-After-Ms" not in headers
        assert headers.get("Retry-After", "2678400") == "2678400"


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
def test_upstream_that_is_not_there_or_silent_is_left_for_the_next(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool
) -> None:
    says(cloud)
    boxes.on(CHAT, Answer(before=[STALL]))
    client = a_client(FALLBACK, FIRST_BYTE_TIMEOUT="0.2")
    assert "hello" in ask(client, path, stream=stream).text
    boxes.close()
    assert "hello" in ask(client, path, stream=stream).text


@pytest.mark.parametrize("path", [*CHATS, "/api/embed", "/v1/embeddings"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (Answer(before=[STALL]), 504),
        (Answer(before=[0.2, CUT]), 502),
        (Answer(200, SSE, [CUT]), 502),
        (EARLY_FAILURES["web page"], 502),
        (EARLY_FAILURES["half of it"], 502),
    ],
)
def test_what_was_sent_ends_there_when_the_operator_fears_to_pay_twice(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool, trouble: Answer, status: int
) -> None:
    says(cloud)
    for upstream_path in (CHAT, "/embeddings"):
        boxes.on(upstream_path, trouble)
    client = a_client(FALLBACK, FIRST_BYTE_TIMEOUT="0.5", RETRY_SENT="false")
    response = ask(client, path, stream=stream)
    assert response.status_code == status
    assert [request for request in cloud.requests if request.body] == []
    boxes.close()
    assert ask(client, path, stream=stream).status_code == 200


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_request_that_is_refused_for_itself_is_not_asked_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, status: int
) -> None:
    says(cloud)
    boxes.on(CHAT, json_answer(refusal("messages must alternate"), status))
    response = ask(a_client(FALLBACK), path)
    assert 400 <= response.status_code < 500
    assert "messages must alternate" in response.text
    assert asked(cloud) == []


@pytest.mark.parametrize("path", CHATS)
def test_stream_that_breaks_after_words_is_told_and_not_asked_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str
) -> None:
    says(cloud)
    boxes.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[CUT]))
    response = ask(a_client(FALLBACK), path, stream=True)
    assert response.status_code == 200
    assert "hal" in response.text
    assert "error" in response.text
    assert asked(cloud) == []


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("first", "then", "status", "told"),
    [
        (json_answer(refusal("crashed"), 500), json_answer(refusal("slow down"), 429), 500, "crashed"),
        (json_answer(refusal("who are you"), 401), json_answer(refusal("loading"), 503), 503, "loading"),
        (json_answer(refusal("who are you"), 401), json_answer(refusal("nonsense"), 400), 401, "who are you"),
        (json_answer(refusal("crashed"), 500), json_answer(refusal("nonsense"), 400), 500, "crashed"),
    ],
)
def test_what_is_told_when_nobody_serves(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, stream: bool, first: Answer, then: Answer, status: int, told: str
) -> None:
    boxes.on(CHAT, first)
    cloud.on(CHAT, then)
    response = ask(a_client(FALLBACK), path, stream=stream)
    assert response.status_code == status
    assert told in response.text
    assert (asked(boxes), asked(cloud)) == (["big"], ["large"])


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("500", "the model 'big' of the upstream 'boxes' failed 2 times in a row, last with: crashed; it is asked again in "),
        ("429", "the upstream 'boxes' is left alone for now: slow down; it is asked again in "),
    ],
)
@pytest.mark.parametrize("path", CHATS)
def test_upstream_that_was_not_asked_is_told_of_by_what_is_wrong_with_it(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, why: str, words: str
) -> None:
    boxes.on(CHAT, EARLY_FAILURES[why])
    cloud.on(CHAT, EARLY_FAILURES["500"])
    client = a_client(FALLBACK, BREAKER_FAILURES="2")
    for _ in range(2):
        ask(client, path)
    answer = ask(client, path)
    assert (answer.status_code, "Retry-After" in answer.headers, words in answer.text) == (503, True, True), answer.text


def test_each_destination_has_its_own_repairs_and_lessons(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    def refusing(request: Request) -> Answer:
        if "seed" in request.json:
            return json_answer({"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": None}}, 400)
        return json_answer(chat_reply("hello"))

    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    cloud.on(CHAT, refusing)
    client = a_client(FALLBACK)
    for _ in range(2):
        assert ask(client, options={"seed": 1}).status_code == 200
    assert ["seed" in request.json for request in boxes.requests_to(CHAT)] == [True, True]
    assert ["seed" in request.json for request in cloud.requests_to(CHAT)] == [True, False, False]


def test_relayed_request_is_sent_on_as_it_came_but_for_its_model(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    body = b'{ "model" : "big",  "messages":[{"role":"user","content":"\\u00e9 \\"model\\""}],"x":1.50 }\n'
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    says(cloud)
    assert a_client(FALLBACK).post("/v1/chat/completions", data=body).status_code == 200
    assert boxes.requests_to(CHAT)[0].body == body
    assert cloud.requests_to(CHAT)[0].body == body.replace(b'"big"', b'"large"')


def test_fallback_that_lacks_what_the_request_needs_is_passed_over(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.json"
    boxes.on(CHAT, json_answer(refusal("crashed"), 500))
    boxes.on("/embeddings", json_answer(refusal("crashed"), 500))
    says(cloud)
    for able, chat, embed in (("embedding", 500, 200), ("completion", 200, 500)):
        catalogue.write_text(json.dumps({"large": {"capabilities": [able]}}))
        client = a_client(FALLBACK, MODEL_CATALOG_FILE=str(catalogue))
        assert ask(client).status_code == chat
        assert ask(client, "/api/embed").status_code == embed
    assert (len(asked(cloud)), len(asked(cloud, "/embeddings"))) == (1, 1)
