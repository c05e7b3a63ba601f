"""Answers as requests knows them, and what of them is read here: headers with lower-case names, and a body that is still to come."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import requests
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3.exceptions import DecodeError, ProtocolError

from proxy.upstream.body import Body, Lease, PooledBody, RawBody, SocketBody
from proxy.upstream.framing import BrokenFraming, Framing

if TYPE_CHECKING:
    import socket

    from requests.adapters import HTTPAdapter

    from proxy.upstream.head_parser import Head


def answer_of(response: requests.Response) -> tuple[Mapping[str, str], Body]:
    """The headers of an answer, with lower-case names, and its body. Answers of adapters that are not ours have no socket to read from."""
    raw: Any = response.raw
    if isinstance(raw, RawAnswer):
        return raw.headers, raw
    headers = {name.lower(): value.strip(" \t") for name, value in response.headers.items()}
    source = getattr(raw, "answer_socket", None)
    return headers, RawBody(raw) if source is None else PooledBody(raw, source)


class RawAnswer(SocketBody):
    """What requests calls `raw`: an answer from its head on. Who reads by requests' own means gets the same bytes.

    Attributes:
        headers: with lower-case names.
    """

    def __init__(self, head: Head, source: socket.socket, lease: Lease, framing: Framing, ahead: bytes) -> None:
        self.headers = head.headers
        super().__init__(source, lease, framing, head.headers.get("content-encoding", ""), ahead)

    def stream(self, amount: int | None = None, decode_content: bool = True) -> Iterator[bytes]:
        """The body, as it arrives. `amount` and `decode_content` are urllib3's; what comes is unpacked, in pieces of any size."""
        try:
            while not self.ended:
                if data := self.receive():
                    yield data
        except (BrokenFraming, OSError, zlib.error) as error:
            self.close()
            if isinstance(error, zlib.error):
                raise DecodeError(str(error)) from error
            raise ProtocolError(str(error), error) from error


class FastResponse(requests.Response):
    """An answer of requests, of which only that is made which somebody looks at.

    Its own constructor takes 3 us of the 75 from a call to its whole answer, `headers` more when there are many. No cookies are looked for.
    """

    _content: Any = False
    _content_consumed = False
    _next = None
    elapsed = dt.timedelta(0)
    headers: Any = cast("Any", cached_property(lambda self: CaseInsensitiveDict(self.raw.headers)))
    encoding: Any = cast("Any", cached_property(lambda self: get_encoding_from_headers(self.headers)))
    cookies: Any = cast("Any", cached_property(lambda _: RequestsCookieJar()))
    history: Any = cast("Any", cached_property(lambda _: []))

    def __init__(self, request: requests.PreparedRequest, head: Head, raw: RawAnswer, adapter: HTTPAdapter) -> None:
        self.request = request
        self.url = cast("str", request.url)
        self.status_code = head.status
        self.reason = head.reason
        self.raw = raw
        self.connection = adapter
