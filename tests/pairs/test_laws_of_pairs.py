"""Laws that hold in every pair: conversations arrive whole and in order, and where the bytes of an answer are cut means nothing."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.canonical.request import ChatRequest
from proxy.dialects.registry import egress_of
from tests.fake_upstream import Request
from tests.pairs.clients import INGRESSES
from tests.pairs.machines import parsed, rendered, rendered_whole, route_to
from tests.pairs.scenes import SCENES, SCHEMA, Call, Scene
from tests.pairs.told import Asked, same
from tests.pairs.upstreams import EGRESSES, Egress

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
PAIRS = list(itertools.product(INGRESSES, EGRESSES))
IDS = [f"{ingress.name} on {egress.name}" for ingress, egress in PAIRS]


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
    request = parsed(ingress_name, body, stream=True)
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


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
@settings(max_examples=15)
@given(data=st.data(), scene=st.sampled_from(ANSWERS))
def test_where_the_bytes_are_cut_means_nothing(ingress: Any, egress: Egress, data: st.DataObject, scene: Scene) -> None:
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    body = ingress.body(scene)
    told = ingress.read_stream(rendered(ingress.name, egress, steps, body, is_whole=not scene.end))
    chunks = cut_anywhere(data, b"".join(steps))
    assert ingress.read_stream(rendered(ingress.name, egress, chunks, body)) == told
    assert told.ended is (scene.end == "")
    assert (told.error == "") is told.ended


@pytest.mark.parametrize("scene", [scene for scene in SCENES if not scene.end], ids=lambda scene: scene.name)
@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
def test_whole_and_streamed_answers_say_the_same(ingress: Any, egress: Egress, scene: Scene) -> None:
    body = ingress.body(scene)
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    streamed = ingress.read_stream(rendered(ingress.name, egress, steps, body, is_whole=True))
    whole = ingress.read_whole(json.loads(rendered_whole(ingress.name, egress, json.dumps(egress.whole(scene)).encode(), body)))
    assert (whole.ids, whole) == (streamed.ids, streamed)
