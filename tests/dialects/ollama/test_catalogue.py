from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import ollama
import orjson
import pytest

from proxy.canonical.catalog import CAPABILITIES, ListedModel, ModelCard
from proxy.catalogue_file import describe
from proxy.dialects.ollama.catalogue import model_digest, render_ps, render_show, render_tags
from proxy.dialects.ollama.management import ShowRequest
from proxy.dialects.ollama.reading.models import card_of
from proxy.errors import InvalidRequest

# What each key of a tag must be, for every client to decode it (types.go, OllamaKit, Zed, koog).
TAG_TYPES = {"name": str, "model": str, "modified_at": str, "size": int, "digest": str, "details": dict, "capabilities": list}
DETAIL_TYPES = {"parent_model": str, "format": str, "family": str, "families": list, "parameter_size": str, "quantization_level": str}


def listed(*cards: ModelCard, aliases: Mapping[str, ModelCard] | None = None, origin: str = "here") -> list[ListedModel]:
    named = {**(aliases or {}), **{card.id: card for card in cards if card.id not in (aliases or {})}}
    return [ListedModel(name, card, origin) for name, card in named.items()]


def tags_of(*cards: ModelCard, **how: Any) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = orjson.loads(render_tags(listed(*cards, **how)))["models"]
    return models


