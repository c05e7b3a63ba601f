"""How long is waited for an upstream that gives signs of life, and no part of its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from proxy.errors import UpstreamTimeout

# So much more of a whole answer is enough for it to go on: a large one over a slow line does.
HEADWAY_BYTES = 64 * 1024

_NO_BLANK = re.compile(rb"[^ \t\r\n]")
_LINE_END = re.compile(rb"[\r\n]")


class Patience:
    """A wait that ends; it begins with the first read that brings nothing.

    Args:
        clock: seconds that never go back.
    """

    __slots__ = ("_clock", "_longest_s", "_since_s")

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._since_s: float | None = None

    def begin_anew(self) -> None:
        """Lets the wait begin now."""
        self._since_s = self._clock()

    def wait_on(self, lack: str = "no part of its answer") -> None:
        """To be called after each read that brought nothing. Raises `UpstreamTimeout` when that has gone on for too long.

        Args:
            lack: what was waited for, as the message has it.
        """
        now_s = self._clock()
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= self._longest_s:
            what = f"the upstream sent signs of life but {lack} for {self._longest_s:g} s (FIRST_BYTE_TIMEOUT)"
            raise UpstreamTimeout(what, code="upstream_timeout")


class FirstWord:
    """Looks for the first word of a body. White space and comments are none: servers send them while they work, or hang."""

    __slots__ = ("_in_comment",)

    def __init__(self) -> None:
        self._in_comment = False

    def is_in(self, part: bytes) -> bool:
        """Whether it is in this part of the body, which follows those that were looked at before."""
        place = 0
        while found := (_LINE_END if self._in_comment else _NO_BLANK).search(part, place):
            if not self._in_comment and found[0] != b":":
                return True
            self._in_comment = not self._in_comment
            place = found.end()
        return False


class Headway:
    """How a whole answer comes on, of which nobody has anything before its end: its first word must come in time, and from then on its end,
    or `HEADWAY_BYTES` more of it.

    Args:
        longest_s: the time for each.
        clock: seconds that never go back.
    """

    __slots__ = ("_first_word", "_gained_bytes", "_has_begun", "_patience")

    def __init__(self, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = Patience(longest_s, clock)
        self._first_word = FirstWord()
        self._has_begun = False
        self._gained_bytes = 0

    def note(self, part: bytes) -> None:
        """To be called with each part but the last. Raises `UpstreamTimeout` when the next step takes too long."""
        if not self._has_begun:
            self._has_begun = self._first_word.is_in(part)
            if self._has_begun:
                self._patience.begin_anew()
            else:
                self._patience.wait_on()
            return
        self._gained_bytes += len(part)
        if self._gained_bytes >= HEADWAY_BYTES:
            self._gained_bytes = 0
            self._patience.begin_anew()
        else:
            self._patience.wait_on(f"neither the end of its answer nor {HEADWAY_BYTES // 1024} KiB more of it")
