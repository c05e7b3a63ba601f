from __future__ import annotations

from pathlib import Path

import pytest

from proxy.gateway_config import GatewayConfig, load_config
from proxy.gunicorn_conf import advice_on_workers

GEMINI = '[upstreams.g]\nbase_url = "https://generativelanguage.googleapis.com"\ndialect = "gemini"\n'
GOOGLES_OPENAI_DOOR = '[upstreams.g]\nbase_url = "https://generativelanguage.googleapis.com/v1beta/openai"\n'
ANTHROPIC = '[upstreams.g]\nbase_url = "https://api.anthropic.com"\ndialect = "anthropic"\n'
OPENAI = '[upstreams.o]\nbase_url = "https://api.openai.com/v1"\n'


def config(tmp_path: Path, toml: str, **environ: str) -> GatewayConfig:
    file = tmp_path / "proxy.toml"
    file.write_text(toml)
    return load_config({"PROXY_CONFIG": str(file), **environ}, None)


@pytest.mark.parametrize("expecting", [GEMINI, GOOGLES_OPENAI_DOOR, ANTHROPIC])
def test_workers_that_lose_signatures_are_told_of(tmp_path: Path, expecting: str) -> None:
    advice = advice_on_workers(config(tmp_path, expecting + OPENAI), 2)
    assert "models of 'g' want" in advice
    assert "each of 2 workers" in advice


@pytest.mark.parametrize(
    ("toml", "environ", "workers"),
    [(GEMINI, {}, 1), (GEMINI, {"REDIS_URL": "redis://127.0.0.1:9/0"}, 2), (OPENAI, {}, 2)],
    ids=["one worker", "a Redis", "nothing to lose"],
)
def test_where_nothing_is_lost_nothing_is_said(tmp_path: Path, toml: str, environ: dict[str, str], workers: int) -> None:
    assert advice_on_workers(config(tmp_path, toml, **environ), workers) == ""
