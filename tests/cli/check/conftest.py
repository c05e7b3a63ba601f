"""`check`, run on one upstream and on several, and an upstream that passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.settings import Settings
from tests.cli.check.capable_server import make_capable
from tests.cli.check.checked import Check, Checked, Several, rows_of
from tests.fake_upstream import FakeUpstream


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs `check`: exit status, question -> (verdict, finding), and all output."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)

    def run(base_url: str, *arguments: str, **environ: str) -> Checked:
        result = CliRunner().invoke(main, ["check", *arguments], env={"OPENAI_API_BASE_URL": base_url, "CONNECT_TIMEOUT": "2", **environ})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, dict(rows_of(result.stdout)), result.output

    return run


@pytest.fixture
def check_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Several:
    """Runs `check` with a configuration file: exit status, heading -> question -> (verdict, finding), and all output."""
    monkeypatch.chdir(tmp_path)
    for doc in Settings.describe():
        monkeypatch.delenv(doc.name, raising=False)

    def run(toml: str, *arguments: str, **environ: str) -> tuple[int, dict[str, dict[str, tuple[str, str]]], str]:
        (tmp_path / "proxy.toml").write_text(toml)
        result = CliRunner().invoke(main, ["check", *arguments], env={"PROXY_CONFIG": "proxy.toml", "CONNECT_TIMEOUT": "2", **environ})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        blocks = [block.partition("\n") for block in result.stdout.split("\n\n") if block.startswith("[")]
        return result.exit_code, {heading: dict(rows_of(table)) for heading, _, table in blocks}, result.output

    return run


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """A server that can do everything."""
    with FakeUpstream() as server:
        make_capable(server)
        yield server
