"""Fixtures that all tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_upstream import FakeUpstream


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """A scripted upstream on a real socket; unscripted paths answer 404."""
    with FakeUpstream() as server:
        yield server
