"""What opens the breaker of a model, and what is told of it."""

from __future__ import annotations

import pytest

from proxy.assembly import build_gateway
from proxy.dialects.openai.ingress import CHAT as RELAYED_CHAT
from proxy.errors import UpstreamRefused
from proxy.gateway_config import config_of
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.upstream.breaker import BreakerState
from proxy.upstream.watch import Unwatched
from tests.facts.speech import refusal
from tests.fake_upstream import FakeUpstream, json_answer
from tests.gateway.from_outside import CHAT
from tests.gateway.one_upstream.questions import a_client


@pytest.mark.parametrize("path", ["/api/chat", "/api/embed"])
@pytest.mark.parametrize("stream", [True, False])
def test_errors_inside_a_success_open_the_models_breaker(upstream: FakeUpstream, path: str, stream: bool) -> None:
    for url in ("/chat/completions", "/embeddings"):
        upstream.on(url, json_answer({"error": {"code": 503, "message": "the model crashed"}}))
    client = a_client(upstream, breaker_failures=3)
    asked = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
    answers = [client.post(path, json=asked) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503] * 5
    assert ["3 times in a row" in answer.text for answer in answers] == [False, False, False, True, True]
    assert client.get("/health").get_json()["upstreams"]["default"]["ill_models"] == {"m": "open"}


def test_breakers_tell_whether_their_model_is_listed(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, json_answer(refusal("the model crashed"), 503))
    told: list[tuple[str, str, bool]] = []

    class Watch(Unwatched):
        def breaker_changed(self, upstream: str, replica: str, model: str, state: BreakerState, is_listed: bool = True) -> None:
            told.append((model, state, is_listed))

    settings = Settings.from_env({}, dotenv=None, openai_api_base_url=upstream.base_url, max_retries=0, breaker_failures=1)
    gateway = build_gateway(config_of(settings), Watch())
    gateway.models()
    for model in ("m", "nobody-lists-me"):
        with pytest.raises(UpstreamRefused):
            gateway.relay(b'{"model":"%b"}' % model.encode(), {"model": model}, RELAYED_CHAT, ExchangeNotes())
    assert told == [("m", "open", True), ("nobody-lists-me", "open", False)]
