"""How the gateway logs: JSON lines on stdout, for our loggers and gunicorn's alike, and never a secret.

The gunicorn master reads this module before its workers are patched: it may import nothing but the logger's own needs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from pythonjsonlogger.core import RESERVED_ATTRS, LogData
from pythonjsonlogger.orjson import OrjsonFormatter

from proxy.secret_words import KEY_LOOKS, may_hold_key

# What every record has; the rest are extras.
_STANDARD = frozenset(RESERVED_ATTRS)
_HIDDEN = "***"
# A secret by its looks: what follows `Bearer`, what begins as known keys do, what stands in a URL before the @.
_BY_LOOKS = rf"(?i:\bbearer\s+)(?P<token>[\w.~+/=-]{{4,}})|(?P<key>{KEY_LOOKS})|://(?P<userinfo>[^\s/@\"'\\]+)@"
# A secret by the name beside it: `api-key: ...`, `?key=...`, `"api_key": "..."` (its quotes may be escaped). A name in quotes needs a value
# in quotes: a bare value would be JSON's own number or null.
_BY_NAME = (
    r"(?i:api[-_]?key|authorization|access_token|auth_token|secret|password|(?<=[?&])key)"
    r"(?:\\?[\"']\s*:\s*\\?[\"']|\s*[:=]\s*)(?i:(?:bearer|basic)\s+)?(?P<value>[^\s\"'\\,;&}\]]+)"
)
_SECRET = re.compile(f"{_BY_LOOKS}|{_BY_NAME}")
# Texts shorter than this are placeholders ("none", "ollama") that servers without keys are given; hiding them would garble every line.
_SHORTEST_SECRET = 8


def _may_hold_secret(text: str) -> bool:
    """Whether `_SECRET` has a chance. For an access line 5 us instead of 115 (a tenth of an answer)."""
    low = text.lower()
    return (
        "key" in low
        or "@" in low
        or "bearer" in low
        or "auth" in low
        or "secret" in low
        or "password" in low
        or "access_token" in low
        or may_hold_key(low)
    )


class Redactor:
    """Replaces secrets in text by `***`: those that it is told, and all that look like one.

    It is part of the logging configuration, which gunicorn may print: its `repr` shows nothing.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        told = sorted(
            {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _written_forms(secret)}, key=len, reverse=True
        )
        self._told = re.compile("|".join(map(re.escape, told))) if told else None

    def __repr__(self) -> str:
        return "Redactor(...)"

    def redact(self, text: str) -> str:
        """`text` without secrets. What was JSON is JSON still."""
        if self._told is not None:
            text = self._told.sub(_HIDDEN, text)
        return _SECRET.sub(_without_secret, text) if _may_hold_secret(text) else text


class JsonLines(OrjsonFormatter):
    """One JSON object per record: `time`, `level`, `logger`, `message`, then whatever the record has besides."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line. The library's general way, which can rename and leave out, takes 29 us instead of 13 (2 % of an answer)."""
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exc_info"] = record.exc_text
        if record.stack_info:
            line["stack_info"] = self.formatStack(record.stack_info)
        line.update({name: value for name, value in record.__dict__.items() if name not in _STANDARD})
        return self.jsonify_log_record(line)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """RFC 3339, UTC, milliseconds."""
        return f"{_as_text(int(record.created))}.{int(record.created % 1 * 1000):03}Z"

    def jsonify_log_record(self, log_data: LogData) -> str:
        """The line. A record that orjson cannot write (lone surrogates, huge integers) is written slowly rather than lost."""
        try:
            line = orjson.dumps(log_data, default=self.json_default).decode()
        except (TypeError, ValueError):
            line = json.dumps(log_data, default=str)
        return self._redactor.redact(line)


@lru_cache(1)
def _as_text(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def log_config(level: str, debug: bool = False, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig` and for gunicorn's `logconfig_dict`.

    Args:
        level: from where our own loggers speak; libraries speak from WARNING on, at least.
        debug: whether ours speak from DEBUG on, whatever `level` says.
        secrets: texts that must not be in any line, whatever they look like.
    """
    ours = "DEBUG" if debug else level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines, "redactor": Redactor(secrets)}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": _at_least_warning(ours), "handlers": ["stdout"]},
        "loggers": {
            "proxy": {"level": ours},
            "gunicorn.error": {"level": _at_least_info(ours), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": True},
            # Their warnings name the upstream's address, and are about what our own lines tell.
            "urllib3.connection": {"level": "ERROR"},
            "urllib3.connectionpool": {"level": "ERROR"},
        },
    }


def _at_least_warning(level: str) -> str:
    return "WARNING" if level in ("DEBUG", "INFO") else level


def _at_least_info(level: str) -> str:
    """gunicorn's DEBUG prints its whole configuration and every connection; it helps nobody to find a fault of ours."""
    return "INFO" if level == "DEBUG" else level


def _written_forms(secret: str) -> Iterator[str]:
    """How `secret` may stand in a line of JSON: as it is, and escaped."""
    yield secret
    yield orjson.dumps(secret).decode()[1:-1]
    yield json.dumps(secret)[1:-1]


def _without_secret(match: re.Match[str]) -> str:
    group = match.lastgroup or 0
    start, end = match.span(group)
    whole, offset = match.group(), match.start()
    return whole[: start - offset] + _HIDDEN + whole[end - offset :]
