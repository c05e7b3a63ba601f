"""One request and its answer: the good one, and what each fault makes of it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chaos.diary import Note
from chaos.faults import Fault, Kind
from chaos.orders import Order
from chaos.replica import speech

_NOT_HTTP = b"\x15\x03\x01\x00\x02\x02\x46 this is not the protocol that you are looking for\r\n\r\n"
_PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in to use this network.</body></html>"
_NOT_JSON = b'{"choices": [{"delta": {"content": "this is not J'


class LeftEarly(Exception):
    """The connection is over: by the fault, or because the other side left."""


@dataclass(slots=True)
class Turn:
    """One request, and the connection on which it is answered. `order` is `None` for the list of models."""

    replica: str
    order: Order | None
    streams: bool
    with_usage: bool
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    note: Callable[[Note], None]

    async def send(self, data: bytes) -> None:
        """Writes; notices when nobody listens any more."""
        if self.reader.at_eof() or self.writer.is_closing():
            raise LeftEarly
        self.writer.write(data)
        await self.writer.drain()

    def leave(self) -> LeftEarly:
        """Closes the connection; to be raised."""
        self.writer.close()
        return LeftEarly()

    def reset(self) -> LeftEarly:
        """Resets the connection; to be raised."""
        reset(self.writer)
        return LeftEarly()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST: what is not sent is thrown away."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def take(turn: Turn, fault: Fault | None) -> None:
    """Answers. Raises `LeftEarly` when the connection is over."""
    if fault is None:
        await _answer(turn)
        turn.note("said")
    else:
        await _ACTS[fault.kind](turn, fault)


async def _answer(turn: Turn) -> None:
    """What is asked for."""
    if turn.order is None:
        await turn.send(speech.whole(200, speech.models(turn.replica)))
    elif turn.streams:
        await _begin_stream(turn, turn.order, turn.order.tokens)
        await turn.send(speech.chunked(_end_of(turn, turn.order)) + speech.LAST_CHUNK)
    else:
        body = speech.completion(turn.order, turn.replica)
        await asyncio.sleep(turn.order.pacing_s)
        turn.note("began")
        await turn.send(speech.whole(200, body))


async def _begin_stream(turn: Turn, order: Order, tokens: int) -> None:
    """So many tokens of a stream, each at its time."""
    records, _ = speech.records(order, turn.replica, turn.with_usage)
    clock = asyncio.get_running_loop().time
    began_s = clock()
    turn.note("began")
    await turn.send(speech.stream_head() + speech.chunked(records[0]))
    for number, record in enumerate(records[1:tokens], start=1):
        await asyncio.sleep(began_s + number * order.pause_ms / 1000 - clock())
        await turn.send(speech.chunked(record))


def _end_of(turn: Turn, order: Order) -> bytes:
    return speech.records(order, turn.replica, turn.with_usage)[1]


async def _status(turn: Turn, fault: Fault) -> None:
    more = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
    await turn.send(speech.whole(fault.status, speech.error(fault.status), more=more))


async def _reset(turn: Turn, _: Fault) -> None:
    raise turn.reset()


async def _close(turn: Turn, _: Fault) -> None:
    raise turn.leave()


async def _not_http(turn: Turn, _: Fault) -> None:
    await turn.send(_NOT_HTTP)
    raise turn.leave()


async def _html(turn: Turn, _: Fault) -> None:
    await turn.send(speech.whole(200, _PAGE, "text/html; charset=utf-8"))


async def _not_json(turn: Turn, _: Fault) -> None:
    if turn.streams:
        await turn.send(speech.whole(200, speech.event(_NOT_JSON) * 2, speech.SSE))
    else:
        await turn.send(speech.whole(200, _NOT_JSON))


async def _hang(turn: Turn, _: Fault) -> None:
    await turn.reader.read()
    raise LeftEarly


async def _slow(turn: Turn, fault: Fault) -> None:
    await asyncio.sleep(fault.wait_s)
    await _answer(turn)
    turn.note("said")


async def _cut(turn: Turn, fault: Fault) -> None:
    order = _order_of(turn)
    if turn.streams:
        await _begin_stream(turn, order, fault.after_tokens)
    else:
        answer = speech.whole(200, speech.completion(order, turn.replica))
        turn.note("began")
        await turn.send(answer[: -len(order.text(turn.replica)) // 2])
    raise turn.leave()


async def _ends_early(turn: Turn, fault: Fault) -> None:
    if not turn.streams:
        await _cut(turn, fault)
    await _begin_stream(turn, _order_of(turn), fault.after_tokens)
    await turn.send(speech.LAST_CHUNK)


async def _error_first(turn: Turn, _: Fault) -> None:
    if turn.streams:
        await turn.send(speech.whole(200, speech.event(speech.error(500)), speech.SSE))
    else:
        await turn.send(speech.whole(200, speech.error(500)))


async def _error_mid(turn: Turn, fault: Fault) -> None:
    if not turn.streams:
        await _cut(turn, fault)
    await _begin_stream(turn, _order_of(turn), fault.after_tokens)
    await turn.send(speech.chunked(speech.event(speech.error(500)) + speech.DONE) + speech.LAST_CHUNK)


def _order_of(turn: Turn) -> Order:
    """The order of a chat."""
    if turn.order is None:
        raise turn.leave()
    return turn.order


_ACTS: Mapping[Kind, Callable[[Turn, Fault], Awaitable[None]]] = {
    "status": _status,
    "reset": _reset,
    "reset_at_once": _reset,
    "close": _close,
    "not_http": _not_http,
    "html": _html,
    "not_json": _not_json,
    "hang": _hang,
    "slow": _slow,
    "cut": _cut,
    "ends_early": _ends_early,
    "error_first": _error_first,
    "error_mid": _error_mid,
}
