"""Lines -> records, and what in them is no answer. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

from proxy.dialects.ollama.reading.refusals import refusal_in_answer
from proxy.errors import UpstreamBroken
from proxy.wire.deep_json import fault_of, is_too_much
from proxy.wire.exact_json import has_long_numbers, loads_exact
from proxy.wire.json_text import with_whole_characters
from proxy.wire.refusals import described

Record = dict[str, Any]

_OF_AN_ANSWER: Final = frozenset({"message", "response", "done", "done_reason"})
_EXPECTED = "check its base URL, and that it is an Ollama server"


def decoded(line: bytes) -> object:
    """The JSON of a line, integers digit by digit where it calls tools.

    Raises:
        ValueError: it is none.
    """
    if b'"tool_calls"' in line and has_long_numbers(line):
        return loads_exact(line)
    try:
        value: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = orjson.loads(with_whole_characters(line))
    return value


def answer_record(line: bytes) -> Record:
    """The record of a line that is part of an answer.

    Raises:
        UpstreamRefused: it is an error.
        UpstreamBroken: it is nothing that an answer is made of.
    """
    try:
        record = decoded(line)
    except ValueError as error:
        raise _too_much(line, error) if is_too_much(error) else _no_record(line) from error
    if not isinstance(record, dict):
        raise _no_record(line)
    if record.get("error"):
        raise refusal_in_answer(record)
    if _OF_AN_ANSWER.isdisjoint(record):
        raise UpstreamBroken(f"the upstream sent a record that is no part of an answer: {described(record)}; {_EXPECTED}")
    return record


def record_of(line: bytes) -> Record | None:
    """The record of a line, `None` when it is no JSON object."""
    try:
        record = decoded(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def is_last(record: Record) -> bool:
    """Whether nothing follows a record. Some servers give the reason of the end and leave out `done`.

    Source: https://github.com/ollama/ollama-vscode/issues/61
    """
    return record.get("done") is True or bool(record.get("done_reason"))


def _too_much(line: bytes, error: ValueError) -> UpstreamBroken:
    return UpstreamBroken(f"the upstream sent a line that is {fault_of(error)}: {described(line)}")


def _no_record(line: bytes) -> UpstreamBroken:
    start = line.lstrip()[:6]
    if start.startswith(b"<"):
        return UpstreamBroken(f"the upstream answered with a web page; {_EXPECTED}")
    if start.startswith((b"data:", b"event:", b"id:", b":")):
        return UpstreamBroken(f"the upstream answered with an event stream where lines of JSON were due; {_EXPECTED}")
    return UpstreamBroken(f"the upstream sent a line that is no JSON object: {described(line)}")
