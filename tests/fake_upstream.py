"""FakeUpstream: a scripted HTTP/1.1 server on a real loopback socket. It answers, cuts, stalls, lies and splits as it is told.

    with FakeUpstream() as upstream:
        upstream.on("/chat/completions", stream_of({"id": "1", ...}, {"id": "1", ...}))
        ... the code under test calls f"{upstream.base_url}/chat/completions" ...
        assert upstream.requests[0].json["model"] == "m"

`on(path, *answers)` scripts a path: each request takes the next answer, the last one serves for ever. The path may leave out the
`/v1` of `base_url`, and has no query. An answer may be a function of the request. Paths without a script answer 404, in OpenAI's
error shape.

An `Answer` is a head and steps. A step is
    bytes          written at once, as one chunk of the body (one `send`, framed as `framing` says)
    Raw(bytes)     written as it is, past the framing: broken chunks, garbage
    Event          waits until it is set: `gate = upstream.gate()`, then `gate.set()` in the test
    float          seconds to wait, where nothing better will do
    CUT            closes the connection: the other side sees the end of the bytes
    RESET          resets it: the other side sees ECONNRESET
    STALL          says nothing more until the other side leaves
Steps of `before` come before the status line (`before=[CUT]` dies without an answer). After the last step a legal end is written.

What happened is in `requests` (each with `wait_closed(timeout)` and `closed_at`, to see that the client let go of the connection)
and in `connections`, the number of connections made so far, to see that they are reused. The server's threads end with it.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPMessage, parse_headers
from typing import Any, BinaryIO, Literal, Self

_POLL_S = 0.005


class End(Enum):
    """How a script ends other than by a legal end."""

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"


CUT, RESET, STALL = End.CUT, End.RESET, End.STALL


@dataclass(frozen=True)
class Raw:
    """Bytes that are written past the framing."""

    data: bytes


Step = bytes | Raw | threading.Event | float | End


@dataclass(frozen=True)
class Answer:
    """A head and the steps of its body.

    Attributes:
        framing: `chunked`, `length` (Content-Length of all bytes in `steps`) or `close` (the body ends with the connection).
        before: steps before the status line.
        keep_alive: `False` announces `Connection: close`.
        hang_up: closes the connection after a legal end without having announced it, as servers do with idle connections.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[Step] = ()
    framing: Literal["chunked", "length", "close"] = "chunked"
    before: Sequence[Step] = ()
    keep_alive: bool = True
    hang_up: bool = False


def json_answer(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None, **how: Any) -> Answer:
    """A whole JSON answer with a Content-Length."""
    body = json.dumps(payload).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, [body], "length", **how)


def sse(*payloads: Any, done: bool = True) -> list[bytes]:
    """Server-sent events, one per payload, and `[DONE]`."""
    events = [b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads]
    return [*events, b"data: [DONE]\n\n"] if done else events


def stream_of(*payloads: Any, done: bool = True, then: Sequence[Step] = ()) -> Answer:
    """A stream of server-sent events, each written on its own; `then` follows them."""
    return Answer(200, {"Content-Type": "text/event-stream"}, [*sse(*payloads, done=done), *then])


