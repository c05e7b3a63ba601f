"""When a refused request may be tried again. Pure: the time comes from the caller, or from the answer itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


def read_retry_after(headers: Mapping[str, str], raw: object, now_s: float | None) -> float | None:
    """Seconds to wait: by `retry-after-ms`, `retry-after` (seconds or a date) or Google's RetryInfo in the body; `None` when none says."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _seconds_until(value, headers.get("date"), now_s)
    return _retry_info(raw) if seconds is None else seconds


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds_until(value: str, date: str | None, now_s: float | None) -> float | None:
    then = _date(value)
    now = datetime.fromtimestamp(now_s, UTC) if now_s is not None else _date(date or "")
    return max(0.0, (then - now).total_seconds()) if then and now else None


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _retry_info(raw: object) -> float | None:
    error: Any = raw.get("error") if isinstance(raw, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            return _number(delay[:-1])
    return None
