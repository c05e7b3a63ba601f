"""What is left of a gateway when all is taken away that can be: Flask on the gateway's worker, no log, no metrics, no translation.

With `ASK=always` each request goes to the upstream by the gateway's own client; with `ASK=once` the first answer is kept, and nobody
is asked again. No Flask application on this server can be faster than the second, and none with this client faster than the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache

from flask import Flask, Response, request

from proxy import Settings
from proxy.gateway_config import config_of
from proxy.upstream.reply import UpstreamReply
from proxy.upstream_assembly import build_upstreams
from proxy.wire.messages import UpstreamCall

_MAX_BYTES = 1 << 20

app = Flask(__name__)
client = build_upstreams(config_of(Settings(openai_api_base_url=os.environ["TARGET"])))[0].client


@app.get("/")
def ready() -> str:
    return "ready"


def hand_on(path: str) -> Response:
    reply = client.send(UpstreamCall(f"/{path}", request.get_data(), stream=True))
    content_type = reply.headers["content-type"]
    body = blocks(reply) if content_type.startswith("text/event-stream") else reply.read(_MAX_BYTES)
    return Response(body, reply.status, content_type=content_type)


def blocks(reply: UpstreamReply) -> Iterator[bytes]:
    try:
        yield from reply.chunks()
    finally:
        reply.close()


def repeat(path: str) -> Response:
    status, content_type, body = kept(path)
    return Response(body, status, content_type=content_type)


@lru_cache
def kept(path: str) -> tuple[int, str, bytes]:
    reply = client.send(UpstreamCall(f"/{path}", request.get_data()))
    return reply.status, reply.headers["content-type"], reply.read(_MAX_BYTES)


app.post("/v1/<path:path>")(repeat if os.environ["ASK"] == "once" else hand_on)
