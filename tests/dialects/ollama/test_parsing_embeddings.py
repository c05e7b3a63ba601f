"""`/api/embed` and `/api/embeddings`: the request side of translation 1.4."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.catalog import EmbeddingsRequest
from proxy.dialects.ollama.parsing import parse_embed, parse_embeddings
from proxy.errors import InvalidRequest


def parsed(**changes: Any) -> EmbeddingsRequest:
    return parse_embed({"model": "m", **changes})


def test_rule_input_is_a_text_or_texts_in_order() -> None:
    assert parsed(input="a") == EmbeddingsRequest("m", ("a",))
    assert parsed(input=["b", "a", ""]) == EmbeddingsRequest("m", ("b", "a", ""))
    assert parsed(input=[""]).inputs == ("",)


@pytest.mark.parametrize("sent", [{}, {"input": ""}, {"input": []}, {"input": None}])
def test_fact_59_case_77_rule_empty_input_is_nothing_to_embed(sent: dict[str, Any]) -> None:
    assert parsed(**sent).inputs == ()


@pytest.mark.parametrize("given", [1, True, {}, [1], ["a", 2], [["a"]], [None], ["a", None]])
def test_fact_60_rule_items_that_are_no_texts_are_refused(given: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^invalid input type$") as caught:
        parsed(input=given)
    assert (caught.value.status, caught.value.param) == (400, "input")


@pytest.mark.parametrize(("asked", "dimensions"), [(256, 256), (0, None), (-3, None), (None, None)])
def test_rule_dimensions_of_zero_are_unset(asked: int | None, dimensions: int | None) -> None:
    assert parsed(input="a", dimensions=asked).dimensions == dimensions


@pytest.mark.parametrize(("sent", "truncate"), [({}, True), ({"truncate": None}, True), ({"truncate": False}, False)])
def test_rule_truncate_is_true_when_absent(sent: dict[str, Any], truncate: bool) -> None:
    assert parsed(input="a", **sent).truncate is truncate


def test_rule_keep_alive_and_options_are_checked_and_dropped() -> None:
    assert parsed(input="a", keep_alive="5m", options={"num_ctx": 9}) == parsed(input="a")
    with pytest.raises(InvalidRequest, match="invalid duration"):
        parsed(keep_alive="")


def test_fact_33_embed_without_a_model_does_not_find_it() -> None:
    with pytest.raises(InvalidRequest, match=r"^model '' not found$") as caught:
        parse_embed({"input": [1]})
    assert caught.value.status == 404


def test_fact_61_rule_the_older_form_takes_one_prompt_and_leaves_its_vector_as_it_is() -> None:
    assert parse_embeddings({"model": "m", "prompt": "a"}) == EmbeddingsRequest("m", ("a",), normalize=False)
    assert parse_embeddings({"model": "m"}).inputs == ()
    assert parse_embeddings({"model": "m", "prompt": ""}).inputs == ()


def test_the_older_form_wants_a_model_and_a_text() -> None:
    with pytest.raises(InvalidRequest, match=r"^model is required$"):
        parse_embeddings({"prompt": "a"})
    with pytest.raises(InvalidRequest, match=r"EmbeddingRequest.prompt of type string"):
        parse_embeddings({"model": "m", "prompt": ["a"]})
