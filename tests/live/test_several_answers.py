"""Several answers to one request, over real gunicorn: by the `openai` package, and to clients that leave."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.fake_upstream import STALL, Answer, FakeUpstream, Request, json_answer
from tests.live.bare_client import Client
from tests.live.gateways import Gateways
from tests.live.house import House
from tests.live.master import wait_until
from tests.pairs.scenes import BY_NAME, Scene
from tests.pairs.upstreams import EGRESSES, Egress

FOREIGN = [egress for egress in EGRESSES if egress.name != "openai"]
ON_FOREIGN = pytest.mark.parametrize("egress", FOREIGN, ids=[f"on {egress.name}" for egress in FOREIGN])
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
CHAT, TEXT = "/v1/chat/completions", BY_NAME["text"]
HI: list[Any] = [{"role": "user", "content": "hi"}]


def begun(egress: Egress, request: Request) -> Answer:
    """An answer that says something, where it is a stream, and then nothing more."""
    if not egress.wants_stream(request) or b"be silent" in request.body:
        return Answer(before=[STALL])
    steps = egress.steps(replace(TEXT, end="quiet"))
    return Answer(200, egress.stream_headers, [*steps, STALL])


def play_in_turn(upstream: FakeUpstream, egress: Egress, *scenes: Scene | None) -> None:
    """Lets the upstream answer by one scene after the other; `None` is an answer that never ends. The last one serves for ever."""
    turn = itertools.count()

    def answer(request: Request) -> Answer:
        scene = scenes[min(next(turn), len(scenes) - 1)]
        return begun(egress, request) if scene is None else egress.answer(request, scene)

    egress.play(upstream, TEXT)
    for path in egress.paths:
        upstream.on(path, answer)


@ON_FOREIGN
def test_the_sdk_reads_each_choice(house: House, egress: Egress) -> None:
    from tests.vendors import openai_at

    upstream, model = house.upstreams[egress.name], f"{egress.name}/m"
    one, other = (replace(TEXT, text=f"answer number {number}") for number in (1, 2))
    expected = [(0, "stop"), (1, "stop")], [one.text, other.text], 2 * TEXT.completion_tokens
    with openai_at(house.master.address) as client:
        play_in_turn(upstream, egress, one, other)
        whole: Any = client.chat.completions.create(model=model, messages=HI, n=2)
        play_in_turn(upstream, egress, one, other)
        asked: Any = {"model": model, "messages": HI, "n": 2, "stream_options": {"include_usage": True}}
        with client.chat.completions.stream(**asked) as told:
            streamed: Any = told.get_final_completion()
        plain: Any = client.completions.create(model=model, prompt=["a", "b"], n=2, best_of=2)
    for answer in (whole, streamed):
        ends = [(choice.index, choice.finish_reason) for choice in answer.choices]
        assert (ends, sorted(choice.message.content for choice in answer.choices), answer.usage.completion_tokens) == expected
        assert {choice.message.role for choice in answer.choices} == {"assistant"}
    assert [choice.index for choice in plain.choices] == [0, 1, 2, 3]


@pytest.mark.parametrize("how", ["whole", "silent stream", "stream"])
@ON_FOREIGN
def test_a_client_that_leaves_ends_all_of_them(house: House, egress: Egress, how: str) -> None:
    upstream = house.upstreams[egress.name]
    play_in_turn(upstream, egress, None)
    before = len(upstream.requests)
    words = [{"role": "user", "content": "be silent"}] if how == "silent stream" else HI
    client = Client(house.master, CHAT, model=f"{egress.name}/m", n=3, stream=how != "whole", messages=words)
    assert upstream.wait_for_requests(before + 3)
    if how == "stream":
        client.read_until(b'"content":"Hel')
    client.leave()
    assert all(request.wait_closed() for request in upstream.requests[before:])


@BOTH_WAYS
@ON_FOREIGN
def test_where_one_fails_the_others_end_at_once(house: House, egress: Egress, stream: bool) -> None:
    upstream = house.upstreams[egress.name]
    play_in_turn(upstream, egress, None, None, BY_NAME["refused"])
    before = len(upstream.requests)
    client = Client(house.master, CHAT, model=f"{egress.name}/m", n=3, stream=stream)
    assert b"out of bounds" in client.read_until(b"out of bounds")
    wait_until(lambda: len(upstream.requests) == before + 3, lambda: upstream.requests)
    assert all(request.wait_closed() for request in upstream.requests[before : before + 2])
    client.leave()


@BOTH_WAYS
def test_a_breaker_that_lets_one_through_lets_the_others_follow(gateways: Gateways, tmp_path: Path, stream: bool) -> None:
    from tests.vendors import openai_at

    egress = FOREIGN[0]
    asked: Any = {"model": "m", "messages": HI, "n": 3}
    with FakeUpstream() as upstream:
        egress.play(upstream, TEXT)
        file = tmp_path / "proxy.toml"
        file.write_text(f'[upstreams.it]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\n')
        master = gateways.configured(file, BREAKER_FAILURES="1", BREAKER_COOLDOWN="0.2", MAX_RETRIES="0", WEB_CONCURRENCY="1")
        for path in egress.paths:
            upstream.on(path, json_answer(egress.trouble, 503))
        with openai_at(master.address) as client:
            for _ in range(2):
                with pytest.raises(openai.APIStatusError):
                    client.chat.completions.create(**asked)
            egress.play(upstream, TEXT)
            time.sleep(0.3)
            if stream:
                chunks: Any = list(client.chat.completions.create(**asked, stream=True))
                ends = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
            else:
                ends = [choice.finish_reason for choice in client.chat.completions.create(**asked).choices]
    assert ends == ["stop"] * 3


@ON_FOREIGN
def test_what_is_noted_is_one_exchange_of_several_calls(house: House, egress: Egress) -> None:
    from tests.vendors import openai_at

    house.play(egress, TEXT)
    asked: Any = {"model": f"{egress.name}/m", "messages": HI, "n": 3, "stream": True}
    with openai_at(house.master.address) as client:
        *_, last = client.chat.completions.create(**asked)
        assert last.choices

    def noted() -> list[Any]:
        return [line for line in house.master.records() if line.get("attempts") == 3 and line.get("model") == f"{egress.name}/m"]

    wait_until(lambda: any(line.get("end") == "finished" for line in noted()), lambda: house.master.lines)
    (line,) = [line for line in noted() if line.get("end") == "finished"]
    assert (line["prompt_tokens"], line["completion_tokens"]) == (3 * TEXT.prompt_tokens, 3 * TEXT.completion_tokens)