def show_of(card: ModelCard, user_agent: str = "", **changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(render_show(ShowRequest(**{"model": card.id, **changes}), card, user_agent))
    return shown


def names_of(tags: Sequence[dict[str, Any]]) -> list[str]:
    return [tag["name"] for tag in tags]


def test_no_models_are_an_empty_array() -> None:
    assert render_tags([]) == b'{"models":[]}'


def test_a_bare_card_has_every_field_with_its_type_and_no_null() -> None:
    (tag,) = tags_of(ModelCard("gpt-4o"))

    assert {key: type(value) for key, value in tag.items()} == TAG_TYPES
    assert {key: type(value) for key, value in tag["details"].items()} == DETAIL_TYPES
    assert (tag["name"], tag["model"], tag["size"]) == ("gpt-4o:latest", "gpt-4o:latest", 0)
    assert tag["capabilities"] == ["completion", "tools"]


def test_a_full_card_shows_what_is_known() -> None:
    card = ModelCard(
        "org/llama:8b",
        created=1_767_323_045,
        capabilities=frozenset({"vision", "tools", "completion"}),
        context_length=8192,
        embedding_length=4096,
        parameter_count=8_030_000_000,
        size_bytes=4_683_075_271,
        family="llama",
        quantization="Q4_K_M",
    )

    (tag,) = tags_of(card)

    assert tag | {"digest": ""} == {
        "name": "org/llama:8b",
        "model": "org/llama:8b",
        "modified_at": "2026-01-02T03:04:05Z",
        "size": 4_683_075_271,
        "digest": "",
        "details": {
            "parent_model": "",
            "format": "",
            "family": "llama",
            "families": ["llama", "clip"],
            "parameter_size": "8.0B",
            "quantization_level": "Q4_K_M",
            "context_length": 8192,
            "embedding_length": 4096,
        },
        "capabilities": ["completion", "tools", "vision"],
    }


THEIRS: dict[str, Any] = {
    "name": "seer:8b",
    "model": "seer:8b",
    "remote_host": "https://ollama.com",
    "modified_at": "2026-01-02T03:04:05.123456789+01:00",
    "size": 4_683_075_271,
    "digest": "0a8c" * 16,
    "details": {
        "parent_model": "eye",
        "format": "gguf",
        "family": "q",
        "families": ["q"],
        "parameter_size": "8B",
        "quantization_level": "Q4_K_M",
        "context_length": 8192,
    },
    "capabilities": ["completion", "vision"],
}


def test_an_ollama_servers_entry_is_its_own_but_for_the_name() -> None:
    card = card_of("seer:8b", THEIRS)

    assert tags_of(card, aliases={"nick": card}) == [THEIRS | {"name": "nick:latest", "model": "nick:latest"}, THEIRS]
    assert orjson.loads(render_tags([ListedModel("b/seer:8b", card, "there")]))["models"] == [
        THEIRS | {"name": "b/seer:8b", "model": "b/seer:8b"}
    ]


def test_what_the_operator_says_of_a_model_comes_before_its_servers_word() -> None:
    (tag,) = tags_of(describe(card_of("seer:8b", THEIRS), {"context_length": 4096, "capabilities": frozenset({"completion"})}))

    assert tag == THEIRS | {"capabilities": ["completion"], "details": THEIRS["details"] | {"context_length": 4096}}


def test_what_an_older_servers_entry_lacks_is_there_but_for_a_guess_of_what_it_can_do() -> None:
    old = card_of("old:latest", {"name": "old:latest", "digest": "ab", "details": {"format": "ggml"}})
    (tag,) = tags_of(old)

    assert {key: type(value) for key, value in tag.items()} == {key: kind for key, kind in TAG_TYPES.items() if key != "capabilities"}
    assert {key: type(value) for key, value in tag["details"].items()} == DETAIL_TYPES
    assert (tag["digest"], tag["details"]["format"]) == ("ab", "ggml")


def test_what_the_operator_says_that_an_older_servers_model_can_do_is_listed() -> None:
    old = card_of("seer:latest", {"name": "seer:latest"})

    assert tags_of(describe(old, {"capabilities": frozenset({"completion", "vision"})}))[0]["capabilities"] == ["completion", "vision"]
    assert "capabilities" not in tags_of(describe(old, {"context_length": 4096}))[0]


def test_the_newest_come_first_and_equals_by_name() -> None:
    tags = tags_of(ModelCard("b", created=1), ModelCard("z", created=5), ModelCard("a", created=1), ModelCard("c"))

    assert names_of(tags) == ["z:latest", "a:latest", "b:latest", "c:latest"]


def test_digests_are_stable_and_differ_between_models_and_upstreams() -> None:
    digests = [tag["digest"] for tag in tags_of(ModelCard("a"), ModelCard("b"))]

    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len(set(digests)) == 2
    assert [tag["digest"] for tag in tags_of(ModelCard("b"), ModelCard("a", created=9))] == digests
    assert tags_of(ModelCard("a"), origin="there")[0]["digest"] not in digests


def test_aliases_are_listed_with_the_facts_and_the_digest_of_their_model() -> None:
    model = ModelCard("gpt-4o", created=7, context_length=128_000)
    tags = tags_of(model, aliases={"llama3": model, "x:1b": ModelCard("unlisted")})

    assert names_of(tags) == ["gpt-4o:latest", "llama3:latest", "x:1b"]
    assert tags[0]["digest"] == tags[1]["digest"] == model_digest("here", "gpt-4o")
    assert tags[1]["details"]["context_length"] == 128_000
    assert tags[2]["digest"] == model_digest("here", "unlisted")


def test_a_name_is_listed_once_for_the_model_that_has_it_letter_by_letter() -> None:
    models = [ListedModel(name, ModelCard(name), "here") for name in ("a", "a:latest", "b:latest", "b")]
    tags = orjson.loads(render_tags(models))["models"]

    assert names_of(tags) == ["a:latest", "b:latest"]
    assert [tag["digest"] for tag in tags] == [model_digest("here", name) for name in ("a:latest", "b:latest")]


@pytest.mark.parametrize("created", [0, -5, 1_767_323_045_000])
def test_an_unknown_or_impossible_date_is_the_epoch(created: int) -> None:
    assert tags_of(ModelCard("a", created=created))[0]["modified_at"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("count", "size"),
    [(None, ""), (8_030_000_000, "8.0B"), (137_000_000, "137.0M"), (1_200_000_000_000, "1.2T"), (22_500, "22.5K"), (7, "7")],
)
def test_parameter_counts_are_written_for_people(count: int | None, size: str) -> None:
    assert tags_of(ModelCard("a", parameter_count=count))[0]["details"]["parameter_size"] == size


def test_what_a_model_has_at_least_is_shown_beside_the_defaults() -> None:
    shown = show_of(ModelCard("a", has=frozenset({"vision", "thinking"})))

    assert shown["capabilities"] == ["completion", "tools", "vision", "thinking"]


def test_a_model_that_makes_vectors_is_shown_to_do_nothing_else() -> None:
    assert show_of(ModelCard("a", has=frozenset({"embedding"})))["capabilities"] == ["embedding"]


def test_words_that_are_not_ollamas_are_not_shown() -> None:
    card = ModelCard("a", capabilities=frozenset({"completion", "teleport", *CAPABILITIES}))

    assert tags_of(card)[0]["capabilities"] == list(CAPABILITIES)


def test_show_of_a_bare_card_has_what_clients_cannot_do_without() -> None:
    shown = show_of(ModelCard("gpt-4o"))

    assert shown["capabilities"] == ["completion", "tools"]
    assert shown["model_info"] == {"general.architecture": "unknown", "general.basename": "gpt-4o", "unknown.context_length": 32_768}
    assert {key: type(value) for key, value in shown["details"].items()} == DETAIL_TYPES
    assert shown["modified_at"] == "1970-01-01T00:00:00Z"
    assert "FROM gpt-4o:latest\n" in shown["modelfile"]
    assert not {"parameters", "system", "license", "projector_info"} & shown.keys()


def test_show_of_a_full_card() -> None:
    card = ModelCard("meta/Llama-3:8b", context_length=8192, embedding_length=4096, parameter_count=8_030_000_000, family="llama")

    shown = show_of(card)

    assert shown["model_info"] == {
        "general.architecture": "llama",
        "general.basename": "Llama-3",
        "general.parameter_count": 8_030_000_000,
        "llama.context_length": 8192,
        "llama.embedding_length": 4096,
    }
    assert shown["parameters"] == "num_ctx                        8192"
    assert "context_length" not in shown["details"]
    assert shown["details"]["parameter_size"] == "8.0B"


@pytest.mark.parametrize("user_agent", ["GitHubCopilotChat/1", "GitHubCopilotChat/0.31.2 (x)"])
def test_copilot_sees_the_name_that_was_asked_for(user_agent: str) -> None:
    assert show_of(ModelCard("gpt-4o"), user_agent, model="llama3:latest")["model_info"]["general.basename"] == "llama3:latest"


def test_other_clients_see_the_base_name() -> None:
    assert show_of(ModelCard("org/gpt-4o:free"), "ollama-python GitHubCopilotChat/1")["model_info"]["general.basename"] == "gpt-4o"


@pytest.mark.parametrize(
    ("capabilities", "has_tools", "has_suffix"),
    [
        (None, True, False),
        ({"completion"}, False, False),
        ({"completion", "tools"}, True, False),
        ({"completion", "insert"}, False, True),
        ({"completion", "insert", "tools"}, True, True),
        ({"embedding"}, False, False),
    ],
)
def test_the_template_shows_what_the_model_takes(capabilities: set[str] | None, has_tools: bool, has_suffix: bool) -> None:
    template = show_of(ModelCard("a", capabilities=None if capabilities is None else frozenset(capabilities)))["template"]

    assert ("tools" in template, ".Suffix" in template) == (has_tools, has_suffix)
    assert template.count("{{ if") == template.count("{{ end }}") - template.count("{{ range")


def test_a_model_that_sees_says_so_to_old_clients_too() -> None:
    shown = show_of(ModelCard("a", capabilities=frozenset({"completion", "vision"})))

    assert shown["projector_info"]
    assert shown["details"]["families"] == ["clip"]


def test_overlays_are_laid_over() -> None:
    shown = show_of(
        ModelCard("a", context_length=8192),
        system="Be brief.",
        template="{{ .Prompt }}",
        options={"num_ctx": 4096, "stop": ["</s>", "END"], "temperature": 0.5},
    )

    assert (shown["system"], shown["template"]) == ("Be brief.", "{{ .Prompt }}")
    assert [line.split() for line in shown["parameters"].splitlines()] == [
        ["num_ctx", "4096"],
        ["stop", '"</s>"'],
        ["stop", '"END"'],
        ["temperature", "0.5"],
    ]
    assert shown["modelfile"].endswith(
        'FROM a:latest\nTEMPLATE """{{ .Prompt }}"""\nSYSTEM """Be brief."""\n'
        'PARAMETER num_ctx 4096\nPARAMETER stop "</s>"\nPARAMETER stop "END"\nPARAMETER temperature 0.5\n'
    )


def test_the_official_client_reads_all_of_it() -> None:
    card = ModelCard("a", created=5, context_length=9, family="llama", parameter_count=7, size_bytes=3, quantization="Q4")
    tags = ollama.ListResponse(**orjson.loads(render_tags(listed(card, ModelCard("b"), aliases={"c": card}))))
    shown = ollama.ShowResponse(**show_of(card))

    assert [model.model for model in tags.models] == ["a:latest", "c:latest", "b:latest"]
    assert tags.models[0].details is not None
    assert tags.models[0].details.quantization_level == "Q4"
    assert shown.modelinfo == {
        "general.architecture": "llama",
        "general.basename": "a",
        "llama.context_length": 9,
        "general.parameter_count": 7,
    }
    assert shown.capabilities == ["completion", "tools"]
    assert ollama.ProcessResponse(**orjson.loads(render_ps())).models == []


def test_options_that_are_too_deep_to_be_written_are_the_clients_mistake() -> None:
    options = {"stop": [orjson.loads(b"[" * 400 + b"]" * 400)]}
    with pytest.raises(InvalidRequest, match=r"options\.stop can't be written as JSON"):
        show_of(ModelCard("x"), options=options)
