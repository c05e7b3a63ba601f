"""The whole configuration: what is read from where, that all that is wrong is told at once, and that it is read only once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy import create_app
from proxy.extension import Proxy
from proxy.gateway_config import GatewayConfig, as_config, check_config, config_of, load_config
from proxy.settings import Settings, SettingsError
from proxy.upstream_settings import ReplicaSettings, UpstreamSettings

TWO = """
[upstreams.boxes]
base_url = ["http://10.0.0.1:8000/v1", "http://10.0.0.2:8000/v1"]
[upstreams.cloud]
base_url = "https://api.example.com/v1"
priority = 5
key_env = "CLOUD_KEY"
[aliases]
"llama3.1" = "boxes/org/llama"
fast = "cloud/small"
[fallbacks]
large = ["cloud/large", "boxes/large"]
small = "boxes/small"
[settings]
max_retries = 7
cors_origins = ["https://a.example"]
allowed_hosts = "b.example"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.toml"
    path.write_text(TWO)
    return path


def load(file: Path | None = None, dotenv: Path | None = None, needs_upstream: bool = True, **environ: str) -> GatewayConfig:
    variables = {"CLOUD_KEY": "sk-cloud", **environ} | ({"PROXY_CONFIG": str(file)} if file else {})
    return load_config(variables, dotenv, needs_upstream=needs_upstream)


