from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.web.logs import JsonLines, Redactor, log_config

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, Lines]]:
    """A logger that writes as the gateway does, and what it has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(Redactor(["hunter2-hunter2"])))
    logger = logging.getLogger("proxy.test")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_line_when_logged(log: tuple[logging.Logger, Lines]) -> None:
    logger, lines = log
    logger.warning("%d apples", 3, extra={"model": "llama3", "attempts": 2})

    (line,) = lines()
    assert list(line) == ["time", "level", "logger", "message", "model", "attempts"]
    assert line | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "logger": "proxy.test",
        "message": "3 apples",
        "model": "llama3",
        "attempts": 2,
    }


def test_time_when_logged_is_rfc3339_in_utc(log: tuple[logging.Logger, Lines]) -> None:
    logger, lines = log
    logger.info("now")

    time = lines()[0]["time"]
    assert time.endswith("Z")
    assert abs((datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize(
    ("created", "told"),
    [(1.9996, "1970-01-01T00:00:01.999Z"), (2.0, "1970-01-01T00:00:02.000Z"), (951782400.25, "2000-02-29T00:00:00.250Z")],
)
def test_time_when_told_is_that_of_the_record(created: float, told: str) -> None:
    assert JsonLines(Redactor()).formatTime(logging.makeLogRecord({"created": created})) == told


def test_newline_when_in_message_stays_in_one_line(log: tuple[logging.Logger, Lines]) -> None:
    logger, lines = log
    logger.info('one\n{"level": "forged"}\ntwo')

    assert [line["message"] for line in lines()] == ['one\n{"level": "forged"}\ntwo']


@pytest.mark.parametrize("value", [2**70, "\ud800", float("nan"), {1, 2}, b"bytes", ValueError("x"), {1: "x"}], ids=repr)
def test_odd_value_when_logged_loses_no_line(log: tuple[logging.Logger, Lines], value: object) -> None:
    logger, lines = log
    logger.info("odd", extra={"value": value})

    assert lines()[0]["message"] == "odd"


def test_exception_when_logged_has_its_trace_without_secrets(log: tuple[logging.Logger, Lines]) -> None:
    logger, lines = log
    try:
        raise ValueError("cannot use Bearer abcdef123456")
    except ValueError:
        logger.exception("failed")

    (line,) = lines()
    assert "ValueError: cannot use Bearer ***" in line["exc_info"]


def test_trace_that_another_formatter_has_written_is_kept() -> None:
    record = logging.makeLogRecord({"msg": "failed", "exc_text": "ValueError: as text"})
    assert json.loads(JsonLines(Redactor()).format(record))["exc_info"] == "ValueError: as text"


def test_stack_when_asked_for_is_in_the_line(log: tuple[logging.Logger, Lines]) -> None:
    logger, lines = log
    logger.info("here", stack_info=True)

    assert "test_stack_when_asked_for_is_in_the_line" in lines()[0]["stack_info"]


SECRET = "s3cr3t-V4lue_0"


@pytest.mark.parametrize(
    "text",
    [
        f"sent Authorization: Bearer {SECRET}",
        f"authorization=bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"key sk-{SECRET} refused",
        f"key gsk_{SECRET} refused",
        f"api-key: {SECRET}",
        f"x-api-key={SECRET}, more",
        f"API_KEY {{'api_key': '{SECRET}'}}",
        f'body {{"api_key": "{SECRET}"}}',
        f"GET https://host/v1?key={SECRET}&alt=sse",
        f"GET https://host/v1?a=b&key={SECRET}",
        f"proxy http://user:{SECRET}@host:80/ failed",
        f"access_token={SECRET}",
        f"client_secret={SECRET}",
        f"password: {SECRET}",
        "told hunter2-hunter2 beforehand",
    ],
)
def test_secret_when_in_message_is_hidden(log: tuple[logging.Logger, Lines], text: str) -> None:
    logger, lines = log
    logger.info("%s", text)

    message = lines()[0]["message"]
    assert "***" in message
    assert SECRET not in message
    assert "hunter2-hunter2" not in message


@pytest.mark.parametrize(
    "extra",
    [
        {"headers": {"Authorization": f"Bearer {SECRET}", "Host": "h"}},
        {"headers": {"api-key": SECRET, "Host": "h"}},
        {"headers": [["authorization", f"Bearer {SECRET}"], "h"]},
        {"authorization": SECRET, "host": "h"},
        {"url": f"https://user:{SECRET}@h/"},
    ],
)
def test_secret_when_in_extras_is_hidden(log: tuple[logging.Logger, Lines], extra: dict[str, Any]) -> None:
    logger, lines = log
    logger.info("asked", extra=extra)

    (line,) = lines()
    assert SECRET not in json.dumps(line)
    assert '"h"' in json.dumps(line) or "@h/" in json.dumps(line)


@pytest.mark.parametrize("secret", ['quo"ted-secret', "back\\slash-secret", "ünïcode-sécret"])
def test_secret_when_escaped_is_hidden(secret: str) -> None:
    formatter = JsonLines(Redactor([secret]))
    record = logging.makeLogRecord({"msg": f"key {secret}!", "odd": 2**70})

    assert json.loads(formatter.format(record))["message"] == "key ***!"
    assert json.loads(formatter.format(logging.makeLogRecord({"msg": f"key {secret}!"})))["message"] == "key ***!"


@pytest.mark.parametrize(
    "extra",
    [{"api_key": None}, {"api_key": 12}, {"secret": True}, {"password": {}}, {"authorization": ["x"]}, {"key": "k", "message2": "api_key"}],
)
def test_line_when_names_are_suspicious_is_json_still(log: tuple[logging.Logger, Lines], extra: dict[str, Any]) -> None:
    logger, lines = log
    logger.info("asked", extra=extra)

    assert lines()[0].items() >= extra.items()


@pytest.mark.parametrize(
    "text",
    [
        "the bearer of bad news",
        "a key, an author, a task-list",
        "risk-averse",
        "https://host/path and me@example.com",
        "keyed: yes",
        "ollama",
    ],
)
def test_text_when_harmless_is_kept(text: str) -> None:
    assert Redactor(["ollama", ""]).redact(text) == text


def test_redactor_when_printed_shows_no_secret() -> None:
    assert SECRET not in repr(log_config("INFO", secrets=[SECRET]))


PROGRAM = """
import logging.config, sys
from proxy.web.logs import log_config
loaded = {name.partition(".")[0] for name in sys.modules} & {"flask", "werkzeug", "requests", "urllib3", "gevent", "prometheus_client"}
logging.config.dictConfig(log_config(*eval(sys.argv[1])))
for name in ("proxy.access", "gunicorn.error", "urllib3.pool", "urllib3.connection", "urllib3.connectionpool"):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(name), level)("said")
logging.getLogger("proxy").error("loaded %s", sorted(loaded))
"""


def _run(arguments: str) -> list[dict[str, Any]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "ours", "gunicorn", "libraries"),
    [
        ("('INFO',)", ["INFO", "WARNING", "ERROR"], ["INFO", "WARNING", "ERROR"], ["WARNING", "ERROR"]),
        ("('error',)", ["ERROR"], ["ERROR"], ["ERROR"]),
        ("('ERROR', True)", ["DEBUG", "INFO", "WARNING", "ERROR"], ["INFO", "WARNING", "ERROR"], ["WARNING", "ERROR"]),
    ],
)
def test_levels_when_configured(arguments: str, ours: list[str], gunicorn: list[str], libraries: list[str]) -> None:
    *lines, last = _run(arguments)

    heard = {
        name: [line["level"] for line in lines if line["logger"] == name] for name in ("proxy.access", "gunicorn.error", "urllib3.pool")
    }
    assert heard == {"proxy.access": ours, "gunicorn.error": gunicorn, "urllib3.pool": libraries}
    telltales = [line["level"] for line in lines if line["logger"] in ("urllib3.connection", "urllib3.connectionpool")]
    assert telltales == ["ERROR", "ERROR"], "their warnings name the upstream's address"
    assert last["message"] == "loaded []", "the gunicorn master reads this module before gevent has patched anything"
