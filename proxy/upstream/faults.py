"""What went wrong in one attempt, from the words of requests, urllib3, OpenSSL and the system to ours: the one table.

Messages say what to check, and by which key of the configuration; they name no address and no secret.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import requests
from urllib3 import exceptions as urllib3_errors

from proxy.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamTimeout, UpstreamUnavailable
from proxy.upstream.connection import StaleConnection
from proxy.upstream.reply import Timeouts
from proxy.upstream.words import PLAIN_WORDS, Words

# All that sending a request may raise. ValueError: an address, a key or a header that cannot be sent.
SENDING_FAILURES = (requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError)


_MOST_OF_IT = 0.9
_CONNECT_TIMEOUT = "upstream_connect_timeout"


class Verdict(Enum):
    """What an attempt says about the upstream's health."""

    WELL = "well"
    REFUSED = "refused"  # The server answers; what it said is about the request, or what the model wrote is none of its doing.
    MODEL_ILL = "model_ill"  # The server answers; the model failed.
    UNREACHABLE = "unreachable"  # No connection, or no answer on it.
    LATE = "late"  # The request came with less time than an answer may take: it had stood in a queue, or been asked elsewhere.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed attempt.

    Attributes:
        error: what the client is told when no other attempt follows.
        repeatable: the upstream cannot have begun to work on the request.
        was_sent: the request went out, and there was no answer to it, or none that makes sense.
        headers: those of the upstream's answer, where there was one; names are lower-case.
    """

    error: UpstreamError
    verdict: Verdict
    repeatable: bool = False
    was_sent: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_of_connecting(self) -> bool:
        """Whether the time to connect was over."""
        return self.error.code == _CONNECT_TIMEOUT


def fault_of(failure: Exception, timeouts: Timeouts, words: Words = PLAIN_WORDS) -> Fault:
    """The fault that `failure`, raised while a request was sent or its head awaited, stands for."""
    causes = list(_causes(failure))
    for kinds, make in _TABLE:
        for cause in causes:
            if isinstance(cause, kinds):
                fault = make(cause, timeouts, words)
                if make is not _unsendable:  # Its text may hold the key.
                    fault.error.__cause__ = failure
                return fault
    raise failure


def refusal_of(error: UpstreamRefused, headers: Mapping[str, str]) -> Fault:
    """The fault of an answer that is an error, by its status or by what it says."""
    status = error.told_status
    is_well = error.is_models_own or error.is_requests_own or error.is_unserved
    is_ill = not is_well and (status == 408 or (status >= 500 and status != 501))
    return Fault(error, Verdict.MODEL_ILL if is_ill else Verdict.REFUSED, headers=headers)


def inner_fault_of(error: UpstreamError) -> Fault:
    """The fault of an answer that began as a success: an error in its body counts as one with a status, its breaking off for nothing."""
    return refusal_of(error, {}) if isinstance(error, UpstreamRefused) else Fault(error, Verdict.NOTHING, was_sent=True)


def redirect_of(status: int, words: Words = PLAIN_WORDS) -> Fault:
    """The fault of an answer that sends us elsewhere: following it would turn the POST into a GET, or give the key to others."""
    hint = f"set {words.keys.base_url} to the address that it redirects to (https instead of http, or another path)"
    message = f"{words.upstream} redirects ({status}); {hint}"
    return Fault(UpstreamRefused(message, status=502, upstream_status=status, code="upstream_redirect"), Verdict.REFUSED)


def called_off(words: Words = PLAIN_WORDS) -> Fault:
    """The fault of a replica that nobody waits for any longer."""
    error = UpstreamTimeout(f"{words.upstream} had not begun to answer when looks at it found it silent", code="upstream_timeout")
    return Fault(error, Verdict.UNREACHABLE, was_sent=True)


def overdue(fault: Fault, total_s: float, left_s: float, words: Words = PLAIN_WORDS) -> Fault:
    """`fault`, a time-out, by the name of the limit that it is about: there was no time left for more.

    Args:
        left_s: what was left of the total when the request was sent.
    """
    verdict = fault.verdict if left_s > _MOST_OF_IT * total_s else Verdict.LATE
    return replace(fault, error=UpstreamTimeout(words.of_total(total_s), code="upstream_timeout"), verdict=verdict)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """`failure` and what it wraps. Each library has its own place for that: `args`, `reason`, `__cause__`, `__context__`."""
    waiting, seen = [failure], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        inner = (*error.args, getattr(error, "reason", None), error.__cause__, error.__context__)
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]


def _unavailable(message: str, code: str, *, repeatable: bool = True) -> Fault:
    return Fault(UpstreamUnavailable(message, code=code), Verdict.UNREACHABLE, repeatable)


def _stale(_: BaseException, __: Timeouts, words: Words) -> Fault:
    return Fault(UpstreamBroken(f"{words.upstream} closed the connection without an answer"), Verdict.NOTHING, repeatable=True)


def _behind_proxy(_: BaseException, __: Timeouts, words: Words) -> Fault:
    return _unavailable(f"the HTTP proxy on the way to {words.upstream} cannot be used; check {words.keys.proxy}", "upstream_proxy_failure")


def _connect_timeout(cause: BaseException, timeouts: Timeouts, words: Words) -> Fault:
    in_handshake = "TLS" in str(cause)
    hint = "if it speaks no TLS, write http:// in" if in_handshake else "check firewalls, and the host and port of"
    what = f"no connection to {words.upstream} within {timeouts.connect_s:g} s"
    return _unavailable(f"{what}; {hint} {words.keys.base_url}", _CONNECT_TIMEOUT)


def _unresolved(_: BaseException, __: Timeouts, words: Words) -> Fault:
    what = f"the host name of {words.upstream} cannot be resolved"
    return _unavailable(f"{what}; check the host in {words.keys.base_url}", "upstream_dns_failure")


def _tls(cause: BaseException, __: Timeouts, words: Words) -> Fault:
    """A failed handshake does not get better: it is not repeated."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        what = f"the TLS certificate of {words.upstream} is not accepted: {cause.verify_message.rstrip('.')}"
        hint = f"set {words.keys.ca_bundle} to the certificate of its authority"
    elif "WRONG_VERSION_NUMBER" in str(cause) or "RECORD_LAYER" in str(cause):
        what, hint = f"{words.upstream} does not speak TLS", f"write http:// in {words.keys.base_url}"
    else:
        reason = getattr(cause, "reason", None)
        what = f"no TLS connection to {words.upstream}: {reason if isinstance(reason, str) else 'the handshake failed'}"
        hint = f"check {words.keys.base_url}"
    return _unavailable(f"{what}; {hint}", "upstream_tls_failure", repeatable=False)


