"""From the name a client uses to an upstream and its own name for the model: a table of cases for each rule."""

from __future__ import annotations

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.errors import ModelNotFound
from proxy.routing import RoutedUpstream, Rule
from proxy.upstream.models import ModelList
from tests.routing.tables import NOWHERE, Lists, a_table, an_upstream, led

LOCAL = an_upstream("boxes", ["llama3:latest", "qwen3:8b", "gpt-4o"])
CLOUD = an_upstream("openai", ["gpt-4o", "o3"])
ROUTER = an_upstream("openrouter", ["meta-llama/llama-3", "openai/gpt-4o", "openai/o1", "openrouter/auto"])


# Listed names


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("o3", "openai o3"),
        ("qwen3:8b", "boxes qwen3:8b"),
        ("gpt-4o", "boxes gpt-4o"),
        ("meta-llama/llama-3", "openrouter meta-llama/llama-3"),
        ("openrouter/auto", "openrouter openrouter/auto"),
        ("o3:latest", "openai o3"),
        ("llama3", "boxes llama3:latest"),
        ("O3", "openai o3"),
        ("LLAMA3:Latest", "boxes llama3:latest"),
        ("  o3\n", "openai o3"),
    ],
)
def test_a_listed_name_leads_to_the_first_upstream_that_lists_it(asked: str, where: str) -> None:
    assert led(a_table(LOCAL, CLOUD, ROUTER), asked) == where


def test_priority_comes_before_the_order_in_the_file() -> None:
    low, high, same = (an_upstream(name, ["m"], priority=priority) for name, priority in (("low", -1), ("high", 5), ("same", 5)))
    assert led(a_table(low, high, same), "m") == "high m"


def test_names_that_differ_in_case_only_each_lead_to_their_own_upstream() -> None:
    table = a_table(an_upstream("a", ["Llama3"]), an_upstream("b", ["llama3"]))
    assert [led(table, name) for name in ("Llama3", "llama3", "LLAMA3", "llama3:latest", "LLAMA3:latest")] == [
        "a Llama3",
        "b llama3",
        "a Llama3",
        "b llama3",
        "a Llama3",
    ]


def test_names_that_differ_in_latest_only_are_one_name_between_upstreams_and_two_within_one() -> None:
    table = a_table(an_upstream("a", ["x", "x:latest", "y"]), an_upstream("b", ["x:latest", "y:latest"]))
    assert [led(table, name) for name in ("x", "x:latest", "y", "y:latest")] == ["a x", "a x:latest", "a y", "a y"]


def test_the_card_is_the_one_of_the_list_and_why_says_who_else_has_the_name() -> None:
    (destination,) = a_table(LOCAL, CLOUD).chain("gpt-4o")
    assert destination.card is LOCAL.models.known[2]  # type: ignore[index]
    assert (destination.rule, destination.why) == (Rule.LISTED, "listed by boxes, before openai")


# Names that begin with an upstream


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("openai/gpt-4o", "openai gpt-4o"),
        ("boxes/gpt-4o", "boxes gpt-4o"),
        ("openrouter/openai/gpt-4o", "openrouter openai/gpt-4o"),
        ("boxes/llama3", "boxes llama3:latest"),
        ("Boxes/LLAMA3:latest", "boxes llama3:latest"),
        ("openai:o3", "openai o3"),
        ("openrouter:meta-llama/llama-3", "openrouter meta-llama/llama-3"),
        ("boxes:qwen3:8b", "boxes qwen3:8b"),
        ("openai/new-model", "openai new-model"),
        ("openai/new-model:latest", "openai new-model"),
        ("boxes:new-model:1b", "boxes new-model:1b"),
        ("openai/ o3", "openai o3"),
    ],
)
def test_a_prefix_leads_to_its_upstream_listed_or_not(asked: str, where: str) -> None:
    assert led(a_table(LOCAL, CLOUD, ROUTER, default="boxes"), asked) == where


