"""`UpstreamReply`: an upstream's answer from its head on. It must be closed, whatever happens."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from urllib3.exceptions import HTTPError

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from proxy.upstream.body import Body
from proxy.upstream.framing import BrokenFraming
from proxy.upstream.patience import Headway
from proxy.upstream.words import PLAIN_WORDS, Words

# How long an answer that has told everything may take to end legally, so that its connection can be used again.
_DRAIN_S = 0.005
_DRAIN_READS = 4

_READ_FAILURES = (OSError, BrokenFraming, HTTPError, zlib.error)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long an upstream may take.

    Attributes:
        connect_s: to accept a connection, TLS included.
        first_byte_s: from the request to the head of the answer.
        idle_s: between two reads of the body.
        keepalive_s: after so much silence readers are told of it; 0 for never.
        total_s: from the request, with all its attempts, to the end of the answer; 0 for any time.
    """

    connect_s: float = 5.0
    first_byte_s: float = 300.0
    idle_s: float = 60.0
    keepalive_s: float = 15.0
    total_s: float = 0.0


class UpstreamReply:
    """An answer whose body is still to be read: by `chunks` or by `read`. Header names are lower-case.

    Args:
        due_s: when, by `clock`, the answer must be complete; `None` for any time.
        words: what messages call the upstream.

    Attributes:
        on_close: is called, once, when the answer is let go.
    """

    on_close: Callable[[], object] | None = None

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: Body,
        timeouts: Timeouts,
        due_s: float | None = None,
        words: Words = PLAIN_WORDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._timeouts = timeouts
        self._due_s = due_s
        self._words = words
        self._clock = clock
        self._closed = False

    def chunks(self) -> Iterator[bytes]:
        """The body's bytes, as each read brought them, and an empty chunk whenever the upstream has been silent for `keepalive_s`.

        Raises:
            UpstreamTimeout: it was silent for `idle_s`, or the answer was not complete in time.
            UpstreamBroken: the connection was lost, or the bytes make no sense.
        """
        body, idle_s, due_s = self._body, self._timeouts.idle_s, self._due_s
        wait_s = step_s = min(self._timeouts.keepalive_s or idle_s, idle_s)
        silent_s = 0.0
        body.wait_at_most(step_s, many_reads=True)
        while not body.ended:
            try:
                if due_s is not None:
                    self._wait_at_most(wait_s, due_s)
                chunk = body.receive()
            except TimeoutError as error:
                silent_s += wait_s
                if silent_s >= idle_s or self._is_overdue():
                    raise self._failed(error) from error
                wait_s = min(step_s, idle_s - silent_s)
                body.wait_at_most(wait_s)
                yield b""
                continue
            except _READ_FAILURES as error:
                raise self._failed(error) from error
            except BaseException:
                self.close()
                raise
            if silent_s:
                silent_s, wait_s = 0.0, step_s
                body.wait_at_most(step_s)
            if chunk:
                yield chunk

    def read(self, max_bytes: int, within_s: float | None = None, headway: Headway | None = None) -> bytes:
        """The whole body.

        Args:
            within_s: how long that may take in all, where `idle_s` is not to be the limit.
            headway: judges whether it comes on, where that matters.

        Raises:
            UpstreamTimeout: the upstream was silent for `idle_s`, did not come on, or the body was not complete in time.
            UpstreamBroken: the connection was lost, the bytes make no sense, or there are more than `max_bytes`.
        """
        parts: list[bytes] = []
        try:
            self._read_into(parts, max_bytes, within_s, headway)
            return b"".join(parts)
        finally:
            parts.clear()  # An error keeps the frames that it came through, and they what they hold.

    def _read_into(self, parts: list[bytes], max_bytes: int, within_s: float | None, headway: Headway | None) -> None:
        """Reads the body to its end, as `read` does."""
        size, idle_s, due_s = 0, self._timeouts.idle_s, self._due_s
        if within_s is not None:
            idle_s, due_s = within_s, min(self._clock() + within_s, math.inf if due_s is None else due_s)
        self._body.wait_at_most(idle_s)
        while not self._body.ended:
            try:
                if due_s is not None:
                    self._wait_at_most(idle_s, due_s)
                part = self._body.receive()
                if headway is not None and not self._body.ended:
                    headway.note(part)
            except _READ_FAILURES as error:
                raise self._failed(error, within_s) from error
            except BaseException:
                self.close()
                raise
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                self.close()
                raise UpstreamBroken(f"the answer of {self._words.upstream} is larger than {max_bytes} bytes")

    def excerpt(self, max_bytes: int, within_s: float) -> bytes:
        """The beginning of the body, as far as it comes in time: for the text of an error. The rest is let go."""
        excerpt = b""
        deadline_s = self._clock() + within_s
        try:
            while not self._body.ended and len(excerpt) < max_bytes and (left_s := deadline_s - self._clock()) > 0:
                self._body.wait_at_most(left_s)
                excerpt += self._body.receive()
        except _READ_FAILURES:
            pass
        finally:
            self.close()
        return excerpt[:max_bytes]

    def drain_or_close(self) -> None:
        """Lets go of an answer that has told everything: its connection is kept when the end is there, or a moment away."""
        body = self._body
        try:
            if body.reusable and not self._closed:
                for _ in range(_DRAIN_READS):
                    if body.ended:
                        return
                    body.wait_at_most(_DRAIN_S)
                    body.receive()
        except _READ_FAILURES:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Lets go of the answer. One that was not read to its end loses its connection, so that the upstream stops working on it."""
        if not self._closed:
            self._closed = True
            if not self._body.ended:
                self._body.close()
            if self.on_close is not None:
                self.on_close()
                self.on_close = None

    def _wait_at_most(self, seconds: float, until_s: float) -> None:
        """Lets the next read wait for so long, and not beyond that moment. Raises `TimeoutError` when it is past."""
        left_s = until_s - self._clock()
        if left_s <= 0:
            raise TimeoutError
        self._body.wait_at_most(min(seconds, left_s))

    def _is_overdue(self) -> bool:
        return self._due_s is not None and self._clock() >= self._due_s

    def _failed(self, error: Exception, within_s: float | None = None) -> UpstreamError:
        """Lets go of the answer; what to raise instead of `error`."""
        self.close()
        who = self._words.upstream
        if isinstance(error, TimeoutError) and within_s is not None:
            return UpstreamTimeout(f"the answer of {who} was not complete within {within_s:g} s", code="upstream_timeout")
        if isinstance(error, TimeoutError) and self._is_overdue():
            return UpstreamTimeout(self._words.of_total(self._timeouts.total_s), code="upstream_timeout")
        if isinstance(error, TimeoutError):
            silence = f"{who} fell silent for {self._timeouts.idle_s:g} s in the middle of its answer"
            return UpstreamTimeout(silence, code="upstream_timeout")
        if isinstance(error, BrokenFraming):
            return UpstreamBroken(f"the answer of {who} was cut or cannot be read: {error}")
        return UpstreamBroken(f"the connection to {who} broke in the middle of its answer")
