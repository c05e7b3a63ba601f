"""What all fakes share: HTTP on a loopback socket, a log, the answer to a chat and to texts to embed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.fakes.judging import Refusal, check_conversation, given_calls

Json = dict[str, Any]
CREATED = 1_700_000_000


@dataclass
class LogEntry:
    """One request: what came, what it was answered with, and which of its fields meant nothing to the server."""

    path: str
    body: Json
    status: int = 0
    ignored: list[str] = field(default_factory=list)


class Fake:
    """One kind of server.

    Attributes:
        host_url: where the real one is reached.
        chat_models: those that are asked to chat in tests.
        known: fields of a chat that mean something; `strict` says what happens to others.
    """

    name: ClassVar[str]
    host_url: ClassVar[str] = "http://127.0.0.1:8000/v1"
    chat_models: ClassVar[Sequence[str]]
    embedding_models: ClassVar[Sequence[str]] = ()
    known: ClassVar[frozenset[str]]
    reasoning_field: ClassVar[str] = ""

    # What the kinds differ in

    def models(self) -> Any:
        """The body of /models."""
        return {"object": "list", "data": [self.entry(model) for model in (*self.chat_models, *self.embedding_models)]}

    def entry(self, model: str) -> Json:
        """One entry of the list."""
        raise NotImplementedError

    def judge(self, body: Json) -> Iterator[Refusal]:
        """The refusals that the request deserves; the first one is sent."""
        raise NotImplementedError

    def judge_embeddings(self, body: Json) -> Iterator[Refusal]:
        """The refusals of texts to embed."""
        yield from ()

    def error(self, refusal: Refusal) -> Any:
        """The body of an error."""
        return {
            "error": {"message": refusal.message, "type": "invalid_request_error", "param": refusal.param, "code": refusal.code},
        }

    def ignored(self, body: Json) -> list[str]:
        """The fields that the server passes over in silence."""
        return sorted(body.keys() - self.known)

    def opening(self) -> list[bytes]:
        """What a stream begins with."""
        return []

    def finish_reason(self, calls: bool) -> str:
        return "tool_calls" if calls else "stop"

    def thinks(self, body: Json) -> bool:
        """Whether this answer shows its thinking."""
        return False

    def reasoning_delta(self, text: str) -> Json:
        return {self.reasoning_field: text}

    # What they have in common

    def refusal(self, path: str, body: Json) -> Refusal | None:
        models = self.embedding_models if path == "/embeddings" else self.chat_models
        if body.get("model") not in models:
            return Refusal(f"The model `{body.get('model')}` does not exist", status=404, param="model", code="model_not_found")
        if path == "/embeddings":
            return next(self.judge_embeddings(body), None)
        return next(self.judge(body), None) or next(check_conversation(body), None)

    def whole(self, body: Json) -> Json:
        """A complete answer."""
        message: Json = {"role": "assistant", "content": None}
        for delta in self.deltas(body):
            for key, value in delta.items():
                message[key] = message[key] + value if isinstance(message.get(key), str) else value
        for call in message.get("tool_calls", ()):
            call.pop("index")
        choice: Json = {"index": 0, "message": message, "finish_reason": self.finish_reason("tool_calls" in message)}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [_logprob(body)]}
        return self.envelope(body, "chat.completion", [choice], usage=_usage())

    def stream(self, body: Json) -> Iterator[bytes]:
        """The bytes of a streamed answer, event by event."""
        yield from self.opening()
        deltas = self.deltas(body)
        for delta in [{"role": "assistant", "content": ""}, *deltas]:
            choice: Json = {"index": 0, "delta": delta, "finish_reason": None}
            if body.get("logprobs") and delta.get("content"):
                choice["logprobs"] = {"content": [_logprob(body)]}
            yield self.event(self.envelope(body, "chat.completion.chunk", [choice]))
        finish = self.finish_reason(any("tool_calls" in delta for delta in deltas))
        yield from self.closing(body, {"index": 0, "delta": {}, "finish_reason": finish})
        yield b"data: [DONE]\n\n"

    def closing(self, body: Json, last_choice: Json) -> Iterator[bytes]:
        """The finish, and the usage where it was asked for."""
        yield self.event(self.envelope(body, "chat.completion.chunk", [last_choice]))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield self.event(self.envelope(body, "chat.completion.chunk", [], usage=_usage()))

    def envelope(self, body: Json, kind: str, choices: list[Json], **extra: Any) -> Json:
        return {"id": f"chatcmpl-{self.name}", "object": kind, "created": CREATED, "model": body["model"], "choices": choices, **extra}

    def event(self, record: Json) -> bytes:
        return b"data: " + json.dumps(record).encode() + b"\n\n"

    def deltas(self, body: Json) -> list[Json]:
        """The answer in pieces: a call of the first tool when there are tools and none was called yet, else words, or JSON if asked for."""
        thought = [self.reasoning_delta("Let me think.")] if self.thinks(body) else []
        tools = body.get("tools") or []
        if tools and not given_calls(body):
            function = {"name": tools[0]["function"]["name"], "arguments": '{"city": "Oslo"}'}
            return [*thought, {"tool_calls": [{"index": 0, "id": self.call_id(), "type": "function", "function": function}]}]
        if body.get("response_format") or "answer with" in str(body["messages"][0].get("content")).lower():
            return [*thought, {"content": '{"answer"'}, {"content": ": 42}"}]
        return [*thought, {"content": "Hello from "}, {"content": f"{self.name}."}]

    def call_id(self) -> str:
        return "call_0123456789"

    def embeddings(self, body: Json) -> Json:
        """Vectors of length 5 before they are cut, in no order."""
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        size = body.get("dimensions") or 4
        data = [{"object": "embedding", "index": index, "embedding": [3.0, 4.0, 0.0, 0.0][:size]} for index in range(len(texts))]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return {"object": "list", "model": body["model"], "data": data[::-1], "usage": usage}


def serve(fake: Fake) -> tuple[str, Callable[[], None], list[LogEntry]]:
    """Runs `fake` on a free port: base URL, how to stop it, its log."""
    log: list[LogEntry] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake, "log": log}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return f"http://127.0.0.1:{server.server_address[1]}/v1", stop, log


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    wbufsize = -1
    disable_nagle_algorithm = True
    fake: Fake
    log: list[LogEntry]

    def do_GET(self) -> None:
        path = self.path.removeprefix("/v1")
        status, body = (200, self.fake.models()) if path == "/models" else (404, self.fake.error(Refusal("Not found", status=404)))
        self.log.append(LogEntry(path, {}, status))
        self._send(status, body)

    def do_POST(self) -> None:
        path = self.path.removeprefix("/v1")
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        entry = LogEntry(path, body)
        self.log.append(entry)
        if path not in ("/chat/completions", "/embeddings"):
            entry.status = 404
            self._send(404, self.fake.error(Refusal(f"Unknown URL {path}", status=404)))
            return
        refusal = self.fake.refusal(path, body)
        entry.status = refusal.status if refusal else 200
        if refusal:
            self._send(refusal.status, self.fake.error(refusal))
        elif path == "/embeddings":
            self._send(200, self.fake.embeddings(body))
        else:
            entry.ignored = self.fake.ignored(body)
            self._chat(body)

    def _chat(self, body: Json) -> None:
        if not body.get("stream"):
            self._send(200, self.fake.whole(body))
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in self.fake.stream(body):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the log is a list."""


def _logprob(body: Json) -> Json:
    alternatives = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105]}] * int(body.get("top_logprobs") or 0)
    return {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": alternatives}


def _usage() -> Json:
    return {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
