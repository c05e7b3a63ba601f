"""Every kind of client, at every kind of upstream, in every scene, whole and as a stream."""

from __future__ import annotations

import pytest

from proxy.dialects.registry import DIALECTS
from tests.fake_upstream import FakeUpstream
from tests.pairs.clients import INGRESSES, PROMPTS, Ingress
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, PNG, REFUSAL, SCENES, SCHEMA, TROUBLE, Scene, result_of
from tests.pairs.told import Asked, Told, same
from tests.pairs.upstreams import EGRESSES, Egress


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
@pytest.mark.parametrize("ingress", INGRESSES, ids=[ingress.name for ingress in INGRESSES])
def test_a_scene(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress, scene: Scene, stream: bool) -> None:
    egress.play(upstream, scene)
    told = ingress.ask(gateway_of(upstream, egress), scene, stream=stream)
    requests = [request for path in egress.paths for request in upstream.requests_to(path)]
    assert len(requests) == 1
    assert "of-the-client" not in str(requests[0].headers)
    assert "sk-of-the-house" in str(requests[0].headers)
    check_asked(egress.asked(requests[0]), scene)
    check_told(told, scene, stream=stream)


TEXTS = [(ingress, scene) for ingress in PROMPTS for scene in SCENES if not (scene.tools or scene.earlier)]
# A text that is gone on with comes from nobody, and is thought about by nobody.
TEXTS = [
    (ingress, scene) for ingress, scene in TEXTS if ingress.name == "ollama.generate" or not (scene.system or scene.thinks or scene.shows)
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
@pytest.mark.parametrize(("ingress", "scene"), TEXTS, ids=[f"{ingress.name}-{scene.name}" for ingress, scene in TEXTS])
def test_a_scene_without_turns(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress, scene: Scene, stream: bool
) -> None:
    egress.play(upstream, scene)
    told = ingress.ask(gateway_of(upstream, egress), scene, stream=stream)
    requests = [request for request in upstream.requests if request.method == "POST"]
    assert len(requests) == 1
    check_asked(egress.asked(requests[0]), scene)
    check_told(told, scene, stream=stream)


FINISHED = {"raw": True, "prompt": "<s>[INST] hi [/INST]"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
def test_a_finished_prompt_is_gone_on_with_or_refused(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool) -> None:
    """No template is put around it unasked."""
    egress.play(upstream, BY_NAME["length"])
    (ingress,) = (ingress for ingress in PROMPTS if ingress.name == "ollama.generate")
    told = ingress.ask(gateway_of(upstream, egress), BY_NAME["length"], stream=stream, **FINISHED)
    requests = [request for request in upstream.requests if request.method == "POST"]
    if not egress.prompt_path:
        assert (told.status, requests) == (400, [])
        assert "only chats" in told.error
        return
    (request,) = requests
    assert (request.path.endswith(egress.prompt_path), request.json["prompt"]) == (True, FINISHED["prompt"])
    assert (told.status, told.text) == (200, BY_NAME["length"].text)


def check_asked(asked: Asked, scene: Scene) -> None:
    """Nothing of what was meant is lost, and nothing is added to it."""
    assert asked.model == "m"
    assert asked.said_by("system") == ([("system", scene.system)] if scene.system else [])
    assert [turn for turn in asked.said_by("user", "image") if turn[0] == "user"] == [("user", scene.says)]
    assert asked.said_by("image") == ([("image", PNG)] if scene.shows else [])
    assert asked.said_by("call") == [("call", call.name, same(call.written)) for call in scene.earlier]
    assert asked.said_by("result") == [("result", same(call.written), result_of(call)) for call in scene.earlier]
    assert asked.tools == ({"get_weather": SCHEMA} if scene.tools else {})


def check_told(told: Told, scene: Scene, *, stream: bool) -> None:
    """The answer is what the upstream said, and it ends as it ended."""
    if scene.end:
        check_failed(told, scene, stream=stream)
        return
    assert told.error == ""
    assert told.ended
    assert (told.text, told.thoughts) == (scene.text, scene.thoughts)
    assert told.calls == [(call.name, dict(call.arguments)) for call in scene.whole_calls]
    assert len(set(told.ids)) == len(told.ids)
    assert all(told.ids)
    assert told.finish == scene.finish
    assert (told.prompt_tokens, told.completion_tokens) == (scene.prompt_tokens, scene.completion_tokens)


def check_failed(told: Told, scene: Scene, *, stream: bool) -> None:
    """No end is made up, and no call: none is told as a whole that did not come as a whole."""
    assert not told.ended
    assert not told.finish
    calls = [(call.name, dict(call.arguments)) for call in scene.calls]
    assert told.calls == calls[: len(told.calls)]
    assert scene.thoughts.startswith(told.thoughts)
    match scene.end:
        case "refused":
            assert (told.status, REFUSAL in told.error) == (400, True)
        case "told" if not stream:
            assert (told.status, TROUBLE in told.error) in {(500, True), (502, True)}
        case "told":
            assert (told.status, TROUBLE in told.error, told.text) == (200, True, scene.half)
        case _ if stream:
            assert (told.status, told.text) == (200, scene.half)
            assert told.error
        case _:
            assert told.status == 502


def test_no_pair_is_missing() -> None:
    assert {each.name for each in EGRESSES} == {dialect.name for dialect in DIALECTS.values() if dialect.egress}
    assert {each.dialect for each in INGRESSES} == {dialect.name for dialect in DIALECTS.values() if dialect.make_blueprint}
