from __future__ import annotations

from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.catalogue_file import Catalogue, InvalidCatalogue, describe, read_catalogue


def test_facts_replace_what_the_upstream_says_and_leave_the_rest() -> None:
    card = ModelCard("gpt-4o", created=7, owned_by="openai", context_length=1, raw={"id": "gpt-4o"})
    catalogue = read_catalogue({"gpt-4o": {"context_length": 128_000, "capabilities": ["completion", "vision"], "family": "gpt"}})

    described = catalogue.describe(card)

    assert described == ModelCard(
        "gpt-4o",
        created=7,
        owned_by="openai",
        context_length=128_000,
        capabilities=frozenset({"completion", "vision"}),
        family="gpt",
        raw={"id": "gpt-4o"},
    )


def test_a_model_that_the_file_does_not_name_keeps_its_card() -> None:
    card = ModelCard("other")

    assert read_catalogue({"gpt-4o": {"family": "gpt"}}).describe(card) is card
    assert Catalogue().describe(card) is card


def test_exact_names_come_before_globs_and_globs_in_the_order_of_the_file() -> None:
    catalogue = read_catalogue({"*": {"family": "any"}, "llama-*": {"family": "late"}, "llama-3": {"family": "exact"}})

    assert catalogue.describe(ModelCard("llama-3")).family == "exact"
    assert catalogue.describe(ModelCard("llama-2")).family == "any"


def test_globs_span_slashes_and_case_does_not_matter() -> None:
    catalogue = read_catalogue({"Meta-Llama/*-8B*": {"family": "llama"}, "GPT-4o": {"family": "gpt"}})

    assert catalogue.describe(ModelCard("meta-llama/Llama-3.1-8b-Instruct")).family == "llama"
    assert catalogue.describe(ModelCard("gpt-4O")).family == "gpt"
    assert catalogue.describe(ModelCard("xmeta-llama/a-8B")).family == ""


@pytest.mark.parametrize(
    ("size", "count"), [("8.0B", 8_000_000_000), ("137M", 137_000_000), ("0.5b", 500_000_000), ("1.2 T", 1_200_000_000_000), ("22", 22)]
)
def test_sizes_are_read_as_people_write_them(size: str, count: int) -> None:
    assert read_catalogue({"m": {"parameter_size": size}}).describe(ModelCard("m")).parameter_count == count


def test_ollamas_word_for_quantization_is_taken_too() -> None:
    assert read_catalogue({"m": {"quantization_level": "Q4_K_M"}}).describe(ModelCard("m")).quantization == "Q4_K_M"


def test_describe_is_a_pure_merge() -> None:
    card = ModelCard("m", context_length=5)

    assert describe(card, {"context_length": 6}).context_length == 6
    assert card.context_length == 5


def test_all_wrong_entries_are_named_at_once() -> None:
    payload = {
        "a": {"context_length": "8192", "parameter_size": "big", "contextlength": 5},
        "b": ["completion"],
        "c": {"capabilities": ["tools", "fly"]},
        "d": {"size_bytes": True, "family": 3},
        "good": {"family": "llama"},
        "e": {"capabilities": "tools", "context_length": 0},
    }

    with pytest.raises(InvalidCatalogue) as raised:
        read_catalogue(payload)

    assert sorted(raised.value.problems) == [
        "a: context_length: must be a whole number, 1 or more",
        "a: contextlength: unknown field",
        "a: parameter_size: must be a number with K, M, B or T behind it, such as 8B or 137M",
        "b: must be a JSON object",
        "c: capabilities.1: must be one of completion, tools, insert, vision, embedding, thinking, image, audio",
        "d: family: must be text",
        "d: size_bytes: must be a whole number, 0 or more",
        "e: capabilities: must be a list of words",
        "e: context_length: must be a whole number, 1 or more",
    ]
    assert str(raised.value).count("\n") == 8


@pytest.mark.parametrize("payload", [[], "text", None, 5])
def test_a_file_that_is_no_object_is_refused(payload: Any) -> None:
    with pytest.raises(InvalidCatalogue, match="must be a JSON object"):
        read_catalogue(payload)
