"""Requests at a fixed rate, whatever becomes of those before: an outage must not slow those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

from chaos.judging import Ending, judge
from chaos.load.hearing import Ear
from chaos.load.kinds import Kind
from chaos.load.libraries import Libraries
from chaos.orders import Order

LENGTHS = ((5, 10), (12, 20), (3, 1), (60, 30), (25, 10), (8, 10), (40, 20))
"""Tokens, and milliseconds between them: most answers are short, some are under way when something happens.
Seven, so that each kind of client meets each."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and how it ended. Times are of the machine's clock.

    Attributes:
        wait_s: from the request to the first byte of the answer, less what the order's own pace takes; `None` when there was no byte.
        retry_after: the header.
    """

    kind: str
    marker: str
    started_s: float
    ended_s: float
    wait_s: float | None
    ending: Ending
    retry_after: str = ""

    @property
    def took_s(self) -> float:
        return self.ended_s - self.started_s


class SteadyLoad:
    """Clients of all kinds in turn.

    Args:
        address: the URL of the gateway for the next request.
        rate: requests per second.
        limit_s: after so long a request hangs.
    """

    def __init__(self, address: Callable[[], str], kinds: Sequence[Kind], rate: float, limit_s: float) -> None:
        self.asked: list[Asked] = []
        self._address = address
        self._kinds = kinds
        self._rate = rate
        self._limit_s = limit_s
        self._ears: dict[str, Ear] = {}
        self._libraries: dict[str, Libraries] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._numbers = count()

    def meet(self, url: str) -> None:
        """Gets to know a gateway, before it is asked for anything."""
        place = urlsplit(url)
        self._ears[url] = Ear(place.hostname or "", place.port or 80)
        if any(kind.library for kind in self._kinds):
            self._libraries[url] = Libraries(url, self._limit_s)

    async def run(self) -> None:
        """Asks until it is cancelled."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for turn in count():
            await asyncio.sleep(began_s + turn / self._rate - clock())
            task = asyncio.create_task(self._ask(next(self._numbers)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Waits for the answers that are under way, and closes everything."""
        if self._under_way:
            await asyncio.gather(*self._under_way)
        for ear in self._ears.values():
            ear.close()
        for libraries in self._libraries.values():
            await libraries.close()

    async def _ask(self, number: int) -> None:
        kind = self._kinds[number % len(self._kinds)]
        order = Order(f"r{number}", *LENGTHS[number % len(LENGTHS)])
        url = self._address()
        self.asked.append(await (self._by_library(url, kind, order) if kind.library else self._by_hand(url, kind, order)))

    async def _by_hand(self, url: str, kind: Kind, order: Order) -> Asked:
        heard = await self._ears[url].ask(kind.path, kind.body(order), {"X-Request-ID": order.marker}, self._limit_s)
        wait_s = _wait_s(heard.started_s, heard.first_s, 0 if kind.streams else order.pacing_s)
        ending = judge(kind, order, heard)
        return Asked(kind.name, order.marker, heard.started_s, heard.ended_s, wait_s, ending, heard.headers.get("retry-after", ""))

    async def _by_library(self, url: str, kind: Kind, order: Order) -> Asked:
        told, ending = await self._libraries[url].ask(kind, order)
        return Asked(
            kind.name, order.marker, told.started_s, told.ended_s, _wait_s(told.started_s, told.first_s, 0), ending, told.retry_after
        )


def _wait_s(started_s: float, first_s: float | None, pacing_s: float) -> float | None:
    return None if first_s is None else first_s - started_s - pacing_s
