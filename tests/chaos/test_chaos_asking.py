"""What is asked beside the load, and under which name: nothing that goes wrong there may go unseen."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.asking import Lists, asked_for_lists
from chaos.load.kinds import OLLAMA_LIBRARY, OPENAI_LIBRARY, Kind
from chaos.load.libraries import Libraries
from chaos.orders import MODEL, Order
from tests.fake_upstream import Answer, FakeUpstream, json_answer

LISTED = json_answer({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def address_of(upstream: FakeUpstream) -> str:
    return upstream.base_url.removesuffix("/v1")


def lists_of(upstream: FakeUpstream, times: int = 2) -> Lists:
    """What so many lists came to, and the one that was under way then."""
    subject: Any = SimpleNamespace(url=address_of(upstream))

    async def ask() -> Lists:
        async with asked_for_lists(subject) as lists, asyncio.timeout(10):
            while lists.asked < times:
                await asyncio.sleep(0.02)
        return lists

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "strange",
    [
        Answer(200, {"Content-Type": "text/html"}, [b"<html>"], "length"),
        json_answer({}),
        json_answer([]),
        json_answer({"data": None}),
        json_answer({"models": [{"id": MODEL}]}),
        json_answer({"models": [{"name": 7}]}),
        Answer(500),
    ],
)
def test_an_answer_that_is_no_list_lacks_the_model(upstream: FakeUpstream, strange: Answer) -> None:
    upstream.on("/api/tags", strange)
    upstream.on("/models", strange)
    lists = lists_of(upstream)
    assert lists.without == lists.asked


def test_a_list_that_is_told_has_the_model(upstream: FakeUpstream) -> None:
    upstream.on("/api/tags", json_answer({"models": [{"name": f"{MODEL}:latest"}]}))
    upstream.on("/models", LISTED)
    assert lists_of(upstream).without == 0


def test_a_list_that_still_hangs_when_time_is_over_counts(upstream: FakeUpstream) -> None:
    upstream.on("/api/tags", Answer(before=[0.6]))
    lists = lists_of(upstream, times=0)
    assert (lists.asked, lists.without) == (1, 1)
    assert lists.slowest_s > 0.5


@pytest.mark.parametrize("kind", [OLLAMA_LIBRARY, OPENAI_LIBRARY])
def test_requests_of_libraries_are_known_by_their_orders_marker(upstream: FakeUpstream, kind: Kind) -> None:
    async def ask() -> None:
        libraries = Libraries(address_of(upstream), 5)
        await asyncio.gather(*(libraries.ask(kind, Order(f"r{number}", 3, 1)) for number in range(3)))
        await libraries.close()

    asyncio.run(ask())
    assert sorted(request.headers["x-request-id"] for request in upstream.requests) == ["r0", "r1", "r2"]
