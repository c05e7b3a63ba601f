"""Questions to a subject that are no part of the load."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from urllib.parse import urlsplit

import orjson

from chaos.orders import MODEL
from chaos.programs import Victim

_EVERY_S = 0.1
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
    try:
        answer = orjson.loads(body)
        if "models" in answer:
            return {model["name"].removesuffix(":latest") for model in answer["models"]}
        return {model["id"] for model in answer["data"]}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return set()


@dataclass(slots=True)
class Lists:
    """How the lists of models were answered. `without` counts those that did not have the model that all replicas have."""

    slowest_s: float = 0.0
    asked: int = 0
    without: int = 0


@asynccontextmanager
async def asked_for_lists(subject: Victim) -> AsyncIterator[Lists]:
    """Asks for both lists in turn, again and again while this lasts. The last one is awaited: one that hangs counts, too."""
    lists, is_over = Lists(), asyncio.Event()

    async def ask() -> None:
        for path in cycle(("/api/tags", "/v1/models")):
            began_s = time.monotonic()
            names = await asyncio.to_thread(listed_models, subject, path)
            lists.slowest_s = max(lists.slowest_s, time.monotonic() - began_s)
            lists.asked += 1
            lists.without += MODEL not in names
            if is_over.is_set():
                break
            await asyncio.sleep(_EVERY_S)

    asking = asyncio.create_task(ask())
    try:
        yield lists
    finally:
        is_over.set()
        await asking
