from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fake_upstream import FakeUpstream
from tests.gateway import several


@pytest.fixture
def boxes() -> Iterator[FakeUpstream]:
    """An upstream that lists `big`, which a test lets fail."""
    with several.an_upstream("big") as upstream:
        yield upstream
