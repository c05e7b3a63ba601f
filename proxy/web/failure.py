"""Errors on their way out: a `ProxyError` becomes an answer in a dialect's words; anything else a plain internal error, and a log entry."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from flask import Response

from proxy.errors import ProxyError, RequestTimeout, RequestTooLarge, UpstreamError, UpstreamRefused
from proxy.web.body import leave_unread
from proxy.web.observe import observation

RenderError = Callable[[ProxyError], bytes]

JSON = "application/json; charset=utf-8"

log = logging.getLogger("proxy.error")


def error_reply(error: ProxyError, render_error: RenderError, *, is_relay: bool = False) -> Response:
    """The answer that tells `error` to the client; of a relay with the status and those headers of the upstream's that its own clients look
    at.
    """
    notes = observation().notes
    notes.end, notes.error_kind, notes.error_message = "failed", error.kind, error.message
    response = Response(render_error(error), error.status, content_type=JSON)
    if is_relay and isinstance(error, UpstreamRefused):
        response.status_code = error.own_status or error.status
        response.headers.update(error.headers)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, RequestTooLarge | RequestTimeout):
        close = leave_unread()
        if close is not None:
            response.call_on_close(close)
    if not isinstance(error, UpstreamError) or error.kind != "upstream_refused":
        response.headers["X-Gateway-Error"] = "1"
    return response


def unexpected(error: Exception) -> ProxyError:
    """What a client hears of a defect of ours: nothing but that it is one. The log has the rest."""
    log.error("internal error", exc_info=error, extra={"request_id": observation().request_id})
    return ProxyError(f"internal error; the log of the gateway has the details under request id {observation().request_id}")
