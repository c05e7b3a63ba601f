"""Laws that hold in every pair: conversations arrive whole and in order, and where the bytes of an answer are cut means nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.canonical import grammar
from proxy.canonical.fold import collect
from proxy.canonical.request import ChatRequest
from proxy.dialect import TextEndpoint
from proxy.dialects.anthropic.ingress import MESSAGES
from proxy.dialects.ollama.ingress import CHAT as OLLAMA_CHAT
from proxy.dialects.openai.ingress import CHAT_TRANSLATED, RESPONSES_TRANSLATED
from proxy.dialects.registry import egress_of
from proxy.routing import Route, profile_of
from tests.fake_upstream import Request
from tests.pairs.clients import INGRESSES
from tests.pairs.scenes import SCENES, SCHEMA, Call, Scene
from tests.pairs.told import Asked, same
from tests.pairs.upstreams import EGRESSES, Egress

ENDPOINTS: dict[str, TextEndpoint] = {
    "openai.chat": CHAT_TRANSLATED,
    "openai.responses": RESPONSES_TRANSLATED,
    "anthropic.messages": MESSAGES,
    "ollama.chat": OLLAMA_CHAT,
}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
PAIRS = list(itertools.product(INGRESSES, EGRESSES))
IDS = [f"{ingress.name} on {egress.name}" for ingress, egress in PAIRS]


class Stopwatch:
    """Stands still."""

    def time_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def elapsed_ns(self) -> int:
        return 1_000_000


def route_to(egress: Egress) -> Route:
    return Route("it", "m", "m", profile_of("http://127.0.0.1", "auto", None, "m", egress.name))


# Conversations

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(str.strip).filter(bool)
calls = st.lists(
    st.builds(lambda number, city: Call(f"call_{number:012}", "get_weather", {"city": city}), st.integers(0, 10**12 - 1), words),
    min_size=1,
    max_size=3,
    unique_by=lambda call: call.id,
)
scenes = st.builds(
    lambda system, says, earlier: Scene("any", system=system, says=says, tools=True, earlier=tuple(earlier)),
    st.just("") | words,
    words,
    st.just(()) | calls.map(tuple),
)


def asked_of(egress: Egress, ingress_name: str, body: dict[str, Any]) -> Asked:
    """What the upstream is asked when a client sends `body`."""
    request = ENDPOINTS[ingress_name].parse({"model": "m", "stream": True, **body})
    assert isinstance(request, ChatRequest)
    dialect = egress_of(egress.name)
    call = dialect.build_chat(request, route_to(egress))
    target = f"{PATHS.get(egress.name, call.path)}?{call.query}"
    assert call.body is not None
    return egress.asked(Request(call.method, target, {**dialect.headers, **call.headers}, call.body, 1, 0.0))


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
@settings(max_examples=25)
@given(scene=scenes)
def test_calls_results_words_and_their_order_arrive(ingress: Any, egress: Egress, scene: Scene) -> None:
    asked = asked_of(egress, ingress.name, ingress.body(scene))
    expected = [("system", scene.system)] if scene.system else []
    expected.append(("user", scene.says))
    expected += [("call", call.name, same(call.written)) for call in scene.earlier]
    expected += [("result", same(call.written), f"sunny in {call.arguments['city']}") for call in scene.earlier]
    assert asked.turns == expected
    assert asked.tools == {"get_weather": SCHEMA}


# Answers

ANSWERS = [scene for scene in SCENES if scene.end in ("", "told", "cut", "quiet")]


def cut_anywhere(data: st.DataObject, body: bytes) -> list[bytes]:
    """`body` in pieces, some of which say that nothing came."""
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    edges = [0, *places, len(body)]
    return [body[begin:end] for begin, end in itertools.pairwise(edges)]


def rendered(ingress_name: str, scene: Scene, egress: Egress, chunks: Sequence[bytes], body: dict[str, Any]) -> bytes:
    """What the client gets of these bytes."""
    endpoint = ENDPOINTS[ingress_name]
    request = endpoint.parse({"model": "m", "stream": True, **body})
    ids = (f"id{number:08}" for number in itertools.count())
    reader = egress_of(egress.name).stream_reader(route_to(egress), lambda: next(ids))
    renderer = endpoint.stream_renderer(request, Stopwatch())
    follower, out, events = grammar.Grammar(), b"", []
    for batch in [*(reader.feed(chunk) for chunk in chunks), reader.close()]:
        for event in batch:
            follower.step(event)
        events += batch
        if batch:
            out += renderer.render(batch)
    follower.end()
    if not scene.end:
        collect(events)
    return out


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
@settings(max_examples=15)
@given(data=st.data(), scene=st.sampled_from(ANSWERS))
def test_where_the_bytes_are_cut_means_nothing(ingress: Any, egress: Egress, data: st.DataObject, scene: Scene) -> None:
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    body = ingress.body(scene)
    told = ingress.read_stream(rendered(ingress.name, scene, egress, steps, body))
    chunks = cut_anywhere(data, b"".join(steps))
    assert ingress.read_stream(rendered(ingress.name, scene, egress, chunks, body)) == told
    assert told.ended is (scene.end == "")
    assert (told.error == "") is told.ended


@pytest.mark.parametrize("scene", [scene for scene in SCENES if not scene.end], ids=lambda scene: scene.name)
@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
def test_whole_and_streamed_answers_say_the_same(ingress: Any, egress: Egress, scene: Scene) -> None:
    endpoint, body = ENDPOINTS[ingress.name], ingress.body(scene)
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    streamed = ingress.read_stream(rendered(ingress.name, scene, egress, steps, body))
    request = endpoint.parse({"model": "m", "stream": False, **body})
    ids = (f"id{number:08}" for number in itertools.count())
    events = egress_of(egress.name).read_completion(json.dumps(egress.whole(scene)).encode(), route_to(egress), lambda: next(ids))
    whole = ingress.read_whole(json.loads(endpoint.render_completion(collect(events), request, Stopwatch())))
    assert (whole.ids, whole) == (streamed.ids, streamed)
