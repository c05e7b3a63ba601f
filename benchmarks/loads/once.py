"""One question, asked once, and the whole answer."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from benchmarks.checks import problem_of
from benchmarks.workloads import Question

_TIMEOUT_S = 60


def ask(url: str, question: Question) -> tuple[int, bytes]:
    """Status and body of the answer, on a connection of its own."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", place.path + question.path, question.body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def problem_with(url: str, question: Question) -> tuple[str, int]:
    """What is wrong with the answer (`""` when nothing is), and its length."""
    status, body = ask(url, question)
    return (f"status {status}: {body[:200]!r}" if status != 200 else problem_of(question.check, body)), len(body)
