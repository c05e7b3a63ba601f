"""The tables of the dialects are whole, and the pages that are written from them say the same."""

from __future__ import annotations

import re

import pytest

from proxy.support import FEATURES, OUTCOMES, Support, met
from tests.dialect_pages import APIS, FOLDER, README, client_tables, matrix, pages, upstream_tables, with_matrix
from tests.pairs.clients import INGRESSES, PROMPTS
from tests.pairs.test_vectors_of_pairs import CLIENTS
from tests.pairs.upstreams import EGRESSES


@pytest.mark.parametrize(("dialect", "features"), upstream_tables().items(), ids=list(upstream_tables()))
def test_upstreams_say_what_they_make_of_every_feature(dialect: str, features: dict[str, Support]) -> None:
    assert set(features) == set(FEATURES)


@pytest.mark.parametrize(("dialect", "fields"), client_tables().items(), ids=list(client_tables()))
def test_fields_of_clients_mean_features_that_there_are(dialect: str, fields: dict[str, Support]) -> None:
    assert {field.feature for field in fields.values()} <= {"", *FEATURES}


def test_every_loss_has_a_reason() -> None:
    tables = [*client_tables().values(), *upstream_tables().values()]
    lost = [
        (name, support) for table in tables for name, support in table.items() if support.outcome in ("approximated", "dropped", "refused")
    ]
    assert [name for name, support in lost if not support.note] == []


@pytest.mark.parametrize(
    ("client", "field"),
    [
        ("openai", "input (embeddings)"),
        ("openai", "dimensions"),
        ("openai", "encoding_format"),
        ("openai", "(answer) data[].embedding"),
        ("openai", "(answer) usage (embeddings)"),
        ("ollama", "input"),
        ("ollama", "dimensions"),
        ("ollama", "(answer) embeddings"),
    ],
)
def test_what_belongs_to_vectors_is_refused_where_there_are_none(client: str, field: str) -> None:
    assert met(client_tables()[client][field], upstream_tables()["anthropic"]).outcome == "refused"


# How a loss is told, or what sounds like one: nothing is lost of what said nothing, or was never told; and what the gateway itself leaves
# out or looks for is what was asked for.
OF_LOSSES = re.compile(r"\b(?:refuse[sd]?|lowered|left out|at most|only)\b")
NO_LOSSES = {
    ("anthropic", "messages[].content[].text"),
    ("anthropic", "text"),
    ("anthropic", "hidden_reasoning"),
    ("gemini", "text"),
    ("ollama", "hidden_reasoning"),
    ("ollama", "options.top_k"),
    ("ollama", "(answer) prompt_eval_count, eval_count"),
    ("openai", "messages[].content (text)"),
    ("openai", "(answer) usage"),
}


def test_what_is_refused_or_left_out_in_part_is_called_a_loss() -> None:
    tables = [*client_tables().items(), *upstream_tables().items()]
    sound = {
        (dialect, name)
        for dialect, table in tables
        for name, support in table.items()
        if support.outcome in ("carried", "translated") and OF_LOSSES.search(support.note)
    }
    assert sound == NO_LOSSES


def test_the_pages_are_those_of_the_tables() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    assert written == pages(), "python -m tests.dialect_pages"


def test_the_matrix_of_the_readme_is_that_of_the_tables() -> None:
    readme = README.read_text()
    assert matrix() in readme, "python -m tests.dialect_pages"
    assert with_matrix(readme) == readme


def test_what_stands_in_the_matrix_is_what_the_pairs_are_tested_with() -> None:
    """`tests/pairs` asks each of these of each upstream: what is ticked has an answer there, and what is not is refused."""
    assert {name for _, names, _, _ in APIS for name in names} == {*(ingress.name for ingress in (*INGRESSES, *PROMPTS)), *CLIENTS}
    assert {egress.name for egress in EGRESSES} == set(upstream_tables())


@pytest.mark.parametrize(
    ("field", "there", "outcome"),
    [
        ("carried", "carried", "carried"),
        ("translated", "carried", "translated"),
        ("carried", "translated", "translated"),
        ("translated", "dropped", "dropped"),
        ("refused", "dropped", "refused"),
        ("approximated", "translated", "approximated"),
    ],
)
def test_a_pair_is_as_good_as_the_worse_of_both(field: str, there: str, outcome: str) -> None:
    assert {field, there, outcome} <= set(OUTCOMES)
    both = met(Support(field, "here", "seed"), {"seed": Support(there, "there")})  # type: ignore[arg-type]
    assert both.outcome == outcome


@pytest.mark.parametrize(
    ("field", "there", "note"),
    [
        ("translated", "approximated", "here; there"),
        ("carried", "carried", "here; there"),
        ("translated", "dropped", "there"),
        ("approximated", "refused", "there"),
        ("refused", "dropped", "here"),
        ("dropped", "dropped", "here"),
    ],
)
def test_of_what_is_lost_it_is_said_why_and_not_what_it_would_have_become(field: str, there: str, note: str) -> None:
    assert met(Support(field, "here", "seed"), {"seed": Support(there, "there")}) == Support(  # type: ignore[arg-type]
        max(field, there, key=OUTCOMES.index),  # type: ignore[arg-type]
        note,
        "seed",
    )


def test_what_ends_at_the_gateway_is_the_same_everywhere() -> None:
    support = Support("dropped", "nobody knows it")
    assert met(support, {"seed": Support("carried")}) == support
