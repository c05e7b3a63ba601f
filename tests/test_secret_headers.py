"""Which of an upstream's headers are secrets: nothing that an upstream echoes of them may come to a client, or into the log."""

from __future__ import annotations

import pytest

from proxy.errors import UpstreamRefused
from proxy.settings import Settings
from proxy.upstream_assembly import build_upstream
from proxy.upstream_settings import ReplicaSettings, UpstreamSettings
from proxy.wire.messages import UpstreamCall
from tests.fake_upstream import FakeUpstream, json_answer

PUBLIC = ["OpenAI-Organization", "openai-project", "User-Agent", "Accept", "Accept-Language", "Content-Type", "HTTP-Referer", "X-Title"]


def secrets_of(name: str, value: str) -> set[str]:
    return set(UpstreamSettings("boxes", (ReplicaSettings("http://a/v1"),), headers={name: value}).secrets())


@pytest.mark.parametrize("name", ["X-Tenant", "X-Account", "cf-access-client-id", "X-Acceptance", "Referer"])
def test_value_of_a_header_is_a_secret_whatever_its_name_is(name: str) -> None:
    assert secrets_of(name, "0123abcd") == {"0123abcd"}


@pytest.mark.parametrize("name", PUBLIC)
def test_headers_that_are_known_to_be_public_stay_readable(name: str) -> None:
    assert secrets_of(name, "for-all-to-see") == set()


def test_short_value_is_a_secret_only_where_its_name_says_so() -> None:
    assert (secrets_of("X-Team", "search"), secrets_of("X-Team-Key", "search")) == (set(), {"search"})


@pytest.mark.parametrize("name", ["Authorization", "X-Forwarded-Auth"])
def test_credential_is_a_secret_without_its_scheme_too(name: str) -> None:
    assert secrets_of(name, "Bearer 0123abcd") == {"Bearer 0123abcd", "0123abcd"}
    assert secrets_of(name, "of this key") == {"of this key"}


def test_header_that_an_upstream_echoes_is_in_no_message(upstream: FakeUpstream) -> None:
    upstream.on("/chat/completions", json_answer({"error": {"message": "who is 0123456789abcdef?"}}, 400))
    told = UpstreamSettings("boxes", (ReplicaSettings(upstream.base_url),), headers={"X-Tenant": "0123456789abcdef"})
    with pytest.raises(UpstreamRefused, match="who is") as caught:
        build_upstream(Settings(web_concurrency=1), told).client.send(UpstreamCall("/chat/completions", b'{"model":"m"}', "m"))
    assert "who is [key]?" in caught.value.message
