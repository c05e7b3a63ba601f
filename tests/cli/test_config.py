"""`config`: what it shows, what it hides, and that the example file is what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from proxy import __version__
from proxy.cli import main
from proxy.settings import Settings, SettingsError
from proxy.upstream_keys import KEYS

Run = Callable[..., Result]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in an empty folder, with nothing in the environment but what the test says."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)

    def invoke(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environ)

    return invoke


def rows(result: Result) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}


def test_config_shows_each_setting_with_its_origin(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_RETRIES=7\n")
    result = run("config", PROXY_PORT="8080")
    assert result.exit_code == 0
    shown = rows(result)
    assert shown["SETTING"] == ["VALUE", "ORIGIN"]
    assert shown["PROXY_PORT"] == ["8080", "environment"]
    assert shown["MAX_RETRIES"] == ["7", "file"]
    assert shown["LOG_LEVEL"] == ["INFO", "default"]
    assert shown["OPENAI_API_KEY"] == ["default"]
    assert shown.keys() - {"SETTING"} == {doc.name for doc in Settings.describe()}


def test_config_hides_secrets(run: Run) -> None:
    result = run(
        "config",
        OPENAI_API_KEY="sk-hunter2",
        UPSTREAM_PROXY="http://u:hunter2@proxy.example",
        OPENAI_API_BASE_URL="https://a.example/v1?key=hunter2",
        REDIS_URL="redis://user:hunter2@10.0.0.5:6379/0",
    )
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert rows(result)["REDIS_URL"] == ["redis://(hidden)@10.0.0.5:6379/0", "environment"]
    assert rows(result)["OPENAI_API_KEY"] == ["(hidden)", "environment"]


def test_config_works_without_an_upstream_and_serve_does_not(run: Run) -> None:
    assert run("config").exit_code == 0
    result = run("serve")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: OPENAI_API_BASE_URL must say where the OpenAI-compatible server is")


def test_wrong_settings_are_told_all_at_once_and_without_a_trace(run: Run) -> None:
    result = run("config", PROXY_PORT="http", MAX_RETRIES="-1")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: PROXY_PORT must be a whole number from 1 to 65535",
        "MAX_RETRIES must be a whole number from 0 to 20",
    ]


@pytest.fixture
def catalogue_without_sense(tmp_path: Path) -> str:
    path = tmp_path / "catalogue.json"
    path.write_text('{"m": {"context_length": "long"}}')
    return str(path)


def wrong_variables(result: Result) -> set[str]:
    return {line.removeprefix("Error: ").split()[0] for line in result.stderr.splitlines()}


@pytest.mark.parametrize("command", ["serve", "check", "models"])
def test_every_command_tells_all_that_is_wrong_in_one_run(run: Run, catalogue_without_sense: str, command: str) -> None:
    result = run(command, LOG_LEVEL="LOUD", UPSTREAM_PROFILE="nonsense", MODEL_CATALOG_FILE=catalogue_without_sense)
    assert result.exit_code == 1
    assert wrong_variables(result) == {"LOG_LEVEL", "UPSTREAM_PROFILE", "MODEL_CATALOG_FILE", "OPENAI_API_BASE_URL"}
    assert len(result.stderr.splitlines()) == 4


@pytest.mark.parametrize("arguments", [("config",), ("demo",), ("serve", "--or-demo")])
def test_what_needs_no_upstream_tells_all_else_that_is_wrong(run: Run, catalogue_without_sense: str, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, LOG_LEVEL="LOUD", UPSTREAM_PROFILE="nonsense", MODEL_CATALOG_FILE=catalogue_without_sense)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert wrong_variables(result) == {"LOG_LEVEL", "UPSTREAM_PROFILE", "MODEL_CATALOG_FILE"}


def test_a_wrong_address_is_not_told_as_missing_too(run: Run) -> None:
    for arguments in (("serve",), ("serve", "--or-demo")):
        result = run(*arguments, OPENAI_API_BASE_URL="localhost:8000", UPSTREAM_PROFILE="nonsense")
        assert wrong_variables(result) == {"OPENAI_API_BASE_URL", "UPSTREAM_PROFILE"}
        assert "OPENAI_API_BASE_URL must be an http:// or https:// URL" in result.stderr


@pytest.mark.parametrize(("variable", "value"), [("UPSTREAM_PROFILE", "nonsense"), ("MODEL_CATALOG_FILE", "catalogue.json")])
def test_config_complains_of_what_only_other_files_can_tell(
    run: Run, catalogue_without_sense: str, tmp_path: Path, variable: str, value: str
) -> None:
    (tmp_path / ".env").write_text(f"{variable}={value}\n")
    result = run("config")
    assert result.exit_code == 1
    assert wrong_variables(result) == {variable}
    assert result.stderr.endswith("(it is set in the file .env)\n")


def test_an_option_of_serve_is_validated_like_its_variable(run: Run) -> None:
    result = run("serve", "--port", "70000", OPENAI_API_BASE_URL="http://127.0.0.1:9/v1")
    assert result.exit_code == 1
    assert result.stderr == "Error: PROXY_PORT must be a whole number from 1 to 65535\n"


def test_the_example_file_is_what_config_prints(run: Run) -> None:
    assert (ROOT / ".env.example").read_text() == run("config", "--example").stdout


def test_the_example_file_lists_every_setting_and_changes_none() -> None:
    example = ROOT / ".env.example"
    assert list(dotenv_values(example)) == [doc.name for doc in Settings.describe()]
    assert Settings.from_env({}, example) == Settings()
    with pytest.raises(SettingsError, match="OPENAI_API_BASE_URL"):
        Settings.from_env({}, example).require_upstream()


def test_the_reference_says_of_every_setting_what_the_setting_says() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| `?(.*?)`? \| (.*) \|$", (ROOT / "docs/configuration.md").read_text(), re.MULTILINE)
    assert {name: (default, meaning) for name, default, meaning in rows} == {
        doc.name: (doc.default, doc.description) for doc in Settings.describe()
    }


def test_no_sign_of_life_is_promised_before_the_upstream_answers() -> None:
    doc = next(doc for doc in Settings.describe() if doc.name == "KEEPALIVE_INTERVAL")
    assert "once the upstream's answer has begun" in doc.description


def test_version_prints_the_version(run: Run) -> None:
    assert run("version").stdout == f"{__version__}\n"


def test_help_names_every_command(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert [
        command for command in ("serve", "demo", "check", "models", "config", "version") if f"\n  {command} " not in result.stdout
    ] == []


def test_an_unknown_command_is_refused(run: Run) -> None:
    result = run("server")
    assert result.exit_code == 2
    assert "No such command 'server'" in result.stderr


SEVERAL = """
[upstreams.boxes]
base_url = ["http://10.0.0.1:8000/v1", "http://10.0.0.2:8000/v1?code=hunter2-in-a-query"]
limits.in_flight = 4
[upstreams.cloud]
base_url = "https://api.example.com/v1"
api_key = ["sk-hunter2-a", "sk-hunter2-b"]
headers = {"X-Api-Key" = "hunter2-in-a-header"}
aliases = {"fast" = "small"}
[fallbacks]
large = ["cloud/large", "boxes/large"]
[aliases]
"llama3.1" = "boxes/llama"
"""


def tables(result: Result) -> dict[str, dict[str, list[str]]]:
    """The rows below each heading, by their first column."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in result.stdout.split("\n\n")[1:]:
        heading, *lines = block.splitlines()
        found[heading] = {line.split("  ")[0]: [cell.strip() for cell in line.split("  ")[1:] if cell.strip()] for line in lines}
    return found


