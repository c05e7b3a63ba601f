"""The settings: where a value comes from, what it may be, and what the error says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.settings import Settings, SettingsError, as_text

UPSTREAM = "https://api.example.com/v1"


def the_problems(**environ: str) -> dict[str, str]:
    """What the settings' error says of `environ`, by variable."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ, dotenv=None)
    return caught.value.problems


def the_value(name: str, text: str) -> Any:
    return getattr(Settings.from_env({name: text}, dotenv=None), name.lower())


def test_defaults_hold_when_nothing_is_set() -> None:
    settings = Settings.from_env({}, dotenv=None)
    assert settings == Settings()
    assert (settings.proxy_host, settings.proxy_port) == ("0.0.0.0", 11434)
    assert set(settings.origins.values()) == {"default"}


def test_the_defaults_are_the_documented_ones() -> None:
    wanted = {
        "PROXY_HOST": "0.0.0.0",
        "PROXY_PORT": "11434",
        "LOG_LEVEL": "INFO",
        "REQUEST_TIMEOUT": "60",
        "FIRST_BYTE_TIMEOUT": "300",
        "BODY_TIMEOUT": "30",
        "MAX_RETRIES": "3",
        "RETRY_AFTER_MAX": "5",
        "DEBUG": "false",
        "DISABLE_SSL_VERIFICATION": "false",
        "ENABLE_METRICS": "true",
        "CORS_ORIGINS": "*",
        "REQUEST_MAX_SIZE": "10485760",
        "HEALTH_CHECK_TIMEOUT": "30",
        "BREAKER_FAILURES": "5",
        "BREAKER_COOLDOWN": "5",
    }
    assert wanted.items() <= {doc.name: doc.default for doc in Settings.describe()}.items()


def test_every_documented_default_reads_back_as_the_default() -> None:
    documented = {doc.name: doc.default for doc in Settings.describe() if doc.name != "WEB_CONCURRENCY"}
    assert Settings.from_env(documented, dotenv=None) == Settings()


def test_workers_are_the_cores_but_at_most_four() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    assert Settings.from_env({}, dotenv=None).web_concurrency == min(cores, 4)
    assert next(doc.default for doc in Settings.describe() if doc.name == "WEB_CONCURRENCY") == "the cores, at most 4"