def test_a_listed_name_comes_before_its_first_part_when_that_upstream_has_no_such_model() -> None:
    table = a_table(LOCAL, CLOUD, ROUTER)
    assert led(table, "openai/o1") == "openrouter openai/o1"
    assert led(table, "openai/gpt-4o") == "openai gpt-4o"
    assert led(a_table(an_upstream("meta-llama", ["other"]), ROUTER), "meta-llama/llama-3") == "openrouter meta-llama/llama-3"
    assert led(a_table(an_upstream("qwen", ["7b", "72b"]), an_upstream("b", ["qwen:7b"])), "qwen:7b") == "b qwen:7b"


def test_a_prefix_is_believed_while_nobody_knows_what_its_upstream_lists() -> None:
    unknown = an_upstream("openai", None)
    table = a_table(unknown, ROUTER)
    assert led(table, "openai/gpt-4o") == "openai gpt-4o"
    assert isinstance(unknown.models, Lists)
    unknown.models.fetch(["o3"])
    assert led(table, "openai/gpt-4o") == "openrouter openai/gpt-4o"


@pytest.mark.parametrize("asked", ["default", "default:latest", "Default:LATEST", "default/", "default:", "/", ":", "/x", ":x"])
def test_a_name_that_only_looks_like_a_prefix_is_none(asked: str) -> None:
    assert led(a_table(an_upstream("default", ["m"])), asked) == f"default {asked.partition(':l')[0].partition(':L')[0]}"


def test_the_reason_of_a_prefix_says_whether_the_model_is_listed() -> None:
    table = a_table(LOCAL, an_upstream("azure", None))
    asked = ("boxes/gpt-4o", "boxes/x", "azure:x")
    assert [(each.rule, each.why) for each in (table.chain(name)[0] for name in asked)] == [
        (Rule.LISTED, "prefix boxes/, listed by boxes"),
        (Rule.PREFIX, "prefix boxes/, not listed there"),
        (Rule.PREFIX, "prefix azure:, its list is not known"),
    ]


# The operator's mapping


@pytest.mark.parametrize(
    ("mapping", "asked", "where"),
    [
        ({"fast": "openai/o3"}, "fast", "openai o3"),
        ({"fast": "openai/o3"}, "FAST:latest", "openai o3"),
        ({"fast": "o3"}, "fast", "openai o3"),
        ({"gpt-4o": "llama3"}, "gpt-4o", "boxes llama3"),
        ({"gpt-*": "o3"}, "gpt-4o", "openai o3"),
        ({"*": "o3"}, "anything", "openai o3"),
        ({"*": "o3", "fast": "qwen3:8b"}, "fast", "boxes qwen3:8b"),
        ({"fast": "GPT-4o:latest"}, "fast", "boxes GPT-4o:latest"),
        ({"fast": "boxes/GPT-4o:latest"}, "fast", "boxes GPT-4o:latest"),
        ({"fast": "nobody-lists-it:latest"}, "fast", "openai nobody-lists-it:latest"),
        ({"fast": "openai:new:latest"}, "fast", "openai new:latest"),
        ({"a": "b", "b": "o3"}, "a", "openai b"),
        ({"openai/gpt-4o": "boxes/gpt-4o"}, "openai/gpt-4o", "boxes gpt-4o"),
        ({"fast": ""}, "fast", "openai fast"),
    ],
)
def test_the_operators_names_come_first_and_are_sent_as_written(mapping: dict[str, str], asked: str, where: str) -> None:
    assert led(a_table(LOCAL, CLOUD, default="openai", mapping=mapping), asked) == where


@pytest.mark.parametrize("asked", ["openai/gpt-4o", "openai/new", "openai:gpt-4o", "OpenAI/gpt-4o"])
def test_globs_are_for_names_without_an_upstream_unless_they_name_it(asked: str) -> None:
    assert led(a_table(LOCAL, CLOUD, mapping={"*": "qwen3:8b", "gpt*": "qwen3:8b"}), asked).startswith("openai ")
    assert led(a_table(LOCAL, CLOUD, mapping={"OpenAI/*": "qwen3:8b", "openai:*": "qwen3:8b"}), asked) == "boxes qwen3:8b"


def test_a_glob_comes_before_a_list() -> None:
    assert led(a_table(LOCAL, CLOUD, ROUTER, mapping={"openai/o*": "o3", "meta-*": "o3"}), "openai/o1") == "openai o3"
    assert led(a_table(LOCAL, CLOUD, ROUTER, mapping={"openai/o*": "o3", "meta-*": "o3"}), "meta-llama/llama-3") == "openai o3"


