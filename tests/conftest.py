"""Fixtures that all tests may use, and those that keep them apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.apart import earlier_threads_are_not_heard, what_begins_here_ends_here
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


@pytest.fixture(autouse=True)
def _keep_apart(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Neither what earlier tests began nor what their threads say is any of this test's."""
    with what_begins_here_ends_here(), earlier_threads_are_not_heard(caplog.handler):
        yield
