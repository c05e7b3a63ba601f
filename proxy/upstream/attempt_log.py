"""The line of the log for an attempt that failed: at whom, what happened, and whether somebody is asked again."""

from __future__ import annotations

import logging

from proxy.errors import UpstreamError
from proxy.upstream.journey import Journey
from proxy.upstream.verdicts import KEY_REFUSED

_log = logging.getLogger("proxy.upstream")


def tell_failed_attempt(error: UpstreamError, journey: Journey, wait_s: float | None, *, names_replica: bool) -> None:
    """Logs it: as an error where an operator's key is refused, for nobody else can mend that; else as a warning.

    Args:
        wait_s: seconds until the next attempt, `None` when there is none.
        names_replica: whether there are several, so that it matters which one it was.
    """
    status = getattr(error, "upstream_status", None)
    replica, key = journey.replica, journey.key
    fields = {
        "upstream": journey.upstream,
        "upstream_model": journey.model,
        "replica": replica.label if replica is not None and names_replica else "",
        "key": key.name if key is not None and replica is not None and len(replica.keys) > 1 else "",
        "attempt": journey.attempts,
        "error_kind": error.kind,
        "error": error.message,
        "upstream_status": status,
        "retry_in_s": None if wait_s is None else round(wait_s, 3),
    }
    is_of_request = journey.has_clients_key or getattr(error, "is_requests_own", False)
    level = logging.ERROR if status in KEY_REFUSED and not is_of_request else logging.WARNING
    told = {name: value for name, value in fields.items() if value is not None and value != ""}
    _log.log(level, "upstream attempt failed", extra=told)
