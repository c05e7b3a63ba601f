from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from proxy.web.forwarded import ForwardedFor


def seen_address(trusted: str, peer: str, forwarded: str | None) -> str:
    """The address that the app sees."""
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ["REMOTE_ADDR"])
        return [b""]

    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    list(ForwardedFor(app, trusted)(environ, lambda *_: None))
    return seen[0]


@pytest.mark.parametrize(
    ("trusted", "peer", "expected"),
    [
        ("127.0.0.1,::1", "127.0.0.1", "203.0.113.9"),
        ("10.0.0.0/8", "10.1.2.3", "203.0.113.9"),
        ("*", "192.0.2.1", "203.0.113.9"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "", ""),
    ],
)
def test_forwarded_address_counts_when_the_peer_is_trusted(trusted: str, peer: str, expected: str) -> None:
    assert seen_address(trusted, peer, "198.51.100.7, 203.0.113.9") == expected


def test_peer_is_the_client_when_nothing_was_forwarded() -> None:
    assert seen_address("*", "192.0.2.1", None) == "192.0.2.1"
