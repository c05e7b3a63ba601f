"""Who asks, as far as a request tells."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.web.client import client_of, query_of
from proxy.wire.messages import Client


def a_client(**environ: Any) -> Client:
    return client_of({"REMOTE_ADDR": "10.0.0.1", **environ})


@pytest.mark.parametrize(
    ("environ", "secret"),
    [
        ({"HTTP_AUTHORIZATION": "Bearer sk-1"}, "sk-1"),
        ({"HTTP_AUTHORIZATION": "  bearer   sk-1 "}, "sk-1"),
        ({"HTTP_X_API_KEY": " sk-2 "}, "sk-2"),
        ({"HTTP_AUTHORIZATION": "Bearer sk-1", "HTTP_X_API_KEY": "sk-2"}, "sk-1"),
        ({"HTTP_AUTHORIZATION": "Basic dXNlcjpwYXNz", "HTTP_X_API_KEY": "sk-2"}, "sk-2"),
    ],
)
def test_key_is_found_where_clients_put_it(environ: dict[str, str], secret: str) -> None:
    assert a_client(**environ).secret == secret


@pytest.mark.parametrize(
    "environ",
    [{}, {"HTTP_AUTHORIZATION": ""}, {"HTTP_AUTHORIZATION": "Bearer"}, {"HTTP_AUTHORIZATION": "Basic dXNlcjpwYXNz"}]
    + [{"HTTP_AUTHORIZATION": f"Bearer {odd}"} for odd in ("two words", "schl\xfcssel", "a\x01b")],
)
def test_what_is_no_key_is_none(environ: dict[str, str]) -> None:
    assert a_client(**environ).secret == ""


def test_clients_are_told_apart_by_key_then_by_address() -> None:
    clients = [
        a_client(),
        a_client(REMOTE_ADDR="10.0.0.2"),
        a_client(HTTP_AUTHORIZATION="Bearer sk-1"),
        a_client(HTTP_AUTHORIZATION="Bearer sk-2"),
        a_client(HTTP_AUTHORIZATION="Basic dXNlcjpwYXNz"),
        a_client(HTTP_X_API_KEY="sk-3"),
    ]
    assert len({client.key for client in clients}) == len(clients)
    assert a_client(HTTP_AUTHORIZATION="Bearer sk-1", REMOTE_ADDR="10.0.0.2").key == a_client(HTTP_AUTHORIZATION="Bearer sk-1").key
    assert a_client(REMOTE_ADDR="10.0.0.2").key == clients[1].key


def test_key_is_shown_nowhere() -> None:
    client = a_client(HTTP_AUTHORIZATION="Bearer sk-very-secret")
    assert "secret" not in repr(client).replace("secret=", "")
    assert "sk-very" not in client.key


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("", ""),
        ("beta=true", "beta=true"),
        ("key=sk-1&beta=true&x=2", "beta=true"),
        ("alphabeta=1&beta", "beta"),
        ("beta=a b", ""),
        ("beta=\xfc", ""),
        ("beta=1\r\nx: y", ""),
    ],
)
def test_of_a_query_goes_on_what_is_named(query: str, passed: str) -> None:
    assert query_of({"QUERY_STRING": query}, ("beta",)) == passed
    assert query_of({}, ("beta",)) == ""
