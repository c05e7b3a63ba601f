"""Heads: interim ones are skipped, cut ones are no answer, and only a connection that said nothing at all was stale."""

from __future__ import annotations

import logging

import pytest

from proxy.errors import UpstreamBroken
from proxy.upstream.retry import RetryPolicy
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, json_answer
from tests.upstream.conftest import MakeClient

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
MAX = 1_000_000
EARLY_HINTS = Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
PROCESSING = Raw(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize(
    "interim",
    [
        [PROCESSING],
        [EARLY_HINTS],
        [Raw(b"HTTP/1.1 100 Continue\r\n\r\n"), PROCESSING, EARLY_HINTS, PROCESSING],
        [Raw(b"HTTP/1.1 199 Whatever\r\nContent-Length: 5\r\n\r\n"), 0.02],
        [Raw(b"HTTP/1.1 10"), 0.02, Raw(b"2 Processing\r\n"), 0.02, Raw(b"\r\n")],
    ],
)
def test_each_caller_gets_its_own_answer_when_interim_heads_come_before_it(
    upstream: FakeUpstream, make_client: MakeClient, interim: list[object]
) -> None:
    upstream.on("/chat/completions", *(json_answer({"answer": number}, before=interim) for number in range(3)))
    client = make_client()
    assert [client.send(CHAT).read(MAX) for _ in range(3)] == [b'{"answer": 0}', b'{"answer": 1}', b'{"answer": 2}']
    assert upstream.connections == 1


def test_interim_heads_without_end_are_no_answer(upstream: FakeUpstream, make_client: MakeClient) -> None:
    upstream.on("/chat/completions", Answer(before=[Raw(PROCESSING.data * 10_000), STALL]))
    with pytest.raises(UpstreamBroken):
        make_client().send(CHAT)
    assert upstream.requests[0].wait_closed(1)


CUT_HEADS = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n",
]


@pytest.mark.parametrize("head", CUT_HEADS)
def test_a_head_that_is_cut_is_no_answer(
    upstream: FakeUpstream, make_client: MakeClient, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    upstream.on("/chat/completions", Answer(before=[Raw(head), CUT]))
    with caplog.at_level(logging.DEBUG), pytest.raises(UpstreamBroken):
        make_client(policy=RetryPolicy(max_retries=3)).send(CHAT)
    assert len(upstream.requests) == 1
    assert [record.name for record in caplog.records if record.levelno > logging.DEBUG] == ["proxy.upstream"]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("line", [b"no colon here", b" folded before the first", b": no name"])
def test_a_head_whose_fields_cannot_be_told_apart_is_no_answer(
    upstream: FakeUpstream, make_client: MakeClient, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    """What follows such a line, the length of the body for instance, would be lost."""
    head = b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 2\r\n\r\n{}"
    upstream.on("/chat/completions", Answer(before=[Raw(head), STALL]))
    with pytest.raises(UpstreamBroken):
        make_client().send(CHAT)
    assert [record.name for record in caplog.records] == ["proxy.upstream"]
    assert upstream.origin.removeprefix("http://") not in caplog.text


@pytest.mark.parametrize("end", [CUT, RESET])
@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Ty", b"HTTP/1.1 102 Processing\r\n\r\n"])
def test_a_reused_connection_that_began_to_answer_is_not_repeated(
    upstream: FakeUpstream, make_client: MakeClient, begun: bytes, end: object
) -> None:
    broken = Answer(before=[Raw(begun), 0.03, end])  # type: ignore[list-item]
    upstream.on("/chat/completions", json_answer({"n": 1}), broken, json_answer({"n": 3}))
    client = make_client(policy=RetryPolicy(max_retries=3))
    client.send(CHAT).read(MAX)
    with pytest.raises(UpstreamBroken):
        client.send(CHAT)
    assert [request.connection for request in upstream.requests] == [1, 1]
    assert client.send(CHAT).read(MAX) == b'{"n": 3}'
    assert upstream.connections == 2
