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


def test_a_query_of_the_call_comes_before_the_operators() -> None:
    assert Address.parse("https://api.example/v1?a=1").url("/models", "page=2") == "https://api.example/v1/models?page=2&a=1"
    assert Address.parse("https://api.example/v1").url("/models", "page=2") == "https://api.example/v1/models?page=2"
