"""Several answers to one request of an OpenAI client, on upstreams that give one for each call: all of them, or an error."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import CUT, Answer, FakeUpstream, Request, json_answer
from tests.gateway.several import config_of
from tests.pairs.clients.openai_chat import CHAT as CHAT_CLIENT
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, OSLO, PARIS, REFUSAL, TROUBLE, Scene
from tests.pairs.test_keepsakes_come_back import CALLS, signatures, signed
from tests.pairs.told import events
from tests.pairs.upstreams import ANTHROPIC, EGRESSES, GEMINI, OPENAI, Egress

Json = dict[str, Any]
FOREIGN = [egress for egress in EGRESSES if egress.name != "openai"]
ON_FOREIGN = pytest.mark.parametrize("egress", FOREIGN, ids=[f"on {egress.name}" for egress in FOREIGN])
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
TEXT = BY_NAME["text"]
A_CHAT: Json = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
A_PROMPT: Json = {"model": "m", "prompt": "hi"}


def posts(upstream: FakeUpstream) -> list[Json]:
    return [request.json for request in upstream.requests if request.method == "POST"]


def play_in_turn(upstream: FakeUpstream, egress: Egress, *scripts: Any) -> None:
    """Lets the upstream answer each request by the next of the scripts, scenes and answers; the last one serves for ever."""
    egress.play(upstream, TEXT)
    turn, lock = itertools.count(), threading.Lock()

    def answer(request: Request) -> Answer:
        with lock:
            script = scripts[min(next(turn), len(scripts) - 1)]
        if isinstance(script, Scene):
            return egress.answer(request, script)
        return script(request) if callable(script) else script

    for path in egress.paths:
        upstream.on(path, answer)


def held(egress: Egress, scene: Scene, *before: Any) -> Callable[[Request], Answer]:
    """The scene, behind these steps."""
    return lambda request: replace(egress.answer(request, scene), before=before)


def said(number: int) -> Scene:
    return replace(TEXT, text=f"answer number {number}")


class Choices:
    """What an OpenAI client reads; strict: what the stream says twice, or of no choice, fails here."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.calls: dict[int, list[str]] = {}
        self.finishes: dict[int, str] = {}
        self.usage: Json | None = None
        self.error = ""

    @classmethod
    def whole(cls, answer: Json) -> Choices:
        told = cls()
        assert [choice["index"] for choice in answer["choices"]] == list(range(len(answer["choices"])))
        for choice in answer["choices"]:
            message = choice.get("message") or {"content": choice.get("text")}
            told.texts[choice["index"]] = message["content"] or ""
            told.calls[choice["index"]] = [call["function"]["arguments"] for call in message.get("tool_calls", ())]
            told.finishes[choice["index"]] = choice["finish_reason"]
        told.usage = answer.get("usage")
        return told

    @classmethod
    def streamed(cls, body: bytes) -> Choices:
        told = cls()
        *chunks, (_, last) = events(body)
        assert last == "[DONE]"
        assert body.count(b"[DONE]") == 1
        calls: dict[tuple[int, int], str] = {}
        assert len({(chunk["id"], chunk["created"]) for _, chunk in chunks if "error" not in chunk}) <= 1
        for _, chunk in chunks:
            assert told.usage is None, "nothing follows the count"
            if "error" in chunk:
                told.error = chunk["error"]["message"]
                continue
            for choice in chunk["choices"]:
                index = choice["index"]
                assert index not in told.finishes
                assert index <= len(told.texts), "OpenAI's own helper fails where a later choice begins before an earlier one"
                if "delta" in choice:
                    assert ("role" in choice["delta"]) == (index not in told.texts)
                said = choice["delta"].get("content") if "delta" in choice else choice["text"]
                told.texts[index] = told.texts.get(index, "") + (said or "")
                for piece in choice.get("delta", {}).get("tool_calls", ()):
                    place = (index, piece["index"])
                    calls[place] = calls.get(place, "") + piece["function"]["arguments"]
                if choice["finish_reason"]:
                    told.finishes[index] = choice["finish_reason"]
            told.usage = chunk.get("usage")
        for (index, _), arguments in sorted(calls.items()):
            told.calls.setdefault(index, []).append(arguments)
        return told


