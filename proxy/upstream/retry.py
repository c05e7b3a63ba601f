"""`RetryPolicy`: whether, and after how long, an upstream is asked again. It sleeps nowhere and knows no clock.

Only what failed before the first byte of an answer comes here. Who fails is asked again within half a second, all pauses together: a
client hears within a second when nobody serves. Who asks for patience (429, 409, 425) gets more: pauses grow from half a second to eight.
Both with full jitter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_random_exponential

from proxy.errors import UpstreamRefused
from proxy.upstream.faults import Fault, Verdict

# 598 and 599 are proxies' words for time-outs.
RETRYABLE_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 598, 599})
# No client gets to hear of a longer wait. Accounts are filled up by the month; what is longer is a mistake.
LONGEST_RETRY_AFTER_S = 31 * 24 * 3600.0
RETRY_AFTER_HEADERS = ("retry-after-ms", "retry-after")
_SPENT = ("insufficient_quota", "billing", "spend_limit", "credit_balance")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How stubborn we are.

    Attributes:
        max_retries: attempts after the first.
        retry_after_max_s: an upstream that wants us to wait longer than this is not asked again; its `Retry-After` goes to the client.
        first_wait_s, longest_wait_s: bounds of each wait for an upstream that asks for patience, and does not say how much.
        all_waits_s: longest time of all waits together for one that fails.
    """

    max_retries: int = 3
    retry_after_max_s: float = 5.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    all_waits_s: float = 0.5

    def after(self, fault: Fault, attempt: int, of: int | None = None) -> float | None:
        """Seconds to wait before the next attempt when attempt number `attempt`, from 1, met `fault`; `None` when there is to be none.

        Args:
            of: how many waits there may be; as many as retries, when absent.
        """
        state = RetryCallState(_NO_CALL, None, (), {})
        state.attempt_number = attempt
        if stop_after_attempt(self.max_retries + 1)(state) or not may_repeat(fault):
            return None
        if fault.verdict is Verdict.NOTHING:
            return 0.0
        asked_s = fault.error.retry_after_s
        if asked_s is not None and (asked_s or attempt == 1):  # "At once", said again of an attempt made at once, is no help.
            return asked_s if asked_s <= self.retry_after_max_s else None
        if fault.verdict is Verdict.REFUSED:
            return wait_random_exponential(multiplier=self.first_wait_s, max=self.longest_wait_s)(state)
        first_s = self.all_waits_s / (2 ** (of or self.max_retries) - 1)
        return wait_random_exponential(multiplier=first_s, max=self.all_waits_s)(state)


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """The seconds that the upstream wants us to wait, by `retry-after-ms` or `Retry-After` (a number or a date); `None` without them.

    Args:
        headers: with lower-case names.
        now_s: seconds since the epoch, for answers without a `Date` of their own: a date counts by the clock that it was made by.
    """
    for name, unit_s in zip(RETRY_AFTER_HEADERS, (0.001, 1.0), strict=True):
        seconds = _number(headers.get(name, ""))
        if seconds is not None:
            return min(seconds * unit_s, LONGEST_RETRY_AFTER_S)
    then_s, sent_s = _unix_s(headers.get("retry-after", "")), _unix_s(headers.get("date", ""))
    if then_s is None:
        return None
    return min(max(0.0, then_s - (now_s if sent_s is None else sent_s)), LONGEST_RETRY_AFTER_S)


def without_nonsense(headers: Mapping[str, str], now_s: float) -> dict[str, str]:
    """`headers` without waits that nobody can mean: what is no number and no date, or too long."""
    waits = {name: retry_after_s({name: headers[name]}, now_s) for name in RETRY_AFTER_HEADERS if name in headers}
    nonsense = [name for name, seconds in waits.items() if seconds is None or seconds >= LONGEST_RETRY_AFTER_S]
    return {name: value for name, value in headers.items() if name not in nonsense}


def _unix_s(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):  # Overflow: a time zone beyond all numbers.
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def may_repeat(fault: Fault) -> bool:
    """Whether the same request, sent to the same upstream again, may meet with more success."""
    error = fault.error
    if not isinstance(error, UpstreamRefused):
        return fault.repeatable
    status = error.upstream_status if error.upstream_status >= 400 else error.status  # An error inside a 200 says its status itself.
    return status in RETRYABLE_STATUSES and not is_final(fault)


def is_final(fault: Fault) -> bool:
    """Whether the upstream says that no other attempt will meet with more success, anywhere; or the model or the request would have to
    mend.
    """
    if says_final(fault):
        return True
    error = fault.error
    if not isinstance(error, UpstreamRefused):
        return False
    return error.is_models_own or error.is_requests_own or error.is_unserved or _is_spent(error)


def says_final(fault: Fault) -> bool:
    """Whether the upstream says itself that no other attempt makes sense."""
    return fault.headers.get("x-should-retry") == "false"


def _is_spent(error: UpstreamRefused) -> bool:
    """Whether the account is empty, which waiting does not change."""
    inner = error.raw.get("error") if isinstance(error.raw, Mapping) else None
    kind = inner.get("type") if isinstance(inner, Mapping) else None
    return any(word in f"{error.code} {kind}" for word in _SPENT)


_NO_CALL = Retrying()
