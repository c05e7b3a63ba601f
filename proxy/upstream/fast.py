"""`FastAdapter`: requests' adapter over urllib3's connections, with an exchange of its own (`UPSTREAM_TRANSPORT=fast`).

Connecting, TLS, proxies and pools stay urllib3's. What is left out is what lies between a connected socket and the head of an answer:
urllib3's `urlopen`, http.client's writer and its parser of e-mail, requests' Response with a jar of cookies of its own. An exchange with
an upstream that answers at once takes 75 us instead of 464: the difference is half of what a whole answer takes now.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http.client import HTTPException
from time import monotonic
from typing import Any, cast

import requests
from requests import exceptions as requests_errors
from requests.structures import CaseInsensitiveDict
from urllib3 import exceptions as urllib3_errors
from urllib3.util import parse_url

from proxy.upstream.adapter import UpstreamAdapter
from proxy.upstream.answer import RawAnswer, response_of
from proxy.upstream.connection import UpstreamConnection, UpstreamPool
from proxy.upstream.exchange import read_head, send_request
from proxy.upstream.framing_rules import framing_of
from proxy.upstream.head import NoAnswer
from proxy.upstream.head_parser import Head
from proxy.upstream.request_head import CallRequest, header_lines, request_line
from proxy.upstream.waits import Wait

_MAX_KNOWN_TEMPLATES = 256
_DEFAULT_PORTS = {"http": 80, "https": 443}
# A time-out of nothing means something else to sockets.
_SHORTEST_S = 0.001
_FAILURES = (urllib3_errors.HTTPError, HTTPException, OSError)

# The first line that fits holds.
_IN_WORDS_OF_REQUESTS: tuple[tuple[tuple[type[Exception], ...], type[requests.RequestException]], ...] = (
    ((urllib3_errors.ProxyError,), requests_errors.ProxyError),
    ((urllib3_errors.ConnectTimeoutError,), requests_errors.ConnectTimeout),
    ((urllib3_errors.ReadTimeoutError,), requests_errors.ReadTimeout),
    ((ssl.SSLError, urllib3_errors.SSLError), requests_errors.SSLError),
)


@dataclass(frozen=True, slots=True)
class _Way:
    """How requests of one template go out.

    Attributes:
        pool: of the connections to the upstream, or to the proxy before it.
        through_tunnel: whether the proxy is asked for a tunnel.
        head: the request line, and the headers that all have.
    """

    pool: UpstreamPool
    through_tunnel: bool
    head: bytes


class FastAdapter(UpstreamAdapter):
    """Sends what has a body of bytes, or none; all else is urllib3's business."""

    def __init__(self, *args: Any) -> None:
        self._ways: dict[requests.PreparedRequest, _Way] = {}
        super().__init__(*args)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """The head of the answer; its body is read from `raw`.

        Raises:
            requests.RequestException: as `HTTPAdapter` raises them.
        """
        body = request.body
        if not (body is None or isinstance(body, bytes)) or not (timeout is None or isinstance(timeout, tuple | int | float)):
            return super().send(request, stream, timeout, verify, cert, proxies)
        connect_s, first_byte_s = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        wait, left_s = (request.wait, request.left_s) if isinstance(request, CallRequest) else (None, None)
        due_s = None if left_s is None else monotonic() + left_s
        way, lines = self._written(request, proxies)
        try:
            connection = way.pool.take(connect_s, through_tunnel=way.through_tunnel)
            try:
                source = connection.sock
                head, ahead = _exchange(connection, lines, body, first_byte_s, due_s, wait)
                framing = framing_of(cast("str", request.method), head.version, head.status, head.headers)
            except BaseException:
                connection.drop()
                raise
        except _FAILURES as error:
            raise _in_words_of_requests(error, request) from error
        return response_of(request, head, RawAnswer(head, source, connection, framing, ahead), self)

    def close(self) -> None:
        """Forgets all pools, which closes their connections."""
        self._ways.clear()
        super().close()

    def _written(self, request: requests.PreparedRequest, proxies: Any) -> tuple[_Way, bytes]:
        """The way of the request, and its head. Raises `requests.RequestException` for what cannot be sent."""
        if not isinstance(request, CallRequest) or request.was_looked_into:
            way = self._way_of(request, proxies)
            return way, way.head + b"\r\n"
        way = self._ways.get(request.template) or self._keep_way_of(request.template, proxies)
        return way, way.head + header_lines(request.own_headers) + b"\r\n"

    def _keep_way_of(self, template: requests.PreparedRequest, proxies: Any) -> _Way:
        if len(self._ways) >= _MAX_KNOWN_TEMPLATES:
            self._ways.clear()
        way = self._ways[template] = self._way_of(template, proxies)
        return way

    def _way_of(self, request: Any, proxies: Any) -> _Way:
        try:
            pool = self.get_connection_with_tls_context(request, None, proxies)
        except urllib3_errors.LocationValueError as error:
            raise requests_errors.InvalidURL(error, request=request) from error
        target = self.request_url(request, proxies)
        through_tunnel = pool.proxy is not None and target.startswith("/")
        headers = CaseInsensitiveDict({"Host": _host_of(request.url)})
        headers.update({_as_text(name): _as_text(value) for name, value in request.headers.items()})
        if not through_tunnel:
            headers.update(pool.proxy_headers)
        return _Way(pool, through_tunnel, request_line(request.method, target) + header_lines(headers))


def _exchange(
    connection: UpstreamConnection,
    lines: bytes,
    body: bytes | None,
    first_byte_s: float | None,
    due_s: float | None,
    wait: Wait | None,
) -> tuple[Head, bytes]:
    """The head of the answer, and what came after it. Raises `StaleConnection` when the upstream had closed the connection before."""
    source = connection.sock
    if wait is not None:  # Who is gone does not take a long request either.
        wait.begin(source)
    try:
        try:
            source.settimeout(connection.send_timeout_s if due_s is None else _cut(connection.send_timeout_s, due_s))
            was_sent = send_request(source, lines, body)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            connection.raise_if_stale(error)
            raise
        try:
            answer = read_head(source, first_byte_s if due_s is None else _cut(first_byte_s, due_s))
        except NoAnswer as end:
            connection.raise_if_stale(end, after_s=end.after_s if was_sent else 0.0)
            raise
        except TimeoutError as error:
            raise urllib3_errors.ReadTimeoutError(cast("Any", connection.pool), None, "no answer in time") from error
    finally:
        if wait is not None:
            wait.end()
    connection.answers += 1
    return answer


def _cut(within_s: float | None, due_s: float) -> float:
    """`within_s`, or what is left until then, if that is less."""
    left_s = max(due_s - monotonic(), _SHORTEST_S)
    return left_s if within_s is None else min(within_s, left_s)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _host_of(url: str) -> str:
    parts = parse_url(url)
    is_usual = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme or "")
    return f"{parts.host}" if is_usual else f"{parts.host}:{parts.port}"


def _in_words_of_requests(error: Exception, request: requests.PreparedRequest) -> requests.RequestException:
    for kinds, word in _IN_WORDS_OF_REQUESTS:
        if isinstance(error, kinds):
            return word(error, request=request)
    return requests.ConnectionError(error, request=request)
