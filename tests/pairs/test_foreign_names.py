"""Names of tools that an upstream does not take: it gets others, and the client hears of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.pairs.clients import INGRESSES, Ingress
from tests.pairs.conftest import Gateway
from tests.pairs.scenes import BY_NAME, SCHEMA
from tests.pairs.upstreams import EGRESSES, GEMINI, Egress

SCENE = BY_NAME["tool_call"]
NAMES = {
    "letters": "mcp__docs__検索結果を日本語で要約して保存する機能です",
    "dot": "mcp.server" + "x" * 118,
    "long": "1" + "x" * 200,
    "emoji": "😀" * 40,
    "digit": "1" * 128,
    "like ours": "answer_in_json_",
}
LEGAL = {
    "anthropic": r"[a-zA-Z0-9_-]{1,128}",
    "gemini": r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}",
    "openai": r".{1,64}",
    "ollama": r".+",
}
CLIENTS = [ingress for ingress in INGRESSES if ingress.name in ("openai.chat", "ollama.chat")]
# Where both speak one language the upstream judges.
PAIRS = [(ingress, egress) for ingress in CLIENTS for egress in EGRESSES if ingress.dialect != egress.name]


def offering(name: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "description": "The weather", "parameters": SCHEMA}}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("ingress", "egress"), PAIRS, ids=[f"{ingress.name} on {egress.name}" for ingress, egress in PAIRS])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_of_a_tool_comes_back(
    gateway_of: Gateway, upstream: FakeUpstream, ingress: Ingress, egress: Egress, name: str, stream: bool
) -> None:
    sent: list[str] = []

    def called(request: Request) -> Answer:
        sent.extend(egress.asked(request).tools)
        return egress.answer(request, replace(SCENE, calls=(replace(SCENE.calls[0], name=sent[-1]),)))

    egress.play(upstream, SCENE)
    for path in egress.paths:
        upstream.on(path, called)
    told = ingress.ask(gateway_of(upstream, egress), SCENE, stream=stream, tools=offering(name))
    assert told.calls == [(name, SCENE.calls[0].arguments)], told.error
    assert re.fullmatch(LEGAL[egress.name], sent[0])


def test_what_has_such_names_can_be_counted(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    GEMINI.play(upstream, SCENE)
    upstream.on("/v1beta/models/m:countTokens", json_answer({"totalTokens": 42}))
    tool = {"name": "1" + "x" * 127, "input_schema": SCHEMA}
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
    assert gateway_of(upstream, GEMINI).post("/v1/messages/count_tokens", json=body).json == {"input_tokens": 42}
    (request,) = upstream.requests_to("/v1beta/models/m:countTokens")
    counted = request.json["generateContentRequest"]
    (name,) = (declared["name"] for tool in counted["tools"] for declared in tool["functionDeclarations"])
    assert re.fullmatch(LEGAL["gemini"], name)
