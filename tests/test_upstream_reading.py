"""One upstream: what its keys may be, where they take their values from, and what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.config_file import ConfigTree
from proxy.dialects.registry import DIALECTS
from proxy.routing import AUTO
from proxy.settings import Settings
from proxy.upstream_keys import KEYS, POLICIES, UPSTREAM_DIALECTS
from proxy.upstream_reading import read_upstream, trimmed_base_url, upstream_of
from proxy.upstream_settings import Limits, Policy, ReplicaSettings, UpstreamSettings, UpstreamTimeouts

BASE_URL = "http://10.0.0.1:8000/v1"


def read(
    table: Mapping[str, Any], settings: Settings | None = None, variables: Mapping[str, str] | None = None, name: str = "boxes"
) -> tuple[UpstreamSettings | None, dict[str, str]]:
    tree = ConfigTree({"upstreams": {name: table}}, [])
    return read_upstream(name, tree.below("upstreams", name), settings or Settings(), variables or {})


def an_upstream(**table: Any) -> UpstreamSettings:
    upstream, problems = read({"base_url": BASE_URL, **table})
    assert upstream is not None, problems
    return upstream


def the_problems(**table: Any) -> dict[str, str]:
    upstream, problems = read({"base_url": BASE_URL, **table})
    assert upstream is None
    return problems


def test_an_upstream_with_nothing_but_an_address_has_the_documented_defaults() -> None:
    assert an_upstream() == UpstreamSettings("boxes", (ReplicaSettings(BASE_URL),))


def test_a_key_that_nobody_wrote_has_the_value_of_its_setting() -> None:
    changed = {
        "connect_timeout": 1.5,
        "first_byte_timeout": 2.5,
        "request_timeout": 3.5,
        "health_check_timeout": 4.5,
        "max_retries": 7,
        "retry_after_max": 8.5,
        "retry_sent": False,
        "retry_budget": 8,
        "breaker_failures": 9,
        "breaker_cooldown": 10.5,
        "health_check_interval": 11.0,
        "model_list_ttl": 11.5,
        "upstream_ca_bundle": "ca.pem",
        "disable_ssl_verification": True,
        "upstream_proxy": "http://proxy:1",
        "upstream_profile": "vllm",
    }
    assert set(changed) == {key.setting for key in KEYS if key.setting}
    addresses = [BASE_URL, "http://other/v1"]
    upstream, _ = read({"base_url": addresses}, Settings(**changed, origins=dict.fromkeys(changed, "environment")))
    assert upstream is not None
    assert (upstream.timeouts.connect_s, upstream.timeouts.first_byte_s, upstream.timeouts.idle_s) == (1.5, 2.5, 3.5)
    assert (upstream.timeouts.health_check_s, upstream.health_check_interval_s, upstream.model_list_ttl_s) == (4.5, 11.0, 11.5)
    stubbornness = upstream.stubbornness
    assert (stubbornness.max_retries, stubbornness.retry_after_max_s) == (7, 8.5)
    assert (stubbornness.retry_sent, stubbornness.retry_budget) == (False, 8)
    assert (stubbornness.breaker_failures, stubbornness.breaker_cooldown_s) == (9, 10.5)
    assert (upstream.tls.ca_bundle, upstream.tls.verify) == ("ca.pem", False)
    assert (upstream.proxy, upstream.profile) == ("http://proxy:1", "vllm")
    origins = {key.path: key.place.name for key in upstream.in_force if key.place}
    assert origins["tls.verify"] == "DISABLE_SSL_VERIFICATION"
    assert len(origins) == len(changed) + 1


def test_the_defaults_of_the_values_are_those_of_the_keys() -> None:
    assert upstream_of(Settings(openai_api_base_url=BASE_URL)) == UpstreamSettings("default", (ReplicaSettings(BASE_URL),))


def test_a_lone_replica_is_looked_at_only_where_the_operator_says_so() -> None:
    assert an_upstream(base_url=[BASE_URL, "http://other/v1"]).health_check_interval_s == 1
    assert an_upstream().health_check_interval_s == 0
    assert an_upstream(health_check_interval=3).health_check_interval_s == 3


def test_every_key_is_read() -> None:
    upstream = an_upstream(
        dialect="OpenAI",
        base_url=["http://a/v1/", "http://b/v1"],
        api_key="sk-a",
        pass_client_key=True,
        headers={"X-Team": " search "},
        models={"show": ["gpt-*"], "hide": "*-preview"},
        aliases={"llama3.1": "org/llama"},
        priority=-3,
        weight=2,
        policy="prefix_affinity",
        limits={"in_flight": 4, "queue": 5, "queue_wait": 0.5},
        timeouts={"connect": 1, "first_byte": 2, "idle": 3, "total": 4, "commit": 0, "health_check": 6},
        max_retries=0,
        retry_after_max=0,
        retry_sent=False,
        retry_budget=0,
        breaker_failures=1,
        breaker_cooldown=2,
        health_check_interval=0.5,
        model_list_ttl=0,
        tls={"verify": False},
        proxy="http://u:word@proxy:3128",
        profile="vLLM",
        preload=["a", "b"],
        ping_interval=60,
    )
    assert upstream.dialect == "openai"
    assert upstream.replicas == (ReplicaSettings("http://a/v1", 2.0), ReplicaSettings("http://b/v1", 2.0))
    assert (upstream.keys, upstream.pass_client_key, upstream.headers) == (("sk-a",), True, {"X-Team": "search"})
    assert (upstream.show, upstream.hide, upstream.aliases) == (("gpt-*",), ("*-preview",), {"llama3.1": "org/llama"})
    assert (upstream.priority, upstream.policy) == (-3, "prefix_affinity")
    assert upstream.limits == Limits(4, 5, 0.5)
    assert upstream.timeouts == UpstreamTimeouts(1, 2, 3, 4, 0, 6)
    assert upstream.stubbornness.max_retries == 0
    assert (upstream.tls.verify, upstream.profile, upstream.proxy) == (False, "vllm", "http://u:word@proxy:3128")
    assert (upstream.preload, upstream.ping_interval_s) == (("a", "b"), 60.0)


def test_replicas_have_the_weight_of_the_upstream_unless_they_have_their_own() -> None:
    upstream, problems = read({"weight": 0.5, "replicas": [{"base_url": "http://a"}, {"base_url": "http://b", "weight": 3}]})
    assert problems == {}
    assert upstream is not None
    assert upstream.replicas == (ReplicaSettings("http://a", 0.5), ReplicaSettings("http://b", 3.0))


def test_a_file_can_take_back_what_would_be_inherited() -> None:
    settings = Settings(upstream_proxy="http://proxy:1", upstream_ca_bundle="ca.pem")
    upstream, _ = read({"base_url": BASE_URL, "proxy": "", "tls": {"ca_bundle": ""}}, settings)
    assert upstream is not None
    assert (upstream.proxy, upstream.tls.ca_bundle) == ("", "")


def test_keys_come_from_the_file_from_variables_and_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sk-c\n")
    table = {"base_url": BASE_URL, "api_key": ["sk-a", ""], "key_env": ["ONE", "TWO"], "key_file": str(secret)}
    upstream, problems = read(table, variables={"ONE": "sk-b ", "TWO": "sk-a"})
    assert problems == {}
    assert upstream is not None
    assert upstream.keys == ("sk-a", "sk-b", "sk-c")


def test_a_key_that_cannot_be_had_is_told_without_what_stands_in_its_place(tmp_path: Path) -> None:
    empty, two_lines, binary = tmp_path / "hunter2-empty", tmp_path / "hunter2-lines", tmp_path / "hunter2-binary"
    empty.write_text("\n")
    two_lines.write_text("sk-hunter2\nsk-hunter3\n")
    binary.write_bytes(b"\xff\xfe\x00")
    files = [str(tmp_path / "hunter2"), str(empty), str(two_lines), str(binary), "hunter2\0"]
    table = {"base_url": BASE_URL, "api_key": "sk hunter2", "key_env": ["hunter2", "BROKEN", 5], "key_file": files}
    upstream, problems = read(table, variables={"BROKEN": "sk hunter2"})
    assert upstream is None
    nothing, broken = "must lead to a key, and leads to nothing", "must lead to a key, which must be one word of printable ASCII characters"
    assert problems == {
        "upstreams.boxes.api_key": "must be one word of printable ASCII characters",
        "upstreams.boxes.key_env[0]": nothing,
        "upstreams.boxes.key_env[1]": broken,
        "upstreams.boxes.key_env[2]": "must be text, in quotes, and not empty",
        "upstreams.boxes.key_file[0]": "must name a file that holds a key; it cannot be read: No such file or directory",
        "upstreams.boxes.key_file[1]": nothing,
        "upstreams.boxes.key_file[2]": broken,
        "upstreams.boxes.key_file[3]": "must name a file that holds a key as text",
        "upstreams.boxes.key_file[4]": "must name a file that holds a key as text",
    }


@pytest.mark.parametrize(
    ("table", "name", "problem"),
    [
        ({"base_url": "10.0.0.1:8000"}, "base_url", "must be an http:// or https:// URL with a host, such as https://api.openai.com/v1"),
        ({"base_url": ["http://a", "ftp://b"]}, "base_url[1]", "must be an http:// or https:// URL"),
        ({"base_url": "http://me:hunter2@a"}, "base_url", "must not hold a user name or a password; a key belongs in api_key, key_env or"),
        ({"base_url": []}, "base_url", "must hold one address at least"),
        ({"base_url": ["http://a", "http://b", "http://a/"]}, "base_url", "must name each replica once (doubled: http://a)"),
        ({"base_url": ["http://a?key=hunter2", "http://a?key=hunter2"]}, "base_url", "must name each replica once (doubled: http://a)"),
        (
            {"base_url": ["http://LOCALHOST:80/v1", "http://localhost/v1"]},
            "base_url",
            "must name each replica once (doubled: http://LOCALHOST:80/v1, ht",
        ),
        ({"base_url": ["https://a:443", "HTTPS://A"]}, "base_url", "must name each replica once"),
        ({"base_url": ["http://[::1]:80", "http://[::1]"]}, "base_url", "must name each replica once"),
        ({"base_url": 5}, "base_url", "must be text, in quotes"),
        ({"base_url": {"a": 1}}, "base_url", "must be text, in quotes"),
        ({"replicas": [{"base_url": "http://b"}]}, "replicas", "must not stand beside base_url"),
        ({"dialect": "ollama2"}, "dialect", f"must be one of {', '.join(UPSTREAM_DIALECTS)}"),
        ({"policy": "random"}, "policy", "must be one of least_in_flight, weighted_round_robin, prefix_affinity"),
        ({"profile": "vlm"}, "profile", f"must be one of {AUTO}, "),
        ({"priority": 1.5}, "priority", "must be a whole number from -1000 to 1000"),
        ({"priority": True}, "priority", "must be a whole number from -1000 to 1000"),
        ({"weight": 0}, "weight", "must be a number, more than 0 and at most 1000"),
        ({"weight": 1e9}, "weight", "must be a number, more than 0 and at most 1000"),
        ({"retry_budget": 101}, "retry_budget", "must be a whole number from 0 to 100"),
        ({"health_check_interval": 0.0001}, "health_check_interval", "must be a number of seconds, 0.1 or more, or 0"),
        ({"key_env": "NO_SUCH_KEY"}, "key_env", "must name a variable that holds a key; NO_SUCH_KEY is not set"),
        ({"headers": {"X-Team\nEvil": "a"}}, 'headers."X-Team\\nEvil"', "must be called as a header can be"),
        ({"limits": {"in_flight": -1}}, "limits.in_flight", "must be a whole number, 0 or more"),
        ({"timeouts": {"connect": 0}}, "timeouts.connect", "must be a number of seconds, more than 0"),
        ({"limits": {"queue_wait": 1e300}}, "limits.queue_wait", "must be a number of seconds, 31536000 (a year) or less"),
        ({"timeouts": {"total": 31536001}}, "timeouts.total", "must be a number of seconds, 31536000 (a year) or less"),
        ({"timeouts": {"conect": 1}}, "timeouts.conect", "is unknown; did you mean connect?"),
        ({"timeouts": 5}, "timeouts", "must be a table: [upstreams.boxes.timeouts]"),
        ({"timeouts": {"connect": {"a": 1}}}, "timeouts.connect", "must be a number of seconds, more than 0"),
        ({"priorty": 5}, "priorty", "is unknown; did you mean priority?"),
        ({"prio": 5}, "prio", "is unknown; did you mean priority?"),
        ({"breaker": 5}, "breaker", "is unknown; did you mean breaker_cooldown or breaker_failures?"),
        ({"url": "http://a"}, "url", "is unknown; did you mean base_url?"),
        ({"colour": {"a": 5}}, "colour.a", "is unknown (known here: aliases, api_key, base_url, "),
        ({"headers": {"Host": "hunter2"}}, "headers.Host", "must be left to the gateway"),
        ({"headers": {"X Team": "hunter2"}}, 'headers."X Team"', "must be called as a header can be"),
        ({"headers": {"X-Team": "hunter2\nX-Other: a"}}, "headers.X-Team", "must be text in quotes, of printable ASCII characters"),
        ({"headers": {"X-Team": 5}}, "headers.X-Team", "must be text in quotes, of printable ASCII characters"),
        ({"headers": "hunter2"}, "headers", "must be a table of names and values"),
        ({"aliases": {"llama3": {"1": "m"}}}, "aliases.llama3.1", 'must be text; a name with a dot in it needs quotes: "llama3.1"'),
        ({"aliases": {"": "m"}}, 'aliases.""', "must have a name before the ="),
        ({"aliases": {" ": "m"}}, 'aliases." "', "must have a name before the ="),
        ({"aliases": {"llama3:8b": ""}}, 'aliases."llama3:8b"', "must be text, in quotes, and not empty"),
        ({"models": {"show": [1]}}, "models.show[0]", "must be text, in quotes, and not empty"),
        ({"pass_client_key": "perhaps"}, "pass_client_key", "must be true or false"),
        ({"proxy": "hunter2"}, "proxy", "must be an http:// or https:// URL with a host, such as http://proxy.example:3128"),
        ({"tls": {"ca_bundle": "/nowhere"}}, "tls.ca_bundle", "must name a file of PEM certificates; /nowhere cannot be read"),
        ({"tls": {"client_key": "key.pem"}}, "tls.client_key", "must come with tls.client_cert"),
        ({"tls": {"client_cert": "/nowhere"}}, "tls.client_cert", "must name a PEM file, and so must tls.client_key"),
    ],
)
def test_a_wrong_key_is_told_by_its_whole_name_and_never_by_its_value(table: dict[str, Any], name: str, problem: str) -> None:
    problems = the_problems(**table)
    assert list(problems) == [f"upstreams.boxes.{name}"]
    assert problems[f"upstreams.boxes.{name}"].startswith(problem)
    assert "hunter2" not in str(problems)


def test_the_list_of_replicas_tells_which_entry_is_wrong() -> None:
    upstream, problems = read({"replicas": [{"base_url": "http://a"}, {"base_ulr": "http://b"}, {"base_url": "b", "weight": 0}, 5]})
    assert upstream is None
    assert problems == {
        "upstreams.boxes.replicas[1].base_url": "must say where the replica is",
        "upstreams.boxes.replicas[1].base_ulr": "is unknown: a replica has base_url and weight",
        "upstreams.boxes.replicas[2].base_url": "must be an http:// or https:// URL with a host, such as https://api.openai.com/v1",
        "upstreams.boxes.replicas[2].weight": "must be a number, more than 0 and at most 1000",
        "upstreams.boxes.replicas[3]": 'must be a table, such as {base_url = "http://127.0.0.1:8000/v1", weight = 2}',
    }
    assert read({"replicas": []})[1]["upstreams.boxes.replicas"].startswith("must be a list of tables")
    assert read({"replicas": [{"base_url": "http://a"}, {"base_url": "http://a"}]})[1] == {
        "upstreams.boxes.replicas": "must name each replica once (doubled: http://a)"
    }


def test_replicas_whose_addresses_differ_by_more_than_spelling_are_two() -> None:
    for urls in (
        ["http://a", "https://a"],
        ["http://a", "http://a:8080"],
        ["http://a/v1", "http://a/V1"],
        ["http://a?k=1", "http://a?k=2"],
    ):
        assert [replica.base_url for replica in an_upstream(base_url=urls).replicas] == urls


@pytest.mark.parametrize("table", [{}, {"priority": 1}])
def test_an_upstream_without_an_address_is_wrong(table: dict[str, Any]) -> None:
    assert read(table)[1] == {"upstreams.boxes.base_url": "must say where the upstream is"}


def test_an_empty_table_inside_says_nothing() -> None:
    assert an_upstream(timeouts={}, headers={}) == an_upstream()


def test_an_upstream_that_is_no_table_is_told_how_to_write_one() -> None:
    tree = ConfigTree({"upstreams": {"boxes": BASE_URL}}, [])
    _, problems = read_upstream("boxes", tree.below("upstreams", "boxes"), Settings(), {})
    assert problems == {"upstreams.boxes": "must be a table: [upstreams.boxes]"}


@pytest.mark.parametrize("name", ["Boxes", "a/b", "a:b", "a.b", "-a", "", "a" * 64])
def test_a_name_that_cannot_be_part_of_a_models_name_is_refused(name: str) -> None:
    _, problems = read({"base_url": BASE_URL}, name=name)
    (problem,) = problems.values()
    assert problem.startswith("must be called by at most 63 lower-case letters, digits, - and _")


def test_a_client_certificate_must_fit_its_key(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate, other = authority.issue_cert("gateway.example"), authority.issue_cert("other.example")
    cert, key, wrong, both = (str(tmp_path / name) for name in ("cert.pem", "key.pem", "wrong.pem", "both.pem"))
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    other.private_key_pem.write_to_path(wrong)
    certificate.private_key_and_cert_chain_pem.write_to_path(both)
    assert an_upstream(tls={"client_cert": cert, "client_key": key}).tls.client_key == key
    assert an_upstream(tls={"client_cert": both}).tls.client_cert == both
    for tls in ({"client_cert": cert}, {"client_cert": cert, "client_key": wrong}):
        (told,) = the_problems(tls=tls).values()
        assert told.startswith("must name a PEM file with a certificate and its private key")


def test_no_secret_is_in_a_repr_or_in_what_config_shows() -> None:
    table = {
        "base_url": ["https://a.example/v1?sig=hunter2&api-version=1"],
        "api_key": ["sk-hunter2", "sk-hunter2-b"],
        "headers": {"X-Api-Key": "hunter2"},
        "proxy": "http://u:hunter2@proxy:1",
    }
    upstream = an_upstream(**table)
    assert "hunter2" not in repr(upstream)
    shown = {key.path: key.text for key in upstream.in_force}
    assert (shown["api_key"], shown["headers"], shown["proxy"]) == ("(hidden), (hidden)", "X-Api-Key (hidden)", "(hidden)")
    assert {"sk-hunter2", "sk-hunter2-b", "hunter2", "http://u:hunter2@proxy:1"} == set(upstream.secrets())


def test_a_header_that_is_no_secret_stays_readable_in_the_log() -> None:
    assert set(an_upstream(headers={"HTTP-Referer": "https://example.com", "Authorization": "Basic abc"}).secrets()) == {"Basic abc"}


def test_what_is_in_force_is_told_with_where_it_was_written() -> None:
    told = {key.path: (key.text, key.place and key.place.name) for key in an_upstream(limits={"queue": 7}, aliases={"a": "b"}).in_force}
    assert list(told) == [key.path for key in KEYS]
    assert told["limits.queue"] == ("7", "upstreams.boxes.limits.queue")
    assert told["aliases"] == ("a -> b", "upstreams.boxes.aliases.a")
    assert told["policy"] == ("least_in_flight", None)
    upstream, _ = read({"replicas": [{"base_url": "http://a", "weight": 2}, {"base_url": "http://b"}]})
    assert upstream is not None
    assert {key.path: key.text for key in upstream.in_force}["replicas"] == "http://a (weight 2), http://b"


@pytest.mark.parametrize(
    ("dialect", "written", "taken"),
    [
        ("openai", "https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com"),
        ("anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta", "https://generativelanguage.googleapis.com"),
        ("gemini", "https://generativelanguage.googleapis.com/v1", "https://generativelanguage.googleapis.com"),
        ("ollama", "http://127.0.0.1:11434/api", "http://127.0.0.1:11434"),
        ("ollama", "http://127.0.0.1:11434/prefix/v1?a=b", "http://127.0.0.1:11434/prefix?a=b"),
        ("ollama", "http://127.0.0.1:11434", "http://127.0.0.1:11434"),
    ],
)
def test_a_base_url_is_taken_as_the_vendors_library_takes_it(dialect: str, written: str, taken: str) -> None:
    assert trimmed_base_url(dialect, written) == taken


def test_the_dialects_are_those_that_the_house_can_ask() -> None:
    assert set(UPSTREAM_DIALECTS) == {dialect.name for dialect in DIALECTS.values() if dialect.egress is not None}


def test_the_policies_are_those_of_the_type() -> None:
    assert set(POLICIES) == set(Policy.__args__)  # type: ignore[attr-defined]
