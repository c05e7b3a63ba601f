"""Requests to one upstream, of which all but a few headers and the body stay the same, and how their heads are written. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from requests import PreparedRequest
from requests.exceptions import InvalidHeader

from proxy.upstream.waits import Wait

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+")


class CallRequest(PreparedRequest):
    """A request like `template`, with a body and some headers of its own, none of which the template has.

    It carries its template along: by that the adapter knows the pool and the written head again, which would take 18 us a call to find and
    write anew, and `PreparedRequest.copy` another 7 (together 3 % of a whole answer). `headers` are put together when somebody asks for
    them.

    Attributes:
        wait: is told when the answer is waited for, by transports that can tell.
        left_s: the time for all of it, from now to the head of the answer; `None` for any.
    """

    def __init__(
        self,
        template: PreparedRequest,
        body: bytes | None,
        own_headers: dict[str, str],
        wait: Wait | None = None,
        left_s: float | None = None,
    ) -> None:
        self.template = template
        self.own_headers = own_headers
        self.wait = wait
        self.left_s = left_s
        self.method = template.method
        self.url = template.url
        self.body = body
        self.hooks = template.hooks
        self._cookies = None
        self._body_position = None

    @cached_property
    def headers(self) -> Any:  # type: ignore[override]
        """All headers."""
        headers = self.template.headers.copy()
        headers.update(self.own_headers)
        return headers

    @property
    def was_looked_into(self) -> bool:
        """Whether somebody has `headers`, and may have changed them."""
        return "headers" in self.__dict__


def request_line(method: str, target: str) -> bytes:
    """The first line of a request. Raises `InvalidHeader` for what cannot be sent."""
    if _METHOD.fullmatch(method) is None or _TARGET.fullmatch(target) is None:
        raise InvalidHeader("a method or a URL that cannot be sent")
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


def header_lines(headers: Mapping[str, str]) -> bytes:
    """A line for each header. Raises `InvalidHeader` for what cannot be sent; the error does not tell it, because it may be a key."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if _LINES.fullmatch(lines) is None or lines.count("\n") != len(headers):
        raise InvalidHeader("a header that cannot be sent")
    return lines.encode("latin-1")