def _no_connection(cause: BaseException, timeouts: Timeouts, words: Words) -> Fault:
    if "Tunnel connection failed" in str(cause):
        return _behind_proxy(cause, timeouts, words)
    what = f"{words.upstream} refuses connections" if "refused" in str(cause) else f"no connection to {words.upstream}"
    return _unavailable(f"{what}; check that it runs, and the host and port of {words.keys.base_url}", "upstream_connection_failure")


def _silent(_: BaseException, timeouts: Timeouts, words: Words) -> Fault:
    error = UpstreamTimeout(f"{words.upstream} did not begin to answer within {timeouts.first_byte_s:g} s", code="upstream_timeout")
    return Fault(error, Verdict.UNREACHABLE, was_sent=True)


def _slow_to_take(_: BaseException, __: Timeouts, words: Words) -> Fault:
    error = UpstreamTimeout(f"{words.upstream} was too slow to take the request", code="upstream_timeout")
    return Fault(error, Verdict.UNREACHABLE, was_sent=True)


def _unsendable(_: BaseException, __: Timeouts, words: Words) -> Fault:
    names = words.keys
    what = f"the request cannot be sent; check {names.base_url} and {names.api_key} for characters that do not belong there"
    return _unavailable(what, "upstream_misconfigured", repeatable=False)


def _no_answer(_: BaseException, __: Timeouts, words: Words) -> Fault:
    error = UpstreamBroken(f"{words.upstream} closed the connection, or sent something that is not HTTP, instead of an answer")
    return Fault(error, Verdict.UNREACHABLE, was_sent=True)


_Maker = Callable[[BaseException, Timeouts, Words], Fault]

# The first line that fits any of the causes holds: what is specific comes first.
_TABLE: tuple[tuple[tuple[type[BaseException], ...], _Maker], ...] = (
    ((StaleConnection,), _stale),
    ((urllib3_errors.ProxyError,), _behind_proxy),
    ((urllib3_errors.NameResolutionError, socket.gaierror), _unresolved),
    ((urllib3_errors.NewConnectionError,), _no_connection),
    ((ssl.SSLError,), _tls),
    ((urllib3_errors.ConnectTimeoutError,), _connect_timeout),
    ((urllib3_errors.ReadTimeoutError, requests.ReadTimeout), _silent),
    ((TimeoutError,), _slow_to_take),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, urllib3_errors.LocationValueError), _unsendable),
    ((requests.RequestException, urllib3_errors.HTTPError, OSError), _no_answer),
    ((ValueError,), _unsendable),
)
