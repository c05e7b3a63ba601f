"""Upstreams as they are built from what an operator decides: all of it must come to something."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.errors import Overloaded, ProxyError, UpstreamUnavailable
from proxy.gateway import Upstream
from proxy.gateway_config import GatewayConfig
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.upstream.watch import Unwatched
from proxy.upstream_assembly import build_upstream, build_upstreams
from proxy.upstream_settings import Limits, ReplicaSettings, Stubbornness, Tls, UpstreamSettings, UpstreamTimeouts
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import STALL, Answer, FakeUpstream, json_answer, stream_of

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', "m")
LISTED = json_answer({"object": "list", "data": [{"id": "m", "object": "model"}]})
GONE = "http://127.0.0.1:1/v1"
SETTINGS = Settings(web_concurrency=2)


class Watch(Unwatched):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.looked = threading.Event()

    def breaker_changed(self, upstream: str, replica: str, model: str, state: str, is_listed: bool = True) -> None:
        self.told.append(("breaker", upstream, replica, model, state, is_listed))

    def looked_at(self, upstream: str, replica: str, is_well: bool) -> None:
        self.told.append(("look", upstream, replica, is_well))
        self.looked.set()

    def waited(self, upstream: str, end: str, seconds: float) -> None:
        self.told.append(("wait", upstream, end))


@pytest.fixture
def box(upstream: FakeUpstream) -> FakeUpstream:
    upstream.on("/chat/completions", json_answer({}))
    upstream.on("/models", LISTED)
    return upstream


def told_of(*base_urls: str, **changes: Any) -> UpstreamSettings:
    return UpstreamSettings("boxes", tuple(ReplicaSettings(url) for url in base_urls), **changes)


def answer_of(upstream: Upstream) -> bytes:
    reply = upstream.client.send(CHAT)
    try:
        return reply.read(1000)
    finally:
        reply.close()


def test_all_replicas_serve(box: FakeUpstream) -> None:
    upstream = build_upstream(SETTINGS, told_of(GONE, box.base_url))
    assert [answer_of(upstream) for _ in range(4)] == [b"{}"] * 4
    assert set(upstream.client.health()["replicas"]) == {"127.0.0.1:1", f"127.0.0.1:{box.port}"}


def test_every_request_has_the_headers_and_one_of_the_keys(box: FakeUpstream) -> None:
    upstream = build_upstream(SETTINGS, told_of(box.base_url, keys=("sk-one", "sk-two"), headers={"X-Team": "search"}))
    for _ in range(3):
        answer_of(upstream)
    assert [request.headers["authorization"] for request in box.requests] == ["Bearer sk-one", "Bearer sk-two", "Bearer sk-one"]
    assert {request.headers["x-team"] for request in box.requests} == {"search"}


def test_secret_headers_are_in_no_message(box: FakeUpstream) -> None:
    box.on("/chat/completions", json_answer({"error": {"message": "who is team-secret-7?"}}, 400))
    upstream = build_upstream(SETTINGS, told_of(box.base_url, headers={"X-Team-Token": "team-secret-7"}))
    with pytest.raises(Exception, match="who is") as caught:
        answer_of(upstream)
    assert "team-secret-7" not in str(caught.value)


def test_messages_name_the_upstream_where_there_are_several(box: FakeUpstream) -> None:
    once = Stubbornness(max_retries=0)
    boxes, cloud = told_of(GONE, stubbornness=once), replace(told_of(GONE, stubbornness=once), name="cloud")
    (lone,) = build_upstreams(GatewayConfig(SETTINGS, (boxes,)))
    _, other = build_upstreams(GatewayConfig(SETTINGS, (boxes, cloud)))
    messages = []
    for upstream in (lone, other):
        with pytest.raises(UpstreamUnavailable) as caught:
            answer_of(upstream)
        messages.append(caught.value.message)
    assert messages[0].startswith("the upstream refuses connections; check that it runs, and the host and port of upstreams.boxes.base_url")
    assert messages[1].startswith("the upstream 'cloud' refuses connections;")
    assert messages[1].endswith("upstreams.cloud.base_url")


def test_each_worker_keeps_its_part_of_the_limit(box: FakeUpstream) -> None:
    watch = Watch()
    upstream = build_upstream(SETTINGS, told_of(box.base_url, limits=Limits(in_flight=4, queue=0)), watch=watch)
    held = [upstream.client.send(CHAT) for _ in range(2)]
    with pytest.raises(Overloaded):
        upstream.client.send(CHAT)
    for reply in held:
        reply.close()
    answer_of(upstream)
    assert watch.told == [("wait", "boxes", "refused")]


def test_an_answer_has_so_much_time_in_all(box: FakeUpstream) -> None:
    box.on("/chat/completions", stream_of({"n": 1}, done=False, then=[STALL]))
    upstream = build_upstream(SETTINGS, told_of(box.base_url, timeouts=UpstreamTimeouts(total_s=0.2)))
    with pytest.raises(Exception, match=r"not complete within 0\.2 s"):
        list(upstream.client.send(CHAT).chunks())


def test_who_watches_is_told_of_the_breakers_of_each_replica(box: FakeUpstream) -> None:
    box.on("/chat/completions", json_answer({"error": {"message": "sorry"}}, 500))
    watch, once = Watch(), Stubbornness(max_retries=0, breaker_failures=1)
    upstream = build_upstream(SETTINGS, told_of(box.base_url, stubbornness=once), watch=watch)
    upstream.models.ensure_known()
    for model in ("m", "other"):
        with pytest.raises(Exception, match="sorry"):
            upstream.client.send(replace(CHAT, model=model))
    label = f"127.0.0.1:{box.port}"
    assert watch.told == [("breaker", "boxes", label, "m", "open", True), ("breaker", "boxes", label, "other", "open", False)]


def test_replicas_are_looked_at_from_the_first_call_on(box: FakeUpstream) -> None:
    watch = Watch()
    timeouts = UpstreamTimeouts(health_check_s=5)
    upstream = build_upstream(SETTINGS, told_of(box.base_url, GONE, timeouts=timeouts, health_check_interval_s=0.05), watch=watch)
    assert not box.wait_for_requests(1, 0.1, "/models")
    answer_of(upstream)
    assert box.wait_for_requests(2, 5, "/models")
    assert watch.looked.wait(5)
    while upstream.client.health()["replicas"]["127.0.0.1:1"]["state"] != "down":
        assert watch.looked.wait(5)
    assert upstream.client.health()["state"] in ("degraded", "down")


def test_one_replica_is_not_looked_at(box: FakeUpstream) -> None:
    upstream = build_upstream(SETTINGS, told_of(box.base_url))
    answer_of(upstream)
    assert not box.wait_for_requests(1, 0.1, "/models")


def test_models_are_loaded_at_the_start_by_the_smallest_requests_there_are(box: FakeUpstream) -> None:
    box.on("/chat/completions", lambda asked: Answer(400) if asked.json["model"] == "vectors" else json_answer({"choices": []}))
    box.on("/embeddings", json_answer({"data": []}))
    told = told_of(box.base_url, preload=("chats", "fast", "vectors"), aliases={"fast": "org/small"})
    upstream = build_upstream(SETTINGS, told)
    upstream.client.start()
    assert box.wait_for_requests(4, 5)
    chats = [request.json for request in box.requests_to("/chat/completions")]
    assert [chat["model"] for chat in chats] == ["chats", "org/small", "vectors"]
    assert chats[0] == {"model": "chats", "messages": [{"role": "user", "content": "."}], "max_tokens": 1}
    (vector,) = [request.json for request in box.requests_to("/embeddings")]
    assert (vector["model"], vector["input"]) == ("vectors", ["."])


def touches(box: FakeUpstream) -> list[Any]:
    return [request.json["model"] for request in box.requests_to("/chat/completions") if "max_tokens" in request.json]


def test_a_look_that_finds_a_replica_well_from_the_start_loads_nothing_again(box: FakeUpstream) -> None:
    box.on("/chat/completions", json_answer({"choices": []}))
    upstream = build_upstream(SETTINGS, told_of(box.base_url, preload=("m",), health_check_interval_s=0.1))
    upstream.client.start()
    assert box.wait_for_requests(4, 5, "/models")
    assert touches(box) == ["m"]


def test_a_replica_that_comes_back_loads_its_models_again(box: FakeUpstream) -> None:
    box.on("/chat/completions", json_answer({"choices": []}))
    watch = Watch()
    upstream = build_upstream(SETTINGS, told_of(box.base_url, preload=("m",), health_check_interval_s=0.1), watch=watch)
    upstream.client.start()
    assert box.wait_for_requests(1, 5, "/chat/completions")
    assert watch.looked.wait(5)
    box.on("/models", Answer(503))
    while watch.told[-1][-1]:
        watch.looked.clear()
        assert watch.looked.wait(5)
    assert touches(box) == ["m"]
    box.on("/models", LISTED)
    assert box.wait_for_requests(2, 5, "/chat/completions")
    assert touches(box) == ["m", "m"]


def test_a_replica_that_is_busy_is_not_asked_to_load_a_model(box: FakeUpstream) -> None:
    box.on("/chat/completions", json_answer({"choices": []}))
    upstream = build_upstream(SETTINGS, told_of(box.base_url, preload=("m",), ping_interval_s=0.02, limits=Limits(in_flight=1)))
    upstream.client.start()
    assert box.wait_for_requests(2, 5)
    reply = upstream.client.send(CHAT)
    box.wait_for_requests(len(box.requests) + 1, 0.1)  # One may have been on its way.
    asked = len(touches(box))
    assert not box.wait_for_requests(len(box.requests) + 1, 0.3)
    assert len(touches(box)) == asked
    reply.close()


def test_a_model_that_rests_is_not_loaded(box: FakeUpstream) -> None:
    box.on("/chat/completions", lambda asked: json_answer({"choices": []}) if "max_tokens" in asked.json else Answer(503))
    stubbornness = Stubbornness(max_retries=0, breaker_failures=1, breaker_cooldown_s=60.0)
    told = told_of(box.base_url, preload=("m",), ping_interval_s=0.02, stubbornness=stubbornness)
    upstream = build_upstream(SETTINGS, told)
    with pytest.raises(ProxyError):
        answer_of(upstream)
    box.wait_for_requests(len(box.requests) + 1, 0.1)  # One may have been on its way.
    assert not box.wait_for_requests(len(box.requests) + 1, 0.3)


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[tuple[FakeUpstream, Tls]]:
    """A server that lets in who shows a certificate, and how to be let in."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ours = authority.issue_cert("gateway.example")
    ours.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "ours.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with FakeUpstream(tls=context) as server:
        server.on("/chat/completions", json_answer({"tls": True}))
        yield server, Tls(ca_bundle=str(tmp_path / "ca.pem"), client_cert=str(tmp_path / "ours.pem"))


