"""The example of the configuration file and the reference: every key is in both, with what the code says of it, and the example works."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy.config_file import SECTIONS
from proxy.gateway_config import load_config
from proxy.settings import Settings, as_text
from proxy.upstream_keys import KEYS, Key

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "proxy.example.toml"
TEXT = EXAMPLE.read_text()
# A comment that is one key with its value; comments in words hold no ` = `.
COMMENTED_OUT = re.compile(r"^# ([a-z_]+ = .*)$", re.MULTILINE)


def with_everything() -> dict[str, Any]:
    """The example as if nothing in it were commented out."""
    return tomllib.loads(COMMENTED_OUT.sub(r"\1", TEXT))


def paths_in(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    free = {key.path for key in KEYS if key.shape == "table"}
    for name, value in table.items():
        path = above + name
        if isinstance(value, Mapping) and path not in free:
            yield from paths_in(value, f"{path}.")
        else:
            yield path


def described(key: Key) -> str:
    """The default as the reference has it."""
    if key.setting:
        return f"{'not ' if key.is_opposite else ''}`{key.setting.upper()}`"
    text = "" if key.shape == "table" else as_text(key.default)
    return f"`{text}`" if text else ""


def test_the_example_loads_as_it_stands() -> None:
    config = load_config({"PROXY_CONFIG": str(EXAMPLE)}, None)
    assert [upstream.name for upstream in config.upstreams] == ["boxes", "cloud"]
    assert config.aliases
    assert config.fallbacks
    assert config.settings.origins["proxy_port"] == "default"


def test_every_key_is_in_the_example_and_no_other() -> None:
    everything = with_everything()
    assert set(everything) == set(SECTIONS)
    shown = {path for upstream in everything["upstreams"].values() for path in paths_in(upstream)}
    assert shown == {key.path for key in KEYS}
    assert set(everything["settings"]) == {doc.name.lower() for doc in Settings.describe()} - {"proxy_config"}


def test_what_the_example_comments_out_is_the_default() -> None:
    everything = with_everything()
    by_hand = {"web_concurrency"}
    settings, _ = Settings.from_sources([("config", {name.upper(): value for name, value in everything["settings"].items()})])
    assert {doc.name for doc in Settings.describe() if getattr(settings, doc.name.lower()) != getattr(Settings(), doc.name.lower())} <= {
        name.upper() for name in by_hand
    }
    written = dict(re.findall(r"^# ([a-z_]+) = (.*)$", TEXT.split("[settings]")[0], re.MULTILINE))
    defaults = {key.path.rpartition(".")[2]: _default(key) for key in KEYS}
    examples = {"replicas", "key_env", "key_file", "proxy", "ca_bundle", "client_cert", "client_key"}
    assert {name: tomllib.loads(f"v = {value}")["v"] for name, value in written.items() if name not in examples} == {
        name: defaults[name] for name in written if name not in examples
    }


def _default(key: Key) -> Any:
    value = getattr(Settings(), key.setting) if key.setting else key.default
    return not value if key.is_opposite else value


def test_the_example_explains_every_key_in_the_words_of_the_reference() -> None:
    plain = re.sub(r"\n# ", " ", TEXT)
    assert [key.path for key in KEYS if f" {key.description}" not in plain] == []
    assert [doc.name for doc in Settings.describe() if doc.name != "PROXY_CONFIG" and f"# {doc.description}" not in TEXT] == []


def test_the_reference_has_every_key_with_its_default_and_its_meaning() -> None:
    reference = (ROOT / "docs/configuration.md").read_text().partition("### Keys of an upstream")[2]
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) ?\| (.*) \|$", reference, re.MULTILINE)
    assert [(path, default, meaning) for path, default, meaning in rows] == [(key.path, described(key), key.description) for key in KEYS]


def test_the_examples_of_the_reference_load(tmp_path: Path) -> None:
    reference = (ROOT / "docs/configuration.md").read_text().partition("## The configuration file")[2]
    (toml,) = re.findall(r"^```toml\n(.*?)^```", reference, re.MULTILINE | re.DOTALL)
    (variables,) = re.findall(r"^```sh\n(.*?)^```", reference, re.MULTILINE | re.DOTALL)
    secret = tmp_path / "openai"
    secret.write_text("sk-example\n")
    file, dotenv = tmp_path / "proxy.toml", tmp_path / ".env"
    file.write_text(toml.replace("/run/secrets/openai", str(secret)))
    dotenv.write_text(variables.replace("/run/secrets/openai", str(secret)))
    by_file, by_variables = load_config({"PROXY_CONFIG": str(file)}, None), load_config({}, dotenv)
    for config in (by_file, by_variables):
        assert [(upstream.name, upstream.keys) for upstream in config.upstreams] == [("boxes", ()), ("cloud", ("sk-example",))]
    assert by_variables.default_upstream == "boxes"
