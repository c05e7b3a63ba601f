"""`UpstreamClient`: sends calls to one upstream, again where that makes sense, and turns what goes wrong into our errors.

The only place that catches errors of requests and urllib3. It reads heads; bodies are read by who asked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import requests

from proxy.errors import ProxyError, UpstreamError, UpstreamRefused
from proxy.telemetry import ExchangeNotes
from proxy.upstream.address import Address
from proxy.upstream.answer import answer_of
from proxy.upstream.breaker import Breakers
from proxy.upstream.faults import SENDING_FAILURES, Fault, fault_of, inner_fault_of, redirect_of, refusal_of
from proxy.upstream.health import UpstreamHealth
from proxy.upstream.key_cover import KeyCover
from proxy.upstream.reply import Timeouts, UpstreamReply
from proxy.upstream.request_head import CallRequest
from proxy.upstream.retry import LONGEST_RETRY_AFTER_S, RETRY_AFTER_HEADERS, RetryPolicy, retry_after_s
from proxy.wire.messages import UpstreamCall

ReadError = Callable[[int, Mapping[str, str], bytes], UpstreamRefused]

_MAX_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 10.0
_KNOWN_PATHS = 64

_log = logging.getLogger("proxy.upstream")


class UpstreamClient:
    """One upstream, for all greenlets of a worker.

    Args:
        name: word for logs and metrics.
        base_url: what comes before a call's path; its query, if any, goes to the end of each URL.
        api_key: `""` for upstreams without keys.
        read_error: makes an error of status, headers (lower-case names) and body of an answer with an error status.
        sleep: waits for so many seconds before an attempt is repeated.
        clock: seconds that never go back; `wall_clock`: seconds since the epoch, for dates in `Retry-After`.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str,
        *,
        session: requests.Session,
        policy: RetryPolicy,
        breakers: Breakers,
        read_error: ReadError,
        timeouts: Timeouts,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._address = Address.parse(base_url)
        self._headers = self._address.key_headers(api_key)
        self._key_cover = KeyCover([api_key, *self._address.query_keys()])
        self._session = session
        self._policy = policy
        self._breakers = breakers
        self._read_error = read_error
        self._timeouts = timeouts
        self._sleep = sleep
        self._clock = clock
        self._wall_clock = wall_clock
        self._health = UpstreamHealth(clock)
        self._template = lru_cache(_KNOWN_PATHS)(self._prepare)

    def send(self, call: UpstreamCall, notes: ExchangeNotes | None = None, *, once: bool = False) -> UpstreamReply:
        """The answer to `call`, with a status of success; its body is still to come, and it must be closed.

        Args:
            once: whether a failed attempt is final.

        Raises:
            UpstreamRefused: the upstream answered with an error, or with a redirect.
            UpstreamUnavailable: it cannot be reached, or its breaker is open.
            UpstreamTimeout: it did not begin to answer in time.
            UpstreamBroken: it began to answer with something that is no HTTP, or hung up.
        """
        notes = ExchangeNotes() if notes is None else notes
        attempt = 1
        while True:
            outcome = self._attempt(call, notes)
            if isinstance(outcome, UpstreamReply):
                return outcome
            if once or not self._wait_after(outcome, attempt, call.model, notes):
                raise outcome.error
            attempt += 1

    def ask_again(self, error: UpstreamError, notes: ExchangeNotes) -> bool:
        """Whether the call that led to `error` should be sent again, after having waited for the right time.

        For errors that came inside an answer with a status of success, before the client got a byte. They count for breakers and health as
        those with that status do, of which `send` takes care.
        """
        self.make_fit(error)
        fault = inner_fault_of(error)
        self._breakers.settle(notes.upstream_model, fault)
        self._health.note(fault)
        return self._wait_after(fault, notes.attempts - notes.repairs, notes.upstream_model, notes)

    @property
    def uses_affinity(self) -> bool:
        """Whether it is worth giving calls an affinity key."""
        return False

    def answered(self, model: str, notes: ExchangeNotes | None = None) -> None:
        """Notes that a call to `model` brought an answer and no error inside it. `send` cannot know: it has read no body.

        Args:
            notes: those of the call; they tell which replica answered.
        """
        self._breakers.recovered(model)

    def stream_failed(self, notes: ExchangeNotes, error: ProxyError) -> None:
        """Notes that the answer of which `notes` are broke after the client had got some of it: the next request avoids that replica."""

    def make_fit(self, error: UpstreamError) -> None:
        """Makes an upstream's words fit for clients: without our keys, and without a wait that nobody can mean.

        `send` and `ask_again` have done so with the errors that pass them; others that were read from an answer need it.
        """
        self._key_cover.over_error(error)
        if error.retry_after_s is None or error.retry_after_s <= LONGEST_RETRY_AFTER_S:
            return
        error.retry_after_s = LONGEST_RETRY_AFTER_S
        if isinstance(error, UpstreamRefused):
            error.headers = {name: value for name, value in error.headers.items() if name not in RETRY_AFTER_HEADERS}

    def health(self) -> dict[str, Any]:
        """What is known of the upstream from memory; `state` is `unknown`, `up` or `down`."""
        return self._health.summary(self._breakers)

    def _attempt(self, call: UpstreamCall, notes: ExchangeNotes) -> UpstreamReply | Fault:
        with self._breakers.admit(call.model) as passage:
            notes.attempts += 1
            outcome = self._exchange(call, notes.request_id)
            fault = outcome if isinstance(outcome, Fault) else None
            if fault is None:
                self._breakers.reached()
            else:
                passage.settle(fault)
            self._health.note(fault)
        return outcome

    def _exchange(self, call: UpstreamCall, request_id: str) -> UpstreamReply | Fault:
        timeouts, began_s = self._timeouts, self._clock()
        first_byte_s = call.first_byte_s or timeouts.first_byte_s
        connect_s = min(timeouts.connect_s, first_byte_s)
        try:
            own_headers = {"Content-Length": str(len(call.body or b""))} if call.method != "GET" else {}
            if request_id:
                own_headers["X-Request-ID"] = request_id
            request = CallRequest(self._template(call.method, call.path), call.body, own_headers)
            response = self._transmit(request, (connect_s, first_byte_s))
        except SENDING_FAILURES as failure:
            return fault_of(failure, Timeouts(connect_s, first_byte_s))
        headers, body = answer_of(response)
        reply = UpstreamReply(response.status_code, headers, body, timeouts)
        if reply.status < 300:
            return reply
        return self._refusal(reply, _ERROR_BODY_S if call.first_byte_s is None else began_s + first_byte_s - self._clock())

    def _transmit(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> requests.Response:
        """The head of the answer, by the Session's own adapter: the rest of `Session.send` costs 90 us and has nothing to do here."""
        session: Any = self._session
        response: requests.Response = session.get_adapter(request.url).send(
            request, stream=True, timeout=timeout, verify=session.verify, proxies=session.proxies
        )
        return response

    def _refusal(self, reply: UpstreamReply, within_s: float) -> Fault:
        """The fault that an answer with an error status is. Its text is waited for so long at most."""
        if reply.status < 400:
            reply.close()
            return redirect_of(reply.status)
        body = self._key_cover.over_body(reply.excerpt(_MAX_ERROR_BYTES, min(within_s, _ERROR_BODY_S), self._clock))
        error = self._read_error(reply.status, reply.headers, body)
        if error.retry_after_s is None:
            error.retry_after_s = retry_after_s(reply.headers, self._wall_clock())
        self.make_fit(error)
        return refusal_of(error, reply.headers)

    def _wait_after(self, fault: Fault, attempt: int, model: str, notes: ExchangeNotes) -> bool:
        """Notes the fault. Whether another attempt is due, now."""
        error = fault.error
        notes.failures.append(error.kind)
        wait_s = self._policy.after(fault, attempt)
        if wait_s is not None and self._breakers.blocks(model):
            wait_s = None
        self._tell(error, attempt, model, wait_s)
        if wait_s is None:
            return False
        if wait_s:
            self._sleep(wait_s)
        return True

    def _tell(self, error: UpstreamError, attempt: int, model: str, wait_s: float | None) -> None:
        fields = {
            "upstream": self.name,
            "upstream_model": model,
            "attempt": attempt,
            "error_kind": error.kind,
            "error": error.message,
            "upstream_status": getattr(error, "upstream_status", None),
            "retry_in_s": None if wait_s is None else round(wait_s, 3),
        }
        _log.warning("upstream attempt failed", extra={name: value for name, value in fields.items() if value is not None and value != ""})

    def _prepare(self, method: str, path: str) -> requests.PreparedRequest:
        headers = dict(self._headers) if method == "GET" else {**self._headers, "Content-Type": "application/json"}
        template = self._session.prepare_request(requests.Request(method, self._address.url(path), headers=headers))
        template.headers.pop("Content-Length", None)  # Each call says its own.
        return template
