"""Laws that hold in every pair: conversations arrive whole and in order, what a model called comes back to it, and where the bytes of an
answer are cut means nothing.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.canonical.request import ChatRequest
from proxy.dialects.registry import egress_of
from tests.fake_upstream import Request
from tests.pairs.clients import INGRESSES
from tests.pairs.conversations import BODIES, Model, Outcome, Round, Talk, User
from tests.pairs.machines import parsed, rendered, rendered_whole, route_to
from tests.pairs.scenes import SCENES, SCHEMA, Call, Scene
from tests.pairs.told import Asked, same
from tests.pairs.upstreams import EGRESSES, Egress

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
PAIRS = list(itertools.product(INGRESSES, EGRESSES))
IDS = [f"{ingress.name} on {egress.name}" for ingress, egress in PAIRS]


# Conversations

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(str.strip).filter(bool)
maybe_words = st.just("") | words
numbers = st.integers(0, 10**12 - 1)
calls = st.builds(lambda number, city: Call(f"call_{number:012}", "get_weather", {"city": city}), numbers, words)
users = st.builds(User, words, st.booleans())
rounds = st.builds(
    Round,
    users,
    st.builds(Model, maybe_words, maybe_words),
    st.lists(st.builds(Outcome, calls, words, st.booleans()), max_size=3).map(tuple),
    maybe_words,
)
talks = st.builds(
    Talk,
    maybe_words,
    st.lists(rounds, max_size=3).map(tuple),
    users,
    st.sampled_from(["id", "name", "place"]),
).filter(lambda talk: len(set(talk.ids())) == len(talk.ids()))


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
@given(talk=talks)
def test_all_turns_calls_and_results_arrive_in_their_order(ingress: Any, egress: Egress, talk: Talk) -> None:
    asked = asked_of(egress, ingress.name, BODIES[ingress.name](talk))
    assert asked.turns == talk.expected(ingress.name, egress.name)
    assert asked.tools == {"get_weather": SCHEMA}
    if ingress.name != "ollama.chat" or talk.told_by == "id":
        assert asked.ids == talk.ids()
    else:
        assert len(set(asked.ids)) == len(talk.ids())
        assert all(asked.ids)


@pytest.mark.parametrize("egress", EGRESSES, ids=lambda egress: egress.name)
@settings(max_examples=15)
@given(talk=talks, more=rounds)
def test_ids_that_clients_dropped_are_the_same_in_every_request(egress: Egress, talk: Talk, more: Round) -> None:
    talk = replace(talk, told_by="name")
    later = replace(talk, rounds=(*talk.rounds, more))
    ids = asked_of(egress, "ollama.chat", BODIES["ollama.chat"](talk)).ids
    assert asked_of(egress, "ollama.chat", BODIES["ollama.chat"](later)).ids[: len(ids)] == ids


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
@settings(max_examples=15)
@given(text=maybe_words, made=st.lists(calls, min_size=1, max_size=3, unique_by=lambda call: call.id))
def test_what_a_model_called_comes_back_to_it(ingress: Any, egress: Egress, text: str, made: list[Call]) -> None:
    scene = Scene("any", tools=True, text=text, calls=tuple(made), finish="tool_calls")
    body = ingress.body(scene)
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    told = ingress.read_stream(rendered(ingress.name, egress, steps, body, is_whole=True))
    assert (told.text, told.calls) == (text, [(call.name, call.arguments) for call in made])
    earlier = tuple(Call(id_, name, arguments) for id_, (name, arguments) in zip(told.ids, told.calls, strict=True))
    asked = asked_of(egress, ingress.name, ingress.body(replace(scene, earlier=earlier)))
    assert asked.ids == [call.id for call in made]
    assert asked.said_by("call") == [("call", call.name, same(call.written)) for call in made]


# Answers

ANSWERS = [scene for scene in SCENES if scene.end in ("", "told", "cut", "quiet")]


def cut_anywhere(data: st.DataObject, body: bytes) -> list[bytes]:
    """`body` in pieces. None is empty: an empty one says that nothing came for long."""
    places = data.draw(st.sets(st.integers(1, len(body) - 1), max_size=12))
    edges = [0, *sorted(places), len(body)]
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


@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
@settings(max_examples=15)
@given(data=st.data(), scene=st.sampled_from(ANSWERS))
def test_silence_before_the_model_has_stopped_means_nothing(ingress: Any, egress: Egress, data: st.DataObject, scene: Scene) -> None:
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    body = ingress.body(scene)
    told = ingress.read_stream(rendered(ingress.name, egress, steps, body))
    silences = cut_anywhere(data, b"".join(steps[: len(steps) // 2 or 1]))
    chunks = [piece for chunk in silences for piece in (chunk, b"")] + steps[len(steps) // 2 or 1 :]
    assert ingress.read_stream(rendered(ingress.name, egress, chunks, body)) == told


@pytest.mark.parametrize("scene", [scene for scene in SCENES if not scene.end], ids=lambda scene: scene.name)
@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=IDS)
def test_whole_and_streamed_answers_say_the_same(ingress: Any, egress: Egress, scene: Scene) -> None:
    body = ingress.body(scene)
    steps = [step for step in egress.steps(scene) if isinstance(step, bytes)]
    streamed = ingress.read_stream(rendered(ingress.name, egress, steps, body, is_whole=True))
    whole = ingress.read_whole(json.loads(rendered_whole(ingress.name, egress, json.dumps(egress.whole(scene)).encode(), body)))
    assert (whole.ids, whole) == (streamed.ids, streamed)