def the_problems(file: Path | None = None, **environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(file, **environ)
    return caught.value.problems


def test_a_file_holds_upstreams_names_and_settings(file: Path) -> None:
    config = load(file)
    assert [upstream.name for upstream in config.upstreams] == ["boxes", "cloud"]
    assert [replica.base_url for replica in config.upstream("boxes").replicas] == ["http://10.0.0.1:8000/v1", "http://10.0.0.2:8000/v1"]
    assert config.upstream("cloud").keys == ("sk-cloud",)
    assert config.aliases == {"llama3.1": "boxes/org/llama", "fast": "cloud/small"}
    assert config.fallbacks == {"large": ("cloud/large", "boxes/large"), "small": ("boxes/small",)}
    assert (config.settings.max_retries, config.settings.cors_origins, config.settings.allowed_hosts) == (
        7,
        ("https://a.example",),
        ("b.example",),
    )
    assert config.settings.origins["max_retries"] == "config"
    assert config.upstream("boxes").stubbornness.max_retries == 7


def test_nobody_can_change_what_was_read(file: Path) -> None:
    config = load(file)
    for table in (config.aliases, config.fallbacks, config.upstream("cloud").headers, config.upstream("cloud").aliases):
        with pytest.raises(TypeError):
            table["new"] = "value"  # type: ignore[index]


def test_with_the_flat_address_alone_there_is_one_upstream_as_ever() -> None:
    config = load(OPENAI_API_BASE_URL="https://api.example.com/v1", OPENAI_API_KEY="sk-flat", CONNECT_TIMEOUT="2")
    assert config.upstreams == (
        UpstreamSettings(
            "default",
            (ReplicaSettings("https://api.example.com/v1"),),
            keys=("sk-flat",),
            timeouts=config.upstreams[0].timeouts,
        ),
    )
    assert (config.default_upstream, config.upstreams[0].timeouts.connect_s) == ("default", 2.0)
    assert config == config_of(config.settings)


def test_upstreams_can_be_configured_by_variables_alone(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("UPSTREAM_BOXES_BASE_URL=http://a/v1,http://b/v1\nUPSTREAM_CLOUD_KEY_ENV=SECRET\nSECRET=sk-from-dotenv\n")
    config = load(
        None, dotenv, UPSTREAM_CLOUD_BASE_URL="https://c/v1", DEFAULT_UPSTREAM="Cloud", SECRET="", UPSTREAM_BOXES_MODELS_HIDE="a*,b*"
    )
    assert [upstream.name for upstream in config.upstreams] == ["boxes", "cloud"]
    assert config.upstream("boxes").hide == ("a*", "b*")
    assert config.upstream("cloud").keys == ("sk-from-dotenv",)
    assert config.upstream().name == config.default_upstream == "cloud"


def test_a_setting_is_taken_from_the_strongest_source(file: Path, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PROXY__SETTINGS__MAX_RETRIES=1\nLOG_LEVEL=ERROR\n")
    assert load(file, dotenv).settings.max_retries == 1
    assert load(file, dotenv, PROXY__SETTINGS__LOG_LEVEL="DEBUG").settings.log_level == "DEBUG"
    assert load(file, dotenv, MAX_RETRIES="3", PROXY__SETTINGS__MAX_RETRIES="2").settings.max_retries == 3
    assert load_config({"PROXY_CONFIG": str(file), "CLOUD_KEY": "k"}, dotenv, max_retries=5).settings.max_retries == 5


def test_the_file_can_be_named_in_dotenv_and_as_an_argument(file: Path, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"PROXY_CONFIG={file}\nCLOUD_KEY=sk\n")
    assert len(load_config({}, dotenv).upstreams) == 2
    assert len(load_config({"CLOUD_KEY": "sk"}, None, proxy_config=str(file)).upstreams) == 2


def test_the_default_upstream_is_the_chosen_one_then_the_flat_one_then_left_to_the_priorities(file: Path) -> None:
    config = load(file)
    assert (config.default_upstream, config.upstream().name) == ("", "cloud")
    assert load(file, OPENAI_API_BASE_URL="http://a/v1").default_upstream == "default"
    assert load(file, OPENAI_API_BASE_URL="http://a/v1", DEFAULT_UPSTREAM="boxes").default_upstream == "boxes"
    with pytest.raises(KeyError):
        config.upstream("nobody")


def test_the_file_wins_over_the_mapping_file_which_adds_the_rest(file: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text('{"fast": "other", "gpt-*": "m"}')
    assert load(file, MODEL_MAPPING_FILE=str(mapping)).aliases == {"llama3.1": "boxes/org/llama", "fast": "cloud/small", "gpt-*": "m"}


def test_one_error_lists_all_that_is_wrong_by_the_name_under_which_it_was_written(file: Path, tmp_path: Path) -> None:
    file.write_text(
        """
        [upstreams.boxes]
        base_url = "hunter2"
        timeouts.connect = "hunter2"
        [upstreams.Cloud]
        base_url = "http://a"
        [aliases]
        llama3.1 = "m"
        [fallbacks]
        "large:8b" = ["a", 5]
        [settings]
        log_level = "hunter2"
        model_catalog_file = "/nowhere"
        loglevel = "DEBUG"
        """
    )
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text('{"m": {"context_length": "long"}}')
    problems = the_problems(
        file,
        MODEL_CATALOG_FILE=str(catalogue),
        UPSTREAM_BOXES_POLICY="hunter2",
        UPSTREAM_OTHER_API_KEY="hunter2",
        PROXY__UPSTREAMS__BOXES__LIMITS__QUEUE="hunter2",
        DEFAULT_UPSTREAM="nobody",
        UPSTREAM_PROFILE="nonsense",
    )
    assert set(problems) == {
        "upstreams.boxes.base_url",
        "upstreams.boxes.timeouts.connect",
        "upstreams.Cloud",
        "aliases.llama3.1",
        'fallbacks."large:8b"[1]',
        "settings.log_level",
        "settings.loglevel",
        "MODEL_CATALOG_FILE",
        "UPSTREAM_BOXES_POLICY",
        "UPSTREAM_OTHER_API_KEY",
        "PROXY__UPSTREAMS__BOXES__LIMITS__QUEUE",
        "DEFAULT_UPSTREAM",
        "UPSTREAM_PROFILE",
    }
    assert "hunter2" not in str(problems)
    assert problems["DEFAULT_UPSTREAM"] == "must be one of boxes, Cloud"


@pytest.mark.parametrize("value", ["3", '""', "true"])
def test_a_fallback_that_is_no_name_is_told_that_it_may_be_a_list(file: Path, value: str) -> None:
    file.write_text(f'[upstreams.a]\nbase_url = "http://a"\n[fallbacks]\n"gpt-4.1*" = {value}\n')
    assert the_problems(file) == {'fallbacks."gpt-4.1*"': "must be a name, or a list of names, in quotes"}


@pytest.mark.parametrize("section", ["aliases", "fallbacks"])
@pytest.mark.parametrize("name", ["", " "])
def test_a_name_that_no_request_can_say_is_wrong(file: Path, section: str, name: str) -> None:
    file.write_text(f'[upstreams.a]\nbase_url = "http://a"\n[{section}]\n"{name}" = "m"\n')
    assert the_problems(file) == {f'{section}."{name}"': "must have a name before the =: no request names a model by nothing"}


def test_what_an_unreadable_file_may_hold_is_not_missed_as_well(file: Path) -> None:
    file.write_text("[upstreams.boxes\n")
    problems = the_problems(file, UPSTREAM_BOXES_API_KEY="k", DEFAULT_UPSTREAM="boxes", MAX_RETRIES="many", UPSTREAM_PROFILE="nonsense")
    assert set(problems) == {"PROXY_CONFIG", "MAX_RETRIES", "UPSTREAM_PROFILE"}


def test_a_wrong_flat_address_is_told_once_and_declares_the_upstream_all_the_same() -> None:
    problems = the_problems(OPENAI_API_BASE_URL="localhost:8000", UPSTREAM_DEFAULT_PRIORITY="2")
    assert set(problems) == {"OPENAI_API_BASE_URL"}


def test_without_an_upstream_the_error_names_all_ways_to_have_one() -> None:
    (told,) = the_problems().values()
    for way in ("PROXY_CONFIG", "UPSTREAM_<NAME>_BASE_URL", "`ollama-openai-proxy demo`"):
        assert way in told
    assert load(needs_upstream=False, DEFAULT_UPSTREAM="later").upstreams == ()


def test_the_files_that_settings_name_are_read_once(tmp_path: Path) -> None:
    mapping, catalogue = tmp_path / "map.json", tmp_path / "catalogue.json"
    mapping.write_text('{"a": "b"}')
    catalogue.write_text('{"m": {"context_length": 4096}}')
    config = load(OPENAI_API_BASE_URL="http://a/v1", MODEL_MAPPING_FILE=str(mapping), MODEL_CATALOG_FILE=str(catalogue))
    mapping.unlink()
    catalogue.unlink()
    create_app(config)
    assert config.aliases == {"a": "b"}
    assert config.catalogue.facts("m") == {"context_length": 4096}


@pytest.mark.parametrize("name", ["model_mapping_file", "model_catalog_file"])
def test_a_file_that_goes_or_breaks_after_its_check_is_a_wrong_setting(name: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text("{}")
    settings = Settings.from_env({}, None, openai_api_base_url="http://127.0.0.1:1/v1", **{name: str(file)})
    file.write_text('{"half')
    with pytest.raises(SettingsError, match=name.upper()):
        config_of(settings)
    file.unlink()
    with pytest.raises(SettingsError, match=name.upper()):
        config_of(settings)


def test_settings_alone_do_not_pretend_to_know_the_file(file: Path) -> None:
    settings = Settings.from_env({"PROXY_CONFIG": str(file), "OPENAI_API_BASE_URL": "http://a/v1"}, None)
    with pytest.raises(SettingsError, match=r"^PROXY_CONFIG must be read by load_config\(\)"):
        create_app(settings)


def test_secrets_are_those_of_all_upstreams_and_in_no_repr(file: Path) -> None:
    config = load(file, OPENAI_API_BASE_URL="http://a/v1", OPENAI_API_KEY="sk-flat", UPSTREAM_BOXES_API_KEY="sk-1,sk-2")
    assert set(config.secrets()) - {""} == {"sk-flat", "sk-cloud", "sk-1", "sk-2"}
    assert all(secret not in repr(config) for secret in config.secrets() if secret)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"upstreams": ()}, "upstreams must be one at least"),
        ({"default_upstream": "nobody"}, "default_upstream must be one of one"),
        ({"upstreams": (UpstreamSettings("one", (ReplicaSettings("http://a"),)),) * 2}, "upstreams must each have a name of its own"),
        ({"upstreams": (UpstreamSettings("one", ()),)}, "upstreams.one must have a replica"),
    ],
)
def test_a_configuration_that_was_put_together_by_hand_is_checked(changes: dict[str, Any], problem: str) -> None:
    right = GatewayConfig(Settings(), (UpstreamSettings("one", (ReplicaSettings("http://a"),)),), "one")
    check_config(right)
    assert as_config(right) is right
    fields = {"settings": Settings(), "upstreams": right.upstreams, "default_upstream": "one", **changes}
    with pytest.raises(SettingsError) as caught:
        Proxy(GatewayConfig(**fields))
    assert problem in str(caught.value)


def test_an_alias_that_leads_to_another_is_refused(file: Path) -> None:
    file.write_text(
        f"""{TWO}
        [upstreams.cloud.aliases]
        mini = "small"
        """.replace(
            "[aliases]",
            """[aliases]
            one = "Two"
            two = "one:latest"
            "all-*" = "two"
            same = "same"
            other = "same"
            "Big:latest" = "big"
            "of-upstream" = "cloud/mini"
            plain = "cloud/two"
            """,
        )
    )
    chain = "must lead to a model, not to the alias {0}; if a model is called so too, write <upstream>/{0}"
    assert the_problems(file, PROXY__ALIASES__VAR="plain") == {
        "aliases.one": chain.format("two"),
        "aliases.two": chain.format("one"),
        'aliases."all-*"': chain.format("two"),
        "PROXY__ALIASES__VAR": chain.format("plain"),
    }
