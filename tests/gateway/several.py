"""A gateway in front of several scripted upstreams, configured by a file as an operator would write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from proxy import create_app
from proxy.extension import start_gateways
from proxy.gateway_config import GatewayConfig, load_config
from tests.fake_upstream import FakeUpstream, json_answer

# One attempt at each upstream, so that what is counted is what the gateway does. Places for a thousand connections take a while to make.
PLAIN = {
    "MAX_RETRIES": "0",
    "BREAKER_FAILURES": "1000",
    "ENABLE_METRICS": "false",
    "CONNECT_TIMEOUT": "2",
    "WORKER_CONNECTIONS": "50",
}


def lists(upstream: FakeUpstream, *models: str, **entry: Any) -> None:
    """Lets the upstream list these models, each with the members of `entry`."""
    upstream.on("/models", json_answer({"object": "list", "data": [{"id": model, "object": "model", **entry} for model in models]}))


@contextmanager
def an_upstream(*models: str, **entry: Any) -> Iterator[FakeUpstream]:
    """One that lists these models, each with the members of `entry`, and is scripted with what else it answers."""
    with FakeUpstream() as upstream:
        lists(upstream, *models, **entry)
        yield upstream


def config_of(folder: Path, text: str, addresses: Mapping[str, str], **environ: str) -> GatewayConfig:
    """The configuration that stands in `text`; `@name` in it stands for one of the addresses."""
    for name, address in addresses.items():
        text = text.replace(f"@{name}", address)
    file = folder / "proxy.toml"
    file.write_text(text)
    return load_config({"PROXY_CONFIG": str(file), **PLAIN, **environ}, dotenv=None)


def a_client(folder: Path, text: str, environ: Mapping[str, str] | None = None, **upstreams: FakeUpstream) -> FlaskClient:
    """A client of the gateway whose configuration is `text`, where `@boxes` stands for the base URL of the upstream `boxes`."""
    addresses = {name: f'"{upstream.base_url}"' for name, upstream in upstreams.items()}
    app = create_app(config_of(folder, text, addresses, **(environ or {})))
    start_gateways(app)  # As a worker of ours does.
    return app.test_client()