def test_what_the_operator_named_has_its_card_and_its_reason() -> None:
    table = a_table(LOCAL, CLOUD, mapping={"fast": "O3", "slow*": "boxes/x"})
    fast, slow = table.chain("Fast")[0], table.chain("slower")[0]
    assert (fast.upstream_model, fast.card, fast.rule) == ("O3", ModelCard("o3"), Rule.MAPPING)
    assert fast.why == "alias fast of O3, listed by openai"
    assert (slow.card, slow.rule, slow.why) == (None, Rule.MAPPING_GLOB, "alias slow* of boxes/x, prefix boxes/, not listed there")


# Aliases of an upstream


def test_an_alias_is_a_name_that_its_upstream_has() -> None:
    table = a_table(LOCAL, an_upstream("groq", ["llama-3.1-8b-instant"], aliases={"llama3.1": "llama-3.1-8b-instant"}))
    for asked in ("llama3.1", "Llama3.1:latest", "groq/llama3.1", "groq:LLAMA3.1"):
        assert led(table, asked) == "groq llama-3.1-8b-instant"
    assert [table.chain(name)[0].why for name in ("llama3.1", "groq/llama3.1")] == [
        "alias llama3.1 of groq",
        "prefix groq/, alias llama3.1 of groq",
    ]


def test_an_alias_stands_before_its_own_upstreams_list() -> None:
    table = a_table(an_upstream("openai", ["gpt-4o", "gpt-4o-2024"], aliases={"gpt-4o": "gpt-4o-2024"}))
    assert [led(table, name) for name in ("gpt-4o", "openai/gpt-4o", "GPT-4o:latest")] == ["openai gpt-4o-2024"] * 3


@pytest.mark.parametrize(("priority", "where"), [(0, "openai gpt-4o"), (1, "boxes llama3"), (-1, "openai gpt-4o")])
def test_between_upstreams_priority_decides_then_the_list(priority: int, where: str) -> None:
    boxes = an_upstream("boxes", ["llama3"], aliases={"gpt-4o": "llama3"}, priority=priority)
    assert led(a_table(boxes, CLOUD), "gpt-4o") == where


def test_an_alias_that_is_a_glob_is_for_what_nobody_lists() -> None:
    boxes = an_upstream("boxes", ["llama3"], aliases={"gpt-*": "llama3"}, priority=1)
    table = a_table(boxes, CLOUD, default="openai")
    assert [led(table, name) for name in ("gpt-4o", "gpt-5", "boxes/gpt-4o", "openai/gpt-5")] == [
        "openai gpt-4o",
        "boxes llama3",
        "boxes llama3",
        "openai gpt-5",
    ]
    assert (table.chain("gpt-5")[0].rule, table.chain("gpt-5")[0].why) == (Rule.ALIAS_GLOB, "alias gpt-* of boxes")


def test_the_mapping_may_lead_to_an_alias() -> None:
    boxes = an_upstream("boxes", ["llama3"], aliases={"small": "llama3"})
    assert led(a_table(CLOUD, boxes, mapping={"s": "small", "t": "boxes/small"}), "s") == "boxes llama3"
    assert led(a_table(CLOUD, boxes, mapping={"s": "small", "t": "boxes/small"}), "t") == "boxes llama3"


# What nobody lists


@pytest.mark.parametrize(
    ("asked", "model"), [("new", "new"), ("new:latest", "new"), ("Org/New:1b", "Org/New:1b"), ("nobody/x", "nobody/x")]
)
def test_what_nobody_lists_goes_to_the_default_upstream(asked: str, model: str) -> None:
    assert led(a_table(LOCAL, CLOUD, default="openai"), asked) == f"openai {model}"
    assert led(a_table(LOCAL, CLOUD), asked) == f"boxes {model}"
    assert led(a_table(LOCAL, an_upstream("high", None, priority=1)), asked) == f"high {model}"


