"""What the operator reads when the way to the upstream is broken: each cause has words of its own, and none names an address or the key."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme

from proxy.errors import UpstreamBroken, UpstreamTimeout, UpstreamUnavailable
from proxy.telemetry import ExchangeNotes
from proxy.upstream.reply import Timeouts
from proxy.upstream.retry import RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, STALL, Answer, FakeUpstream, json_answer
from tests.upstream.conftest import MakeClient, OpenSession

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
MAX = 1_000_000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def tls_upstream(authority: trustme.CA) -> Iterator[FakeUpstream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FakeUpstream(tls=context) as server:
        server.on("/chat/completions", json_answer({"tls": True}))
        yield server


def failure_of(make_client: MakeClient, **changes: object) -> tuple[UpstreamUnavailable, int]:
    """The error of a call, and how many attempts were made at most two allowed."""
    notes = ExchangeNotes()
    with pytest.raises(UpstreamUnavailable) as caught:
        make_client(policy=RetryPolicy(max_retries=1), **changes).send(CHAT, notes)
    return caught.value, notes.attempts


def test_a_name_that_nobody_knows(make_client: MakeClient) -> None:
    error, attempts = failure_of(make_client, base_url="http://no-such-host.invalid/v1")
    assert error.code == "upstream_dns_failure"
    assert "OPENAI_API_BASE_URL" in error.message
    assert "no-such-host" not in error.message
    assert attempts == 2


def test_a_port_where_nobody_listens(make_client: MakeClient) -> None:
    error, attempts = failure_of(make_client, base_url="http://127.0.0.1:1/v1")
    assert error.code == "upstream_connection_failure"
    assert error.message.startswith("the upstream refuses connections; check that it runs")
    assert attempts == 2


def test_a_host_that_does_not_react(make_client: MakeClient) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        try:
            for client in waiting:  # They fill the queue of the listener; the next one is not answered.
                client.setblocking(False)
                client.connect_ex(address)
            timeouts = Timeouts(connect_s=0.1, first_byte_s=5, idle_s=5, keepalive_s=0)
            error, attempts = failure_of(make_client, base_url=f"http://127.0.0.1:{address[1]}/v1", timeouts=timeouts)
        finally:
            for client in waiting:
                client.close()
    assert (error.code, attempts) == ("upstream_connect_timeout", 2)
    assert "within 0.1 s" in error.message


def test_a_certificate_of_an_unknown_authority(make_client: MakeClient, tls_upstream: FakeUpstream) -> None:
    error, attempts = failure_of(make_client, base_url=tls_upstream.base_url)
    assert error.code == "upstream_tls_failure"
    assert "UPSTREAM_CA_BUNDLE" in error.message
    assert attempts == 1


def test_a_certificate_for_another_host(
    make_client: MakeClient, tls_upstream: FakeUpstream, ca_file: str, open_session: OpenSession
) -> None:
    with open_session(pool_size=2, ca_bundle=ca_file) as session:
        error, _ = failure_of(make_client, base_url=f"https://localhost:{tls_upstream.port}/v1", session=session)
    assert error.code == "upstream_tls_failure"
    assert "mismatch" in error.message.lower()


def test_an_upstream_that_answers_tls_with_plain_text(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            client.recv(65536)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        error, attempts = failure_of(make_client, base_url=f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
    assert (error.code, attempts) == ("upstream_tls_failure", 1)
    assert "http://" in error.message


def test_a_tls_handshake_that_hangs_is_a_failure_to_connect(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        timeouts = Timeouts(connect_s=0.1, first_byte_s=5, idle_s=5, keepalive_s=0)
        error, attempts = failure_of(make_client, base_url=f"https://127.0.0.1:{mute.getsockname()[1]}/v1", timeouts=timeouts)
    assert (error.code, attempts) == ("upstream_connect_timeout", 2)
    assert "http://" in error.message


def test_a_connection_that_closes_in_the_handshake_is_a_failure_to_connect(make_client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                client, _ = listener.accept()
                client.recv(65536)
                client.close()

        threading.Thread(target=hang_up, daemon=True).start()
        error, attempts = failure_of(make_client, base_url=f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
    assert (error.code, attempts) == ("upstream_connection_failure", 2)


def test_a_proxy_that_is_not_there(make_client: MakeClient, open_session: OpenSession) -> None:
    with open_session(pool_size=2, proxy="http://user:secret@127.0.0.1:1") as session:
        for base_url in ("http://upstream.example/v1", "https://upstream.example/v1"):
            error, attempts = failure_of(make_client, base_url=base_url, session=session)
            assert (error.code, attempts) == ("upstream_proxy_failure", 2)
            assert "UPSTREAM_PROXY" in error.message
            assert "secret" not in error.message


def test_a_proxy_that_refuses_to_tunnel(make_client: MakeClient, upstream: FakeUpstream, open_session: OpenSession) -> None:
    with open_session(pool_size=2, proxy=upstream.origin) as session:
        error, _ = failure_of(make_client, base_url="https://upstream.example/v1", session=session)
    assert error.code == "upstream_proxy_failure"


@pytest.mark.parametrize("changes", [{"base_url": "http://a..b/v1"}, {"api_key": "sk-\n-secret"}])
def test_settings_that_cannot_be_sent(make_client: MakeClient, changes: dict[str, str]) -> None:
    error, _ = failure_of(make_client, **changes)
    assert error.code in ("upstream_misconfigured", "upstream_dns_failure")
    assert "secret" not in error.message
    assert "secret" not in repr(error.__cause__)


def test_a_body_that_the_upstream_does_not_take_in_time(make_client: MakeClient, open_session: OpenSession) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, open_session(pool_size=2, send_timeout_s=0.1) as session:
        client = make_client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1", session=session)
        with pytest.raises(UpstreamTimeout, match="too slow to take"):
            client.send(UpstreamCall("/x", b"x" * 20_000_000))


# The same things over TLS


@pytest.fixture
def tls_session(ca_file: str, open_session: OpenSession) -> Iterator[requests.Session]:
    with open_session(pool_size=2, ca_bundle=ca_file) as session:
        yield session


def test_tls_with_an_authority_of_ones_own(make_client: MakeClient, tls_upstream: FakeUpstream, tls_session: requests.Session) -> None:
    client = make_client(base_url=tls_upstream.base_url, session=tls_session)
    assert [client.send(CHAT).read(MAX) for _ in range(3)] == [b'{"tls": true}'] * 3
    assert tls_upstream.connections == 1


def test_tls_without_checking(
    make_client: MakeClient, tls_upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, open_session: OpenSession
) -> None:
    with open_session(pool_size=2, verify=False) as session:
        client = make_client(base_url=tls_upstream.base_url, session=session)
        assert [client.send(CHAT).read(MAX) for _ in range(2)] == [b'{"tls": true}'] * 2
    assert [record.levelname for record in caplog.records if "DISABLE_SSL_VERIFICATION" in record.message] == ["WARNING"]


def test_tls_bodies_arrive_in_pieces_and_silences_are_told(
    make_client: MakeClient, tls_upstream: FakeUpstream, tls_session: requests.Session
) -> None:
    gate = tls_upstream.gate()
    tls_upstream.on("/chat/completions", Answer(steps=[b"one", gate, b"t" * 40_000, b"three"]))
    timeouts = Timeouts(connect_s=2, first_byte_s=5, idle_s=5, keepalive_s=0.03)
    client = make_client(base_url=tls_upstream.base_url, session=tls_session, timeouts=timeouts)
    chunks = client.send(CHAT).chunks()
    assert [next(chunks) for _ in range(3)] == [b"one", b"", b""]
    gate.set()
    assert b"".join(chunks) == b"t" * 40_000 + b"three"
    client.send(CHAT).close()
    assert tls_upstream.connections == 1


def test_tls_cuts_are_told_and_stale_connections_are_replaced(
    make_client: MakeClient, tls_upstream: FakeUpstream, tls_session: requests.Session
) -> None:
    tls_upstream.on("/chat/completions", json_answer({}), Answer(before=[CUT]), Answer(steps=[b"hal", CUT]))
    client = make_client(base_url=tls_upstream.base_url, session=tls_session, policy=RetryPolicy(max_retries=1))
    client.send(CHAT).read(MAX)
    with pytest.raises(UpstreamBroken):
        client.send(CHAT).read(MAX)
    assert [request.connection for request in tls_upstream.requests] == [1, 1, 2]


def test_tls_answers_that_are_not_read_lose_their_connection(
    make_client: MakeClient, tls_upstream: FakeUpstream, tls_session: requests.Session
) -> None:
    tls_upstream.on("/chat/completions", Answer(steps=[b"one", STALL], keep_alive=False))
    reply = make_client(base_url=tls_upstream.base_url, session=tls_session).send(CHAT)
    assert next(reply.chunks()) == b"one"
    reply.close()
    assert tls_upstream.requests[0].wait_closed(1)
