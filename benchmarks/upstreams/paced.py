"""An upstream that sends tokens on a clock and writes into each when it left: `python -m benchmarks.upstreams.paced <port>`.

    POST /paced/<tokens>/<milliseconds>/v1/chat/completions    a token at once, then one each so many milliseconds
    POST /held/v1/chat/completions                             a token at once, then silence until `POST /release`, a token, and the end
    POST /digest/v1/chat/completions                           an answer that tells which picture arrived

The clock is CLOCK_MONOTONIC, which is one for all processes of a machine. It does no more of HTTP than its callers need.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

import orjson

from benchmarks.checks import STAMP, digest
from benchmarks.processes import Launch, free_port
from benchmarks.upstreams.canned import MODEL_COUNTS, answers, chunk, completion, end_of_stream

_STAMP_PLACE = b"@STAMP;"
_TOKEN = chunk({"content": _STAMP_PLACE.decode()})
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_READY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_MODELS = answers()[f"models-{MODEL_COUNTS[0]}.json"]
_stream_numbers = itertools.count()


def launch(root: Path) -> Launch:
    """How it is started; `root` is the folder that holds this package."""
    port = free_port()
    return Launch([sys.executable, "-m", "benchmarks.upstreams.paced", str(port)], port, env={"PYTHONPATH": str(root)})


class Caller(asyncio.Protocol):
    """One connection, which may ask many times, one request after the other."""

    held: set[Caller] = set()  # noqa: RUF012 - those who wait for the release, on all connections

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._received = b""
        self._stream = 0
        self._said = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a server's transports are
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next_request()) is not None:
            self._answer(*request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.held.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _next_request(self) -> tuple[str, bytes] | None:
        """Path and body of the next complete request, which is taken from what was received."""
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = body_length(head)
        if len(rest) < length:
            return None
        self._received = rest[length:]
        return head.split(b" ", 2)[1].decode(), rest[:length]

    def _answer(self, path: str, body: bytes) -> None:
        place, _, rest = path.removeprefix("/").partition("/")
        if path.endswith("/models"):
            self._write_whole(_MODELS)
        elif place == "digest":
            self._write_whole(completion({"role": "assistant", "content": digest(_picture(body))}, "stop"))
        elif place == "paced":
            tokens, interval_ms, _ = rest.split("/", 2)
            self._begin()
            self._schedule(int(tokens) - 1, int(tokens), int(interval_ms) / 1e3, self._loop.time())
        elif place == "held":
            self._begin()
            self.held.add(self)
        else:
            if place == "release":
                release()
            self._transport.write(_READY)

    def _write_whole(self, body: bytes) -> None:
        self._transport.write(_WHOLE % (len(body), body))

    def _begin(self) -> None:
        self._stream, self._said = next(_stream_numbers), 0
        self._transport.write(_HEAD + self._next_token())

    def _schedule(self, left: int, tokens: int, interval_s: float, last_s: float) -> None:
        if left == 0:
            self.end(tokens)
            return
        due_s = last_s + interval_s
        self._timer = self._loop.call_at(due_s, self._continue, left, tokens, interval_s, due_s)

    def _continue(self, left: int, tokens: int, interval_s: float, due_s: float) -> None:
        self.say()
        self._schedule(left - 1, tokens, interval_s, due_s)

    def say(self) -> None:
        """Sends a token."""
        self._transport.write(self._next_token())

    def _next_token(self) -> bytes:
        """A token that says which it is and when it left, as a chunk."""
        stamp = STAMP.format(stream=self._stream, number=self._said, left_ns=time.monotonic_ns())
        self._said += 1
        return _chunk(_TOKEN.replace(_STAMP_PLACE, stamp.encode()))

    def end(self, tokens: int) -> None:
        """Sends the end of a stream of so many tokens."""
        self._transport.write(_chunk(end_of_stream(tokens)) + _LAST_CHUNK)


def release() -> None:
    """Sends a last token to all that are held, and the end."""
    for caller in Caller.held:
        caller.say()
        caller.end(2)
    Caller.held.clear()


def _picture(body: bytes) -> str:
    """The base64 of the one picture of a request; `""` when there is none."""
    for message in orjson.loads(body)["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                return str(part["image_url"]["url"].partition("base64,")[2])
    return ""


def body_length(head: bytes) -> int:
    """How long the body is that follows a head; callers say so, none of them sends chunks."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(port: int) -> None:
    """Serves until the process is told to end."""
    server = await asyncio.get_running_loop().create_server(Caller, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
