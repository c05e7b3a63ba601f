"""Reads `keep_alive`: a number of seconds, or a duration as Go writes it. Pure."""

from __future__ import annotations

import math
import re

from proxy.wire.golang import INT64_MAX, quoted

_UNIT_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}  # Go takes both mu
_STEP = re.compile(r"(?P<number>[0-9]*\.?[0-9]*)(?P<unit>[^0-9.]*)")
_LONGEST = 100
_GO_TYPES = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}


def keep_alive_s(value: object) -> float:
    """Seconds for which the client wants its model kept; `math.inf` when the value is negative, which means "forever".

    Raises `ValueError` in Ollama's words. Source: `api/types.go` `Duration.UnmarshalJSON`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"Unsupported type: '{_GO_TYPES.get(type(value), '<nil>')}'")
    seconds = duration_s(value) if isinstance(value, str) else float(value)
    return math.inf if seconds < 0 else seconds


def duration_s(text: str) -> float:
    """Seconds of a duration such as `1h30m`, `300ms`, `-1m` or `0`.

    Raises `ValueError` in the words of Go's `time.ParseDuration`.
    """
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest or len(rest) > _LONGEST:
        raise _invalid(text)
    total_ns = 0.0
    while rest:
        total_ns, rest = _add_step(total_ns, rest, text)
    if total_ns > INT64_MAX:
        raise _invalid(text)
    return total_ns / (-1e9 if text[0] == "-" else 1e9)


def _add_step(total_ns: float, rest: str, text: str) -> tuple[float, str]:
    step = _STEP.match(rest)
    number, unit = step.group("number", "unit") if step else ("", "")
    if number in ("", "."):
        raise _invalid(text)
    if not unit:
        raise ValueError(f"time: missing unit in duration {quoted(text)}")
    if unit not in _UNIT_NS:
        raise ValueError(f"time: unknown unit {quoted(unit)} in duration {quoted(text)}")
    return total_ns + float(number) * _UNIT_NS[unit], rest[len(number) + len(unit) :]


def _invalid(text: str) -> ValueError:
    return ValueError(f"time: invalid duration {quoted(text)}")
