"""When a refused request may be tried again, where the error's body says it: Google's RetryInfo. Pure; headers are read by who got them."""

from __future__ import annotations

import math
from typing import Any


def read_retry_info(raw: object) -> float | None:
    """Seconds to wait; `None` when the error `raw` doesn't say. Source: google.rpc.RetryInfo, a duration such as `12.5s`."""
    error: Any = raw.get("error") if isinstance(raw, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            return _number(delay[:-1])
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
