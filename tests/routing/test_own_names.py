"""The model that is itself called as a client says, whatever the operator calls so: where models are made and deleted."""

from __future__ import annotations

import pytest

from proxy.routing import Rule
from tests.routing.tables import a_table, an_upstream

BOXES = an_upstream(
    "boxes", ["llama3:latest", "qwen3:8b"], aliases={"tiny": "qwen3:8b", "mini*": "qwen3:8b", "LLAMA3": "llama3"}, hide=("secret*",)
)
FAR = an_upstream("far", ["far-only", "tiny2"], priority=-1)
TABLE = a_table(
    BOXES,
    FAR,
    mapping={"gpt-4": "boxes/qwen3:8b", "gpt-*": "llama3", "*": "llama3", "far-only": "far/far-only", "gone": "boxes/secret:1b"},
)


@pytest.mark.parametrize(
    ("name", "rule", "place"),
    [
        ("qwen3:8b", Rule.LISTED, "boxes qwen3:8b"),
        (" Qwen3:8B ", Rule.LISTED, "boxes qwen3:8b"),
        ("llama3", Rule.LISTED, "boxes llama3:latest"),
        ("boxes/llama3", Rule.LISTED, "boxes llama3:latest"),
        ("boxes/new", Rule.PREFIX, "boxes new"),
        ("far/new:latest", Rule.PREFIX, "far new"),
        ("far-only", Rule.PREFIX, "far far-only"),
        ("tiny", Rule.ALIAS, "boxes qwen3:8b"),
        ("boxes/tiny", Rule.ALIAS, "boxes qwen3:8b"),
        ("gpt-4:latest", Rule.MAPPING, "boxes qwen3:8b"),
        ("gpt-5", Rule.DEFAULT, "far gpt-5"),
        ("minimal", Rule.DEFAULT, "far minimal"),
        ("boxes/minimal", Rule.PREFIX, "boxes minimal"),
    ],
)
def test_only_names_that_were_given_exactly_lead_to_other_models(name: str, rule: Rule, place: str) -> None:
    own = TABLE.own(name, ["far", "boxes"])
    assert own is not None
    assert (own.rule, f"{own.upstream} {own.upstream_model}") == (rule, place)


@pytest.mark.parametrize("name", ["boxes/secret:1b", "gone"])
def test_hidden_models_are_nowhere(name: str) -> None:
    assert TABLE.own(name, ["boxes"]) is None


@pytest.mark.parametrize("name", ["secret:1b", "boxes/secret:1b"])
def test_hidden_models_are_not_at_their_upstream_either(name: str) -> None:
    assert TABLE.own_at("boxes", name) is None


@pytest.mark.parametrize(("name", "place"), [("far-only", "far-only"), ("boxes/new", "new"), ("far/new", "far/new"), ("gpt-4", "gpt-4")])
def test_at_one_upstream_others_do_not_count(name: str, place: str) -> None:
    own = TABLE.own_at("boxes", name)
    assert own is not None
    assert (own.upstream, own.upstream_model) == ("boxes", place)


def test_a_model_is_told_by_a_name_that_leads_to_it_alone() -> None:
    place = TABLE.chain("gpt-4")[0]
    assert TABLE.own_name(place) == "boxes/qwen3:8b"
    alone = a_table(BOXES, mapping={"gpt-4": "qwen3:8b"})
    assert alone.own_name(alone.chain("gpt-4")[0]) == "qwen3:8b"
    swapped = a_table(BOXES, mapping={"llama3": "qwen3:8b", "qwen3:8b": "llama3"})
    assert swapped.own_name(swapped.chain("llama3")[0]) == "boxes/qwen3:8b"
