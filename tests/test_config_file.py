"""Where values may be written, which of them wins, and what is said of a variable that leads nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.config_file import ConfigTree, read_toml
from proxy.settings import Settings, SettingsError
from proxy.upstream_keys import KEY_BY_VARIABLE, KEYS

BOXES = {"upstreams": {"boxes": {"base_url": "http://a/v1", "timeouts": {"connect": 1}}}}


def a_tree(tables: dict[str, Any] | None = None, dotenv: dict[str, str] | None = None, **environ: str) -> ConfigTree:
    return ConfigTree(tables or {}, [("file", dotenv or {}), ("environment", environ), ("argument", {})])


def the_value(tree: ConfigTree, *spot: str) -> Any:
    return tree.below(*spot)[spot].value


def test_a_variable_wins_over_the_file_and_the_environment_over_dotenv() -> None:
    spot = ("upstreams", "boxes", "timeouts", "connect")
    assert the_value(a_tree(BOXES), *spot) == 1
    assert the_value(a_tree(BOXES, {"UPSTREAM_BOXES_TIMEOUTS_CONNECT": "2"}), *spot) == "2"
    strongest = a_tree(BOXES, {"UPSTREAM_BOXES_TIMEOUTS_CONNECT": "2"}, PROXY__UPSTREAMS__BOXES__TIMEOUTS__CONNECT="3")
    assert the_value(strongest, *spot) == "3"
    assert strongest.below(*spot)[spot].place.name == "PROXY__UPSTREAMS__BOXES__TIMEOUTS__CONNECT"


def test_an_empty_variable_counts_as_unset() -> None:
    tree = a_tree(BOXES, UPSTREAM_BOXES_TIMEOUTS_CONNECT="", UPSTREAM_NOBODY_BASE_URL="", PROXY__NONSENSE="")
    assert the_value(tree, "upstreams", "boxes", "timeouts", "connect") == 1
    assert (tree.upstreams(), tree.problems) == (["boxes"], {})


def test_every_key_that_is_no_table_has_a_variable_of_its_own() -> None:
    environ = {f"UPSTREAM_BOXES_{key.variable}": "x" for key in KEYS if key.variable}
    tree = a_tree(BOXES, **environ)
    set_here = {".".join(spot[2:]) for spot, leaf in tree.below("upstreams", "boxes").items() if leaf.place.origin == "environment"}
    assert set_here == {key.path for key in KEYS if key.shape in {"value", "list"}}


def test_no_variable_can_be_read_in_two_ways() -> None:
    endings = list(KEY_BY_VARIABLE)
    assert [(long, short) for long in endings for short in endings if long.endswith(f"_{short}")] == []
    flat = [doc.name for doc in Settings.describe() if doc.name.startswith("UPSTREAM_")]
    assert flat
    assert [(name, key) for name in flat for key in endings if name.endswith(f"_{key}") and name != f"UPSTREAM_{key}"] == []


def test_tables_and_lists_may_be_written_as_in_the_file() -> None:
    tree = a_tree(
        {},
        PROXY__UPSTREAMS__NEW__REPLICAS='[{base_url="http://a/v1", weight=2}, {base_url="http://b/v1"}]',
        UPSTREAM_NEW_API_KEY='["one", "two"]',
        PROXY__UPSTREAMS__NEW__ALIASES='{"llama3.1" = "m"}',
        PROXY__FALLBACKS__BIG='["new/m"]',
        UPSTREAM_NEW_MODELS_SHOW="[a-c]*,x",
    )
    assert the_value(tree, "upstreams", "new", "replicas") == [{"base_url": "http://a/v1", "weight": 2}, {"base_url": "http://b/v1"}]
    assert the_value(tree, "upstreams", "new", "api_key") == ["one", "two"]
    assert the_value(tree, "upstreams", "new", "aliases", "llama3.1") == "m"
    assert the_value(tree, "fallbacks", "big") == ["new/m"]
    assert the_value(tree, "upstreams", "new", "models", "show") == ["[a-c]*", "x"]
    assert tree.problems == {}


def test_a_base_url_declares_an_upstream_in_lower_case() -> None:
    tree = a_tree(
        {}, {"UPSTREAM_Second_BASE_URL": "http://b/v1"}, UPSTREAM_CLOUD_BASE_URL="http://c/v1,http://d/v1", UPSTREAM_SECOND_PRIORITY="2"
    )
    assert sorted(tree.upstreams()) == ["cloud", "second"]
    assert the_value(tree, "upstreams", "cloud", "base_url") == ["http://c/v1", "http://d/v1"]
    assert the_value(tree, "upstreams", "second", "priority") == "2"


def test_the_longest_name_that_fits_has_the_variable() -> None:
    tree = a_tree(
        {}, UPSTREAM_A_BASE_URL="http://a", UPSTREAM_A_TLS_BASE_URL="http://b", UPSTREAM_A_TLS_VERIFY="false", UPSTREAM_A_TLS_PRIORITY="1"
    )
    assert the_value(tree, "upstreams", "a", "tls", "verify") == "false"
    assert the_value(tree, "upstreams", "a_tls", "priority") == "1"


@pytest.mark.parametrize("variable", ["UPSTREAM_MY_BOXES_PRIORITY", "PROXY__UPSTREAMS__MY_BOXES__PRIORITY"])
def test_a_name_with_a_dash_is_written_with_an_underscore(variable: str) -> None:
    tree = a_tree({"upstreams": {"my-boxes": {"base_url": "http://a"}}}, **{variable: "7"})
    assert tree.upstreams() == ["my-boxes"]
    assert the_value(tree, "upstreams", "my-boxes", "priority") == "7"


def test_a_header_is_named_with_underscores_too() -> None:
    tables = {"upstreams": {"boxes": {"base_url": "http://a", "headers": {"X-Team": "a"}}}}
    tree = a_tree(tables, PROXY__UPSTREAMS__BOXES__HEADERS__X_TEAM="b", PROXY__UPSTREAMS__BOXES__HEADERS__X_NEW_ONE="c")
    headers = {spot[3]: leaf.value for spot, leaf in tree.below("upstreams", "boxes", "headers").items()}
    assert headers == {"X-Team": "b", "x-new-one": "c"}


def test_an_upstream_that_only_nested_variables_declare_has_short_ones_as_well() -> None:
    tree = a_tree({}, PROXY__UPSTREAMS__NEW__BASE_URL="http://a", UPSTREAM_NEW_PRIORITY="3")
    assert (the_value(tree, "upstreams", "new", "priority"), tree.problems) == ("3", {})


def test_a_value_takes_the_place_of_a_table_and_a_table_that_of_a_value() -> None:
    tree = a_tree({"upstreams": {"boxes": {"timeouts": 5}}}, PROXY__UPSTREAMS__BOXES__TIMEOUTS__IDLE="9")
    assert [spot[2:] for spot in tree.below("upstreams", "boxes")] == [("timeouts", "idle")]
    tree = a_tree(BOXES, PROXY__UPSTREAMS__BOXES__TIMEOUTS="9")
    assert ("upstreams", "boxes", "timeouts", "connect") not in tree.below("upstreams")


@pytest.mark.parametrize(("variable", "left"), [("UPSTREAM_BOXES_KEY_FILE", "key_file"), ("UPSTREAM_BOXES_API_KEY", "api_key")])
def test_a_stronger_source_that_names_another_way_to_the_key_replaces_the_weaker_ones(variable: str, left: str) -> None:
    tables = {"upstreams": {"boxes": {"base_url": "http://a", "api_key": "one", "key_env": "TWO"}}}
    ways = {spot[2] for spot in a_tree(tables, **{variable: "x"}).below("upstreams", "boxes")}
    assert ways == {"base_url", left}
    assert {spot[2] for spot in a_tree(tables).below("upstreams", "boxes")} == {"base_url", "api_key", "key_env"}


def test_a_variable_with_the_base_url_replaces_the_replicas_of_the_file() -> None:
    tables = {"upstreams": {"boxes": {"replicas": [{"base_url": "http://a"}]}}}
    assert {spot[2] for spot in a_tree(tables, UPSTREAM_BOXES_BASE_URL="http://b").below("upstreams", "boxes")} == {"base_url"}


def test_the_flat_address_and_key_are_those_of_the_upstream_default() -> None:
    tree = a_tree({}, {"OPENAI_API_BASE_URL": "http://a/v1"}, OPENAI_API_KEY="sk-a")
    assert tree.upstreams() == ["default"]
    assert the_value(tree, "upstreams", "default", "api_key") == "sk-a"
    assert a_tree({"settings": {"openai_api_base_url": "http://b/v1"}}).upstreams() == ["default"]


def test_the_flat_key_goes_to_nobody_when_the_flat_address_is_not_set() -> None:
    tables = {"upstreams": {"default": {"base_url": "http://elsewhere/v1"}}}
    assert ("upstreams", "default", "api_key") not in a_tree(tables, OPENAI_API_KEY="sk-a").below("upstreams")


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("UPSTREAM_CLOUD_API_KEY", "belongs to no upstream: UPSTREAM_CLOUD_BASE_URL must declare it"),
        ("UPSTREAM_MY_BOX_API_KEY", "belongs to no upstream: UPSTREAM_MY_BOX_BASE_URL must declare it"),
        ("UPSTREAM_CLOUD_BASEURL", "belongs to no upstream: UPSTREAM_CLOUD_BASE_URL must declare it"),
        ("UPSTREAM_CA_BUNDEL", "belongs to no upstream: UPSTREAM_CA_BASE_URL must declare it; did you mean UPSTREAM_CA_BUNDLE?"),
        ("UPSTREAM_BOXS_PRIORITY", "belongs to no upstream: UPSTREAM_BOXS_BASE_URL must declare it; did you mean UPSTREAM_BOXES_PRIORITY?"),
        ("UPSTREAM_WHAT_EVER", "belongs to no upstream: UPSTREAM_WHAT_BASE_URL must declare it"),
        ("UPSTREAM_BASE_URL", "must name its upstream: UPSTREAM_<NAME>_BASE_URL"),
        ("UPSTREAM_API_KEY", "must name its upstream: UPSTREAM_<NAME>_API_KEY"),
        ("UPSTREAM_BOXES_PRIORTY", "is unknown; did you mean UPSTREAM_BOXES_PRIORITY?"),
        ("UPSTREAM_BOXES_PRIO", "is unknown; did you mean UPSTREAM_BOXES_PRIORITY?"),
        ("UPSTREAM_BOXES_HEADERS", "is unknown (known here: UPSTREAM_BOXES_API_KEY, "),
        ("UPSTREAM__BASE_URL", "must name its upstream: UPSTREAM_<NAME>_BASE_URL"),
        ("PROXY__UPSTREAM__BOXES__PRIORITY", "is unknown; did you mean upstreams?"),
        ("PROXY__UPSTREAMS", "must go on with names of tables and a key"),
        ("PROXY__UPSTREAMS__", "must go on with names of tables and a key"),
        ("PROXY__SETTINGS__LOGLEVEL", "is unknown; did you mean log_level?"),
        ("PROXY__SETTINGS__PROXY_CONFIG", "must be set by its variable: it names the file itself"),
    ],
)
def test_a_variable_that_leads_nowhere_is_told_with_what_was_probably_meant(variable: str, problem: str) -> None:
    found = a_tree(BOXES, **{variable: "hunter2"}).problems
    assert list(found) == [variable]
    assert found[variable].startswith(problem)
    assert "hunter2" not in found[variable]


def test_a_stray_variable_of_dotenv_is_told_with_its_place() -> None:
    assert a_tree({}, {"UPSTREAM_CLOUD_API_KEY": "k"}).problems["UPSTREAM_CLOUD_API_KEY"].endswith("(it is set in the file .env)")


@pytest.mark.parametrize(
    "variable",
    [
        "UPSTREAM_PROFILE",
        "UPSTREAM_CA_BUNDLE",
        "UPSTREAM_WHATEVER",
        "UPSTREAM_EXAMPLE_SERVICE_HOST",
        "UPSTREAM_EXAMPLE_SERVICE_PORT_HTTP",
        "UPSTREAM_EXAMPLE_PORT",
        "UPSTREAM_EXAMPLE_PORT_80_TCP_ADDR",
        "MY_UPSTREAM_CLOUD_API_KEY",
    ],
)
def test_a_variable_that_has_nothing_to_do_with_upstreams_is_no_problem(variable: str) -> None:
    assert a_tree(BOXES, **{variable: "x"}).problems == {}


@pytest.mark.parametrize(
    ("tables", "name", "problem"),
    [
        ({"upstream": {}}, "upstream", "is unknown; did you mean upstreams?"),
        ({"log_level": "DEBUG"}, "log_level", "must stand in the table [settings]"),
        ({"upstreams": [{"name": "boxes"}]}, "upstreams", "must hold a table for each upstream: [upstreams.<name>]"),
        ({"aliases": 5}, "aliases", "must be a table: [aliases]"),
        ({"settings": 5}, "settings", "must be a table: [settings]"),
        ({"settings": {"proxy_prt": 1}}, "settings.proxy_prt", "is unknown; did you mean proxy_port?"),
        ({"settings": {"prt": 1}}, "settings.prt", "is unknown; did you mean proxy_port?"),
        ({"settings": {"proxy_conf": 1}}, "settings.proxy_conf", "is unknown"),
        ({"settings": {"qqq": 1}}, "settings.qqq", "is unknown (known here: allowed_hosts, "),
        ({"settings": {"proxy_config": "x"}}, "settings.proxy_config", "must be set by its variable: it names the file itself"),
        ({"upstreams": {"a-b": {}, "a_b": {}}}, "upstreams.a_b", "must differ from a-b by more than case and dashes"),
    ],
)
def test_a_table_that_cannot_be_is_told_by_its_name(tables: dict[str, Any], name: str, problem: str) -> None:
    found = a_tree(tables).problems
    assert list(found) == [name]
    assert found[name].startswith(problem)
    assert name == "settings.proxy_config" or "proxy_config" not in found[name]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = \n", "Invalid value (at line 1"),
        (b"api_key = hunter2", "Invalid value (at line 1"),
        (b"\xff\xfe", "can't decode byte"),
        (b"a = " + b"[" * 5000, ""),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_the_place_of_the_slip(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "proxy.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read_toml(str(file))
    told = caught.value.problems["PROXY_CONFIG"]
    assert told.startswith(f"must name a TOML file; {file} is none: ")
    assert problem in told
    assert "hunter2" not in told


def test_a_missing_file_is_told_and_a_byte_order_mark_is_not_minded(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PROXY_CONFIG must name a TOML file; /nowhere\.toml cannot be read: No such file"):
        read_toml("/nowhere.toml")
    file = tmp_path / "proxy.toml"
    file.write_bytes(b'\xef\xbb\xbfa = "b"\r\n')
    assert read_toml(str(file)) == {"a": "b"}
