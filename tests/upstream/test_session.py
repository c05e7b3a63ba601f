"""The session: what it keeps, what it does not, and the ways through an HTTP proxy."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import FakeUpstream, json_answer
from tests.upstream.conftest import MakeClient, OpenSession

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
MAX = 1_000_000


class Tunnel:
    """An HTTP proxy that knows CONNECT alone. `asked` holds the head of each request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:pass@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        self.asked.append(head.decode())
        host, _, port = head.split()[1].decode().partition(":")
        server = socket.create_connection((host, int(port)), 5)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join(5)
        client.close()
        server.close()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    tunnel = Tunnel()
    yield tunnel
    tunnel.close()


def test_a_plain_upstream_behind_a_proxy(make_client: MakeClient, upstream: FakeUpstream, open_session: OpenSession) -> None:
    """The proxy is asked for the whole URL, and the key is for the upstream alone."""
    upstream.on("http://upstream.example/v1/chat/completions", json_answer({"by": "proxy"}))
    with open_session(pool_size=2, proxy=upstream.origin.replace("//", "//user:pass@")) as session:
        client = make_client(base_url="http://upstream.example/v1", session=session)
        assert [client.send(CHAT).read(MAX) for _ in range(2)] == [b'{"by": "proxy"}'] * 2
    assert upstream.connections == 1
    assert upstream.requests[0].headers["host"] == "upstream.example"
    assert upstream.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_an_upstream_with_tls_behind_a_proxy(make_client: MakeClient, tunnel: Tunnel, tmp_path: Path, open_session: OpenSession) -> None:
    authority, context, ca_file = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    with FakeUpstream(tls=context) as upstream, open_session(pool_size=2, ca_bundle=str(ca_file), proxy=tunnel.url) as session:
        upstream.on("/chat/completions", json_answer({"by": "tunnel"}))
        client = make_client(base_url=upstream.base_url, session=session)
        assert [client.send(CHAT).read(MAX) for _ in range(2)] == [b'{"by": "tunnel"}'] * 2
        assert upstream.connections == 1
    (head,) = tunnel.asked
    assert head.startswith(f"CONNECT 127.0.0.1:{upstream.port} ")
    assert "sk-test" not in head


def test_a_missing_file_of_authorities_is_told_at_once(tmp_path: Path, open_session: OpenSession) -> None:
    with pytest.raises(OSError, match="No such file"):
        open_session(pool_size=1, ca_bundle=str(tmp_path / "none.pem"))


def test_a_session_that_was_closed_opens_new_connections(
    make_client: MakeClient, upstream: FakeUpstream, open_session: OpenSession
) -> None:
    upstream.on("/chat/completions", json_answer({}))
    with open_session(pool_size=2) as session:
        client = make_client(session=session)
        client.send(CHAT).read(MAX)
        session.close()
        client.send(CHAT).read(MAX)
    assert upstream.connections == 2


def test_more_streams_than_the_pool_holds_are_served_without_a_word(
    make_client: MakeClient, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, open_session: OpenSession
) -> None:
    upstream.on("/chat/completions", json_answer({}))
    with open_session(pool_size=8) as session:
        client = make_client(session=session)
        replies = [client.send(CHAT) for _ in range(8)]
        assert [reply.read(MAX) for reply in replies] == [b"{}"] * 8
    assert upstream.connections == 8
    assert caplog.records == []


def test_many_urls_share_the_connections_of_their_host(make_client: MakeClient, upstream: FakeUpstream, open_session: OpenSession) -> None:
    with open_session(pool_size=2) as session:
        client = make_client(session=session)
        for number in range(300):
            upstream.on(f"/models/{number}", json_answer({}))
            client.send(UpstreamCall(f"/models/{number}", method="GET")).read(MAX)
    assert upstream.connections == 1


def test_a_session_that_nobody_holds_keeps_none(make_client: MakeClient, upstream: FakeUpstream, open_session: OpenSession) -> None:
    """urllib3 closes what a pool holds when nobody holds the pool: idle connections must not."""
    upstream.on("/chat/completions", json_answer({}))
    client = make_client(session=open_session(pool_size=2))
    client.send(CHAT).read(MAX)
    del client
    gc.collect()
    assert upstream.wait_until_nobody_is_connected(5)
