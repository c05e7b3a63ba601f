"""`options`: what becomes a sampling parameter, what is dropped, what is a 500."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.request import ChatRequest, Sampling
from proxy.dialects.ollama.options import OPTIONS
from proxy.dialects.ollama.parsing import parse_chat, parse_embed, parse_embeddings, parse_generate
from proxy.errors import InvalidRequest


def with_options(**options: Any) -> ChatRequest:
    return parse_chat({"model": "m", "messages": [{"role": "user", "content": "hi"}], "options": options})


def test_rule_options_become_sampling_under_their_canonical_names() -> None:
    given = {
        "num_predict": 50,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "typical_p": 0.8,
        "seed": 7,
        "stop": ["a", "b", "c", "d", "e"],
        "repeat_penalty": 1.1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    assert with_options(**given).sampling == Sampling(
        max_tokens=50,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        min_p=0.05,
        typical_p=0.8,
        seed=7,
        stop=("a", "b", "c", "d", "e"),
        repeat_penalty=1.1,
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )


@pytest.mark.parametrize("num_predict", [-1, -2, 0])
def test_rule_num_predict_without_a_limit_is_no_limit(num_predict: int) -> None:
    assert with_options(num_predict=num_predict).sampling == Sampling()


def test_rule_seed_minus_one_is_no_seed_and_zero_is_one() -> None:
    assert with_options(seed=-1).sampling.seed is None
    assert with_options(seed=0).sampling.seed == 0


def test_n8ns_top_k_of_minus_one_is_not_set() -> None:
    assert with_options(top_k=-1).sampling.top_k is None
    assert with_options(top_k=0).sampling.top_k == 0


def test_zero_is_said_and_not_absent() -> None:
    assert with_options(temperature=0, presence_penalty=0).sampling == Sampling(temperature=0.0, presence_penalty=0.0)


def test_empty_stop_sequences_are_left_out() -> None:
    assert with_options(stop=["", "x"]).sampling.stop == ("x",)
    assert with_options(stop=[]).sampling.stop == ()


def test_floats_for_integers_are_truncated() -> None:
    sampling = with_options(num_predict=49.9, seed=-1.5, top_k=1e300).sampling
    assert (sampling.max_tokens, sampling.seed, sampling.top_k) == (49, None, (1 << 63) - 1)


def test_fact_46_rule_unknown_and_local_options_mean_nothing() -> None:
    ignored = {
        **dict.fromkeys(("num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "repeat_last_n", "draft_num_predict"), 1),
        **dict.fromkeys(("mirostat", "mirostat_tau", "mirostat_eta", "tfs_z", "numa", "penalize_newline", "f16_kv", "Temperature"), "?"),
        "use_mmap": True,
        "temperature": None,
    }
    request = with_options(**ignored)
    assert (request.sampling, request.extra) == (Sampling(), {})


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("temperature", "hot", "of type float32"),
        ("temperature", True, "of type float32"),
        ("top_p", [], "of type float32"),
        ("num_predict", "50", "of type integer"),
        ("num_ctx", False, "of type integer"),
        ("num_gpu", {}, "of type integer"),
        ("use_mmap", 1, "of type boolean"),
        ("stop", "END", "of type array"),
        ("stop", ["a", 1], "of an array of strings"),
        ("stop", [None], "of an array of strings"),
    ],
)
def test_fact_47_a_wrong_type_is_a_500_that_names_the_option(option: str, value: Any, complaint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        with_options(**{option: value})
    assert caught.value.message == f'option "{option}" must be {complaint}'
    assert (caught.value.status, caught.value.param) == (500, f"options.{option}")


@pytest.mark.parametrize("parse", [parse_generate, parse_embed, parse_embeddings])
def test_every_endpoint_that_takes_options_checks_them(parse: Any) -> None:
    with pytest.raises(InvalidRequest, match='option "seed" must be of type integer') as caught:
        parse({"model": "m", "prompt": "hi", "input": "hi", "options": {"seed": "x"}})
    assert caught.value.status == 500


def test_every_option_that_ollama_documents_is_known() -> None:
    assert {"num_ctx", "num_predict", "temperature", "stop", "seed", "use_mmap"} <= set(OPTIONS.fields)