def test_the_reason_tells_a_configured_default_from_the_first() -> None:
    configured, first = a_table(LOCAL, default="boxes").chain("new")[0], a_table(LOCAL).chain("new")[0]
    assert (configured.card, configured.rule, configured.why) == (None, Rule.DEFAULT, "not listed, default upstream")
    assert first.why == "not listed, first upstream"


def test_the_reason_says_whether_all_lists_are_known() -> None:
    unknown = an_upstream("azure", None)
    assert a_table(LOCAL, unknown).chain("new")[0].why == "not listed by those that tell, first upstream"
    assert a_table(unknown, LOCAL, default="azure").chain("new")[0].why == "not listed by those that tell, default upstream"
    assert a_table(unknown).chain("new")[0].why == "no list is known, first upstream"


@pytest.mark.parametrize(
    ("name", "addressee"),
    [
        ("boxes/new", "boxes"),
        ("Boxes:new", "boxes"),
        ("boxes/hidden", "boxes"),
        ("openai/boxes/x", "openai"),
        ("boxes/foreign", "openai"),
        ("fast-1", "boxes"),
        ("new", ""),
        ("hidden", ""),
        ("nobody/new", ""),
        ("boxes/", ""),
    ],
)
def test_addressee_is_the_upstream_that_a_name_is_asked_for_at_whatever_is_listed(name: str, addressee: str) -> None:
    boxes = an_upstream("boxes", ["llama3", "hidden"], hide=("hidden",), aliases={"fast-*": "llama4"})
    assert a_table(boxes, an_upstream("openai", ["boxes/foreign"])).addressee(name) == addressee


def test_requests_without_a_model_have_an_upstream_too() -> None:
    assert a_table(LOCAL, CLOUD, default="openai").default_upstream == "openai"
    assert a_table(LOCAL, an_upstream("high", None, priority=1)).default_upstream == "high"


def test_a_default_upstream_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="clowd"):
        a_table(LOCAL, CLOUD, default="clowd")


def test_upstreams_without_a_known_list_get_what_is_addressed_to_them() -> None:
    table = a_table(LOCAL, an_upstream("azure", None, aliases={"big": "deployment-7"}))
    assert [led(table, name) for name in ("azure/x", "big", "x")] == ["azure x", "azure deployment-7", "boxes x"]


# Hidden models


HIDING = an_upstream("boxes", ["llama3:latest", "secret", "Draft:1b", "shared"], hide=("secret", "draft*", "shared"))


