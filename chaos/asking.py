"""Questions to a subject that are no part of the load."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from chaos.orders import MODEL
from chaos.programs import Victim

_EVERY_S = 0.2
_PATIENCE_S = 5


def get(subject: Victim, path: str) -> tuple[int, bytes]:
    """Status and body; the status is 0 when there is no answer."""
    place = urlsplit(subject.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def listed_models(subject: Victim, path: str) -> set[str]:
    """The names that `/api/tags` or `/v1/models` tells; none when it does not tell any."""
    status, body = get(subject, path)
    if status != 200:
        return set()
    answer = orjson.loads(body)
    return (
        {model["name"].removesuffix(":latest") for model in answer["models"]}
        if "models" in answer
        else {model["id"] for model in answer["data"]}
    )


@dataclass(slots=True)
class Lists:
    """How the lists of models were answered. `without` counts those that did not have the model that all replicas have."""

    slowest_s: float = 0.0
    asked: int = 0
    without: int = 0


@contextmanager
def asked_for_lists(subject: Victim) -> Iterator[Lists]:
    """Asks for both lists again and again while this lasts."""
    lists = Lists()

    async def ask() -> None:
        while True:
            for path in ("/api/tags", "/v1/models"):
                began_s = time.monotonic()
                names = await asyncio.to_thread(listed_models, subject, path)
                lists.slowest_s = max(lists.slowest_s, time.monotonic() - began_s)
                lists.asked += 1
                lists.without += MODEL not in names
            await asyncio.sleep(_EVERY_S)

    asking = asyncio.create_task(ask())
    try:
        yield lists
    finally:
        asking.cancel()
