"""Where a request goes next."""

from __future__ import annotations

import pytest

from proxy.errors import ModelNotFound
from proxy.routing import Rule
from tests.routing.tables import a_table, an_upstream, chained

BOXES = an_upstream("boxes", ["llama3:latest", "gpt-4o", "secret"], hide=("secret",), aliases={"small": "llama3:latest"})
CLOUD = an_upstream("openai", ["gpt-4o", "o3"], priority=1)


@pytest.mark.parametrize(
    ("fallbacks", "asked", "chain"),
    [
        ({}, "o3", ["openai o3"]),
        ({"o3": ["gpt-4o", "llama3"]}, "o3", ["openai o3", "openai gpt-4o", "boxes llama3:latest"]),
        ({"o3": ["boxes/gpt-4o"]}, "O3:latest", ["openai o3", "boxes gpt-4o"]),
        ({"o3": ["boxes:gpt-4o", "small", "fast"]}, "openai/o3", ["openai o3", "boxes gpt-4o", "boxes llama3:latest", "openai o3-mini"]),
        ({"o3-mini": ["small"]}, "fast", ["openai o3-mini", "boxes llama3:latest"]),
        ({"fast": ["small"]}, "o3-mini", ["openai o3-mini", "boxes llama3:latest"]),
        ({"fast": ["small"], "o3-mini": ["o3"]}, "fast", ["openai o3-mini", "boxes llama3:latest"]),
        ({"gpt-4o": ["small"]}, "boxes/gpt-4o", ["boxes gpt-4o"]),
        ({"boxes/gpt-4o": ["small"]}, "boxes/gpt-4o", ["boxes gpt-4o", "boxes llama3:latest"]),
        ({"*": ["small"]}, "anything", ["openai anything", "boxes llama3:latest"]),
        ({"*": ["small"], "o3": []}, "o3", ["openai o3"]),
        ({"*": ["small"], "o3": ["gpt-4o"]}, "o3", ["openai o3", "openai gpt-4o"]),
        ({"o3-*": ["o3"], "*": ["small"]}, "fast", ["openai o3-mini", "openai o3"]),
        ({"openai/*": ["small"]}, "o3", ["openai o3", "boxes llama3:latest"]),
        ({"o3": ["secret", "boxes/secret", "gpt-4o"]}, "o3", ["openai o3", "openai gpt-4o"]),
    ],
)
def test_a_chain_is_where_a_name_leads_then_its_fallbacks(fallbacks: dict[str, list[str]], asked: str, chain: list[str]) -> None:
    assert chained(a_table(BOXES, CLOUD, mapping={"fast": "o3-mini"}, fallbacks=fallbacks), asked) == chain


def test_fallbacks_have_fallbacks_after_all_of_the_first() -> None:
    table = a_table(an_upstream("u", list("abcdef")), fallbacks={"a": ["b", "c"], "b": ["d"], "c": ["e"], "d": ["f"]})
    assert chained(table, "a") == ["u a", "u b", "u c", "u d", "u e", "u f"]


def test_a_circle_ends_and_nothing_comes_twice() -> None:
    table = a_table(an_upstream("u", ["a", "b:latest"]), fallbacks={"a": ["a", "u/A", "b", "B:latest", "u:b"], "b": ["a", "b"]})
    assert chained(table, "a") == ["u a", "u b:latest"]
    assert chained(table, "b") == ["u b:latest", "u a"]


def test_a_model_has_one_place_in_a_chain_by_whatever_name_it_is_asked_for() -> None:
    table = a_table(CLOUD, mapping={"x": "O3"}, fallbacks={"o3": ["x", "openai/o3:latest", "gpt-4o"]})
    assert chained(table, "o3") == ["openai o3", "openai gpt-4o"]


def test_a_fallback_says_whose_it_is() -> None:
    _, fallback = a_table(BOXES, CLOUD, fallbacks={"o3": ["small"]}).chain("o3")
    assert (fallback.rule, fallback.why) == (Rule.ALIAS, "fallback of o3, alias small of boxes")


@pytest.mark.parametrize(
    ("written", "asked"),
    [("o3", "O3:latest"), ("o3", "openai/o3"), ("o3", "fast"), ("fast", "o3"), ("o*", "o3"), ("*", "unheard"), ("openai/*", "o3")],
)
def test_a_fallback_names_the_rule_that_it_stands_in(written: str, asked: str) -> None:
    _, fallback = a_table(BOXES, CLOUD, mapping={"fast": "o3"}, fallbacks={written: ["small"]}).chain(asked)
    assert fallback.why == f"fallback of {written}, alias small of boxes"


@pytest.mark.parametrize(
    ("asked", "fallback", "stands_in"),
    [
        ("gpt-4o", "boxes/gpt-4o", False),
        ("o3", "gpt-4o", True),
        ("llama3", "openai/Llama3", False),
        ("fast", "small", True),
        ("secret", "o3", True),
    ],
)
def test_another_model_stands_in_and_the_same_one_elsewhere_does_not(asked: str, fallback: str, stands_in: bool) -> None:
    chain = a_table(BOXES, CLOUD, mapping={"fast": "o3-mini"}, fallbacks={asked: [fallback]}).chain(asked)
    assert [each.stands_in for each in chain] == [stands_in] if asked == "secret" else [False, stands_in]


def test_a_fallback_of_a_fallback_names_its_own_rule() -> None:
    chain = a_table(BOXES, CLOUD, fallbacks={"*": ["openai/o3"], "o3": ["small"]}).chain("unheard")
    assert [each.why.partition(",")[0] for each in chain[1:]] == ["fallback of *", "fallback of o3"]


def test_a_name_that_leads_nowhere_still_has_the_fallbacks_that_were_given_for_it() -> None:
    assert chained(a_table(BOXES, fallbacks={"secret": ["gpt-4o"]}), "secret") == ["boxes gpt-4o"]
    with pytest.raises(ModelNotFound, match=r"^model 'secret' not found$"):
        a_table(BOXES, fallbacks={"*": ["gpt-4o"]}).chain("secret")
    with pytest.raises(ModelNotFound, match=r"^model 'Secret ' not found$"):
        a_table(BOXES, fallbacks={"secret": ["boxes/secret"]}).chain("Secret ")
