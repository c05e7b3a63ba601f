"""Clients that bring keys of their own: what one key is refused is no other client's business."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.facts.speech import chat_reply, refusal
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway import several

CHAT = "/chat/completions"
KEYS = """
[upstreams.cloud]
base_url = @cloud
pass_client_key = true

[upstreams.boxes]
base_url = @boxes

[fallbacks]
"cloud/large" = ["boxes/big"]
"""


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with several.an_upstream("large") as upstream:
        yield upstream


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    with several.an_upstream("big") as upstream:
        upstream.on(CHAT, json_answer(chat_reply("from the boxes")))
        yield upstream


def ask(client: FlaskClient, key: str, model: str = "cloud/large") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = client.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"} if key else {})
    said: str = answer.get_json()["choices"][0]["message"]["content"]
    return said


@pytest.mark.parametrize("key", ["", "sk-of-nobody-0123456789"])
def test_fallback_that_wants_another_key_does_not_end_the_chain(tmp_path: Path, cloud: FakeUpstream, boxes: FakeUpstream, key: str) -> None:
    denied = json_answer(refusal("denied", code="invalid_api_key"), 401)
    for path in ("/models", CHAT):
        cloud.on(path, denied)
    with several.an_upstream("own") as own:
        own.on(CHAT, json_answer(refusal("boom"), 500))
        text = f"""{KEYS.replace('"cloud/large"', '"own"').replace('["boxes/big"]', '["cloud/large", "boxes/big"]')}
[upstreams.own]
base_url = @own
"""
        client = several.a_client(tmp_path, text, cloud=cloud, boxes=boxes, own=own)
        assert [ask(client, key, "own") for _ in range(2)] == ["from the boxes"] * 2
    assert len(cloud.requests_to(CHAT)) == (2 if key else 0)


def test_fallback_that_lets_everybody_in_is_asked_without_a_key(tmp_path: Path, cloud: FakeUpstream, boxes: FakeUpstream) -> None:
    cloud.on(CHAT, json_answer(chat_reply("from the cloud")))
    boxes.on(CHAT, json_answer(refusal("boom"), 500))
    client = several.a_client(tmp_path, KEYS.replace('"cloud/large" = ["boxes/big"]', '"big" = ["cloud/large"]'), cloud=cloud, boxes=boxes)
    assert ask(client, "", "big") == "from the cloud"


@pytest.mark.parametrize("status", [404, 405])
def test_what_one_clients_key_does_not_see_is_there_for_others(
    tmp_path: Path, cloud: FakeUpstream, boxes: FakeUpstream, status: int
) -> None:
    def answer(asked: Request) -> Answer:
        if "narrow" in asked.headers["authorization"]:
            return json_answer(refusal("The model `large` does not exist or you do not have access to it."), status)
        return json_answer(chat_reply("from the cloud"))

    cloud.on(CHAT, answer)
    client = several.a_client(tmp_path, KEYS, cloud=cloud, boxes=boxes)
    assert ask(client, "sk-narrow-0123456789") == "from the boxes"
    assert [ask(client, "sk-wide-0123456789") for _ in range(2)] == ["from the cloud"] * 2
