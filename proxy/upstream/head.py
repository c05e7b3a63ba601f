"""The head of an upstream's answer: http.client's, which believes several things too many.

- An interim answer (1xx) is no answer: the real one is still to come on the same connection. http.client skips 100 alone.
- A head that ends with its connection, before its empty line, was cut. http.client takes what there is.
- Lines that are no header fields hide those that follow, the length of the body for instance. urllib3 tells its log, and goes on.
- A carriage return inside a line is no end of it. http.client takes what follows for a field.
- A head that comes in drops is to be there in time as a whole. http.client waits anew for each drop.

It also tells a connection that ended without a word (`NoAnswer`) from one that broke in the middle of a head.

Source: RFC 9110, sections 5.5 and 15.2; RFC 9112, sections 2.2, 5 and 8.
"""

from __future__ import annotations

import ssl
from http.client import BadStatusLine, HTTPException, HTTPResponse, parse_headers
from time import monotonic
from typing import Any, cast

from urllib3.util.response import assert_header_parsing

from proxy.upstream.framing import Framing
from proxy.upstream.framing_rules import FRAMING_FIELDS, IllegalHead, framing_of

# Servers that are busy say so every few seconds; a head that never comes must not hold a request for ever.
MOST_INTERIM_HEADS = 100
# How a socket tells that the other side is gone.
ENDS_OF_CONNECTIONS = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class NoAnswer(ConnectionError):
    """The connection ended before a byte of the answer, `after_s` seconds after the answer began to be waited for."""

    def __init__(self, after_s: float) -> None:
        super().__init__("the connection was closed without an answer")
        self.after_s = after_s


class CutHead(HTTPException):
    """The connection ended inside the head."""


class AnswerHead(HTTPResponse):
    """The first final head that comes over the connection.

    Attributes:
        framing: of the body that follows.
    """

    framing: Framing

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._within_s: float | None = sock.gettimeout()

    def begin(self) -> None:
        """Reads the head.

        Raises:
            NoAnswer: the connection ended, and not a byte had come.
            HTTPException, HTTPError, OSError: what came is no whole head.
        """
        source = self.fp
        sent_s = monotonic()
        _wait_for_first_byte(source, sent_s)
        self.fp = cast("Any", _WholeLines(source, None if self._within_s is None else sent_s + self._within_s))
        try:
            super().begin()
        finally:
            self.fp = source
        if self.msg.defects:
            assert_header_parsing(self.msg)
        fields = {name: ", ".join(values) for name in FRAMING_FIELDS if (values := self.msg.get_all(name))}
        self.framing = framing_of(cast("Any", self)._method, self.version, self.status, fields)  # noqa: SLF001 - urllib3 looks there, too.

    def _read_status(self) -> tuple[str, int, str]:
        """Version, status and reason of the final head, after which its fields stand to be read."""
        for _ in range(MOST_INTERIM_HEADS):
            version, status, reason = cast("Any", super())._read_status()  # noqa: SLF001 - no other place can skip a head.
            if status >= 200:
                return version, status, reason
            parse_headers(self.fp)
        raise BadStatusLine("interim heads without end")


class _WholeLines:
    """The lines of a head, as http.client reads them; a line without an end was cut."""

    def __init__(self, source: Any, due_s: float | None) -> None:
        self._readline = source.readline
        self._due_s = due_s

    def readline(self, most_bytes: int) -> bytes:
        line: bytes = self._readline(most_bytes)
        if not line.endswith(b"\n") and len(line) < most_bytes:
            raise CutHead("the connection ended inside the head")
        if b"\r" in line[:-2]:
            raise IllegalHead("a carriage return inside a line")
        if self._due_s is not None and monotonic() > self._due_s:
            raise TimeoutError("timed out")
        return line

    def close(self) -> None:
        """Nothing: the answer closes what it reads from."""


def _wait_for_first_byte(source: Any, sent_s: float) -> None:
    """Fills the empty buffer of `source`, which costs the system call that reading the first line would cost otherwise."""
    try:
        came = source.peek(1)
    except ENDS_OF_CONNECTIONS as error:
        raise NoAnswer(monotonic() - sent_s) from error
    if not came:
        raise NoAnswer(monotonic() - sent_s)
