from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.demo.serving import start_demo_server
from tests.fake_upstream import FakeUpstream
from tests.live.gateways import Gateways
from tests.live.llamacpp import running_llamacpp
from tests.live.master import Master


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    """Starts real gateways; tests that ask for the same settings share one."""
    started = Gateways(tmp_path_factory.mktemp("gateways"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def demo_upstream() -> Iterator[str]:
    """The base URL of a demo server in this process, with hardly a pause between its tokens."""
    server = start_demo_server(pace_s=0.001)
    yield server.base_url
    server.stop()


@pytest.fixture(scope="session")
def gateway(gateways: Gateways, demo_upstream: str) -> Master:
    """A gateway in front of the demo, with default settings."""
    return gateways.serving(demo_upstream)


@pytest.fixture(scope="session")
def scripted_upstream() -> Iterator[FakeUpstream]:
    """One scripted upstream for the whole run, so that one gateway serves all tests that use it; each test scripts what it needs."""
    with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def scripted_gateway(gateways: Gateways, scripted_upstream: FakeUpstream) -> Master:
    """A gateway in front of the scripted upstream. Its breaker stays closed, for the failures of one test are not the next one's."""
    return gateways.serving(scripted_upstream.base_url, BREAKER_FAILURES="1000", MAX_RETRIES="0")


@pytest.fixture(scope="session")
def llamacpp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, without `/v1`, of a real llama.cpp server with a model of random weights."""
    with running_llamacpp(tmp_path_factory.mktemp("llamacpp")) as server:
        yield server.address
