"""`Opening`: a streamed answer from the upstream, from its first bytes on, as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, Started, UsageSeen
from proxy.canonical.stops import StopCutter
from proxy.dialect import Stopwatch, StreamReader
from proxy.errors import ProxyError, UpstreamError, UpstreamTimeout
from proxy.upstream.reply import UpstreamReply

# An answer that has brought nothing else has said nothing yet.
_BEFORE_ITS_WORDS = (Started, UsageSeen)


class Opening:
    """A streamed answer.

    Args:
        cutter: cuts at stop sequences that the upstream does not know.
        patience_s: how long it may go on without giving a part of its answer.
        make_fit: takes out of an upstream's words what clients must not read.

    Attributes:
        events: those of the latest read; after `begin`, all so far.
    """

    __slots__ = ("_chunks", "_cutter", "_fruitless_since_ns", "_make_fit", "_patience_s", "_reader", "_stopwatch", "events", "reply")

    def __init__(
        self,
        reply: UpstreamReply,
        reader: StreamReader,
        cutter: StopCutter | None,
        stopwatch: Stopwatch,
        patience_s: float,
        make_fit: Callable[[UpstreamError], None],
    ) -> None:
        self.reply = reply
        self.events: Sequence[ChatEvent] = ()
        self._reader = reader
        self._chunks = reply.chunks()
        self._cutter = cutter
        self._stopwatch = stopwatch
        self._patience_s = patience_s
        self._make_fit = make_fit
        self._fruitless_since_ns: int | None = None

    def begin(self) -> ProxyError | None:
        """Reads until the upstream says something, or is silent for long. What went wrong before that, if something did."""
        self.advance()
        events = self.events
        while (first := _first_words(events)) is None:
            self.advance()
            events = [*events, *self.events]
        self.events = events
        return first.error if isinstance(first, Failed) else None

    def advance(self) -> None:
        """Reads on. `events` may be empty afterwards: a part of a record came, or comments.

        A broken connection is no failure of an answer that has said why it stopped.
        """
        try:
            chunk = next(self._chunks, None)
            events = self._reader.close() if chunk is None else self._reader.feed(chunk)
            if events and type(events[0]) is not KeepAlive:
                self._fruitless_since_ns = None
            else:
                self._wait_on()
        except ProxyError as error:
            events = self._reader.close()
            if not events or not isinstance(events[-1], Finished):
                events = [Failed(error)]
        if events and isinstance(events[-1], Failed) and isinstance(events[-1].error, UpstreamError):
            self._make_fit(events[-1].error)
        self.events = events if self._cutter is None else self._cutter.feed(events)

    def _wait_on(self) -> None:
        """Raises `UpstreamTimeout` when the upstream has got nowhere for too long, by comments or a record that never ends."""
        now_ns = self._stopwatch.elapsed_ns()
        if self._fruitless_since_ns is None:
            self._fruitless_since_ns = now_ns
        elif now_ns - self._fruitless_since_ns >= self._patience_s * 1e9:
            what = f"the upstream sent signs of life but no part of its answer for {self._patience_s:g} s (FIRST_BYTE_TIMEOUT)"
            raise UpstreamTimeout(what, code="upstream_timeout")

    def rest(self) -> Iterator[ChatEvent]:
        """All events, from those of the latest read to the end."""
        while True:
            yield from self.events
            if self.events and isinstance(self.events[-1], Finished | Failed):
                return
            self.advance()

    def close(self) -> None:
        """Lets go of the upstream's answer."""
        self.reply.close()


def _first_words(events: Sequence[ChatEvent]) -> ChatEvent | None:
    """The first event by which the answer says something."""
    for event in events:
        if type(event) not in _BEFORE_ITS_WORDS:
            return event
    return None
