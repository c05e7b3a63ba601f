from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.dialects.openai.judged import Judge
from tests.fake_upstream import FakeUpstream


@pytest.fixture
def judge() -> Iterator[Judge]:
    with FakeUpstream() as desk, openai.OpenAI(base_url=f"{desk.origin}/v1", api_key="any", max_retries=0) as client:
        yield Judge(desk, client)
