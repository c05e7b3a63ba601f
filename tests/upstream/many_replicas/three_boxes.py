"""Calls to an upstream whose replicas are three boxes, and who answered them."""

from __future__ import annotations

from collections.abc import Callable

from proxy.telemetry import ExchangeNotes
from proxy.upstream.client import UpstreamClient
from proxy.upstream.replica import Replica
from proxy.upstream.reply import UpstreamReply
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import Answer, FakeUpstream, json_answer

CHAT = UpstreamCall("/chat/completions", b'{"model":"m"}', model="m")
LIST = UpstreamCall("/models", method="GET")
MAX = 1_000_000
GONE = "http://127.0.0.1:1/v1"

MakeReplicas = Callable[..., list[Replica]]


def an_error(status: int, headers: dict[str, str] | None = None, code: str | None = None) -> Answer:
    return json_answer({"error": {"message": f"sorry {status}", "code": code}}, status, headers)


def asked(client: UpstreamClient, call: UpstreamCall = CHAT, notes: ExchangeNotes | None = None) -> str:
    """The label of the replica that answered, and well."""
    notes = notes or ExchangeNotes()
    reply = client.send(call, notes)
    reply.read(MAX)
    reply.close()
    client.answered(call.model, notes, ended=True)
    return notes.replica


def sent(client: UpstreamClient) -> tuple[UpstreamReply, ExchangeNotes]:
    """An answer that is still to be read."""
    notes = ExchangeNotes(upstream_model="m")
    return client.send(CHAT, notes), notes


def sent_to(client: UpstreamClient, label: str) -> tuple[UpstreamReply, ExchangeNotes]:
    """The first answer that comes from that replica."""
    for _ in range(10):
        reply, notes = sent(client)
        if notes.replica == label:
            return reply, notes
        reply.close()
    raise AssertionError(f"{label} is not asked")


def counts(boxes: list[FakeUpstream]) -> list[int]:
    return [len(box.requests) for box in boxes]
