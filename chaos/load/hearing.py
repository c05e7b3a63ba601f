"""One request on a socket, and everything that is heard in return. HTTP is read by h11, which takes no half chunk for a whole one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

import h11

_READ_BYTES = 64 * 1024

End = Literal["whole", "cut", "late", "unreachable"]


@dataclass(slots=True)
class Heard:
    """What came back.

    Attributes:
        end: `whole` by the rules of HTTP; `cut` before that; `late` when there was no end in time; `unreachable` when not a byte came.
        first_s: when the first byte of the body came.
    """

    started_s: float
    end: End = "unreachable"
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    first_s: float | None = None
    ended_s: float = 0.0
    detail: str = ""


@dataclass(slots=True)
class _Line:
    """A connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection


class Ear:
    """Asks at one address, and keeps connections as ordinary clients do.

    A kept connection that ends before the first byte of an answer was closed by a server that did not know yet that it would be used:
    every client asks again then, on a new one, and so does this. A new connection has no such excuse.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: deque[_Line] = deque()

    async def ask(self, path: str, body: bytes, headers: dict[str, str], limit_s: float) -> Heard:
        """Everything that comes within the limit."""
        heard = Heard(time.monotonic())
        try:
            async with asyncio.timeout(limit_s):
                await self._ask(_request(f"{self._host}:{self._port}", path, body, headers), body, heard)
        except TimeoutError:
            heard.end, heard.detail = "late", f"no end after {limit_s:g} s"
        heard.ended_s = time.monotonic()
        return heard

    def close(self) -> None:
        """Closes what is kept."""
        while self._idle:
            self._idle.popleft().writer.close()

    async def _ask(self, request: h11.Request, body: bytes, heard: Heard) -> None:
        kept = self._kept_line()
        if kept is not None and await self._ask_on(kept, request, body, heard):
            return
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            heard.detail = f"cannot connect: {error}"
            return
        await self._ask_on(_Line(reader, writer, h11.Connection(h11.CLIENT)), request, body, heard)

    async def _ask_on(self, line: _Line, request: h11.Request, body: bytes, heard: Heard) -> bool:
        """Whether anything came back."""
        try:
            line.writer.write(b"".join(filter(None, map(line.http.send, (request, h11.Data(data=body), h11.EndOfMessage())))))
            await _listen(line, heard)
        except (OSError, h11.RemoteProtocolError) as error:
            heard.detail = f"{type(error).__name__}: {error}"
            heard.end = "cut" if heard.status else "unreachable"
        finally:
            self._put_away(line)
        return heard.end != "unreachable"

    def _kept_line(self) -> _Line | None:
        while self._idle:
            line = self._idle.popleft()
            if not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.writer.close()
        return None

    def _put_away(self, line: _Line) -> None:
        """Keeps the connection if it can be used again."""
        if line.http.our_state is h11.DONE and line.http.their_state is h11.DONE:
            line.http.start_next_cycle()
            self._idle.append(line)
        else:
            line.writer.close()


async def _listen(line: _Line, heard: Heard) -> None:
    """Reads the answer to its end."""
    while True:
        event = line.http.next_event()
        if event is h11.NEED_DATA:
            line.http.receive_data(await line.reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            heard.end, heard.status = "cut", event.status_code
            heard.headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            heard.first_s = heard.first_s or time.monotonic()
            heard.body += event.data
        elif isinstance(event, h11.EndOfMessage):
            heard.end = "whole"
            return
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("closed without an answer")


def _request(host: str, path: str, body: bytes, headers: dict[str, str]) -> h11.Request:
    fixed = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body))}
    return h11.Request(method="POST", target=path, headers=list({**fixed, **headers}.items()))
