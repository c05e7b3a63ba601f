"""Chains in which some upstreams speak the client's language, and some do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy import create_app
from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.several import config_of
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.scenes import BY_NAME, Scene
from tests.pairs.told import Told
from tests.pairs.upstreams import EGRESSES, Egress

BY_DIALECT = {egress.name: egress for egress in EGRESSES}
FOREIGN = {"openai": "anthropic", "anthropic": "openai", "ollama": "gemini"}


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


def ask(
    folder: Path, ingress: Ingress, scene: Scene, chain: list[tuple[Egress, FakeUpstream]], *, stream: bool = True, more: str = ""
) -> Told:
    """What a client is told by a gateway with two upstreams, of which the second stands in for the first."""
    tables = "".join(
        f'[upstreams.u{place}]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\n{more}\n'
        for place, (egress, upstream) in enumerate(chain)
    )
    text = f'{tables}\n[fallbacks]\n"u0/m" = ["u1/m"]\n'
    client = create_app(config_of(folder, text, {}, KEEPALIVE_INTERVAL="0.2")).test_client()
    return ingress.ask(client, scene, stream=stream, model="u0/m")


def check(told: Told, scene: Scene) -> None:
    assert (told.error, told.ended) == ("", True)
    assert (told.text, told.thoughts, told.finish) == (scene.text, scene.thoughts, scene.finish)
    assert told.calls == [(call.name, dict(call.arguments)) for call in scene.calls]


@pytest.mark.parametrize("own_first", [True, False], ids=["own first", "foreign first"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("ingress", INGRESSES, ids=[ingress.name for ingress in INGRESSES])
def test_a_fallback_of_another_language_serves(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress, own_first: bool, stream: bool
) -> None:
    own, foreign = BY_DIALECT[ingress.dialect], BY_DIALECT[FOREIGN[ingress.dialect]]
    egresses = (own, foreign) if own_first else (foreign, own)
    scene = BY_NAME["two_tool_calls"]
    egresses[0].play(upstream, scene)
    for path in (*egresses[0].paths, "/responses"):
        upstream.on(path, json_answer(egresses[0].trouble, 503))
    egresses[1].play(second, scene)
    check(ask(tmp_path, ingress, scene, list(zip(egresses, (upstream, second), strict=True)), stream=stream), scene)


@pytest.mark.parametrize("own_first", [True, False], ids=["own first", "foreign first"])
@pytest.mark.parametrize("ingress", INGRESSES, ids=[ingress.name for ingress in INGRESSES])
def test_a_stream_whose_status_was_sent_before_anybody_answered_is_a_stream_all_the_same(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress, own_first: bool
) -> None:
    own, foreign = BY_DIALECT[ingress.dialect], BY_DIALECT[FOREIGN[ingress.dialect]]
    egresses = (own, foreign) if own_first else (foreign, own)
    scene = BY_NAME["text"]
    egresses[0].play(upstream, scene)

    for path in (*egresses[0].paths, "/responses"):
        upstream.on(path, json_answer(egresses[0].trouble, 503, before=[0.6]))
    egresses[1].play(second, scene)
    chain = list(zip(egresses, (upstream, second), strict=True))
    check(ask(tmp_path, ingress, scene, chain, more="timeouts.commit = 0.2"), scene)


@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
@pytest.mark.parametrize("ingress", INGRESSES, ids=[ingress.name for ingress in INGRESSES])
def test_who_hears_nothing_for_long_is_told_in_the_stream_that_nobody_serves(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, ingress: Ingress, egress: Egress
) -> None:
    scene = BY_NAME["text"]
    for server in (upstream, second):
        egress.play(server, scene)
        for path in (*egress.paths, "/responses"):
            server.on(path, json_answer(egress.trouble, 503, before=[0.4]))
    told = ask(tmp_path, ingress, scene, [(egress, upstream), (egress, second)], more="timeouts.commit = 0.2")
    assert (told.status, told.ended, told.text) == (200, False, "")
    assert told.error