@dataclass
class Request:
    """What the server was asked. Header names are lower-case; `path` has no query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    arrived_at: float
    closed_at: float | None = None
    _closed: threading.Event = field(default_factory=threading.Event)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def wait_closed(self, timeout: float = 5.0) -> bool:
        """Whether the connection of this request was closed, by either side, before `timeout` seconds were over."""
        return self._closed.wait(timeout)

    def note_closed(self) -> None:
        if self.closed_at is None:
            self.closed_at = time.monotonic()
            self._closed.set()


Script = Answer | Callable[[Request], Answer]


class _Gone(Exception):
    """The client left, or the script says that the connection ends."""


class FakeUpstream:
    """See the head of this file. `base_url` ends in `/v1`; `tls` is a server context, then `base_url` is an https one."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self._scripts: dict[str, list[Script]] = {}
        self._changed = threading.Condition()
        self._gates: list[threading.Event] = []
        self._open: dict[int, socket.socket] = {}
        self._idle: set[int] = set()
        self._closing = False
        self._listener = socket.create_server((host, 0), backlog=512)
        self.host, self.port = self._listener.getsockname()[:2]
        self._threads: list[threading.Thread] = []

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # What a test says and asks

    def on(self, path: str, *answers: Script) -> None:
        """Scripts `path`; replaces an earlier script."""
        with self._changed:
            self._scripts[path] = list(answers)

    def gate(self) -> threading.Event:
        """An event for a script to wait for; set at the latest when the server ends."""
        gate = threading.Event()
        self._gates.append(gate)
        return gate

    def requests_to(self, path: str) -> list[Request]:
        """The requests for `path` so far, with or without `/v1`."""
        return [request for request in list(self.requests) if path in (request.path, request.path.removeprefix("/v1"))]

    def wait_for_requests(self, count: int, timeout: float = 5.0, path: str | None = None) -> bool:
        """Whether `count` requests (for `path`) have arrived in full before `timeout` seconds were over."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.requests_to(path) if path else self.requests) >= count, timeout)

    def wait_until_idle(self, timeout: float = 5.0) -> bool:
        """Whether some connection's answer is written to its end, and it waits for the next request, before `timeout` seconds were over."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._idle), timeout)

    def wait_until_nobody_is_connected(self, timeout: float = 5.0) -> bool:
        """Whether all connections are closed, within a time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def close_idle_connections(self) -> None:
        """Closes the connections that wait for their next request, as servers do after a while. Waits until there is one."""
        self.wait_until_idle()
        with self._changed:
            idle = [self._open[number] for number in self._idle if number in self._open]
        for connection in idle:
            _shut(connection)

    def close(self) -> None:
        """Ends the server, its connections and its threads."""
        self._closing = True
        for gate in self._gates:
            gate.set()
        _shut(self._listener)
        self._listener.close()
        with self._changed:
            connections = list(self._open.values())
        for connection in connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(5)

    # The server

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True, name="fake-upstream")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        number = 0
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._changed:
                self.connections += 1
                number = self.connections
                self._open[number] = connection
            self._converse(connection, number)
        except (OSError, _Gone):
            pass
        finally:
            connection.close()
            with self._changed:
                self._open.pop(number, None)
                self._idle.discard(number)
                self._changed.notify_all()
            for request in self.requests:
                if request.connection == number:
                    request.note_closed()

    def _converse(self, connection: socket.socket, number: int) -> None:
        with connection.makefile("rb") as reader:
            while not self._closing:
                with self._changed:
                    self._idle.add(number)
                    self._changed.notify_all()
                request = _read_request(reader, number)
                if request is None:
                    return
                with self._changed:
                    self._idle.discard(number)
                    self.requests.append(request)
                    script = self._next_script(request.path)
                    self._changed.notify_all()
                answer = script(request) if callable(script) else script
                _Conversation(connection, request, lambda: self._closing).play(answer)

    def _next_script(self, path: str) -> Script:
        answers = self._scripts.get(path) or self._scripts.get(path.removeprefix("/v1"))
        if not answers:
            return json_answer({"error": {"message": f"no script for {path}", "type": "invalid_request_error", "code": None}}, 404)
        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Conversation:
    """Plays one answer. Raises `_Gone` when the connection cannot be used after it."""

    def __init__(self, connection: socket.socket, request: Request, closing: Callable[[], bool]) -> None:
        self._socket = connection
        self._request = request
        self._closing = closing
        self._chunked = False

    def play(self, answer: Answer) -> None:
        self._steps(answer.before)
        self._socket.sendall(_head(answer, self._request.method))
        if self._request.method == "HEAD":
            return
        self._chunked = answer.framing == "chunked"
        self._steps(answer.steps)
        if self._chunked:
            self._socket.sendall(b"0\r\n\r\n")
        if answer.framing == "close" or not answer.keep_alive or answer.hang_up:
            raise _Gone

    def _steps(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case bytes():
                    self._socket.sendall(b"%x\r\n%b\r\n" % (len(step), step) if self._chunked else step)
                case Raw(data):
                    self._socket.sendall(data)
                case threading.Event():
                    self._wait_until(step.is_set)
                case float() | int():
                    self._wait_until(_after(step))
                case End.CUT:
                    raise _Gone
                case End.RESET:
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raise _Gone
                case End.STALL:
                    self._wait_until(lambda: False)
                case _:
                    raise TypeError(f"{step!r} is no step")

    def _wait_until(self, over: Callable[[], bool]) -> None:
        """Waits, with an eye on the client: one that leaves is noted at once."""
        while not over():
            if self._closing() or self._client_left(_POLL_S):
                raise _Gone

    def _client_left(self, timeout_s: float) -> bool:
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return False
        try:
            flags = 0 if isinstance(self._socket, ssl.SSLSocket) else socket.MSG_PEEK
            left = self._socket.recv(1, flags) == b""
        except OSError:
            left = True
        if left:
            self._request.note_closed()
        return left


def _after(seconds: float) -> Callable[[], bool]:
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline


def _read_request(reader: BinaryIO, connection: int) -> Request | None:
    line = reader.readline(65537)
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(None, 2)
    headers: HTTPMessage = parse_headers(reader)
    names = {name.lower(): value for name, value in headers.items()}
    body = _read_body(reader, names)
    return Request(method, target, names, body, connection, time.monotonic())


def _read_body(reader: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return reader.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(reader.readline().split(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body


def _head(answer: Answer, method: str) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in answer.headers.items())]
    if answer.framing == "length":
        lines.append(f"Content-Length: {sum(len(step) for step in answer.steps if isinstance(step, bytes))}")
    elif answer.framing == "chunked" and method != "HEAD":
        lines.append("Transfer-Encoding: chunked")
    if not answer.keep_alive or answer.framing == "close":
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _shut(connection: socket.socket) -> None:
    """Wakes whoever reads from the connection."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
