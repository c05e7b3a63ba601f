"""How long is waited for an upstream that gives signs of life, and no part of its answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from proxy.errors import UpstreamTimeout

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

    def wait_on(self) -> None:
        """To be called after each read that brought nothing. Raises `UpstreamTimeout` when that has gone on for too long."""
        now_s = self._clock()
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= self._longest_s:
            what = f"the upstream sent signs of life but no part of its answer for {self._longest_s:g} s (FIRST_BYTE_TIMEOUT)"
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
