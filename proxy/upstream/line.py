"""`Line`: how one replica is asked: its address, its session, the headers that all requests to it have. One exchange, no second try.

The only place that catches errors of requests and urllib3. It reads heads, and the texts of errors; other bodies are read by who asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import requests

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout
from proxy.upstream.address import Address
from proxy.upstream.answer import answer_of
from proxy.upstream.faults import SENDING_FAILURES, Fault, called_off, fault_of, overdue, redirect_of, refusal_of
from proxy.upstream.key_cover import KeyCover
from proxy.upstream.reply import Timeouts, UpstreamReply
from proxy.upstream.request_head import CallRequest
from proxy.upstream.retry import LONGEST_RETRY_AFTER_S, RETRY_AFTER_HEADERS, retry_after_s, without_nonsense
from proxy.upstream.waits import Wait
from proxy.upstream.words import PLAIN_WORDS, Words
from proxy.wire.headers import bearer
from proxy.wire.messages import UpstreamCall
from proxy.wire.named_things import settle

ReadError = Callable[[int, Mapping[str, str], bytes], UpstreamRefused]
KeyHeaders = Callable[[str, str], dict[str, str]]

_MAX_ERROR_BYTES = 64 * 1024
# How long an error's text is waited for: the head has said the most of it, and the client waits for somebody else, if there is one.
_ERROR_TEXT_S, _ERROR_TEXT_BEFORE_OTHERS_S = 3.0, 0.5
_KNOWN_PATHS = 256
# Timers go off a little too soon.
_ABOUT_S = 0.02
_NO_KEY = -1
_BODILESS = ("GET", "HEAD")
_KEY_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key")


class Line:
    """The line to one replica, for all greenlets of a worker.

    Args:
        base_url: what comes before a call's path; its query, if any, goes to the end of each URL.
        keys: in the order of the upstream's key ring; `""` for no key.
        read_error: makes an error of status, headers (lower-case names) and body of an answer with an error status.
        headers: that every request has besides.
        usual_headers: that it has unless `headers` or the call say otherwise.
        key_headers: makes the headers that show a key to a host.
        secrets: what else must be in no message, beside the keys.
        clock: seconds that never go back; `wall_clock`: seconds since the epoch, for dates in `Retry-After`.
    """

    def __init__(
        self,
        base_url: str,
        keys: Sequence[str] = ("",),
        *,
        session: requests.Session,
        read_error: ReadError,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None = None,
        usual_headers: Mapping[str, str] | None = None,
        key_headers: KeyHeaders = bearer,
        secrets: Sequence[str] = (),
        words: Words = PLAIN_WORDS,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = Address.parse(base_url)
        self._headers = dict(headers or {})
        self._usual_headers = dict(usual_headers or {})
        self._headers_of_key = key_headers
        self._key_headers = [self._shown(key) for key in keys]
        self._key_cover = KeyCover([*keys, *secrets, *self._address.query_keys()])
        self._session: Any = session
        self._read_error = read_error
        self._timeouts = timeouts
        self._words = words
        self._clock = clock
        self._wall_clock = wall_clock
        self._template = lru_cache(_KNOWN_PATHS)(self._prepare)

    def exchange(
        self, call: UpstreamCall, key_place: int, request_id: str = "", due_s: float | None = None, wait: Wait | None = None
    ) -> UpstreamReply | Fault:
        """The answer, with a status of success; its body is still to come, and it must be closed. Or what went wrong.

        Args:
            key_place: which of the keys is shown; not looked at for a call with its client's own.
            due_s: when, by the clock, the answer must be complete.
            wait: for calls that another replica may be asked for instead. It is told when the answer is waited for, and at which socket;
                not by urllib3's own transport.

        Raises:
            InvalidRequest: the path would lead out of the base URL.
            UpstreamBroken: the call has an upload of which some was sent already.
        """
        if call.upload is not None and call.upload.was_begun:
            raise UpstreamBroken(f"the upload to {self._words.upstream} broke off; send it again")
        timeouts, began_s = self._timeouts, self._clock()
        left_s = math.inf if due_s is None else max(due_s - began_s, 0.001)
        patience_s = call.first_byte_s or timeouts.first_byte_s
        first_byte_s = min(patience_s, left_s)
        connect_s = min(timeouts.connect_s, first_byte_s)
        own_headers = self._own_headers(call)
        if request_id:
            own_headers["X-Request-ID"] = request_id
        try:
            if call.client_secret:
                key_place = _NO_KEY
                own_headers |= self._shown(call.client_secret)
            replaced = tuple(map(str.lower, call.headers)) if call.headers else ()
            template, transmit = self._template(call.method, call.path, call.query, key_place, replaced)
            body: Any = call.body if call.upload is None else call.upload
            request = CallRequest(template, body, own_headers, wait, None if due_s is None else left_s)
            response = transmit(request, timeout=(connect_s, first_byte_s))
        except SENDING_FAILURES as failure:
            if wait is not None and wait.was_called_off:
                return called_off(self._words)
            fault = fault_of(failure, Timeouts(connect_s, first_byte_s), self._words)
            limit_s = min(timeouts.connect_s, patience_s) if fault.is_of_connecting else patience_s
            # What was left may have been less than that at once, or when the request was sent at last.
            is_over = left_s <= limit_s or (due_s is not None and self._clock() > due_s - _ABOUT_S)
            return self._told_of(fault, left_s) if is_over else fault
        headers, body = answer_of(response)
        reply = UpstreamReply(response.status_code, headers, body, timeouts, due_s, self._words, self._clock)
        if reply.status < 300:
            return reply
        text_s = _ERROR_TEXT_S if wait is None and not call.can_go_elsewhere else _ERROR_TEXT_BEFORE_OTHERS_S
        if call.first_byte_s is not None:
            text_s = min(text_s, began_s + first_byte_s - self._clock())
        if due_s is not None:
            text_s = min(text_s, due_s - self._clock())
        return self._refusal(reply, text_s, call)

    def _told_of(self, fault: Fault, left_s: float) -> Fault:
        """The fault of a call that had no more time than `left_s`; a time-out is then one of the limit of the whole, and so is a connection
        that was not there yet.
        """
        if not (fault.is_of_connecting or isinstance(fault.error, UpstreamTimeout)):
            return fault
        return overdue(fault, self._timeouts.total_s, left_s, self._words)

    def covered(self, data: bytes) -> bytes:
        """What an upstream says, without our keys; JSON stays JSON."""
        return self._key_cover.over_body(data)

    def make_fit(self, error: UpstreamError, client_secret: str = "") -> None:
        """Makes an upstream's words fit for clients: without keys, and without a wait that nobody can mean."""
        self._key_cover.over_error(error)
        if client_secret:
            KeyCover([client_secret]).over_error(error)
        if error.retry_after_s is None or error.retry_after_s <= LONGEST_RETRY_AFTER_S:
            return
        error.retry_after_s = LONGEST_RETRY_AFTER_S
        if isinstance(error, UpstreamRefused):
            error.headers = {name: value for name, value in error.headers.items() if name not in RETRY_AFTER_HEADERS}

    def _shown(self, key: str) -> dict[str, str]:
        key = key.strip()
        return self._headers_of_key(key, self._address.host) if key else {}

    def _own_headers(self, call: UpstreamCall) -> dict[str, str]:
        """What this call's request has of its own. What the operator wrote holds against what a client sent."""
        headers: dict[str, str] = {}
        if call.headers:
            fixed = {name.lower() for name in self._headers}
            headers |= {name: value for name, value in call.headers.items() if name.lower() not in fixed}
        if call.upload is not None:
            if call.upload.size_bytes is not None:
                headers["Content-Length"] = str(call.upload.size_bytes)
        elif call.method not in _BODILESS:
            headers["Content-Length"] = str(len(call.body or b""))
        return headers

    def _refusal(self, reply: UpstreamReply, within_s: float, call: UpstreamCall) -> Fault:
        """The fault that an answer with an error status is. Its text is waited for so long at most."""
        if reply.status < 400:
            reply.close()
            return redirect_of(reply.status, self._words)
        body = self._key_cover.over_body(reply.excerpt(_MAX_ERROR_BYTES, within_s))
        error = self._read_error(reply.status, reply.headers, body)
        settle(error, lambda: call)
        now_s = self._wall_clock()
        if error.retry_after_s is None:
            error.retry_after_s = retry_after_s(reply.headers, now_s)
        error.headers = without_nonsense(error.headers, now_s)
        self.make_fit(error, call.client_secret)
        return refusal_of(error, reply.headers)

    def _prepare(
        self, method: str, path: str, query: str, key_place: int, replaced: tuple[str, ...]
    ) -> tuple[requests.PreparedRequest, Callable[..., requests.Response]]:
        """What all requests of a kind have, and how they are sent: by the Session's own adapter, because the rest of `Session.send` costs
        90 us and has nothing to do here.

        Args:
            replaced: headers, in lower case, that the calls have of their own.
        """
        headers = {name: value for name, value in self._headers.items() if key_place != _NO_KEY or name.lower() not in _KEY_HEADERS}
        given = {name.lower() for name in headers}
        usual = {"Content-Type": "application/json", **self._usual_headers} if method not in _BODILESS else self._usual_headers
        headers |= {name: value for name, value in usual.items() if name.lower() not in given and name.lower() not in replaced}
        if key_place != _NO_KEY:
            headers |= self._key_headers[key_place]
        template: requests.PreparedRequest = self._session.prepare_request(
            requests.Request(method, self._address.url(path, query), headers=headers)
        )
        for name in ("Content-Length", *(name for name in replaced if name not in given)):
            template.headers.pop(name, None)  # Each call says its own.
        session = self._session
        send = session.get_adapter(template.url).send
        return template, partial(send, stream=True, verify=session.verify, proxies=session.proxies)
