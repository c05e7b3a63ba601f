"""Sending: what goes over the wire, what comes back, and how often."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from proxy.errors import (
    InvalidRequest,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from proxy.telemetry import ExchangeNotes
from proxy.upstream.breaker import Breakers
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import LONGEST_RETRY_AFTER_S, RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, End, FakeUpstream, Raw, json_answer, stream_of
from tests.upstream.conftest import Clock, MakeClient

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
MAX = 1_000_000


def an_error(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    return json_answer({"error": {"message": f"sorry {status}", "code": code, "type": None}}, status, headers)


# What goes over the wire


def test_a_call_arrives_as_it_is_and_its_answer_comes_back(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({"ok": True}, headers={"X-Ratelimit-Remaining": "7"}))
    reply = make_client().send(CHAT)
    assert (reply.status, reply.headers["x-ratelimit-remaining"], reply.read(MAX)) == (200, "7", b'{"ok": true}')
    (request,) = upstream.requests
    assert (request.method, request.target, request.body) == ("POST", "/v1/chat/completions", b'{"model":"m"}')
    assert request.headers["authorization"] == "Bearer sk-test"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == "13"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("ollama-openai-proxy/")


def test_a_get_has_no_body(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/models", json_answer({"data": []}))
    make_client().send(UpstreamCall("/models", method="GET")).close()
    (request,) = upstream.requests
    assert (request.method, request.body) == ("GET", b"")
    assert "content-type" not in request.headers


def test_without_a_key_there_is_no_authorization(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}))
    make_client(api_key="").send(CHAT).close()
    assert "authorization" not in upstream.requests[0].headers


def test_the_query_of_the_base_url_ends_every_url(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/openai/deployments/d/chat/completions", json_answer({}))
    make_client(base_url=f"{upstream.origin}/openai/deployments/d/?api-version=2024-10-21").send(CHAT).close()
    assert upstream.requests[0].target == "/openai/deployments/d/chat/completions?api-version=2024-10-21"


def test_cookies_of_the_upstream_are_not_sent_back(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}, headers={"Set-Cookie": "session=of-someone-else; Path=/"}))
    client = make_client()
    for _ in range(2):
        client.send(CHAT).read(MAX)
    assert "cookie" not in upstream.requests[1].headers


def test_the_environment_changes_nothing(upstream: FakeUpstream, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    upstream.on("/chat/completions", json_answer({}))
    assert make_client().send(CHAT).read(MAX) == b"{}"


def test_a_path_cannot_lead_out_of_the_base_url(upstream: FakeUpstream, make_client: MakeClient) -> None:
    with pytest.raises(InvalidRequest):
        make_client().send(UpstreamCall("/models/../../admin", method="GET"))
    assert upstream.requests == []


def test_a_large_body_arrives_whole(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}))
    body = b"x" * 5_000_000
    make_client().send(UpstreamCall("/chat/completions", body)).close()
    assert upstream.requests[0].body == body


def test_connections_are_used_again(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", stream_of({"a": 1}), json_answer({}), an_error(400), json_answer({}))
    client = make_client()
    assert b"".join(client.send(CHAT).chunks()).endswith(b"[DONE]\n\n")
    client.send(CHAT).read(MAX)
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    client.send(CHAT).read(MAX)
    assert upstream.connections == 1


# What the upstream refuses


def test_an_error_status_raises_what_the_dialect_reads(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", an_error(400, "bad"))
    with pytest.raises(UpstreamRefused, match="sorry 400") as caught:
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert (caught.value.status, caught.value.code, len(upstream.requests)) == (400, "bad", 1)


def test_an_error_body_without_end_is_read_in_part(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(400, steps=[b"x" * 50_000, b"x" * 50_000, STALL]))
    with pytest.raises(UpstreamRefused) as caught:
        make_client().send(CHAT)
    assert len(caught.value.message) == 64 * 1024
    assert upstream.requests[0].wait_closed(1)


def test_an_error_body_that_is_cut_still_is_an_error_of_its_status(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(503, steps=[b"half", RESET]), Answer(502, {"Content-Encoding": "br"}, [b"\x01"]))
    statuses = []
    for _ in range(2):
        with pytest.raises(UpstreamRefused) as caught:
            make_client().send(CHAT)
        statuses.append(caught.value.status)
    assert statuses == [503, 502]


def test_a_redirect_is_not_followed_and_says_what_to_set(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(301, {"Location": "https://secret.example/v1"}))
    with pytest.raises(UpstreamRefused, match="OPENAI_API_BASE_URL") as caught:
        make_client().send(CHAT)
    assert (caught.value.status, caught.value.upstream_status) == (502, 301)
    assert "secret" not in caught.value.message
    assert len(upstream.requests) == 1


# How often


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 524, 529])
def test_passing_failures_are_repeated(upstream: FakeUpstream, make_client: MakeClient, clock: Clock, status: int) -> None:
    upstream.on("/chat/completions", an_error(status), json_answer({"ok": 1}))
    notes = ExchangeNotes()
    reply = make_client(policy=RetryPolicy(max_retries=1)).send(CHAT, notes)
    assert reply.read(MAX) == b'{"ok": 1}'
    assert (notes.attempts, notes.failures) == (2, ["upstream_refused"])
    assert len(clock.slept) == 1
    assert 0 <= clock.slept[0] <= 0.5


@pytest.mark.parametrize("is_gone", [True, False])
def test_when_it_refuses_the_client_hears_it_within_a_second(
    upstream: FakeUpstream, make_client: MakeClient, clock: Clock, is_gone: bool
) -> None:
    upstream.on("/chat/completions", an_error(503))
    if is_gone:
        upstream.close()
    notes = ExchangeNotes()
    with pytest.raises(UpstreamError):
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT, notes)
    assert (notes.attempts, len(clock.slept)) == (4, 3)
    assert sum(clock.slept) <= 0.5


@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_pause_is_made_where_another_upstream_can_be_asked(
    upstream: FakeUpstream, make_client: MakeClient, clock: Clock, status: int
) -> None:
    upstream.on("/chat/completions", an_error(status, headers={"Retry-After": "1"}))
    with pytest.raises(UpstreamRefused):
        make_client(policy=RetryPolicy(max_retries=3)).send(replace(CHAT, can_go_elsewhere=True))
    assert (len(upstream.requests), clock.slept) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 501])
def test_other_failures_are_not(upstream: FakeUpstream, make_client: MakeClient, status: int) -> None:
    upstream.on("/chat/completions", an_error(status))
    with pytest.raises(UpstreamRefused):
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert len(upstream.requests) == 1


def test_retries_end_and_the_last_error_is_told(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", an_error(500), an_error(502), an_error(503))
    notes = ExchangeNotes()
    with pytest.raises(UpstreamRefused, match="sorry 503"):
        make_client(policy=RetryPolicy(max_retries=2)).send(CHAT, notes)
    assert (notes.attempts, len(notes.failures)) == (3, 3)


def test_retry_after_is_obeyed_to_the_second(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", an_error(429, headers={"Retry-After": "3"}), json_answer({}))
    make_client(policy=RetryPolicy(max_retries=1)).send(CHAT).close()
    assert clock.slept == [3.0]


def test_a_long_retry_after_goes_to_the_client_at_once(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", an_error(429, headers={"Retry-After": "7"}))
    with pytest.raises(UpstreamRefused) as caught:
        make_client(policy=RetryPolicy(max_retries=3, retry_after_max_s=5)).send(CHAT)
    assert (caught.value.status, caught.value.retry_after_s) == (429, 7.0)
    assert (clock.slept, len(upstream.requests)) == ([], 1)


def test_an_absurd_retry_after_is_bounded_whoever_read_it(upstream: FakeUpstream, make_client: MakeClient) -> None:
    def read_error(status: int, headers: Mapping[str, str], _: bytes) -> UpstreamRefused:
        return UpstreamRefused("slow down", status=status, retry_after_s=1e300, headers=headers)

    upstream.on("/chat/completions", an_error(429, headers={"Retry-After-Ms": "1e303", "Retry-After": "1e300", "X-Request-ID": "7"}))
    with pytest.raises(UpstreamRefused) as caught:
        make_client(read_error=read_error).send(CHAT)
    assert caught.value.retry_after_s == LONGEST_RETRY_AFTER_S
    assert caught.value.headers.keys() & {"retry-after", "retry-after-ms", "x-request-id"} == {"x-request-id"}
    inside = UpstreamRefused("slow down", status=429, upstream_status=200, retry_after_s=1e300)
    make_client().ask_again(inside, ExchangeNotes(attempts=1))
    assert inside.retry_after_s == LONGEST_RETRY_AFTER_S


def test_an_empty_account_is_not_asked_again(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", an_error(429, "insufficient_quota", {"Retry-After": "1"}))
    with pytest.raises(UpstreamRefused) as caught:
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert (caught.value.retry_after_s, len(upstream.requests)) == (1.0, 1)


def test_an_idle_connection_that_the_upstream_closed_costs_no_error(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", json_answer({"n": 1}), Answer(before=[CUT]), json_answer({"n": 3}))
    client = make_client(policy=RetryPolicy(max_retries=1))
    client.send(CHAT).read(MAX)
    notes = ExchangeNotes()
    assert client.send(CHAT, notes).read(MAX) == b'{"n": 3}'
    assert (notes.attempts, notes.failures) == (2, ["upstream_broken"])
    assert (clock.slept, upstream.connections) == ([], 2)
    assert [request.connection for request in upstream.requests] == [1, 1, 2]


def test_a_reset_of_a_reused_connection_is_repeated_too(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({"n": 1}), Answer(before=[RESET]), json_answer({"n": 3}))
    client = make_client(policy=RetryPolicy(max_retries=1))
    client.send(CHAT).read(MAX)
    assert client.send(CHAT).read(MAX) == b'{"n": 3}'


@pytest.mark.parametrize("end", [CUT, RESET])
def test_a_reused_connection_that_ends_later_was_worked_on(upstream: FakeUpstream, make_client: MakeClient, end: End) -> None:
    upstream.on("/chat/completions", json_answer({"n": 1}), Answer(before=[0.4, end]), json_answer({"n": 3}))
    client = make_client(policy=RetryPolicy(max_retries=3))
    client.send(CHAT).read(MAX)
    with pytest.raises(UpstreamBroken):
        client.send(CHAT)
    assert len(upstream.requests) == 2
    assert client.health()["state"] == "down"


def test_what_kills_its_connection_at_once_is_sent_over_a_new_one_once(upstream: FakeUpstream, make_client: MakeClient) -> None:
    gate = upstream.gate()
    upstream.on("/chat/completions", Answer(before=[gate], steps=[b"{}"], framing="length"))
    client = make_client(policy=RetryPolicy(max_retries=3))
    with ThreadPoolExecutor(3) as pool:
        replies = [pool.submit(client.send, CHAT) for _ in range(3)]
        assert upstream.wait_for_requests(3)
        gate.set()
        for reply in replies:
            reply.result().read(MAX)
    upstream.on("/chat/completions", Answer(before=[CUT]))
    with pytest.raises(UpstreamBroken):
        client.send(CHAT)
    assert (upstream.connections, len(upstream.requests)) == (4, 5)


def test_connections_closed_while_idle_are_noticed_before_use(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}))
    client = make_client()
    client.send(CHAT).read(MAX)
    upstream.close_idle_connections()
    assert upstream.requests[0].wait_closed(2)
    client.send(CHAT).read(MAX)
    assert (upstream.connections, len(upstream.requests)) == (2, 2)


@pytest.mark.parametrize("before", [[CUT], [RESET], [Raw(b"garbage that is not HTTP\r\n\r\n")], [Raw(b"SSH-2.0-OpenSSH_9.6\r\n")]])
def test_a_new_connection_that_dies_may_have_begun_the_work(upstream: FakeUpstream, make_client: MakeClient, before: list[object]) -> None:
    upstream.on("/chat/completions", Answer(before=before))
    with pytest.raises(UpstreamBroken):
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert len(upstream.requests) == 1


def test_garbage_on_a_reused_connection_is_an_answer(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", json_answer({}), Answer(before=[Raw(b"garbage\r\n"), CUT]))
    client = make_client(policy=RetryPolicy(max_retries=3))
    client.send(CHAT).read(MAX)
    with pytest.raises(UpstreamBroken):
        client.send(CHAT)
    assert len(upstream.requests) == 2


def test_silence_before_the_first_byte_is_a_timeout_and_not_repeated(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(before=[STALL]))
    timeouts = Timeouts(connect_s=2, first_byte_s=0.1, idle_s=5, keepalive_s=0)
    with pytest.raises(UpstreamTimeout, match=r"within 0\.1 s") as caught:
        make_client(policy=RetryPolicy(max_retries=3), timeouts=timeouts).send(CHAT)
    assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
    assert len(upstream.requests) == 1
    assert upstream.requests[0].wait_closed(1)


def test_a_call_may_have_a_first_byte_timeout_of_its_own(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/models", Answer(before=[STALL]))
    with pytest.raises(UpstreamTimeout, match=r"within 0\.05 s"):
        make_client().send(UpstreamCall("/models", method="GET", first_byte_s=0.05))


def test_an_upstream_that_is_not_there_is_asked_again(make_client: MakeClient, clock: Clock) -> None:
    notes = ExchangeNotes()
    with pytest.raises(UpstreamUnavailable, match="refuses connections") as caught:
        make_client(base_url="http://127.0.0.1:1/v1", policy=RetryPolicy(max_retries=2)).send(CHAT, notes)
    assert (caught.value.status, caught.value.code) == (503, "upstream_connection_failure")
    assert "127.0.0.1" not in caught.value.message
    assert (notes.attempts, len(clock.slept)) == (3, 2)


def test_an_error_inside_a_success_is_repeated_by_the_same_rules(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    client = make_client(policy=RetryPolicy(max_retries=2))
    inside = UpstreamRefused("boom", status=503, upstream_status=200)
    assert client.ask_again(inside, ExchangeNotes(attempts=1))
    assert client.ask_again(inside, ExchangeNotes(attempts=3, repairs=1))
    assert not client.ask_again(inside, ExchangeNotes(attempts=3))
    assert not client.ask_again(UpstreamRefused("no", status=400, upstream_status=200), ExchangeNotes(attempts=1))
    assert not client.ask_again(UpstreamBroken("cut"), ExchangeNotes(attempts=1))
    assert len(clock.slept) == 2


# Breakers, health, log


def test_an_ill_model_is_left_alone_and_its_neighbours_are_not(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", lambda request: an_error(500) if request.json["model"] == "m" else json_answer({}))
    client = make_client(breakers=Breakers(failures=2, cooldown_s=5, clock=clock))
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            client.send(CHAT)
    notes = ExchangeNotes()
    with pytest.raises(UpstreamUnavailable, match=r"'m'.*2 times in a row.*sorry 500") as caught:
        client.send(CHAT, notes)
    assert (caught.value.status, caught.value.retry_after_s, notes.attempts) == (503, 5.0, 0)
    client.send(UpstreamCall("/chat/completions", b'{"model":"n"}', model="n")).read(MAX)
    assert len(upstream.requests) == 3
    assert client.health()["ill_models"] == {"m": "open"}
    assert client.health()["state"] == "up"


def test_the_request_that_opens_the_breaker_gets_its_own_error_and_no_retry(
    upstream: FakeUpstream, make_client: MakeClient, clock: Clock
) -> None:
    upstream.on("/chat/completions", an_error(500))
    client = make_client(policy=RetryPolicy(max_retries=5), breakers=Breakers(failures=3, cooldown_s=5, clock=clock))
    with pytest.raises(UpstreamRefused, match="sorry 500"):
        client.send(CHAT)
    assert len(upstream.requests) == 3


def test_the_breaker_tries_again_after_its_cooldown(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", an_error(500), json_answer({}))
    client = make_client(breakers=Breakers(failures=1, cooldown_s=5, clock=clock))
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    with pytest.raises(UpstreamUnavailable):
        client.send(CHAT)
    clock.now_s += 5
    client.send(CHAT).read(MAX)
    assert client.health()["ill_models"] == {"m": "half-open"}, "a head says nothing of the model"
    client.answered("m")
    assert client.health()["ill_models"] == {}


def test_an_error_inside_a_success_counts_for_breaker_and_health(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", json_answer({}))
    client = make_client(breakers=Breakers(failures=2, cooldown_s=5, clock=clock))
    for error in (
        UpstreamRefused("boom", status=503, upstream_status=200),
        UpstreamRefused("no", status=400, upstream_status=200),
        UpstreamBroken("cut"),
        UpstreamRefused("boom again", status=503, upstream_status=200),
    ):
        notes = ExchangeNotes(upstream_model="m")
        client.send(CHAT, notes).read(MAX)
        client.ask_again(error, notes)
    health = client.health()
    assert (health["state"], health["last_error"], health["ill_models"]) == ("up", "boom again", {"m": "open"})
    with pytest.raises(UpstreamUnavailable, match="2 times in a row"):
        client.send(CHAT)


def test_health_follows_the_calls(upstream: FakeUpstream, make_client: MakeClient, clock: Clock) -> None:
    upstream.on("/chat/completions", json_answer({}), Answer(before=[CUT]), an_error(400))
    client = make_client()
    assert client.health()["state"] == "unknown"
    client.send(CHAT).close()
    clock.now_s += 2
    with pytest.raises(UpstreamError):
        client.send(CHAT)
    clock.now_s += 1
    health = client.health()
    assert (health["state"], health["last_answer_age_s"], health["last_failure_age_s"]) == ("down", 3.0, 1.0)
    assert "closed the connection" in health["last_error"]
    with pytest.raises(UpstreamRefused):
        client.send(CHAT)
    assert client.health()["state"] == "up"


def test_each_failed_attempt_is_logged(upstream: FakeUpstream, make_client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    upstream.on("/chat/completions", an_error(503), an_error(400))
    with caplog.at_level(logging.WARNING, "proxy.upstream"), pytest.raises(UpstreamRefused):
        make_client(name="main", policy=RetryPolicy(max_retries=1)).send(CHAT)
    first, second = [record.__dict__ for record in caplog.records]
    assert (first["upstream"], first["upstream_model"], first["attempt"], first["upstream_status"]) == ("main", "m", 1, 503)
    assert first["retry_in_s"] <= 0.5
    assert (second["attempt"], second["upstream_status"]) == (2, 400)
    assert "retry_in_s" not in second
    assert "sk-test" not in caplog.text
