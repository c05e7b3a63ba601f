"""The bare pass-through: what a Flask application costs that does nothing but hand on. The measure of all ratios."""

from __future__ import annotations

import os
from collections.abc import Iterator

import requests
from flask import Flask, Response, request
from requests.adapters import HTTPAdapter

TARGET = os.environ["TARGET"]

app = Flask(__name__)
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=2000))


@app.get("/")
def ready() -> str:
    return "ready"


@app.post("/v1/<path:path>")
def hand_on(path: str) -> Response:
    reply = session.post(
        f"{TARGET}/{path}", data=request.get_data(), headers={"Content-Type": "application/json"}, stream=True, timeout=300
    )
    content_type = reply.headers["Content-Type"]
    body = blocks(reply) if content_type.startswith("text/event-stream") else reply.content
    return Response(body, reply.status_code, content_type=content_type)


def blocks(reply: requests.Response) -> Iterator[bytes]:
    with reply:
        while block := reply.raw.read1(65536):
            yield block
