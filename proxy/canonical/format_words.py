"""The form of an answer in words, for models that cannot be bound to it. Pure."""

from __future__ import annotations

from proxy.canonical.request import ResponseFormat
from proxy.wire.json_body import dumps


def in_words(wanted: ResponseFormat, *, with_tools: bool) -> str:
    """An instruction for the system to say. Raises `InvalidRequest` when the schema can't be written as JSON."""
    answer = "Unless you call a tool, answer" if with_tools else "Answer"
    if wanted.schema is None:
        return f"{answer} with one JSON object, and with nothing else."
    return f"{answer} with JSON that conforms to this JSON schema, and with nothing else:\n{dumps(wanted.schema).decode()}"
