from __future__ import annotations

import pytest

from proxy.dialects.openai.keys import key_headers


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("api.example", {"Authorization": "Bearer sk-1"}),
        ("me.openai.azure.com", {"api-key": "sk-1"}),
        ("me.openai.azure.us", {"api-key": "sk-1"}),
        ("openai.azure.com.evil.example", {"Authorization": "Bearer sk-1"}),
    ],
)
def test_a_key_is_shown_as_the_host_wants_it(host: str, headers: dict[str, str]) -> None:
    assert key_headers("sk-1", host) == headers
