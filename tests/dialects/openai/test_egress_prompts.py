"""Plain texts, as each kind of server is asked to go on with them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import PromptRequest, Sampling
from proxy.dialects.openai import egress
from proxy.errors import InvalidRequest, NotSupported
from tests.dialects.openai.asking import a_prompt_request, body_of, to


def prompted(profile: Any = "generic", **changes: Any) -> tuple[str, dict[str, Any]]:
    call = egress.build_prompt(a_prompt_request(**changes), to(profile))
    return call.path, body_of(call.body)


def test_a_prompt_goes_to_completions() -> None:
    assert prompted() == ("/completions", {"model": "sent", "prompt": "def f("})


def test_a_suffix_goes_along() -> None:
    assert prompted(suffix="return x")[1]["suffix"] == "return x"
    assert prompted(suffix="")[1]["suffix"] == ""


def test_mistral_fills_in_the_middle_elsewhere() -> None:
    path, body = prompted("mistral", suffix="return x", sampling=Sampling(seed=7, max_tokens=9))
    assert path == "/fim/completions"
    assert body == {"model": "sent", "prompt": "def f(", "suffix": "return x", "random_seed": 7, "max_tokens": 9}


def test_a_server_that_only_chats_is_told_it_as_a_users_words() -> None:
    path, body = prompted("groq", sampling=Sampling(9))
    assert (path, body["messages"]) == ("/chat/completions", [{"role": "user", "content": "def f("}])


def test_a_server_that_only_chats_takes_no_finished_prompt() -> None:
    with pytest.raises(NotSupported, match="only chats") as refused:
        prompted("groq", is_finished=True)
    assert (refused.value.status, refused.value.param) == (400, "raw")
    assert prompted("vllm", is_finished=True)[0] == "/completions"


@pytest.mark.parametrize("profile", ["llamacpp", "lmstudio", "groq"])
def test_a_suffix_that_would_be_dropped_in_silence_is_refused(profile: str) -> None:
    with pytest.raises(InvalidRequest, match='"asked" does not support insert'):
        prompted(profile, suffix="")


def test_a_prompt_is_limited_by_its_old_name_and_streams() -> None:
    sampling = Sampling(max_tokens=9, temperature=0.5, stop=("x",))
    _, body = prompted("openai", stream=True, sampling=sampling, user="ann")
    assert body == {
        "model": "sent",
        "prompt": "def f(",
        "temperature": 0.5,
        "stop": ["x"],
        "user": "ann",
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(("top", "sent"), [(None, 1), (0, 1), (4, 4)])
def test_likelihoods_of_a_prompt_are_a_number(top: int | None, sent: int) -> None:
    assert prompted(sampling=Sampling(logprobs=True, top_logprobs=top))[1]["logprobs"] == sent
    assert "logprobs" not in prompted("lmstudio", sampling=Sampling(logprobs=True))[1]


def test_a_prompt_is_no_chat() -> None:
    assert isinstance(a_prompt_request(), PromptRequest)
    assert "messages" not in prompted("deepseek")[1]
