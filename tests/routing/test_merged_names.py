"""The lists of all upstreams as one."""

from __future__ import annotations

from proxy.canonical.catalog import ModelCard
from tests.routing.tables import a_table, an_upstream, listed


def test_a_name_that_several_have_is_plain_for_the_one_that_it_leads_to() -> None:
    table = a_table(an_upstream("a", ["m", "only-a"]), an_upstream("b", ["x", "m"], priority=1), an_upstream("c", ["m:latest"]))
    assert list(listed(table).items()) == [
        ("x", "b x"),
        ("m", "b m"),
        ("a/m", "a m"),
        ("only-a", "a only-a"),
        ("c/m:latest", "c m:latest"),
    ]


def test_listed_names_carry_what_their_upstream_says_and_why_they_lead_there() -> None:
    plain, prefixed = a_table(an_upstream("a", ["m"]), an_upstream("b", ["m"])).merged()
    assert (plain.destination.card, plain.destination.why) == (ModelCard("m"), "listed by a, before b")
    assert (prefixed.destination.upstream, prefixed.destination.why) == ("b", "prefix b/, listed by b")


def test_names_that_differ_in_case_are_listed_apart() -> None:
    assert listed(a_table(an_upstream("a", ["M", "m"]), an_upstream("b", ["m", "N"]))) == {"M": "a M", "m": "a m", "b/m": "b m", "N": "b N"}


def test_both_spellings_of_one_upstream_are_listed() -> None:
    assert listed(a_table(an_upstream("a", ["m", "m:latest"]))) == {"m": "a m", "m:latest": "a m:latest"}


def test_a_name_that_reads_as_another_upstreams_gets_its_own_prefix() -> None:
    table = a_table(an_upstream("openai", ["gpt-4o"]), an_upstream("openrouter", ["openai/gpt-4o", "openai/o1"]))
    assert listed(table) == {
        "gpt-4o": "openai gpt-4o",
        "openrouter/openai/gpt-4o": "openrouter openai/gpt-4o",
        "openai/o1": "openrouter openai/o1",
    }


def test_the_operators_names_come_first_then_each_upstreams_aliases() -> None:
    a = an_upstream("a", ["m"], aliases={"small": "m", "big*": "m"})
    b = an_upstream("b", ["n"], aliases={"small": "n"})
    table = a_table(b, a, mapping={"fast": "a/m", "other": "not-listed", "glob*": "n"})
    assert list(listed(table).items()) == [
        ("fast", "a m"),
        ("other", "b not-listed"),
        ("small", "b n"),
        ("n", "b n"),
        ("a/small", "a m"),
        ("m", "a m"),
    ]


def test_ids_that_begin_with_their_upstreams_own_name_are_told_apart() -> None:
    assert listed(a_table(an_upstream("openrouter", ["openrouter/auto"]))) == {"openrouter/auto": "openrouter openrouter/auto"}
    assert listed(a_table(an_upstream("a", ["m", "a/m"]))) == {"m": "a m", "a/a/m": "a a/m"}


def test_with_one_upstream_no_name_has_a_prefix() -> None:
    table = a_table(
        an_upstream("default", ["org/talker", "mistral:7b", "m"]), mapping={"llama3": "org/talker", "mist*": "org/talker", "m": "x"}
    )
    assert listed(table) == {
        "llama3": "default org/talker",
        "m": "default x",
        "org/talker": "default org/talker",
        "mistral:7b": "default org/talker",
    }


def test_a_name_that_the_operator_led_elsewhere_leaves_its_model_under_the_full_name() -> None:
    table = a_table(an_upstream("a", ["m", "n:latest"]), an_upstream("b", ["o"]), mapping={"m": "o", "n*": "o"})
    assert listed(table) == {"m": "b o", "a/m": "a m", "n:latest": "b o", "a/n:latest": "a n:latest", "o": "b o"}


def test_a_model_behind_an_alias_of_its_own_name_is_not_listed() -> None:
    table = a_table(an_upstream("a", ["m", "m-2024", "k:latest"], aliases={"m": "m-2024", "K": "m-2024"}), an_upstream("b", []))
    assert listed(table) == {"m": "a m-2024", "K": "a m-2024", "m-2024": "a m-2024"}


def test_what_leads_nowhere_is_not_listed() -> None:
    a = an_upstream("a", ["m", "secret"], hide=("secret",), aliases={"x": "secret"})
    assert listed(a_table(a, mapping={"y": "secret", "z": "a/secret"})) == {"m": "a m"}
    assert listed(a_table(a, mapping={"*": "secret"})) == {}
    assert listed(a_table(a, an_upstream("b", []), mapping={"*": "secret"})) == {"a/m": "a m"}


def test_ids_that_no_client_can_write_are_left_out_and_spaces_around_them_do_not_count() -> None:
    assert listed(a_table(an_upstream("a", [" m ", "m", " "]))) == {"m": "a  m "}


def test_upstreams_that_tell_nothing_add_nothing() -> None:
    assert listed(a_table(an_upstream("a", None, aliases={"big": "d7"}), an_upstream("b", []))) == {"big": "a d7"}


def test_what_an_upstream_calls_a_model_is_told_by_the_name_of_the_list() -> None:
    table = a_table(
        an_upstream("a", ["x", "y:latest", "gone"], hide=["gone"]),
        an_upstream("b", ["x", "z"], aliases={"zed": "z", "late": "w:1b"}),
        an_upstream("c", None),
        mapping={"nick": "a/y", "y": "b/z"},
    )

    def names(upstream: str, *models: str) -> list[str | None]:
        return [found and found.name for found in (table.name_of(upstream, model) for model in models)]

    assert names("a", "x", "X:latest", "y", "gone") == ["x", "x", "a/y:latest", None]
    assert names("b", "x:latest", "z", "w:1b", "gone") == ["b/x", "z", "late", "b/gone"]
    assert names("c", "x", "new:1b") == ["c/x", "c/new:1b"]
