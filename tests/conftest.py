"""Fixtures that all tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.fake_upstream import FakeUpstream

# How long an example takes says more about the machine than about the code; laws that are about time measure it themselves.
settings.register_profile("no deadline", deadline=None)
settings.register_profile("few", deadline=None, max_examples=20)
settings.load_profile("no deadline")


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    """A scripted upstream on a real socket; unscripted paths answer 404."""
    with FakeUpstream() as server:
        yield server
