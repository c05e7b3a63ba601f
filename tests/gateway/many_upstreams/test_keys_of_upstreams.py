"""Which upstream is shown whose key, and that a client's own opens no other door."""

from __future__ import annotations

import pytest

from tests.facts.speech import refusal
from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.from_outside import CHAT, MESSAGES
from tests.gateway.many_upstreams.two_upstreams import CHATS, TWO, Client, ask, says

PASSING = TWO.replace('api_key = "sk-of-the-cloud-0123456789"', "pass_client_key = true")
PASSING_ELSE_BOXES = f'{PASSING}\n[fallbacks]\n"large" = ["boxes/big"]\n'


def test_each_upstream_is_shown_its_own_key_alone(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    says(cloud)
    client = a_client()
    for path in CHATS:
        for model in ("big", "large"):
            client.post(
                path, json={"model": model, "messages": MESSAGES, "prompt": "hi"}, headers={"Authorization": "Bearer sk-of-a-client"}
            )
    assert not any("authorization" in request.headers for request in boxes.requests)
    assert {request.headers["authorization"] for request in cloud.requests} == {"Bearer sk-of-the-cloud-0123456789"}


@pytest.mark.parametrize("header", [{"Authorization": "Bearer sk-of-a-client"}, {"x-api-key": "sk-of-a-client"}])
@pytest.mark.parametrize("path", [*CHATS, "/api/embed"])
def test_clients_key_goes_only_where_the_operator_lets_it(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, header: dict[str, str]
) -> None:
    says(boxes)
    says(cloud)
    client = a_client(PASSING)
    for model in ("big", "large"):
        body = {"model": model, "messages": MESSAGES, "prompt": "hi", "input": "hi", "stream": False}
        assert client.post(path, json=body, headers=header).status_code == 200
    sent = [request.headers.get("authorization") for request in cloud.requests if request.body]
    assert sent == ["Bearer sk-of-a-client"]
    assert not any("sk-of-a-client" in f"{request.headers}{request.body!r}" for request in boxes.requests)


def test_clients_key_does_not_follow_a_fallback(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    cloud.on(CHAT, json_answer(refusal("out of order"), 500))
    client = a_client(PASSING_ELSE_BOXES)
    response = client.post(
        "/v1/chat/completions", json={"model": "large", "messages": MESSAGES}, headers={"Authorization": "Bearer sk-mine"}
    )
    assert response.status_code == 200
    assert "authorization" not in boxes.requests_to(CHAT)[0].headers


@pytest.mark.parametrize("header", [{"Authorization": "Bearer sk-wrong"}, {}], ids=["wrong key", "no key"])
@pytest.mark.parametrize("status", [401, 402, 403, 429])
@pytest.mark.parametrize("path", [*CHATS, "/api/embed"])
def test_clients_key_that_is_refused_opens_no_other_door(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, path: str, status: int, header: dict[str, str]
) -> None:
    """The operator's key elsewhere is not for those whom the upstream of their choice does not let in."""
    says(boxes)
    for asked in (CHAT, "/embeddings"):
        cloud.on(asked, json_answer(refusal("who are you"), status))
    for stream in (False, True):
        body = {"model": "large", "messages": MESSAGES, "prompt": "hi", "input": "hi", "stream": stream}
        assert a_client(PASSING_ELSE_BOXES).post(path, json=body, headers=header).status_code == status
    assert not any(request.body for request in boxes.requests)


def test_client_without_a_key_where_the_operator_has_one_is_served_elsewhere_when_that_is_refused(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    says(boxes)
    cloud.on(CHAT, json_answer(refusal("who are you"), 401))
    text = PASSING_ELSE_BOXES.replace("pass_client_key = true", 'pass_client_key = true\napi_key = "sk-of-the-cloud-0123456789"')
    assert ask(a_client(text), model="large").status_code == 200
    assert len(boxes.requests_to(CHAT)) == 1
