"""The client's body: whole, bounded in size and time, unpacked, decoded."""

from __future__ import annotations

import socket
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import zstandard
from flask import Request, request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_content_length

from proxy.errors import InvalidRequest, RequestTimeout, RequestTooLarge
from proxy.web.state import current_request
from proxy.wire import large_json
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.json_text import with_whole_characters

# How long a client may go on sending after its answer: in all, and between two pieces.
_LINGER_S = 30.0
_LINGER_SILENCE_S = 2.0
# RFC 9659: who packs for the web must not ask for a larger window.
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024

_CUT = "the request ended before its body was complete"
_CUT_PACKED = "the compressed request body ends too early"
_ZSTD_PIECE_BYTES = 1024

_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

# Where JSON schemas stand: there numbers count digit by digit. Elsewhere nothing is looked for: pictures are long.
_WITH_SCHEMAS = frozenset({"format", "tools"})


def refuse_if_larger(size_bytes: int, max_bytes: int) -> None:
    """Raises `RequestTooLarge` for a body, announced or there, that is larger than allowed."""
    if size_bytes > max_bytes:
        raise RequestTooLarge(f"the request body is larger than {max_bytes} bytes (REQUEST_MAX_SIZE)")


def read_body(max_bytes: int, timeout_s: float) -> bytes:
    """The bytes of the current request's body, unpacked.

    Raises:
        RequestTooLarge: packed or unpacked it has more than `max_bytes`.
        RequestTimeout: it was not complete after `timeout_s`.
        InvalidRequest: it is cut, or packed in a way that we do not know.
    """
    asked = current_request()
    announced_bytes = get_content_length(asked.environ)
    refuse_if_larger(announced_bytes or 0, max_bytes)
    # Of a body that is too long a byte more than allowed.
    body = _received(asked, max_bytes + 1 if announced_bytes is None else announced_bytes, timeout_s)
    refuse_if_larger(len(body), max_bytes)
    if announced_bytes is not None and len(body) < announced_bytes:
        raise InvalidRequest(_CUT)
    encoding = asked.environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    return body if encoding in ("", "identity") else _unpacked(body, encoding, max_bytes)


def _received(asked: Request, most_bytes: int, timeout_s: float) -> bytes:
    """What the client sends, up to so many bytes."""
    timeout = _deadline(timeout_s)
    try:
        return _read(asked, most_bytes)
    except (ClientDisconnected, OSError, ValueError) as error:
        raise InvalidRequest(_CUT) from error
    except Exception as error:
        # gunicorn tells a client's broken chunk framing by exceptions of its own, which it only lets out while the body is read.
        if type(error).__module__.startswith("gunicorn.http"):
            raise InvalidRequest(f"the request body cannot be read: {error}") from error
        raise
    except BaseException as expired:
        if expired is not timeout:
            raise
        raise RequestTimeout(f"the request body was not complete after {timeout_s:g} seconds") from None
    finally:
        if timeout is not None:
            timeout.close()


def _read(asked: Request, most_bytes: int) -> bytes:
    """The body as the server hands it out, where it says that it ends where the body does; werkzeug would copy it twice.

    Else, and where a host may have read it before us, werkzeug knows.
    """
    if "wsgi.input_terminated" in asked.environ:
        source = asked.environ["wsgi.input"]
        body: bytes = source.read(most_bytes)
        while len(body) < most_bytes and (more := source.read(most_bytes - len(body))):
            body += more
        if body:
            return body
    asked.max_content_length = most_bytes
    return asked.get_data(cache=False)


def _deadline(timeout_s: float) -> Any:
    """What gevent raises in this greenlet after so long, unless it is closed before. Without gevent the server's own timeouts must do."""
    gevent, monkey = sys.modules.get("gevent"), sys.modules.get("gevent.monkey")
    if gevent is None or monkey is None or not monkey.is_module_patched("socket"):
        return None
    return gevent.Timeout.start_new(timeout_s)


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, with all digits of its integers where schemas may need them.

    Raises:
        InvalidRequest: there is none, or something follows it.
    """
    payload = _json_object(body, large_json.loads)
    if _WITH_SCHEMAS.isdisjoint(payload) or not has_long_numbers(body):
        return payload
    try:
        exact: dict[str, Any] = loads_exact(with_whole_characters(body))
    except ValueError as error:
        raise InvalidRequest(f"the request body is not valid JSON: {error}") from error
    return exact


def parse_json_text(body: bytes) -> tuple[bytes, dict[str, Any]]:
    """`body` as it came, and the JSON object in it to be looked at: texts deep inside may be left out (`large_json.loads_outermost`).

    Raises:
        InvalidRequest: as `parse_json`.
    """
    return body, _json_object(body, large_json.loads_outermost)


def _json_object(body: bytes, loads: Callable[[bytes], Any]) -> dict[str, Any]:
    if not body or body.isspace():
        raise InvalidRequest("missing request body")
    try:
        payload = loads(body)
    except orjson.JSONDecodeError as error:
        try:
            payload = orjson.loads(with_whole_characters(body))
        except orjson.JSONDecodeError:
            raise InvalidRequest(f"the request body is not valid JSON: {error}") from error
    if not isinstance(payload, dict):
        raise InvalidRequest(f"the request body must be a JSON object, not {_KINDS.get(type(payload), 'null')}")
    return payload


def leave_unread() -> Callable[[], None] | None:
    """What to do after an answer to a request whose body was not read to its end, or `None` when there is nothing to do.

    The connection cannot carry another request. A client that is still sending must be able to read the answer first, so its bytes are
    taken and thrown away for a moment before the connection is closed.
    """
    client_socket = request.environ.get("gunicorn.socket")
    if client_socket is None:
        return None

    def linger_and_close() -> None:
        with suppress(OSError):
            client_socket.shutdown(socket.SHUT_WR)
            client_socket.settimeout(_LINGER_SILENCE_S)
            deadline_s = time.monotonic() + _LINGER_S
            while client_socket.recv(65536) and time.monotonic() < deadline_s:
                pass
        with suppress(OSError):
            client_socket.shutdown(socket.SHUT_RDWR)

    return linger_and_close


def _unpacked(body: bytes, encoding: str, max_bytes: int) -> bytes:
    try:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return _inflated(body, max_bytes)
        if encoding == "zstd":
            return _unpacked_zstd(body, max_bytes)
    except (zlib.error, zstandard.ZstdError) as error:
        raise InvalidRequest(f"the request body is not valid {encoding}: {error}") from error
    raise InvalidRequest(f"unknown Content-Encoding {encoding!r}: send identity, gzip, deflate or zstd", status=415)


def _inflated(body: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    unpacked = inflater.decompress(body, max_bytes + 1)
    refuse_if_larger(len(unpacked), max_bytes)
    if not inflater.eof:
        raise InvalidRequest(_CUT_PACKED)
    if inflater.unused_data:
        raise InvalidRequest("something follows the compressed request body")
    return unpacked


def _unpacked_zstd(body: bytes, max_bytes: int) -> bytes:
    """The content of all frames. Taken in small pieces: a decompressor that says where a frame ends has no limit for what it puts out."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    frame, unpacked = None, bytearray()
    for start in range(0, len(body), _ZSTD_PIECE_BYTES):
        piece = body[start : start + _ZSTD_PIECE_BYTES]
        while piece:
            frame = frame or decompressor.decompressobj()
            unpacked += frame.decompress(piece)
            refuse_if_larger(len(unpacked), max_bytes)
            piece, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None:
        raise InvalidRequest(_CUT_PACKED)
    return bytes(unpacked)