def test_config_shows_every_upstream_with_the_origin_of_each_key(run: Run, tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text(SEVERAL)
    result = run(
        "config", PROXY_CONFIG="proxy.toml", CONNECT_TIMEOUT="2", UPSTREAM_BOXES_POLICY="prefix_affinity", DEFAULT_UPSTREAM="cloud"
    )
    assert result.exit_code == 0
    shown = tables(result)
    assert list(shown) == ["[upstreams.boxes]", "[upstreams.cloud] # the default", "[aliases]", "[fallbacks]"]
    boxes, cloud = shown["[upstreams.boxes]"], shown["[upstreams.cloud] # the default"]
    assert boxes.keys() - {"KEY"} == {key.path for key in KEYS} == cloud.keys() - {"KEY"}
    assert boxes["limits.in_flight"] == ["4", "config"]
    assert boxes["policy"] == ["prefix_affinity", "UPSTREAM_BOXES_POLICY (environment)"]
    assert boxes["timeouts.connect"] == ["2", "CONNECT_TIMEOUT (environment)"]
    assert boxes["weight"] == ["1", "default"]
    assert cloud["aliases"] == ["fast -> small", "config"]
    assert shown["[fallbacks]"]["large"] == ["cloud/large, boxes/large"]
    assert shown["[aliases]"]["llama3.1"] == ["boxes/llama"]
    assert rows(result)["PROXY_CONFIG"] == ["proxy.toml", "environment"]


def test_config_hides_the_secrets_of_upstreams(run: Run, tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text(SEVERAL)
    result = run("config", PROXY_CONFIG="proxy.toml", UPSTREAM_CLOUD_PROXY="http://u:hunter2@proxy:1")
    assert "hunter2" not in result.output
    cloud = tables(result)["[upstreams.cloud]"]
    assert cloud["api_key"] == ["(hidden), (hidden)", "config"]
    assert cloud["headers"] == ["X-Api-Key (hidden)", "config"]
    assert cloud["proxy"] == ["(hidden)", "UPSTREAM_CLOUD_PROXY (environment)"]


def test_config_shows_the_one_upstream_of_the_flat_address(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-hunter2\n")
    default = tables(run("config", OPENAI_API_BASE_URL="http://a/v1"))["[upstreams.default]"]
    assert default["base_url"] == ["http://a/v1", "OPENAI_API_BASE_URL (environment)"]
    assert default["api_key"] == ["(hidden)", "OPENAI_API_KEY (file)"]


@pytest.mark.parametrize("command", ["serve", "check", "models", "config"])
def test_every_command_tells_what_is_wrong_with_the_file(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "proxy.toml").write_text('[upstreams.boxes]\nbase_ulr = "http://a"\n[settings]\nlog_level = "LOUD"\n')
    result = run(command, PROXY_CONFIG="proxy.toml", UPSTREAM_CLOUD_API_KEY="k")
    assert result.exit_code == 1
    assert wrong_variables(result) == {
        "upstreams.boxes.base_ulr",
        "upstreams.boxes.base_url",
        "settings.log_level",
        "UPSTREAM_CLOUD_API_KEY",
    }
    assert "did you mean base_url?" in result.stderr


def test_a_demo_is_not_served_where_upstreams_are_declared(run: Run, tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('[upstreams.boxes]\nbase_url = "nonsense"\n')
    result = run("serve", "--or-demo", PROXY_CONFIG="proxy.toml")
    assert result.exit_code == 1
    assert wrong_variables(result) == {"upstreams.boxes.base_url"}
