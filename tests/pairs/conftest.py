from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import FakeUpstream
from tests.gateway.several import config_of
from tests.pairs.upstreams import Egress

Gateway = Callable[..., FlaskClient]


@pytest.fixture
def gateway_of(tmp_path: Path) -> Gateway:
    """Makes a client of a gateway in front of one upstream of that kind."""

    def make(upstream: FakeUpstream, egress: Egress, **environ: str) -> FlaskClient:
        text = f'[upstreams.it]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\napi_key = "sk-of-the-house"\n'
        return create_app(config_of(tmp_path, text, {}, **environ)).test_client()

    return make
