"""The documents say what is true: every setting, route and field is documented, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from proxy import create_app
from proxy.dialects.ollama import options, schemas
from proxy.profiles import PROFILES
from proxy.settings import Settings
from proxy.telemetry import METRICS

ROOT = Path(__file__).parents[1]
COMPATIBILITY = (ROOT / "docs/compatibility.md").read_text()
VERDICTS = {"supported", "translated", "ignored", "refused"}
SCHEMAS = {
    "/api/chat": schemas.CHAT,
    "/api/generate": schemas.GENERATE,
    "/api/embed": schemas.EMBED,
    "/api/embeddings": schemas.EMBEDDINGS,
    "/api/show": schemas.SHOW,
    "/api/pull": schemas.PULL,
    "/api/push": schemas.PUSH,
    "/api/create": schemas.CREATE,
    "/api/copy": schemas.COPY,
    "/api/delete": schemas.DELETE,
}
MESSAGE_FIELDS = {"role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"}


def rows_below(heading: str) -> list[tuple[str, str]]:
    """Name and verdict of each row of the table below a heading."""
    section = COMPATIBILITY.split(f"\n### {heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `([^`]+)` \| (\w+) \|", section, re.MULTILINE)


@pytest.mark.parametrize("path", SCHEMAS)
def test_the_table_of_an_endpoint_names_the_fields_of_its_schema(path: str) -> None:
    rows = rows_below(f"`{path}`")
    fields = set(SCHEMAS[path].wire_names)
    if path == "/api/chat":
        fields |= {f"messages.{field}" for field in MESSAGE_FIELDS}
    assert {name for name, _ in rows} == fields
    assert len(rows) == len(fields)
    assert {verdict for _, verdict in rows} <= VERDICTS


def test_the_table_of_options_names_the_options_of_the_schema() -> None:
    assert {name for name, _ in rows_below("Options")} == set(options.OptionsSchema().fields)


def documented_routes() -> Iterator[str]:
    """The URLs in the first column of the table of endpoints."""
    table = COMPATIBILITY.split("\n## Endpoints\n", 1)[1].split("\n## ", 1)[0]
    for column in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE):
        for found in re.findall(r"`(/[^`]*)`", column):
            yield re.sub(r"<\w+>", "<>", found)


@pytest.fixture
def app() -> Flask:
    return create_app(Settings(openai_api_base_url="http://127.0.0.1:9/v1"))


def test_every_route_is_documented(app: Flask) -> None:
    documents = COMPATIBILITY + (ROOT / "docs/operations.md").read_text()
    named = {re.sub(r"<[^>]*>|\.\.\.", "<>", found) for found in re.findall(r"`(/[^`\s]*)`", documents)}
    routes = {re.sub(r"<[^>]*>", "<>", rule.rule) for rule in app.url_map.iter_rules()}
    missing = {route for route in routes if route not in named and not route.startswith("/api/experimental/")}
    assert not missing


def test_every_documented_route_exists(app: Flask) -> None:
    routes = {re.sub(r"<[^>]*>", "<>", rule.rule) for rule in app.url_map.iter_rules()}
    assert set(documented_routes()) <= routes


def test_every_setting_is_in_the_reference() -> None:
    reference = (ROOT / "docs/configuration.md").read_text()
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", reference, re.MULTILINE))
    assert named == {doc.name for doc in Settings.describe()}


def test_every_profile_is_described() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs/servers.md").read_text(), re.MULTILINE)
    assert set(rows) == set(PROFILES)
    assert len(rows) == len(set(rows))


def test_every_metric_is_described() -> None:
    rows = re.findall(r"^\| `(ollama_proxy_\w+)` \| ([^|]*) \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert {name: labels.strip() for name, labels in rows} == {metric.name: ", ".join(metric.labels) for metric in METRICS}


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_each_decision_has_a_number_of_its_own_and_bears_it() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(document.name[:4]) for document in decisions] == list(range(1, len(decisions) + 1))
    for document in decisions:
        assert document.read_text().startswith(f"# {int(document.name[:4])}. ")


def test_nobody_is_told_to_install_from_the_package_index() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        assert not re.search(r"pip install (-U |--upgrade )?ollama-openai-proxy", document.read_text()), document.name
