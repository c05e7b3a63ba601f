"""A gateway in front of two scripted upstreams, that both have a model `shared`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_upstream import FakeUpstream
from tests.gateway import several
from tests.gateway.many_upstreams.two_upstreams import TWO, Client


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    with several.an_upstream("big", "shared", created=1) as upstream:
        yield upstream


@pytest.fixture
def cloud() -> Iterator[FakeUpstream]:
    with several.an_upstream("large", "shared", created=2, owned_by="cloud") as upstream:
        yield upstream


@pytest.fixture
def a_client(tmp_path: Path, boxes: FakeUpstream, cloud: FakeUpstream) -> Client:
    """Makes a client of a gateway in front of both."""
    return lambda text=TWO, **environ: several.a_client(tmp_path, text, environ, boxes=boxes, cloud=cloud)
