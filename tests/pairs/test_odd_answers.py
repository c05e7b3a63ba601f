"""Answers that no server should give, of every kind of upstream and for every client: each is told, or is an error of the upstream's."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import count
from typing import Any

import pytest

from proxy.canonical import grammar
from proxy.canonical.events import ChatEvent
from proxy.canonical.fold import collect
from proxy.dialects.registry import egress_of
from proxy.errors import ProxyError
from tests.pairs.machines import ENDPOINTS, Stopwatch, parsed, route_to
from tests.pairs.scenes import BY_NAME, Scene
from tests.pairs.upstreams import EGRESSES, Egress

Path = tuple[Any, ...]

HI: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
ASKED: dict[str, dict[str, Any]] = {
    "openai.chat": {**HI, "logprobs": True, "stream_options": {"include_usage": True}},
    "openai.responses": {"input": "hi", "include": ["reasoning.encrypted_content"]},
    "anthropic.messages": {**HI, "max_tokens": 9},
    "ollama.chat": HI,
}
ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**25, 2**63, "", "x", " ", "1e25", "{", "length", "error", "tool_use"),
    *([], {}, [[]], ["x"], [1], {"a": 1}, {"type": "x"}, {"type": {"a": 1}}, [{}], [{"type": "text", "text": "x"}]),
)
PER_ANSWER = 120
ENDED = [scene for scene in BY_NAME.values() if not scene.end]


def places(value: Any, place: Path = ()) -> Iterator[Path]:
    """Where something stands in `value`, but for the whole of it."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, key)
        yield from places(item, (*place, key))


def changed(value: Any, place: Path, odd: Any) -> Any:
    value = deepcopy(value)
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return value


def variants(value: Any, chance: random.Random) -> list[tuple[Path, Any]]:
    """Some of the ways to put something odd into `value`, the same ones each time."""
    all_of_them = [(place, odd) for place in places(value) for odd in ODD]
    return chance.sample(all_of_them, min(PER_ANSWER, len(all_of_them)))


def read_stream(egress: Egress, records: Sequence[Any], new_id: Callable[[], str]) -> list[ChatEvent]:
    reader = egress_of(egress.name).stream_reader(route_to(egress), new_id)
    events = [event for record in records for event in reader.feed(egress.written(record))]
    return events + (reader.feed(egress.end) if egress.end else []) + reader.close()


def check(events: Sequence[ChatEvent]) -> None:
    """Follows the events, and tells them to every client."""
    follower = grammar.Grammar()
    for event in events:
        follower.step(event)
    follower.end()
    for name, body in ASKED.items():
        with contextlib.suppress(ProxyError):
            ENDPOINTS[name].stream_renderer(parsed(name, body, stream=True), Stopwatch()).render(events)
        with contextlib.suppress(ProxyError):
            ENDPOINTS[name].render_completion(collect(events), parsed(name, body, stream=False), Stopwatch())


@pytest.mark.parametrize("scene", ENDED, ids=lambda scene: scene.name)
@pytest.mark.parametrize("egress", EGRESSES, ids=lambda egress: egress.name)
def test_no_answer_breaks_who_reads_and_tells_it(egress: Egress, scene: Scene) -> None:
    chance = random.Random(f"{egress.name} {scene.name}")
    records, whole = egress.records(scene), egress.whole(scene)
    for place, odd in variants(records, chance):
        if len(place) > 1:
            with contextlib.suppress(ProxyError):
                check(read_stream(egress, changed(records, place, odd), map(str, count()).__next__))
    for place, odd in variants(whole, chance):
        answer = json.dumps(changed(whole, place, odd)).encode()
        with contextlib.suppress(ProxyError):
            check(list(egress_of(egress.name).read_completion(answer, route_to(egress), map(str, count()).__next__)))
