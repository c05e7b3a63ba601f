"""A host, upstreams, and gateways mounted at the root or below a prefix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from proxy import Proxy
from tests.fake_upstream import FakeUpstream
from tests.mounting.hosts import PREFIXES, Host, scripted, settings_for


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    return scripted(upstream, "m")


@pytest.fixture
def other_upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as server:
        yield scripted(server, "other")


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture(params=PREFIXES)
def mounted(request: pytest.FixtureRequest, host: Host, upstream: FakeUpstream) -> FlaskClient:
    """The host with a gateway inside, at its root or below a prefix."""
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=request.param)
    return host.app.test_client()


@pytest.fixture(params=PREFIXES)
def prefix(request: pytest.FixtureRequest) -> str | None:
    chosen: str | None = request.param
    return chosen


@pytest.fixture
def client(host: Host, upstream: FakeUpstream, prefix: str | None) -> FlaskClient:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    return host.app.test_client()