def ask(client: FlaskClient, path: str, body: Json, *, stream: bool) -> Choices:
    more: Json = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    response = client.post(path, json={**body, **more})
    assert response.status_code == 200, response.text
    return Choices.streamed(response.data) if stream else Choices.whole(response.get_json())


@BOTH_WAYS
@ON_FOREIGN
def test_two_answers_are_two_choices_and_what_both_cost(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool) -> None:
    play_in_turn(upstream, egress, said(1), said(2))
    told = ask(gateway_of(upstream, egress), CHAT, {**A_CHAT, "n": 2}, stream=stream)
    assert sorted(told.texts) == [0, 1]
    assert sorted(told.texts.values()) == ["answer number 1", "answer number 2"]
    assert told.finishes == {0: "stop", 1: "stop"}
    assert told.usage is not None
    assert (told.usage["prompt_tokens"], told.usage["completion_tokens"], told.usage["total_tokens"]) == (18, 14, 32)
    first, second = posts(upstream)
    assert first == second
    assert "n" not in first


@BOTH_WAYS
@ON_FOREIGN
def test_calls_stay_with_their_choice(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool) -> None:
    scene = BY_NAME["two_tool_calls"]
    egress.play(upstream, scene)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    told = ask(gateway_of(upstream, egress), CHAT, {**A_CHAT, "n": 3, "tools": [tool]}, stream=stream)
    expected = [dict(call.arguments) for call in scene.calls]
    assert {index: [json.loads(each) for each in calls] for index, calls in told.calls.items()} == dict.fromkeys(range(3), expected)
    assert set(told.finishes.values()) == {"tool_calls"}


@BOTH_WAYS
@pytest.mark.parametrize("egress", [ANTHROPIC, GEMINI], ids=lambda egress: egress.name)
def test_what_belongs_to_a_call_of_any_choice_comes_back_with_it(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool
) -> None:
    client = gateway_of(upstream, egress)
    play_in_turn(upstream, egress, *(replace(CALLS, calls=(call,)) for call in (PARIS, OSLO)))
    asked = CHAT_CLIENT.body(CALLS)
    assert len(ask(client, CHAT, {**asked, "model": "m", "n": 2}, stream=stream).calls) == 2
    for call in (PARIS, OSLO):
        answered = replace(BY_NAME["tool_result"], thinks=True, earlier=(call,))
        egress.play(upstream, answered)
        assert CHAT_CLIENT.ask(client, answered, stream=stream).error == ""
        assert signatures(egress, upstream.requests[-1].json) == signed(egress)


@BOTH_WAYS
def test_each_answer_has_a_seed_of_its_own(gateway_of: Gateway, upstream: FakeUpstream, stream: bool) -> None:
    ollama = next(egress for egress in FOREIGN if egress.name == "ollama")
    ollama.play(upstream, TEXT)
    ask(gateway_of(upstream, ollama), CHAT, {**A_CHAT, "n": 3, "seed": 7}, stream=stream)
    assert sorted(body["options"]["seed"] for body in posts(upstream)) == [7, 8, 9]


