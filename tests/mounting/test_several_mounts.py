"""Several gateways in one app, and mounts that are refused."""

from __future__ import annotations

import pytest

from proxy import Proxy
from proxy.settings import Settings, SettingsError
from tests.fake_upstream import FakeUpstream
from tests.mounting.hosts import CHAT, Host, settings_for


def test_two_prefixes_have_settings_and_upstreams_of_their_own(host: Host, upstream: FakeUpstream, other_upstream: FakeUpstream) -> None:
    Proxy(settings_for(upstream, ollama_version="1.0.0", request_max_size=50)).init_app(host.app, url_prefix="/a")
    Proxy(settings_for(other_upstream, ollama_version="2.0.0", default_model="other")).init_app(host.app, url_prefix="/b")
    client = host.app.test_client()
    for _ in range(2):
        assert client.get("/a/api/version").get_json() == {"version": "1.0.0"}
        assert client.get("/b/api/version").get_json() == {"version": "2.0.0"}
        assert client.get("/a/api/tags").get_json()["models"][0]["model"] == "m:latest"
        assert client.get("/b/api/tags").get_json()["models"][0]["model"] == "other:latest"
    assert client.post("/a/api/chat", json=CHAT).status_code == 413
    assert client.post("/b/api/chat", json={**CHAT, "model": ""}).get_json()["message"]["content"] == "hello from other"
    assert upstream.requests_to("/chat/completions") == []


def test_one_proxy_may_be_mounted_twice(host: Host, upstream: FakeUpstream) -> None:
    proxy = Proxy(settings_for(upstream))
    proxy.init_app(host.app, url_prefix="/a")
    proxy.init_app(host.app)
    client = host.app.test_client()
    assert client.get("/a/api/version").get_json() == client.get("/api/version").get_json()


def test_service_when_mounted_lists_the_urls_of_its_own_mount(host: Host, upstream: FakeUpstream) -> None:
    for number in range(12):
        Proxy(settings_for(upstream)).init_app(host.app, url_prefix=f"/p{number}")
    listed = host.app.test_client().get("/p1/", headers={"Accept": "application/json"}).get_data(as_text=True)
    assert "/p1/api/chat" in listed
    assert "/p11/" not in listed


@pytest.mark.parametrize(("first", "second"), [(None, None), ("/a", "/a"), ("/a", "/a/"), (None, ""), ("", "/"), ("/a/", "/a")])
def test_same_prefix_twice_raises(host: Host, upstream: FakeUpstream, first: str | None, second: str | None) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=first)
    with pytest.raises(RuntimeError, match="already mounted"):
        Proxy(settings_for(upstream)).init_app(host.app, url_prefix=second)


@pytest.mark.parametrize("prefix", ["/llm/", "/llm//", "/llm"])
def test_prefix_with_a_slash_at_its_end_is_the_same_prefix(host: Host, upstream: FakeUpstream, prefix: str) -> None:
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    client = host.app.test_client()
    assert client.get("/llm/api/version").status_code == 200
    assert client.get("/llm/").data == b"Ollama is running"
    assert client.get("/llm").data == b"Ollama is running"


@pytest.mark.parametrize("prefix", ["llm", "llm/"])
def test_prefix_without_a_slash_at_its_beginning_is_refused_and_leaves_nothing_behind(
    host: Host, upstream: FakeUpstream, prefix: str
) -> None:
    rules = len(list(host.app.url_map.iter_rules()))
    for _ in range(2):
        with pytest.raises(ValueError, match="must start with a slash"):
            Proxy(settings_for(upstream)).init_app(host.app, url_prefix=prefix)
    assert len(list(host.app.url_map.iter_rules())) == rules
    assert host.app.extensions["proxy"] == {}
    Proxy(settings_for(upstream)).init_app(host.app, url_prefix="/llm")
    assert host.app.test_client().get("/llm/api/version").status_code == 200


def test_mounting_that_fails_can_be_done_again(host: Host, upstream: FakeUpstream) -> None:
    with pytest.raises(SettingsError):
        Proxy(settings_for(upstream, upstream_profile="nonsense")).init_app(host.app)
    Proxy(settings_for(upstream)).init_app(host.app)
    assert host.app.test_client().get("/api/version").status_code == 200


def test_proxy_without_an_upstream_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_BASE_URL"):
        Proxy(Settings.from_env({}, dotenv=None))
