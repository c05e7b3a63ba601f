"""What we note of an exchange: its request id, its lines in the access log, its metrics.

All of it happens when the answer is complete, off the way of the first byte; a stream's first line is written when the stream has begun.
`proxy.web.mounting` begins and ends observations. Views find theirs by `observation()`, which must be called inside the request.
"""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Request, Response, g

from proxy.telemetry import OTHER, ExchangeNotes
from proxy.web.state import current_request
from proxy.web.stopwatch import Stopwatch

if TYPE_CHECKING:
    from proxy.web.metrics import Metrics

_access = logging.getLogger("proxy.access")
_SANE_ID = re.compile(r"[!-~]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BAD_ENDS = ("failed", "truncated")
_KEY = "proxy_observation"


@dataclass(slots=True)
class Observation:
    """One exchange as it is seen from outside; `notes` is what those inside tell of it."""

    request_id: str
    method: str
    path: str
    route: str
    remote: str
    metrics: Metrics | None
    notes: ExchangeNotes = field(default_factory=ExchangeNotes)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    status: int = 0
    streamed: bool = False
    _told: bool = False
    _closed: bool = False

    def stream_begun(self) -> None:
        """Writes the line that says that a stream is under way. To be called when its first bytes are on their way."""
        if not self._told:
            self._told = True
            self._log(f"{self.method} {self.path} {self.status}")

    def close(self) -> None:
        """Writes the last line and counts the exchange, once. To be called when the last byte was written, or never will be."""
        if self._closed:
            return
        self._closed = True
        self.stream_begun()
        if self.streamed:
            self.notes.end = self.notes.end or "client_gone"
            self._log(f"stream {self.notes.end}")
        if self.metrics is not None:
            self.metrics.request_ended(
                self.notes,
                route=self.route,
                method=self.method if self.method in _METHODS else OTHER,
                status=str(self.status),
                duration_s=self.stopwatch.elapsed_ns() / 1e9,
                streamed=self.streamed,
            )

    def _log(self, message: str) -> None:
        """What failed on our side or the upstream's is a warning, so that it can be seen alone."""
        failed = self.status >= 500 or (self.streamed and self.notes.end in _BAD_ENDS)
        level = logging.WARNING if failed else logging.INFO
        if _access.isEnabledFor(level):
            # Logger.log() would walk the stack to find this line, and compare each field with all that records have: 74 us instead of 41.
            record = _access.makeRecord(_access.name, level, "", 0, message, (), None)
            record.__dict__.update(self._fields())
            _access.handle(record)

    def _fields(self) -> dict[str, object]:
        """The members of a line. What is unknown is left out."""
        notes = self.notes
        fields = {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "duration_ms": round(self.stopwatch.elapsed_ns() / 1e6, 3),
            "request_id": self.request_id,
            "remote": self.remote,
            "endpoint": notes.endpoint,
            "model": notes.model,
            "upstream": notes.upstream,
            "upstream_model": notes.upstream_model,
            "replica": notes.replica,
            "attempts": notes.attempts + sum(each.attempts for each in notes.earlier) if notes.earlier else notes.attempts,
            "fallbacks": len(notes.earlier) or None,
            "repairs": notes.repairs,
            "first_byte_ms": None if notes.first_byte_s is None else round(notes.first_byte_s * 1e3, 3),
            "bytes": notes.bytes_sent,
            "prompt_tokens": notes.prompt_tokens,
            "completion_tokens": notes.completion_tokens,
            "finish_reason": notes.finish_reason,
            "end": notes.end,
            "error_kind": notes.error_kind,
            "error": notes.error_message,
        }
        return {name: value for name, value in fields.items() if value or value == 0}


def observation() -> Observation:
    """What is noted of the current request."""
    found: Observation | None = g.get(_KEY)
    return begin(current_request(), None) if found is None else found  # A hook of the host's failed before ours were asked.


def begin(asked: Request, metrics: Metrics | None) -> Observation:
    """The observation of the current request, from now on."""
    environ, rule = asked.environ, asked.url_rule
    request_id = _request_id(environ.get("HTTP_X_REQUEST_ID"))
    seen = g.proxy_observation = Observation(
        request_id=request_id,
        method=environ["REQUEST_METHOD"],
        path=asked.path,
        route=OTHER if rule is None else rule.rule,
        remote=environ.get("REMOTE_ADDR", ""),
        metrics=metrics,
        notes=ExchangeNotes(request_id=request_id),
    )
    if metrics is not None:
        metrics.request_began()
    return seen


def finish(response: Response) -> None:
    """Gives the response its request id, and closes the observation with it."""
    seen: Observation | None = g.get(_KEY)
    if seen is None or seen.status:
        return
    seen.status = response.status_code
    # Flask makes an iterator of an HTTPException's body too; only streams have no length.
    length = response.content_length
    seen.streamed = response.is_streamed and length is None
    if length and seen.method != "HEAD":
        seen.notes.bytes_sent = length
    response.headers["X-Request-ID"] = seen.request_id
    response.call_on_close(seen.close)


def abandon(_: BaseException | None) -> None:
    """Closes the observation of a request that ended without a response: an exception went past Flask, to the server."""
    seen: Observation | None = g.get(_KEY)
    if seen is not None and not seen.status:
        seen.status = 500
        seen.close()


def stream_closed(seen: Observation) -> None:
    """Says that a stream has ended, for those who close it by other ways than its response."""
    seen.close()


def _request_id(given: str | None) -> str:
    """The client's own id where it is sane, else a new one."""
    return given if given and _SANE_ID.fullmatch(given) else secrets.token_hex(16)
