"""Replicas as clients meet them: which one they come back to, and which one they are spared."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.facts.speech import refusal
from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer
from tests.gateway import several
from tests.gateway.from_outside import CHAT
from tests.gateway.many_upstreams.two_upstreams import FALLBACK, Client, ask, asked, says


@pytest.mark.parametrize("first", ["Why is the sky blue?", "Write a poem.", "What is 2+2?"])
def test_conversation_comes_back_to_its_replica_in_whatever_dialect(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream, first: str
) -> None:
    text = '[upstreams.both]\nbase_url = [@boxes, @cloud]\npolicy = "prefix_affinity"\n'
    client = several.a_client(tmp_path, text, boxes=boxes, cloud=cloud)
    says(boxes)
    says(cloud)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": first}]
    for turn in range(4):
        for path in ("/api/chat", "/v1/chat/completions"):
            for stream in (True, False):
                assert ask(client, path, "shared", messages=messages, stream=stream).get_data()
        messages += [{"role": "assistant", "content": f"answer {turn}"}, {"role": "user", "content": f"and {turn}?"}]
    assert sorted((len(asked(boxes)), len(asked(cloud)))) == [0, 16]


def test_what_is_no_answer_to_a_question_about_a_model_is_asked_of_the_next_replica(
    tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream
) -> None:
    page = Answer(200, {"Content-Type": "text/html"}, [b"<html>log in</html>"], "length")
    told = json_answer({"id": "big", "object": "model"})
    several.lists(cloud, "big")
    boxes.on("/models/big", page, told)
    cloud.on("/models/big", page, told)
    client = several.a_client(tmp_path, "[upstreams.both]\nbase_url = [@boxes, @cloud]\n", {"MAX_RETRIES": "2"}, boxes=boxes, cloud=cloud)
    assert [client.get("/v1/models/big").status_code for _ in range(2)] == [200, 200]


def test_one_replica_is_left_alone_by_those_who_can_be_served_elsewhere(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": "60"}))
    says(cloud)
    client = a_client(FALLBACK)
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 200]
    assert (len(asked(boxes)), len(asked(cloud))) == (1, 3)
    assert ask(client, model="boxes/other").status_code == 429  # Nobody else can be asked for this one.
    assert len(asked(boxes)) == 2


def test_one_replica_that_answers_again_is_asked_again(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.on(CHAT, json_answer(refusal("slow down"), 429, {"Retry-After": "0.2"}))
    says(cloud)
    client = a_client(FALLBACK)
    assert ask(client).status_code == 200
    says(boxes)
    time.sleep(0.25)
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 200]
    assert (len(asked(boxes)), len(asked(cloud))) == (4, 1)


@pytest.mark.parametrize("stream", [False, True])
def test_who_waits_for_one_frozen_replica_is_served_elsewhere(
    a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream, stream: bool
) -> None:
    says(cloud)
    client = a_client(FALLBACK, HEALTH_CHECK_INTERVAL="0.1", UPSTREAM_TRANSPORT="fast")
    says(boxes)
    assert ask(client).status_code == 200
    for path in (CHAT, "/models"):
        boxes.on(path, Answer(before=[STALL]))
    began_s = time.monotonic()
    assert ask(client, stream=stream).status_code == 200
    assert time.monotonic() - began_s < 3
    began_s = time.monotonic()
    assert ask(client, stream=stream).status_code == 200
    assert time.monotonic() - began_s < 1  # Now it is known.
    assert (len(asked(boxes)), len(asked(cloud))) == (2, 2)
    says(boxes)
    several.lists(boxes, "big", "shared", created=1)
    time.sleep(0.5)
    assert ask(client, stream=stream).status_code == 200
    assert (len(asked(boxes)), len(asked(cloud))) == (3, 2)


def test_one_replica_that_nobody_waits_for_is_not_looked_at(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    client = a_client(FALLBACK, HEALTH_CHECK_INTERVAL="0.1")
    assert ask(client).status_code == 200
    listed = len(boxes.requests_to("/models"))
    time.sleep(0.3)
    assert len(boxes.requests_to("/models")) == listed
