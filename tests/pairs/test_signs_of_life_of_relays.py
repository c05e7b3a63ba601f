"""Where client and upstream speak one language: what the client hears while the upstream is silent in the midst of its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, sse
from tests.gateway.several import config_of
from tests.pairs.scenes import BY_NAME
from tests.pairs.upstreams import ANTHROPIC, OLLAMA, OPENAI, SSE, Egress

COMMENT = b": keep-alive\n\n"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
WHEN = "2026-01-02T03:04:05.678Z"
NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True)
class Told:
    """A stream of an upstream's, and what may stand between two of its records.

    Attributes:
        begun: so many records are its beginning.
    """

    path: str
    egress: Egress
    upstream_path: str
    records: tuple[bytes, ...]
    sign: bytes
    begun: int = 1


def lines(*records: dict[str, object]) -> tuple[bytes, ...]:
    begin = {"model": "m", "created_at": WHEN}
    return tuple(json.dumps({**begin, **record, "done": "done_reason" in record}).encode() + b"\n" for record in records)


def sign_of(record: dict[str, object]) -> bytes:
    """Ollama's, by the client's own name of the model."""
    return json.dumps({"model": "nick", "created_at": WHEN, **record, "done": False}, separators=(",", ":")).encode() + b"\n"


def scene_of(egress: Egress) -> tuple[bytes, ...]:
    return tuple(step for step in egress.steps(BY_NAME["text"]) if isinstance(step, bytes))


def events(*records: dict[str, object]) -> tuple[bytes, ...]:
    return tuple(f"event: {record['type']}\n".encode() + sse(record, done=False)[0] for record in records)


STREAMS = [
    Told("/v1/chat/completions", OPENAI, "/chat/completions", scene_of(OPENAI), COMMENT, begun=2),
    Told(
        "/v1/responses",
        OPENAI,
        "/responses",
        events(
            {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "status": "in_progress"}},
            {"type": "response.in_progress", "sequence_number": 1},
            {"type": "response.completed", "sequence_number": 2, "response": {"id": "resp_1", "status": "completed"}},
        ),
        COMMENT,
    ),
    Told("/v1/messages", ANTHROPIC, "/v1/messages", scene_of(ANTHROPIC), PING),
    Told(
        "/api/chat",
        OLLAMA,
        "/api/chat",
        lines(
            {"message": {"role": "assistant", "content": "a"}},
            {"message": {"role": "assistant", "content": "", "thinking": "b"}},
            {"message": {"role": "assistant", "content": ""}, "done_reason": "stop"},
        ),
        sign_of({"message": {"role": "assistant", "content": ""}}),
    ),
    Told(
        "/api/generate",
        OLLAMA,
        "/api/generate",
        lines({"response": "a"}, {"response": "b"}, {"response": "", "done_reason": "stop"}),
        sign_of({"response": ""}),
    ),
]


@pytest.mark.parametrize("place", ["between two records", "in the midst of one"])
@pytest.mark.parametrize("told", STREAMS, ids=lambda told: told.path)
def test_silence_in_the_midst_of_a_relayed_stream_is_bridged_between_its_records(
    tmp_path: Path, upstream: FakeUpstream, told: Told, place: str
) -> None:
    begin, (record, *rest) = b"".join(told.records[: told.begun]), told.records[told.begun :]
    half = len(record) // 2 if place == "in the midst of one" else 0
    gate = upstream.gate()
    told.egress.play(upstream, BY_NAME["text"])
    headers = NDJSON if told.egress is OLLAMA else SSE
    upstream.on(told.upstream_path, Answer(200, headers, [begin + record[:half], gate, record[half:], *rest]))
    text = f'[upstreams.it]\ndialect = "{told.egress.name}"\nbase_url = "{told.egress.base_url(upstream)}"\naliases = {{ nick = "m" }}\n'
    client = create_app(config_of(tmp_path, text, {}, KEEPALIVE_INTERVAL="0.05", REQUEST_TIMEOUT="2")).test_client()
    asked = {
        "model": "nick",
        "stream": True,
        "max_tokens": 9,
        "prompt": "hi",
        "input": "hi",
        "messages": [{"role": "user", "content": "hi"}],
    }
    response = client.post(told.path, json=asked, headers={"anthropic-version": "2023-06-01"})
    body = b""
    for piece in response.response:
        assert isinstance(piece, bytes)
        body += piece
        if body.count(told.sign) == 2:
            gate.set()
    signs = body.count(told.sign)
    expected = b"".join([begin, told.sign * signs, record, *rest])
    assert body == (expected.replace(b'"model": "m"', b'"model": "nick"') if told.egress is OLLAMA else expected)
    assert signs >= 2
