"""What can be wrong with TLS on the way to an upstream, each with its cure."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from tests.cli.check.capable_server import make_capable
from tests.cli.check.checked import Check
from tests.fake_upstream import FakeUpstream


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_certificate_that_nobody_trusts_is_told_with_its_cure(check: Check, authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FakeUpstream(tls=tls_server(authority)) as server:
        make_capable(server)
        status, rows, output = check(server.base_url)
        assert status == 1
        assert rows["reachable"][0] == "failed"
        assert rows["reachable"][1].startswith("TLS: the certificate is not trusted: ")
        assert "UPSTREAM_CA_BUNDLE" in output
        assert check(server.base_url, UPSTREAM_CA_BUNDLE=str(bundle))[0] == 0
        assert check(server.base_url, DISABLE_SSL_VERIFICATION="true")[0] == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_of_its_client_is_told_with_its_cure(
    check: Check, authority: trustme.CA, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    bundle, mine, strange = tmp_path / "ca.pem", tmp_path / "mine.pem", tmp_path / "strange.pem"
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(mine))
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(strange))
    context = tls_server(authority)
    authority.configure_trust(context)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    found: dict[str, str] = {}
    with FakeUpstream(tls=context) as server:
        make_capable(server)
        for certificate in ("", str(mine), str(strange)):
            settings = {"UPSTREAM_CA_BUNDLE": str(bundle), "UPSTREAM_DEFAULT_TLS_CLIENT_CERT": certificate}
            status, rows, output = check(server.base_url, **settings)
            found[certificate] = rows["reachable"][1]
            assert (status == 0) is (certificate == str(mine)), output
            assert ("tls.client_cert" in output) is (certificate != str(mine)), output
    assert "wants a certificate of its client" in found[""]
    assert found[str(strange)] == "TLS: the server does not accept the client certificate"


def test_a_certificate_of_another_host_is_not_trusted(check: Check, authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FakeUpstream(tls=tls_server(authority, "other.example")) as server:
        _, rows, _ = check(server.base_url, UPSTREAM_CA_BUNDLE=str(bundle))
    assert rows["reachable"][0] == "failed"
    assert "mismatch" in rows["reachable"][1]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b""], ids=["answers", "hangs up"])
def test_https_to_a_server_without_tls_is_told_with_its_cure(check: Check, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer_without_tls, args=(listener, answer))
        server.start()
        status, rows, output = check(f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
        server.join()
    assert status == 1
    assert rows["reachable"][1].startswith("TLS: ")
    assert "write http:// instead of https://" in output


def answer_without_tls(listener: socket.socket, answer: bytes) -> None:
    """Serves two connections: the client's, then the one of who looks for the reason."""
    for _ in range(2):
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


def test_a_server_that_speaks_tls_to_a_client_that_does_not_is_told(check: Check, authority: trustme.CA) -> None:
    with FakeUpstream(tls=tls_server(authority)) as server:
        status, rows, output = check(server.base_url.replace("https://", "http://"))
    assert status == 1
    assert rows["reachable"][0] == "failed"
    assert "does it want https://?" in output
