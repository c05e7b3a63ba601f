"""The client's body: whole, bounded in size and time, unpacked, decoded."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
from flask import Request, request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_content_length

from proxy.errors import InvalidRequest, RequestTimeout
from proxy.web.state import current_request
from proxy.web.unpacking import refuse_if_larger, unpack
from proxy.wire import large_json
from proxy.wire.deep_json import fault_of, is_too_large
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.json_text import with_whole_characters

# How long a client may go on sending after its answer: in all, and between two pieces.
_LINGER_S = 30.0
_LINGER_SILENCE_S = 2.0

_CUT = "the request ended before its body was complete"

_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}

# Where JSON schemas stand, and the arguments of earlier calls: there numbers count digit by digit. Elsewhere nothing is looked for:
# pictures are long.
_WITH_SCHEMAS = frozenset({"format", "functions", "output_config", "output_format", "response_format", "text", "tools"})


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
    return body if encoding in ("", "identity") else unpack(body, encoding, max_bytes)


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
    asked.max_content_length = most_bytes + 1  # werkzeug takes the end of a body that has just this length for one byte too many
    return asked.get_data(cache=False)


def _deadline(timeout_s: float) -> Any:
    """What gevent raises in this greenlet after so long, unless it is closed before. Without gevent the server's own timeouts must do."""
    gevent, monkey = sys.modules.get("gevent"), sys.modules.get("gevent.monkey")
    if gevent is None or monkey is None or not monkey.is_module_patched("socket"):
        return None
    return gevent.Timeout.start_new(timeout_s)


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, with all digits of its integers where schemas or arguments may need them.

    Raises:
        InvalidRequest: there is none, or something follows it.
    """
    payload = _json_object(body, large_json.loads)
    if _WITH_SCHEMAS.isdisjoint(payload) and b'"tool_use"' not in body and b'"arguments"' not in body:
        return payload
    if not has_long_numbers(body):
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
        except orjson.JSONDecodeError as still:
            fault = fault_of(still) if is_too_large(still) else f"not valid JSON: {error}"
            raise InvalidRequest(f"the request body is {fault}") from error
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
