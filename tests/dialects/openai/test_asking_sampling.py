"""How sampling and options are read, wherever they stand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from proxy.canonical.request import Sampling
from proxy.dialects.openai.asking import parse_chat, parse_completion
from proxy.dialects.openai.responses.asking import parse_response
from tests.dialects.openai.asked import asked


def test_sampling_of_openai() -> None:
    request = asked(
        max_tokens=5, max_completion_tokens=9, temperature=0, top_p=0.5, seed=-1, presence_penalty=1, frequency_penalty=-1,
        stop=["a", ""], logprobs=True, top_logprobs=3, user="u",
    )  # fmt: skip
    assert request.sampling == Sampling(
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        seed=-1,
        presence_penalty=1,
        frequency_penalty=-1,
        stop=("a",),
        logprobs=True,
        top_logprobs=3,
    )
    assert request.user == "u"
    assert asked(max_tokens=5, safety_identifier="s").sampling.max_tokens == 5
    assert asked(safety_identifier="s").user == "s"


@pytest.mark.parametrize("where", ["top", "options", "extra_body", "extra_options"])
def test_what_users_of_ollama_send_is_understood_wherever_it_stands(where: str) -> None:
    runner = {
        "num_gpu": -1,
        "main_gpu": 0,
        "num_thread": 8,
        "num_keep": 4,
        "num_batch": 256,
        "repeat_last_n": 0,
        "draft_num_predict": 4,
        "use_mmap": False,
    }
    extras = {"top_k": 40, "min_p": 0.1, "typical_p": 0.2, "repeat_penalty": 1.1, "num_ctx": 8192, "keep_alive": "5m", **runner}
    payload = {
        "top": extras,
        "options": {"options": extras},
        "extra_body": {"extra_body": extras},
        "extra_options": {"extra_body": {"options": extras}},
    }[where]
    request = asked(**payload)
    assert request.sampling == Sampling(top_k=40, min_p=0.1, typical_p=0.2, repeat_penalty=1.1)
    assert request.extra == {"num_ctx": 8192, "keep_alive_s": 300.0, **runner}


SAFETY = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
OF_GOOGLE = {"safetySettings": SAFETY, "cachedContent": "cachedContents/1", "labels": {"team": "a"}, "serviceTier": "flex"}
IN_SNAKE_CASE = {"safety_settings": SAFETY, "cached_content": "cachedContents/1", "labels": {"team": "a"}, "service_tier": "flex"}


@pytest.mark.parametrize("said", [OF_GOOGLE, IN_SNAKE_CASE], ids=["camels", "snakes"])
@pytest.mark.parametrize("parse", [parse_chat, parse_completion, parse_response])
def test_what_gemini_alone_knows_is_understood_wherever_it_stands(parse: Callable[..., Any], said: dict[str, Any]) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi"}
    if parse is parse_response:
        del asked["prompt"]
    for place in (said, {"extra_body": said}, {"google": said}, {"extra_body": {"google": said}}, {"options": said}):
        assert parse({**asked, **place}).extra == OF_GOOGLE


def test_what_is_said_of_gemini_at_the_top_counts_most() -> None:
    both = asked(labels={"at": "top"}, extra_body={"labels": {"at": "inside"}, "cachedContent": "a", "google": {"cached_content": "b"}})
    assert both.extra == {"labels": {"at": "top"}, "cachedContent": "a"}
    assert asked(safetySettings=None, google="all", service_tier="priority").extra == {"serviceTier": "priority"}


OF_OPENAI = {"prompt_cache_key": "k", "prompt_cache_options": {"mode": "explicit"}, "prompt_cache_retention": "24h"}


def test_what_openai_alone_knows_is_kept_as_it_came() -> None:
    assert asked(**OF_OPENAI, verbosity="low", service_tier="auto").extra == {**OF_OPENAI, "verbosity": "low", "serviceTier": "auto"}
    response = parse_response({"model": "m", "input": "hi", **OF_OPENAI, "text": {"verbosity": "low"}, "service_tier": "auto"})
    assert response.extra == {**OF_OPENAI, "verbosity": "low", "serviceTier": "auto"}


def test_options_say_what_the_top_does_not() -> None:
    options = {"num_predict": 7, "temperature": 1, "seed": -1, "stop": "x", "top_k": -1, "num_ctx": 0}
    assert asked(options=options).sampling == Sampling(max_tokens=7, temperature=1, stop=("x",))
    assert asked(options=options).extra == {}
    both = asked(options=options, max_tokens=3, temperature=0, repetition_penalty=1.2).sampling
    assert both == Sampling(max_tokens=3, temperature=0, stop=("x",), repeat_penalty=1.2)
    assert asked(options={"num_predict": -1}).sampling == Sampling()
    assert asked(max_tokens=-1, max_completion_tokens=-1).sampling == Sampling()
    assert asked(keep_alive=-1).extra == {"keep_alive_s": math.inf}
