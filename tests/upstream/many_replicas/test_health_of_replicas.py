"""What is told of each replica, and under which label."""

from __future__ import annotations

from proxy.upstream.replica import labels_of
from tests.fake_upstream import FakeUpstream
from tests.upstream.conftest import Clock
from tests.upstream.fleets import a_client
from tests.upstream.many_replicas.three_boxes import CHAT, MakeReplicas, an_error, asked


def test_health_tells_of_each_replica(make_replicas: MakeReplicas, boxes: list[FakeUpstream], clock: Clock) -> None:
    boxes[0].on("/chat/completions", an_error(500))
    replicas = make_replicas(failures=1)
    client = a_client(replicas, clock=clock)
    assert client.health()["state"] == "unknown"
    asked(client)
    clock.now_s += 2
    held = client.send(CHAT)
    health = client.health()
    assert (health["state"], health["in_flight"], health["waiting"], health["last_failure_age_s"]) == ("up", 1, 0, 2.0)
    assert health["ill_models"] == {"m": "open"}
    assert health["replicas"]["a"] == {
        "state": "up",
        "breaker": "closed",
        "ill_models": {"m": "open"},
        "cooling_s": {},
        "resting_keys_s": {},
        "in_flight": 0,
        "last_answer_age_s": 2.0,
        "last_failure_age_s": 2.0,
        "last_error": "sorry 500",
    }
    replicas[0].suspicion = "silent"
    assert client.health()["state"] == "degraded"
    held.close()


def test_labels_are_short_and_differ() -> None:
    assert labels_of(["http://a:1/v1", "https://user:word@b/v1", "http://a:2/v1?key=x"]) == ["a:1", "b", "a:2"]
    assert labels_of(["http://a/one", "http://a/two", "http://b"]) == ["a #1", "a #2", "b"]
