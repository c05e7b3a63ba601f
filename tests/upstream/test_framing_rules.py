"""How heads say where their bodies end, and what is thought of those that contradict themselves."""

from __future__ import annotations

import pytest

from proxy.upstream.framing import ChunkedFraming, OpenFraming, SizedFraming
from proxy.upstream.framing_rules import IllegalHead, framing_of


@pytest.mark.parametrize(
    ("headers", "version", "kind", "reusable"),
    [
        ({"content-length": "5"}, 11, SizedFraming, True),
        ({"content-length": "5, 5"}, 11, SizedFraming, True),
        ({"content-length": "5", "connection": "Keep-Alive"}, 11, SizedFraming, True),
        ({"content-length": "5", "connection": "Upgrade, Close"}, 11, SizedFraming, False),
        ({"content-length": "5", "connection": "closed-captions"}, 11, SizedFraming, True),
        ({"content-length": "5"}, 10, SizedFraming, False),
        ({"content-length": "5", "connection": "keep-alive"}, 10, SizedFraming, True),
        ({"content-length": "5", "transfer-encoding": "identity"}, 11, SizedFraming, True),
        ({"transfer-encoding": "chunked"}, 11, ChunkedFraming, True),
        ({"transfer-encoding": "Chunked", "connection": "close"}, 11, ChunkedFraming, False),
        ({"transfer-encoding": "chunked, chunked"}, 11, ChunkedFraming, False),
        ({"transfer-encoding": "chunked", "content-length": "5"}, 11, ChunkedFraming, False),
        ({"transfer-encoding": "chunked", "content-length": "nonsense"}, 11, ChunkedFraming, False),
        ({"transfer-encoding": "chunked", "connection": "keep-alive"}, 10, ChunkedFraming, False),
        ({}, 11, OpenFraming, False),
        ({"connection": "keep-alive"}, 11, OpenFraming, False),
    ],
)
def test_the_head_says_how_the_body_ends(headers: dict[str, str], version: int, kind: type, reusable: bool) -> None:
    framing = framing_of("POST", version, 200, headers)
    assert (type(framing), framing.reusable, framing.ended) == (kind, reusable, False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304)])
@pytest.mark.parametrize("headers", [{}, {"content-length": "5"}, {"transfer-encoding": "chunked"}])
def test_some_answers_have_no_body_whatever_they_say(method: str, status: int, headers: dict[str, str]) -> None:
    framing = framing_of(method, 11, status, headers)
    assert framing.ended
    # What was announced may follow all the same, and be taken for the next answer.
    assert framing.reusable is (method == "HEAD" or "transfer-encoding" not in headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "5, 6"},
        {"content-length": "-1"},
        {"content-length": "+5"},
        {"content-length": "5_0"},
        {"content-length": "0x5"},
        {"content-length": "²"},
        {"content-length": ""},
        {"content-length": "1" * 19},
        {"transfer-encoding": "gzip, chunked"},
        {"transfer-encoding": "gzip"},
        {"transfer-encoding": ""},
        {"transfer-encoding": "chunked, identity"},
    ],
)
def test_a_head_that_does_not_say_it_is_none(headers: dict[str, str]) -> None:
    with pytest.raises(IllegalHead):
        framing_of("POST", 11, 200, headers)
