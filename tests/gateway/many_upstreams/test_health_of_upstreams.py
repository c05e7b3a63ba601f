"""What `/ready` and `/health` say when not all upstreams are well."""

from __future__ import annotations

import time

from tests.fake_upstream import STALL, Answer, FakeUpstream
from tests.gateway.many_upstreams.two_upstreams import Client, ask, says


def test_ready_when_one_of_several_upstreams_answers(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    boxes.close()
    response = a_client().get("/ready")
    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})
    cloud.close()
    assert a_client().get("/ready").status_code == 503


def test_ready_does_not_wait_for_the_slow_one(a_client: Client, boxes: FakeUpstream) -> None:
    boxes.on("/models", Answer(before=[STALL]))
    began_s = time.monotonic()
    assert a_client(HEALTH_CHECK_TIMEOUT="3").get("/ready").status_code == 200
    assert time.monotonic() - began_s < 2


def test_health_tells_of_each_upstream(a_client: Client, boxes: FakeUpstream, cloud: FakeUpstream) -> None:
    says(boxes)
    cloud.close()
    client = a_client()
    assert ask(client).status_code == 200
    assert ask(client, model="cloud/large").status_code == 503
    health = client.get("/health").get_json()
    assert health["status"] == "degraded"
    assert {name: told["state"] for name, told in health["upstreams"].items()} == {"boxes": "up", "cloud": "down"}