def test_a_certificate_is_shown_to_whom_it_is_for(careful: tuple[FakeUpstream, Tls]) -> None:
    server, tls = careful
    assert answer_of(build_upstream(SETTINGS, told_of(server.base_url, tls=tls))) == b'{"tls": true}'
    nameless = replace(tls, client_cert="")
    stranger = build_upstream(SETTINGS, told_of(server.base_url, tls=nameless, stubbornness=Stubbornness(max_retries=0)))
    with pytest.raises(Exception, match="the upstream"):
        answer_of(stranger)


def test_notes_say_which_of_several_replicas_answered(box: FakeUpstream) -> None:
    notes = [ExchangeNotes(), ExchangeNotes()]
    for addresses, each in zip(((box.base_url,), (box.base_url, GONE)), notes, strict=True):
        build_upstream(SETTINGS, told_of(*addresses)).client.send(CHAT, each).close()
    assert [each.replica for each in notes] == ["", f"127.0.0.1:{box.port}"]


def test_what_is_made_of_certificates_is_shared_by_upstreams_with_the_same(caplog: pytest.LogCaptureFixture) -> None:
    blind = Tls(verify=False)
    build_upstreams(GatewayConfig(SETTINGS, tuple(replace(told_of(GONE, tls=blind), name=name) for name in ("one", "two", "three"))))
    assert caplog.text.count("certificate is not checked") == 1


def test_a_certificate_is_shown_by_none_but_the_upstream_that_has_it(careful: tuple[FakeUpstream, Tls]) -> None:
    server, tls = careful
    once = Stubbornness(max_retries=0)
    known, stranger = build_upstreams(
        GatewayConfig(
            SETTINGS,
            (
                told_of(server.base_url, tls=tls),
                replace(told_of(server.base_url, tls=replace(tls, client_cert=""), stubbornness=once), name="stranger"),
            ),
        )
    )
    assert answer_of(known) == b'{"tls": true}'
    with pytest.raises(UpstreamUnavailable):
        answer_of(stranger)
