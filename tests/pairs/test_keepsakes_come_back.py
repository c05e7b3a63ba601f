"""What a model wants to see again with its calls comes back with them, from clients that know nothing of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fake_upstream import FakeUpstream
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, PARIS
from tests.pairs.upstreams import ANTHROPIC, GEMINI, Egress

CALLS = BY_NAME["reasoning_and_call"]
(OLLAMA,) = (ingress for ingress in INGRESSES if ingress.name == "ollama.chat")
FOREIGN = [(ingress, egress) for ingress in INGRESSES for egress in (ANTHROPIC, GEMINI) if ingress.dialect != egress.name]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("ingress", "egress"), FOREIGN, ids=[f"{ingress.name} on {egress.name}" for ingress, egress in FOREIGN])
def test_signatures_come_back_with_their_calls(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress, stream: bool
) -> None:
    client = gateway_of(upstream, egress)
    egress.play(upstream, CALLS)
    told = ingress.ask(client, CALLS, stream=stream)
    (call_id,) = told.ids
    answered = replace(BY_NAME["tool_result"], thinks=True, earlier=(replace(PARIS, id=call_id),))
    egress.play(upstream, answered)
    assert ingress.ask(client, answered, stream=stream).error == ""
    assert signatures(egress, upstream.requests[-1].json) == signed(egress)


@pytest.mark.parametrize("ingress", [ingress for ingress in INGRESSES if ingress.dialect != "anthropic"], ids=lambda ingress: ingress.name)
def test_a_call_with_other_arguments_is_another_call(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress) -> None:
    client = gateway_of(upstream, ANTHROPIC)
    ANTHROPIC.play(upstream, CALLS)
    (call_id,) = ingress.ask(client, CALLS, stream=False).ids
    answered = replace(BY_NAME["tool_result"], earlier=(replace(PARIS, id=call_id, arguments={"city": "Rome"}),))
    ANTHROPIC.play(upstream, answered)
    ingress.ask(client, answered, stream=False)
    assert signatures(ANTHROPIC, upstream.requests[-1].json) == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("egress", [ANTHROPIC, GEMINI], ids=lambda egress: egress.name)
def test_signatures_come_back_for_clients_that_drop_the_ids_of_calls(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, stream: bool
) -> None:
    client = gateway_of(upstream, egress)
    egress.play(upstream, CALLS)
    assert OLLAMA.ask(client, CALLS, stream=stream).calls
    answered = replace(BY_NAME["tool_result"], thinks=True, earlier=(replace(PARIS, id=""),))
    egress.play(upstream, answered)
    assert OLLAMA.ask(client, answered, stream=stream).error == ""
    assert signatures(egress, upstream.requests[-1].json) == signed(egress)


@pytest.mark.parametrize("ingress", [ingress for ingress in INGRESSES if ingress.dialect != "anthropic"], ids=lambda ingress: ingress.name)
def test_nobody_is_given_what_was_thought_of_anothers_words(gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress) -> None:
    client = gateway_of(upstream, ANTHROPIC)
    numbered = replace(PARIS, id="functions.get_weather:0")  # as Kimi numbers them, anew in each conversation
    ANTHROPIC.play(upstream, replace(CALLS, calls=(numbered,)))
    assert ingress.ask(client, replace(CALLS, says="I am Eve"), stream=False).calls
    answered = replace(BY_NAME["tool_result"], says="I am Bob", thinks=True, earlier=(numbered,))
    ANTHROPIC.play(upstream, answered)
    assert ingress.ask(client, answered, stream=False).error == ""
    assert signatures(ANTHROPIC, upstream.requests[-1].json) == []


@pytest.mark.parametrize(
    "ingress", [ingress for ingress in INGRESSES if ingress.name.startswith("openai.")], ids=lambda ingress: ingress.name
)
def test_signatures_come_back_by_ids_of_ours_though_the_system_prompt_has_a_clock(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress
) -> None:
    client = gateway_of(upstream, GEMINI)
    GEMINI.play(upstream, replace(CALLS, calls=(replace(PARIS, id=""),)))
    (call_id,) = ingress.ask(client, CALLS, stream=False).ids
    answered = replace(BY_NAME["tool_result"], says="and now, at 12:01?", thinks=True, earlier=(replace(PARIS, id=call_id),))
    GEMINI.play(upstream, answered)
    assert ingress.ask(client, answered, stream=False).error == ""
    assert signatures(GEMINI, upstream.requests[-1].json) == signed(GEMINI)


def signatures(egress: Egress, body: Any) -> list[Any]:
    """The thoughts and signatures that an upstream was shown."""
    if egress.name == "gemini":
        return [part["thoughtSignature"] for content in body["contents"] for part in content["parts"] if "thoughtSignature" in part]
    blocks = [block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]]
    return [(block["thinking"], block["signature"]) for block in blocks if block["type"] == "thinking"]


def signed(egress: Egress) -> list[Any]:
    return ["c2lnbmVk"] if egress.name == "gemini" else [(CALLS.thoughts, "c2lnbmVk")]