@BOTH_WAYS
@ON_FOREIGN
def test_several_prompts_are_answered_in_their_order(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool) -> None:
    egress.play(upstream, TEXT)

    def answer(request: Request) -> Answer:
        return egress.answer(request, replace(TEXT, text="of one" if b"first" in request.body else "of another"))

    for path in (*egress.paths, *filter(None, [egress.prompt_path])):
        upstream.on(path, answer)
    asked = {"model": "m", "prompt": ["first", "second"], "n": 2, "best_of": 2, "echo": True}
    told = ask(gateway_of(upstream, egress), COMPLETIONS, asked, stream=stream)
    assert told.texts == {0: "firstof one", 1: "firstof one", 2: "secondof another", 3: "secondof another"}
    assert told.finishes == dict.fromkeys(range(4), "stop")
    assert told.usage is not None
    assert told.usage["prompt_tokens"] == 4 * TEXT.prompt_tokens


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, {**A_CHAT, "n": 9}, "n"),
        (COMPLETIONS, {**A_PROMPT, "n": 9}, "n"),
        (COMPLETIONS, {**A_PROMPT, "prompt": ["a", "b", "c"], "n": 3}, "n"),
        (COMPLETIONS, {**A_PROMPT, "prompt": list("abcdefghi")}, "prompt"),
        (COMPLETIONS, {**A_PROMPT, "n": 2, "best_of": 3}, "best_of"),
        (COMPLETIONS, {**A_PROMPT, "best_of": 2}, "best_of"),
        (COMPLETIONS, {**A_PROMPT, "prompt": []}, "prompt"),
        (COMPLETIONS, {**A_PROMPT, "prompt": ["a", None]}, "prompt"),
        (COMPLETIONS, {**A_PROMPT, "prompt": ["a", [1]]}, "prompt"),
    ],
)
def test_more_than_can_be_had_is_refused_by_its_name(
    gateway_of: Gateway, upstream: FakeUpstream, path: str, body: Json, param: str
) -> None:
    ANTHROPIC.play(upstream, TEXT)
    response = gateway_of(upstream, ANTHROPIC).post(path, json=body)
    assert (response.status_code, response.get_json()["error"]["param"]) == (400, param)
    assert not posts(upstream)


def test_eight_answers_can_be_had(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, TEXT)
    told = ask(gateway_of(upstream, ANTHROPIC), CHAT, {**A_CHAT, "n": 8}, stream=True)
    assert told.texts == dict.fromkeys(range(8), TEXT.text)


# Failures


@BOTH_WAYS
@ON_FOREIGN
def test_a_refusal_of_one_before_any_has_begun_is_the_answer(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool
) -> None:
    gate = upstream.gate()
    play_in_turn(upstream, egress, BY_NAME["refused"], held(egress, TEXT, gate))
    response = gateway_of(upstream, egress).post(CHAT, json={**A_CHAT, "n": 2, "stream": stream})
    gate.set()
    assert response.status_code == 400
    assert REFUSAL in response.get_json()["error"]["message"]


@pytest.mark.parametrize("end", ["refused", "told", "cut", "quiet"])
@ON_FOREIGN
def test_a_failure_of_one_after_another_has_begun_ends_the_stream_as_an_error(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, end: Any
) -> None:
    gate = upstream.gate()
    play_in_turn(upstream, egress, TEXT, held(egress, replace(TEXT, end=end), gate))
    client = gateway_of(upstream, egress)
    response = client.post(CHAT, json={**A_CHAT, "n": 2, "stream": True, "stream_options": {"include_usage": True}}, buffered=False)
    pieces: Iterator[bytes] = iter(response.response)
    seen = b""
    while b'"finish_reason":"stop"' not in seen:
        seen += next(pieces)
    gate.set()
    told = Choices.streamed(seen + b"".join(pieces))
    assert response.status_code == 200
    assert told.usage is None
    assert len(told.finishes) == 1
    assert {"refused": REFUSAL, "told": TROUBLE}.get(end, "") in told.error
    assert told.error


@ON_FOREIGN
def test_a_whole_answer_that_is_cut_is_an_error_for_all(gateway_of: Gateway, upstream: FakeUpstream, egress: Egress) -> None:
    play_in_turn(upstream, egress, TEXT, Answer(before=[CUT]))
    response = gateway_of(upstream, egress).post(CHAT, json={**A_CHAT, "n": 2})
    assert response.status_code == 502
    assert response.get_json()["error"]["message"]


@BOTH_WAYS
def test_an_answer_that_is_due_again_is_asked_for_alone(gateway_of: Gateway, upstream: FakeUpstream, stream: bool) -> None:
    play_in_turn(upstream, ANTHROPIC, json_answer(ANTHROPIC.trouble, 503), TEXT)
    told = ask(gateway_of(upstream, ANTHROPIC, MAX_RETRIES="1"), CHAT, {**A_CHAT, "n": 2}, stream=stream)
    assert told.texts == dict.fromkeys(range(2), TEXT.text)
    assert len(posts(upstream)) == 3


