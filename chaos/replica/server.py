"""The replica's process: `python -m chaos.replica.server <name> <port> <control port> <diary>`.

GET  <port>/v1/models                the list of models
POST <port>/v1/chat/completions      the order that the last message holds, answered whole or as a stream
PUT  <control port>/mode             how to behave from now on, as JSON; a process begins well
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from chaos.diary import Diary
from chaos.faults import WELL, Chance, Mode
from chaos.orders import Order, find_order
from chaos.replica import speech
from chaos.replica.turns import LeftEarly, Turn, reset, take

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    body: bytes


class Replica:
    """One replica, on all its connections."""

    def __init__(self, name: str, diary: Diary) -> None:
        self._name = name
        self._diary = diary
        self._chance = Chance(WELL)
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection, one after the other, until either side has enough."""
        if self._resets_at_once:
            self._diary.asked("", "", "reset_at_once")
            reset(writer)
            return
        self._open.add(writer)
        try:
            while (asked := await read_request(reader)) is not None:
                await self._answer(asked, reader, writer)
        except (ConnectionError, LeftEarly):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request of those who tell the replica how to behave."""
        with suppress(ConnectionError):
            asked = await read_request(reader)
            if asked is not None and asked.path == "/mode":
                self._chance = Chance(Mode.from_json(asked.body))
                if self._resets_at_once:
                    for connection in tuple(self._open):
                        reset(connection)
            writer.write(speech.whole(200, b"{}", more={"Connection": "close"}))
            await writer.drain()
        writer.close()

    @property
    def _resets_at_once(self) -> bool:
        return any(fault.kind == "reset_at_once" for fault in self._chance.mode.faults)

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        payload: dict[str, Any] = orjson.loads(asked.body) if asked.body else {}
        order = order_of(payload)
        if order is None and not asked.path.endswith("/models"):
            writer.write(speech.whole(404, speech.error(404)))
            return
        fault = self._chance.next(is_chat=order is not None)
        name = self._diary.asked(asked.path, order.marker if order else "", fault.kind if fault else "")
        with_usage = bool((payload.get("stream_options") or {}).get("include_usage"))
        turn = Turn(self._name, order, bool(payload.get("stream")), with_usage, reader, writer, partial(self._diary.note, name))
        try:
            await take(turn, fault)
        except (LeftEarly, ConnectionError):
            if reader.at_eof():
                self._diary.note(name, "gone")
            raise


def order_of(payload: dict[str, Any]) -> Order | None:
    """The order of a chat; its prompt is a text or a list of parts."""
    messages = payload.get("messages")
    return find_order(orjson.dumps(messages[-1]["content"]).decode()) if messages else None


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request; `None` when there is none any more."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return Asked(method, path, await reader.readexactly(int(headers.get("content-length", "0"))))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def run(name: str, port: int, control_port: int, diary: Path) -> None:
    """Serves until the process is told to end."""
    replica = Replica(name, Diary(diary))
    public = await asyncio.start_server(replica.serve, "127.0.0.1", port, backlog=1024, limit=_MOST_BYTES)
    control = await asyncio.start_server(replica.control, "127.0.0.1", control_port)
    await asyncio.gather(public.serve_forever(), control.serve_forever())


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