def test_the_environment_wins_over_the_file_and_an_argument_over_both(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("LOG_LEVEL=ERROR\nPROXY_PORT=1111\nMAX_RETRIES=7\n")
    settings = Settings.from_env({"PROXY_PORT": "2222", "LOG_LEVEL": "DEBUG"}, dotenv, proxy_port=3333)
    assert (settings.max_retries, settings.log_level, settings.proxy_port) == (7, "DEBUG", 3333)
    assert settings.origins["max_retries"] == "file"
    assert settings.origins["log_level"] == "environment"
    assert settings.origins["proxy_port"] == "argument"
    assert settings.origins["proxy_host"] == "default"


def test_the_file_in_the_working_directory_is_read_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text('# comment\nexport DEFAULT_MODEL="llama 3" # why\n')
    monkeypatch.chdir(tmp_path)
    assert Settings.from_env({}).default_model == "llama 3"


def test_the_process_environment_is_read_by_default_and_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_PORT", "4321")
    (tmp_path / ".env").write_text("DEFAULT_MODEL=from-file\n")
    before = dict(os.environ)
    assert Settings.from_env(dotenv=tmp_path / ".env").proxy_port == 4321
    assert dict(os.environ) == before


def test_the_file_is_taken_literally_when_it_looks_like_a_template(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-${HOME}\n")
    assert Settings.from_env({"HOME": "/root"}, tmp_path / ".env").openai_api_key == "sk-${HOME}"


def test_a_file_that_is_not_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DEFAULT_MODEL=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env must be a readable text file"):
        Settings.from_env({}, tmp_path / ".env")


def test_an_empty_value_counts_as_unset_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PROXY_PORT=\nMAX_RETRIES=7\nDEFAULT_MODEL\n")
    settings = Settings.from_env({"MAX_RETRIES": "", "LOG_LEVEL": ""}, tmp_path / ".env")
    assert (settings.proxy_port, settings.max_retries, settings.log_level) == (11434, 7, "INFO")


def test_one_error_lists_every_wrong_variable() -> None:
    problems = the_problems(PROXY_PORT="99999", MAX_RETRIES="-1", LOG_LEVEL="LOUD", OPENAI_API_BASE_URL="localhost:8000", DEBUG="false")
    assert set(problems) == {"PROXY_PORT", "MAX_RETRIES", "LOG_LEVEL", "OPENAI_API_BASE_URL"}
    with pytest.raises(ValueError, match=r"^PROXY_PORT must be a whole number from 1 to 65535$"):
        Settings.from_env({"PROXY_PORT": "99999"}, dotenv=None)


def test_the_error_says_when_the_wrong_value_is_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEBUG=perhaps\n")
    with pytest.raises(SettingsError, match=r"^DEBUG must be true or false \(it is set in the file \.env\)$"):
        Settings.from_env({}, tmp_path / ".env")


def test_unknown_variables_are_no_errors() -> None:
    assert Settings.from_env({"PROXY_COLOUR": "blue", "http_proxy": "http://127.0.0.1:9"}, dotenv=None) == Settings()


def test_a_ready_list_is_validated_like_a_variable() -> None:
    assert Settings.from_env({}, None, cors_origins=["https://a.example"]).cors_origins == ("https://a.example",)
    with pytest.raises(SettingsError, match="CORS_ORIGINS must be"):
        Settings.from_env({}, None, cors_origins=["foo"])


def test_an_argument_is_validated_like_a_variable_and_refused_when_misspelt() -> None:
    with pytest.raises(SettingsError, match="PROXY_PORT must be"):
        Settings.from_env({}, None, proxy_port=0)
    with pytest.raises(TypeError, match="no such setting: prxy_port"):
        Settings.from_env({}, None, prxy_port=1)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("OPENAI_API_BASE_URL", " https://api.example.com/v1/ ", UPSTREAM),
        ("OPENAI_API_BASE_URL", "http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("OPENAI_API_BASE_URL", "https://a.example/openai/?api-version=1", "https://a.example/openai?api-version=1"),
        ("OPENAI_API_KEY", "sk-secret\n", "sk-secret"),
        ("PROXY_HOST", "[::1]", "::1"),
        ("PROXY_HOST", "localhost", "localhost"),
        ("PROXY_PORT", "8080", 8080),
        ("LOG_LEVEL", "warning", "WARNING"),
        ("REQUEST_TIMEOUT", "0.5", 0.5),
        ("RETRY_AFTER_MAX", "0", 0.0),
        ("MAX_RETRIES", "0", 0),
        ("DEBUG", "TRUE", True),
        ("DEBUG", "1", True),
        ("ENABLE_METRICS", "no", False),
        ("CORS_ORIGINS", "https://a.example, http://localhost:3000 ,", ("https://a.example", "http://localhost:3000")),
        ("CORS_ORIGINS", "*", ("*",)),
        ("CORS_ORIGINS", "null,chrome-extension://*,http://localhost:*", ("null", "chrome-extension://*", "http://localhost:*")),
        ("CORS_ORIGINS", "https://*.example.com,http://[::1]:3000", ("https://*.example.com", "http://[::1]:3000")),
        ("ALLOWED_HOSTS", "ollama.internal", ("ollama.internal",)),
        ("ALLOWED_HOSTS", "my_box, 203.0.113.7 ,[2001:db8::1],2001:db8::2", ("my_box", "203.0.113.7", "2001:db8::1", "2001:db8::2")),
        ("FORWARDED_ALLOW_IPS", "10.0.0.0/8, ::1", "10.0.0.0/8,::1"),
        ("FORWARDED_ALLOW_IPS", "*", "*"),
        ("OLLAMA_VERSION", "0.31.2", "0.31.2"),
        ("UPSTREAM_PROXY", "http://user:word@proxy.example:3128/", "http://user:word@proxy.example:3128"),
        ("REDIS_URL", "redis://user:word@10.0.0.5:6379/1", "redis://user:word@10.0.0.5:6379/1"),
        ("REDIS_URL", "rediss://[::1]?ssl_ca_certs=/a.pem&db=2", "rediss://[::1]?ssl_ca_certs=/a.pem&db=2"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("REDIS_PREFIX", "team-a:gateway", "team-a:gateway"),
    ],
)
def test_a_value_is_read_when_it_is_well_formed(name: str, text: str, wanted: object) -> None:
    value = the_value(name, text)
    assert value == wanted
    assert type(value) is type(wanted)


@pytest.mark.parametrize(
    ("name", "text", "must"),
    [
        ("OPENAI_API_BASE_URL", "api.example.com/v1", "must be an http:// or https:// URL with a host, such as https://api.openai.com/v1"),
        ("OPENAI_API_BASE_URL", "ftp://example.com", "must be an http:// or https:// URL"),
        ("OPENAI_API_BASE_URL", "https://", "must be an http:// or https:// URL"),
        ("OPENAI_API_BASE_URL", "http://host:port/v1", "must be an http:// or https:// URL"),
        ("OPENAI_API_BASE_URL", "http://[::1/v1", "must be an http:// or https:// URL"),
        ("OPENAI_API_BASE_URL", "http://exa mple/v1", "must be an http:// or https:// URL"),
        ("OPENAI_API_BASE_URL", "https://me:hunter2@example.com/v1", "must not hold a user name or a password"),
        ("OPENAI_API_BASE_URL", "https://example.com/v1#hunter2", "must end with its path or its query"),
        ("UPSTREAM_PROXY", "http://proxy.example/?hunter2", "must end with its path"),
        ("REDIS_URL", "http://hunter2", "must be a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "redis://", "must be a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "redis://hunter2:70000", "must be a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "redis://10.0.0.5/hunter2", "must be a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "unix://hunter2", "must be a redis://, rediss:// or unix:// URL"),
        ("REDIS_URL", "redis://:hunter2@10.0.0.5?socket_timeout=9", "must have no socket_timeout in its query; it may have db"),
        ("REDIS_PREFIX", "hunter2 {x}", "must be one word of letters, digits and . _ : -"),
        ("REDIS_TIMEOUT", "0", "must be a number of seconds, more than 0"),
        ("OPENAI_API_KEY", "sk-hunter2\nX-Evil: 1", "must be one word of printable ASCII characters"),
        ("OPENAI_API_KEY", "sk-hunter2-é", "must be one word of printable ASCII characters"),
        ("PROXY_HOST", "0.0.0.0:8080", "must be an address or a host name without a port"),
        ("PROXY_HOST", "http://localhost", "must be an address or a host name"),
        ("PROXY_PORT", "0", "must be a whole number from 1 to 65535"),
        ("PROXY_PORT", "80.5", "must be a whole number from 1 to 65535"),
        ("WEB_CONCURRENCY", "0", "must be a whole number from 1 to 1024"),
        ("WORKER_CONNECTIONS", "many", "must be a whole number, 1 or more"),
        ("REQUEST_TIMEOUT", "0", "must be a number of seconds, more than 0"),
        ("REQUEST_TIMEOUT", "inf", "must be a number of seconds, more than 0"),
        ("CONNECT_TIMEOUT", "nan", "must be a number of seconds, more than 0"),
        ("BREAKER_COOLDOWN", "1e300", "must be a number of seconds, 31536000 (a year) or less"),
        ("GRACEFUL_TIMEOUT", "9" * 30, "must be a whole number from 1 to 31536000"),
        ("RETRY_AFTER_MAX", "-1", "must be a number of seconds, 0 or more"),
        ("FORWARDED_ALLOW_IPS", "nginx", "must be a comma list of IP addresses and networks, or *"),
        ("CORS_ORIGINS", "foo", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://a.example,example.com", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://a.example/", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://me:hunter2@a.example", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://*.example.com:*", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://", "must be a comma list of web origins"),
        ("CORS_ORIGINS", "https://a.example:99999", "must be a comma list of web origins"),
        ("ALLOWED_HOSTS", "http://x", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "a.example:8080", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "[::1]:8080", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "a.example/path", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "10.0.0.0/8", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "a..example", "must be a comma list of host names and IP addresses, without scheme and port"),
        ("ALLOWED_HOSTS", "*.a.example", "must be a comma list of host names and IP addresses, without scheme and port, each in full"),
        ("OLLAMA_VERSION", "0.33.0-rc2", "must be three numbers with dots between them"),
        ("MODEL_MAPPING_FILE", "/nowhere/map.json", "must name a file with a JSON object of strings; /nowhere/map.json cannot be read"),
        ("UPSTREAM_CA_BUNDLE", "/nowhere/ca.pem", "must name a file of PEM certificates; /nowhere/ca.pem cannot be read"),
    ],
)
def test_the_error_says_what_a_value_must_be_and_never_what_it_is(name: str, text: str, must: str) -> None:
    problem = the_problems(**{name: text})[name]
    assert problem.startswith(must)
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("content", "must"),
    [
        ("{", "is not JSON"),
        ('["llama3"]', "holds something else"),
        ('{"llama3": 3}', "holds something else"),
    ],
)
def test_a_mapping_file_must_hold_an_object_of_strings(tmp_path: Path, content: str, must: str) -> None:
    (tmp_path / "map.json").write_text(content)
    problem = the_problems(MODEL_MAPPING_FILE=str(tmp_path / "map.json"))["MODEL_MAPPING_FILE"]
    assert "must name a file with a JSON object of strings" in problem
    assert must in problem


def test_a_mapping_and_a_catalogue_are_taken_when_they_parse(tmp_path: Path) -> None:
    mapping, catalogue = tmp_path / "map.json", tmp_path / "catalogue.json"
    mapping.write_text(json.dumps({"llama3": "gpt-5"}))
    catalogue.write_text(json.dumps({"gpt-5": {"context_length": 400000}}))
    settings = Settings.from_env({"MODEL_MAPPING_FILE": str(mapping), "MODEL_CATALOG_FILE": str(catalogue)}, dotenv=None)
    assert (settings.model_mapping_file, settings.model_catalog_file) == (str(mapping), str(catalogue))


def test_a_ca_bundle_must_hold_certificates(tmp_path: Path) -> None:
    bundle, text = tmp_path / "ca.pem", tmp_path / "text.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    text.write_text("no certificate\n")
    assert the_value("UPSTREAM_CA_BUNDLE", str(bundle)) == str(bundle)
    assert "holds none" in the_problems(UPSTREAM_CA_BUNDLE=str(text))["UPSTREAM_CA_BUNDLE"]


def test_secrets_are_hidden_in_repr() -> None:
    secrets = {"OPENAI_API_KEY": "sk-hunter2", "UPSTREAM_PROXY": "http://u:hunter2@p:1", "REDIS_URL": "redis://:hunter2@p"}
    settings = Settings.from_env(secrets, dotenv=None)
    assert "hunter2" not in repr(settings)
    assert {doc.name for doc in Settings.describe() if doc.secret} == {"OPENAI_API_KEY", "UPSTREAM_PROXY", "REDIS_URL"}


def test_a_missing_upstream_is_told_with_the_way_out() -> None:
    Settings.from_env({"OPENAI_API_BASE_URL": UPSTREAM}, dotenv=None).require_upstream()
    with pytest.raises(SettingsError, match=r"^OPENAI_API_BASE_URL must say where .* `ollama-openai-proxy demo`"):
        Settings.from_env({}, dotenv=None).require_upstream()


def test_every_setting_has_a_description_of_one_line() -> None:
    for doc in Settings.describe():
        assert doc.description.endswith("."), doc.name
        assert "\n" not in doc.description, doc.name


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (("a", "b"), "a,b"), (60.0, "60"), (0.5, "0.5"), (7, "7"), ("x", "x")])
def test_a_value_is_written_as_in_the_environment(value: object, text: str) -> None:
    assert as_text(value) == text
