"""What an OpenAI-compatible server says, as bytes, and how the facts' tests read what the gateway makes of it."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, json_answer, sse

JSON_TYPE = "application/json; charset=utf-8"
NDJSON_TYPE = "application/x-ndjson"

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def chat_chunk(content: str, **delta: Any) -> dict[str, Any]:
    return _chunk({"content": content, **delta})


def call_delta(index: int, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    head = {"id": call_id, "type": "function"} if call_id else {}
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return _chunk({"tool_calls": [{"index": index, **head, "function": function}]})


def finish_chunk(reason: str = "stop") -> dict[str, Any]:
    return _chunk({}, reason)


def usage_chunk(prompt: int | None, completion: int | None) -> dict[str, Any]:
    return {**_chunk({}), "choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "chatty", "choices": [choice]}


def chat_reply(content: str, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "chatty", "choices": [choice], **more}


def embeddings_reply(vectors: list[list[float]], *, shuffled: bool = False) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {
        "object": "list",
        "data": data[::-1] if shuffled else data,
        "model": "vectors",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }


def refusal(message: str, *, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def lines_of(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.body.splitlines()]


@dataclass(frozen=True)
class Answered:
    """An answer of the gateway, as raw as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        return self.headers.get("Content-Type", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedModel:
    """An upstream that says what the next test wants, on all of its endpoints."""

    def __init__(self, server: FakeUpstream, models: list[dict[str, Any]]) -> None:
        self._server = server
        listed = json_answer({"object": "list", "data": models})
        self.models_body = listed.steps[0]
        server.on("/models", listed)
        self.answer_json(refusal("the test scripted no answer"), status=500)

    def answer_json(self, payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answer(json_answer(payload, status, headers))

    def answer_stream(self, *chunks: dict[str, Any], done: bool = True, stall: bool = False, pause: bool = False) -> None:
        """Answers with `chunks`; `pause` sets the first apart from the others, `stall` says nothing more after them."""
        records = sse(*chunks, done=done and not stall)
        steps = [records[0], 0.1, *records[1:]] if pause else records
        self._answer(Answer(200, {"Content-Type": "text/event-stream"}, [*steps, *([STALL] if stall else [])]))

    def _answer(self, answer: Answer) -> None:
        for path in ("/chat/completions", "/completions", "/embeddings"):
            self._server.on(path, answer)

    @property
    def last(self) -> Request:
        return next(request for request in reversed(self._server.requests) if request.method == "POST")

    @property
    def last_request(self) -> Any:
        return self.last.json

    @property
    def last_headers(self) -> dict[str, str]:
        return self.last.headers


@dataclass(frozen=True)
class Facts:
    """The gateway as a client meets it, byte by byte, and the upstream behind it."""

    base_url: str
    upstream: ScriptedModel

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answered:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, payload: Any = None, *, data: bytes | None = None, headers: dict[str, str] | None = None) -> Answered:
        return self.request("POST", path, payload, data=data, headers=headers)

    def request(
        self, method: str, path: str, payload: Any = None, *, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answered:
        connection = self._connect()
        try:
            body = json.dumps(payload).encode() if payload is not None else data
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answered(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def start_and_leave(self, path: str, payload: Any) -> float:
        """Reads the first line of the answer and goes; tells when (monotonic)."""
        connection = self._connect()
        connection.request("POST", path, json.dumps(payload).encode())
        first_line = connection.getresponse().readline()
        assert json.loads(first_line)["done"] is False
        connection.close()
        return time.monotonic()

    def _connect(self) -> http.client.HTTPConnection:
        address = urlsplit(self.base_url)
        assert address.hostname is not None
        return http.client.HTTPConnection(address.hostname, address.port, timeout=20)