@pytest.mark.parametrize("asked", ["secret", "SECRET:latest", "boxes/secret", "boxes:secret", "boxes/secret:latest", "Draft:1b", "draft-x"])
@pytest.mark.parametrize("default", ["", "boxes"])
def test_no_name_leads_to_a_hidden_model(asked: str, default: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        a_table(HIDING, default=default).chain(asked)
    assert caught.value.message == f"model '{asked}' not found"


@pytest.mark.parametrize("mapping", [{"m": "secret"}, {"m": "boxes/Secret"}, {"*": "secret"}])
def test_the_operators_names_lead_to_no_hidden_model_either(mapping: dict[str, str]) -> None:
    assert led(a_table(HIDING, mapping=mapping), "m") == NOWHERE
    aliased = an_upstream("boxes", ["secret", "m"], hide=("secret",), aliases={"m": "secret", "x*": "secret"})
    assert [led(a_table(aliased, CLOUD, default="openai"), name) for name in ("m", "xy")] == ["boxes m", "openai xy"]


def test_a_hidden_name_leads_to_another_upstream_that_has_it() -> None:
    assert led(a_table(HIDING, an_upstream("b", ["shared"])), "shared") == "b shared"
    assert led(a_table(HIDING, an_upstream("b", ["boxes/secret"])), "boxes/secret") == "b boxes/secret"


def test_a_hidden_name_goes_to_no_upstream_that_is_known_not_to_have_it() -> None:
    assert led(a_table(HIDING, CLOUD, default="openai"), "secret") == NOWHERE
    assert led(a_table(HIDING, an_upstream("azure", None), default="azure"), "secret") == "azure secret"
    assert led(a_table(HIDING, CLOUD, an_upstream("azure", None)), "secret") == "azure secret"


def test_a_name_that_only_matches_a_pattern_may_go_to_the_others() -> None:
    picky = an_upstream("picky", ["gpt-4o", "o3"], show=("gpt-*",), priority=1)
    assert [led(a_table(picky, LOCAL), name) for name in ("gpt-4o", "gpt-5", "o4")] == ["picky gpt-4o", "picky gpt-5", "boxes o4"]
    assert led(a_table(picky, LOCAL, default="picky"), "o4") == NOWHERE


@pytest.mark.parametrize(
    ("show", "hide", "shown"),
    [
        ((), (), ["a:latest", "b", "B2:1b"]),
        (("*",), ("b*",), ["a:latest"]),
        (("a", "B"), (), ["a:latest", "b"]),
        (("b:latest", "b2*"), ("b2:1?",), ["b"]),
        ((), ("*",), []),
    ],
)
def test_patterns_take_names_in_any_spelling_and_hide_has_the_last_word(
    show: tuple[str, ...], hide: tuple[str, ...], shown: list[str]
) -> None:
    assert [each.name for each in a_table(an_upstream("u", ["a:latest", "b", "B2:1b"], show=show, hide=hide)).merged()] == shown


# Finding


def test_find_echoes_the_name_as_it_was_asked_for() -> None:
    found = a_table(LOCAL, CLOUD).find("OpenAI/GPT-4o:latest")
    assert found is not None
    assert (found.name, found.destination.upstream, found.destination.card) == ("OpenAI/GPT-4o:latest", "openai", ModelCard("gpt-4o"))


@pytest.mark.parametrize(
    ("asked", "is_there"),
    [
        ("o3", True),
        ("fast", True),
        ("big", True),
        ("azure/x", True),
        ("glob-x", False),
        ("unlisted", False),
        ("openai/unlisted", False),
        ("hidden", False),
    ],
)
def test_find_knows_what_is_listed_or_named_and_what_nobody_can_know(asked: str, is_there: bool) -> None:
    cloud = an_upstream("openai", ["o3", "hidden"], hide=("hidden",), aliases={"big": "unlisted"})
    table = a_table(cloud, an_upstream("azure", None), default="openai", mapping={"fast": "unlisted", "glob*": "unlisted"})
    assert (table.find(asked) is not None) is is_there


# Lists that change


def test_a_new_list_changes_where_names_lead() -> None:
    first, second = Lists(["a"]), Lists(None)
    table = a_table(RoutedUpstream("one", first), RoutedUpstream("two", second))
    assert [led(table, name) for name in ("a", "b")] == ["one a", "one b"]
    second.fetch(["a", "b"])
    assert [led(table, name) for name in ("a", "b")] == ["one a", "two b"]
    first.fetch([])
    assert [led(table, name) for name in ("a", "b")] == ["two a", "two b"]
    assert [each.name for each in table.merged()] == ["a", "b"]


def test_a_list_that_says_the_same_again_keeps_all_that_was_found() -> None:
    models = Lists(["a"])
    table = a_table(RoutedUpstream("one", models))
    chain, names = table.chain("a"), table.merged()
    models.fetch(["a"])
    assert table.chain("a") is chain
    assert table.merged() is names


def test_a_name_is_looked_up_once_while_the_lists_stay() -> None:
    table = a_table(LOCAL, CLOUD)
    assert table.chain("gpt-4o") is table.chain("gpt-4o")


def test_names_that_clients_invent_are_kept_within_bounds() -> None:
    table = a_table(LOCAL)
    for number in range(5000):
        table.chain(f"invented-{number}")
    long_name = "x" * 600
    assert table.chain(long_name)[0].upstream_model == long_name
    kept = table._routes.kept
    assert 0 < len(kept) <= 4096
    assert long_name not in kept


def test_a_model_list_is_what_a_route_table_reads() -> None:
    answers = [[ModelCard("a")], [ModelCard("b")]]
    now_s = [0.0]
    models = ModelList(lambda: answers.pop(0), 60, lambda: now_s[0], lambda task: task())
    table = a_table(RoutedUpstream("one", models))
    assert table.find("a") is not None
    assert table.chain("a")[0].card is None
    models.ensure_known()
    assert table.chain("a")[0].card == ModelCard("a")
    now_s[0] = 61.0
    models.ensure_known()
    assert table.find("a") is None
