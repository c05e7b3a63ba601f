"""URLs and keys."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidRequest
from proxy.upstream.address import Address

AZURE = "https://me.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base_url", "path", "url"),
    [
        ("https://api.example/v1", "/models", "https://api.example/v1/models"),
        ("https://api.example/v1/", "/models", "https://api.example/v1/models"),
        ("http://[::1]:8080", "/v1/models", "http://[::1]:8080/v1/models"),
        (AZURE, "/chat/completions", "https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"),
        ("https://api.example/v1#part", "/models", "https://api.example/v1/models"),
        ("https://api.example/v1", "/models/org/name:free@x", "https://api.example/v1/models/org/name:free@x"),
        ("https://api.example/v1", "/models/a b?c#d%2e", "https://api.example/v1/models/a%20b%3Fc%23d%252e"),
        ("https://api.example/v1", "/models/ü", "https://api.example/v1/models/%C3%BC"),
    ],
)
def test_urls(base_url: str, path: str, url: str) -> None:
    assert Address.parse(base_url).url(path) == url


@pytest.mark.parametrize("path", ["/models/..", "/models/../x", "/./models", "/../../admin"])
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(InvalidRequest):
        Address.parse("https://api.example/v1").url(path)


@pytest.mark.parametrize(
    ("base_url", "key", "headers"),
    [
        ("https://api.example/v1", "sk-1", {"Authorization": "Bearer sk-1"}),
        ("https://api.example/v1", " sk-1\n", {"Authorization": "Bearer sk-1"}),
        ("https://api.example/v1", "", {}),
        ("https://api.example/v1", "  ", {}),
        (AZURE, "sk-1", {"api-key": "sk-1"}),
        ("https://me.openai.azure.us/openai/v1", "sk-1", {"api-key": "sk-1"}),
        ("https://ME.OpenAI.Azure.com/openai/v1", "sk-1", {"api-key": "sk-1"}),
        ("https://openai.azure.com.evil.example/v1", "sk-1", {"Authorization": "Bearer sk-1"}),
    ],
)
def test_keys(base_url: str, key: str, headers: dict[str, str]) -> None:
    assert Address.parse(base_url).key_headers(key) == headers
