"""Whom `check` asks: every replica of every upstream, one of them alone, or nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from tests.cli.check.capable_server import make_capable
from tests.cli.check.checked import Several
from tests.fake_upstream import FakeUpstream


def test_every_replica_of_every_upstream_is_asked(check_several: Several, upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        make_capable(other)
        toml = f"""
            [upstreams.boxes]
            base_url = ["{upstream.base_url}", "http://127.0.0.1:9/v1"]
            [upstreams.cloud]
            base_url = "{other.base_url}"
            api_key = "sk-cloud-0"
            """
        status, found, output = check_several(toml)
        keys = {request.headers.get("authorization") for request in other.requests}
    assert status == 1
    assert list(found) == [f"[boxes] {upstream.base_url}", "[boxes] http://127.0.0.1:9/v1", f"[cloud] {other.base_url}"]
    assert found[f"[boxes] {upstream.base_url}"]["chat"] == ("ok", "talker answers")
    assert found["[boxes] http://127.0.0.1:9/v1"]["reachable"] == ("failed", "nothing listens on 127.0.0.1 port 9")
    assert found[f"[cloud] {other.base_url}"]["chat"][0] == "ok"
    assert keys == {"Bearer sk-cloud-0"}
    assert "Check the port in upstreams.boxes.base_url." in output


def test_one_upstream_can_be_asked_alone_with_a_model_of_its_own(check_several: Several, upstream: FakeUpstream) -> None:
    toml = f'[upstreams.boxes]\nbase_url = "{upstream.base_url}"\naliases = {{"llama3" = "talker"}}\n[upstreams.cloud]\nbase_url = "http://a/v1"\n'
    status, found, _ = check_several(toml, "--upstream", "boxes", "--model", "llama3")
    assert status == 0
    assert list(found) == [f"[boxes] {upstream.base_url}"]
    assert found[f"[boxes] {upstream.base_url}"]["chat"] == ("ok", "talker answers")
    status, _, output = check_several(toml, "--model", "llama3")
    assert status == 2
    assert "--upstream must say which of them has the model" in output
    status, _, output = check_several(toml, "--upstream", "boxs")
    assert status == 2
    assert "--upstream must be one of boxes, cloud." in output


def test_without_an_upstream_there_is_nothing_to_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check"], env={"OPENAI_API_BASE_URL": ""})
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: OPENAI_API_BASE_URL must say where")
