"""Streams that take their time, watched token by token: an asyncio client that reads the stamps of the paced upstream.

It looks for stamps and for the mark of the end in the bytes as they come, and leaves HTTP's framing alone: a token that a contender cut in
two is found as soon as its second half is there, one that it lost is never found.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.checks import STAMP_PATTERN, problem_of_stamps
from benchmarks.workloads import Question

_STAMP = re.compile(STAMP_PATTERN)
_LONGEST_STAMP_BYTES = 64


class StreamLost(Exception):
    """A stream ended, or was refused, before it was complete."""


@dataclass(slots=True, eq=False)
class Watched(asyncio.Protocol):
    """One connection with one stream on it.

    Attributes:
        lags_ns: for each token, how long it took from the upstream's clock to here.
        stamps: the stream and the number of each token.
        first_ns: when the first token came; `first_stamp_ns`: when it had left.
        over: is done when the mark of the end has come, or has an exception.
    """

    question: bytes
    mark: bytes
    started_ns: int = 0
    first_ns: int = 0
    first_stamp_ns: int = 0
    lags_ns: list[int] = field(default_factory=list)
    stamps: list[tuple[int, int]] = field(default_factory=list)
    begun: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _rest: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a client's transports are
        transport.write(self.question)

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        text = self._rest + data
        end = 0
        for stamp in _STAMP.finditer(text):
            end = stamp.end()
            self.stamps.append((int(stamp[1]), int(stamp[2])))
            self._note(int(stamp[3]), now_ns)
        if self.mark in text[end:] and not self.over.done():
            self.over.set_result(None)
        self._rest = text[max(end, len(text) - _LONGEST_STAMP_BYTES - len(self.mark)) :]

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.begun, self.over):
            if not future.done():
                future.set_exception(StreamLost(f"after {len(self.lags_ns)} tokens: {exc or self._rest!r}"))
                future.exception()  # it may be that nobody asks any more

    def problem(self, tokens: int) -> str:
        """What is wrong with the tokens that came, of which so many were sent; `""` when nothing is."""
        return problem_of_stamps(self.stamps, tokens)

    def _note(self, stamp_ns: int, now_ns: int) -> None:
        self.lags_ns.append(now_ns - stamp_ns)
        if not self.first_ns:
            self.first_ns, self.first_stamp_ns = now_ns, stamp_ns
            self.begun.set_result(None)


@dataclass(slots=True)
class Stream:
    """A stream under way, and the connection that it has for itself."""

    watched: Watched
    transport: asyncio.BaseTransport

    def close(self) -> None:
        """Leaves."""
        self.transport.close()


@dataclass(frozen=True, slots=True)
class FirstToken:
    """How long it took from before the connection was made to the first token; `asking_ns` of it until the upstream sent that token.

    `problem` says what was wrong with the stream's tokens.
    """

    total_ns: int
    asking_ns: int
    problem: str

    @property
    def answering_ns(self) -> int:
        return self.total_ns - self.asking_ns


async def open_stream(url: str, question: Question) -> Stream:
    """A stream that has been asked for, on a connection of its own."""
    place = urlsplit(url)
    request = _request(place.netloc, place.path + question.path, question.body)
    started_ns = time.monotonic_ns()
    transport, watched = await asyncio.get_running_loop().create_connection(
        lambda: Watched(request, question.mark, started_ns), place.hostname or "", place.port or 80
    )
    return Stream(watched, transport)


async def first_token(url: str, question: Question, tokens: int, patience_s: float = 10) -> FirstToken:
    """How long a new connection waits for its first token; the stream of so many tokens is read to its end."""
    stream = await open_stream(url, question)
    try:
        await asyncio.wait_for(stream.watched.over, patience_s)
    finally:
        stream.close()
    return _first_token(stream.watched, tokens)


async def first_token_again(stream: Stream, url: str, question: Question, tokens: int, patience_s: float = 10) -> FirstToken:
    """How long the first token takes on a connection whose stream is over; the next stream is read to its end, too."""
    place = urlsplit(url)
    request = _request(place.netloc, place.path + question.path, question.body)
    stream.watched = watched = Watched(request, question.mark, time.monotonic_ns())
    stream.transport.set_protocol(watched)
    watched.connection_made(stream.transport)
    await asyncio.wait_for(watched.over, patience_s)
    return _first_token(watched, tokens)


def _first_token(watched: Watched, tokens: int) -> FirstToken:
    asked_ns = watched.started_ns
    return FirstToken(watched.first_ns - asked_ns, watched.first_stamp_ns - asked_ns, watched.problem(tokens))


async def open_streams(url: str, question: Question, count: int, *, gap_s: float, patience_s: float = 30) -> list[Stream]:
    """So many streams that have all begun, opened one after the other with a gap in between.

    Raises:
        StreamLost: one of them ended.
        TimeoutError: one of them did not begin in time.
    """
    streams: list[Stream] = []
    try:
        for _ in range(count):
            streams.append(await open_stream(url, question))
            await asyncio.sleep(gap_s)
        await asyncio.wait_for(asyncio.gather(*(stream.watched.begun for stream in streams)), patience_s)
    except BaseException:
        for stream in streams:
            stream.close()
        raise
    return streams


async def await_ends(streams: list[Stream], patience_s: float) -> int:
    """How many streams came to their end in time; all are closed then. What came on them, `problem_of_streams` judges."""
    await asyncio.wait([stream.watched.over for stream in streams], timeout=patience_s)
    whole = sum(over.done() and over.exception() is None for over in (stream.watched.over for stream in streams))
    for stream in streams:
        stream.close()
    return whole


def problem_of_streams(streams: list[Stream], tokens: int) -> str:
    """What is wrong with the first of the streams that came to their end and have not the tokens that were sent; `""` when none is."""
    ended = [stream.watched for stream in streams if stream.watched.over.done() and stream.watched.over.exception() is None]
    return next((problem for watched in ended if (problem := watched.problem(tokens))), "")


async def count_tokens(streams: list[Stream], seconds: float, read_clock: Callable[[], float]) -> tuple[int, float]:
    """How many tokens came on all streams within so many seconds, and how far `read_clock` went meanwhile."""
    tokens, clock = _tokens(streams), read_clock()
    await asyncio.sleep(seconds)
    return _tokens(streams) - tokens, read_clock() - clock


def _tokens(streams: list[Stream]) -> int:
    return sum(len(stream.watched.lags_ns) for stream in streams)


def _request(host: str, path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
