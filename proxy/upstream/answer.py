"""Answers as requests knows them, and what of them is read here: headers with lower-case names, and a body that is still to come."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import requests
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


def response_of(request: requests.PreparedRequest, head: Head, raw: RawAnswer, adapter: HTTPAdapter) -> requests.Response:
    """The answer, as requests has it. No cookies are looked for."""
    response: Any = requests.Response()
    response.request = request
    response.url = request.url
    response.status_code = head.status
    response.reason = head.reason
    response.headers = CaseInsensitiveDict(head.headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.raw = raw
    response.connection = adapter
    return cast("requests.Response", response)
