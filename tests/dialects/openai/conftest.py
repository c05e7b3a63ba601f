from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.openai.judged import Judge
from tests.fake_upstream import FakeUpstream
from tests.vendors import openai_at


@pytest.fixture
def judge() -> Iterator[Judge]:
    with FakeUpstream() as desk, openai_at(desk.origin) as client:
        yield Judge(desk, client)