# Chains


@pytest.fixture
def second() -> Iterator[FakeUpstream]:
    with FakeUpstream() as upstream:
        yield upstream


def chained(folder: Path, *places: tuple[Egress, FakeUpstream], more: str = "") -> FlaskClient:
    tables = "".join(
        f'[upstreams.u{place}]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\n{more}\n'
        for place, (egress, upstream) in enumerate(places)
    )
    chain = '\n[fallbacks]\n"u0/m" = ["u1/m"]\n' if len(places) > 1 else ""
    return create_app(config_of(folder, tables + chain, {})).test_client()


@BOTH_WAYS
@pytest.mark.parametrize("first", [OPENAI, *FOREIGN], ids=lambda egress: egress.name)
def test_where_one_answer_cannot_be_had_all_come_from_the_next(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, first: Egress, stream: bool
) -> None:
    down = json_answer(first.trouble, 503)
    play_in_turn(upstream, first, down, *([] if stream else [TEXT]))
    ANTHROPIC.play(second, said(2))
    told = ask(chained(tmp_path, (first, upstream), (ANTHROPIC, second)), CHAT, {**A_CHAT, "model": "u0/m", "n": 2}, stream=stream)
    assert told.texts == dict.fromkeys(range(2), "answer number 2")
    assert len(posts(second)) == 2


@BOTH_WAYS
def test_an_openai_style_upstream_is_asked_as_the_client_asked(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, stream: bool
) -> None:
    OPENAI.play(upstream, TEXT)
    ANTHROPIC.play(second, TEXT)
    client = chained(tmp_path, (OPENAI, upstream), (ANTHROPIC, second))
    ask(client, CHAT, {**A_CHAT, "model": "u0/m", "n": 2}, stream=stream)
    assert [body["n"] for body in posts(upstream)] == [2]
    assert not posts(second)


@BOTH_WAYS
def test_one_seat_serves_one_answer_after_the_other(tmp_path: Path, upstream: FakeUpstream, stream: bool) -> None:
    ANTHROPIC.play(upstream, TEXT)
    client = chained(tmp_path, (ANTHROPIC, upstream), more="limits.in_flight = 1\nlimits.queue = 8")
    told = ask(client, CHAT, {**A_CHAT, "n": 4}, stream=stream)
    assert told.texts == dict.fromkeys(range(4), TEXT.text)


def test_a_queue_that_is_full_for_one_of_them_is_said_before_any_has_begun(tmp_path: Path, upstream: FakeUpstream) -> None:
    play_in_turn(upstream, ANTHROPIC, held(ANTHROPIC, TEXT, 0.3))
    client = chained(tmp_path, (ANTHROPIC, upstream), more="limits.in_flight = 1\nlimits.queue = 1")
    response = client.post(CHAT, json={**A_CHAT, "n": 3, "stream": True})
    assert response.status_code == 503


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("first", [OPENAI, ANTHROPIC], ids=lambda egress: egress.name)
def test_a_stream_whose_status_was_sent_before_any_has_begun(
    tmp_path: Path, upstream: FakeUpstream, second: FakeUpstream, first: Egress, fails: bool
) -> None:
    play_in_turn(upstream, first, lambda _: json_answer(first.trouble, 503, before=[0.6]))
    play_in_turn(second, ANTHROPIC, held(ANTHROPIC, BY_NAME["refused"] if fails else TEXT, 0.1))
    client = chained(tmp_path, (first, upstream), (ANTHROPIC, second), more="timeouts.commit = 0.2")
    told = ask(client, CHAT, {**A_CHAT, "model": "u0/m", "n": 2}, stream=True)
    assert (TROUBLE in told.error) == fails
    assert told.texts == ({} if fails else dict.fromkeys(range(2), TEXT.text))
