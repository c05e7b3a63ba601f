"""How answers leave a real worker: the head with the beginning of the body, over TLS too, and alone where there is no body."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme

from tests.live.master import ROOT, Master, running

GUNICORN = (sys.executable, "-m", "gunicorn", "wsgi:app")
ENVIRON = {"OPENAI_API_BASE_URL": "http://127.0.0.1:9/v1"}


@pytest.fixture(scope="module")
def master() -> Iterator[Master]:
    with running(GUNICORN, ENVIRON, ROOT) as master:
        master.await_answer()
        yield master


def first_bytes(master: Master, method: str, path: str) -> bytes:
    """What the first read of an answer brings."""
    host, port = master.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
        return client.recv(65536)


def test_an_answer_comes_with_its_head(master: Master) -> None:
    head, _, body = first_bytes(master, "GET", "/api/version").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body.startswith(b'{"version":')


def test_an_answer_without_a_body_is_not_held_back(master: Master) -> None:
    head, end, body = first_bytes(master, "HEAD", "/").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (end, body) == (b"\r\n\r\n", b"")


def test_errors_and_requests_after_them_are_answered_on_one_connection(master: Master) -> None:
    with requests.Session() as session:
        answers = [session.post(f"{master.address}/api/chat", data=data, timeout=10) for data in (b"", b"{", b'{"model":""}') * 2]
    assert [answer.status_code for answer in answers] == [400, 400, 400] * 2
    assert all("error" in answer.json() for answer in answers)


def test_tls_in_gunicorn_itself(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    files = {name: tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem")}
    authority.cert_pem.write_to_path(files["ca.pem"])
    certificate.private_key_pem.write_to_path(files["key.pem"])
    certificate.cert_chain_pems[0].write_to_path(files["cert.pem"])
    command = (*GUNICORN, "--certfile", str(files["cert.pem"]), "--keyfile", str(files["key.pem"]))
    with running(command, ENVIRON, ROOT) as master:
        master.await_message("Booting worker")
        address = master.address.replace("http://", "https://")
        told = requests.get(f"{address}/api/version", timeout=30, verify=str(files["ca.pem"]))
    assert told.status_code == 200
    assert told.json()["version"]
