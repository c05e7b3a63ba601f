"""The signature of a text of Gemini's comes back with that text, wherever a client keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from proxy.canonical.request import ChatRequest
from proxy.dialects.registry import egress_of
from tests.pairs.machines import parsed, rendered_whole, route_to
from tests.pairs.upstreams import GEMINI

Json = dict[str, Any]

ASKED: Json = {"role": "user", "content": "hi"}
CALL: Json = {"functionCall": {"id": "call_00001", "name": "f", "args": {}}}
WORDS: Json = {"text": "Hello", "thoughtSignature": "VEVYVA=="}


def _messages(answer: Json) -> Json:
    results = [{"type": "tool_result", "tool_use_id": block["id"]} for block in answer["content"] if block["type"] == "tool_use"]
    said = [
        ASKED,
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": [*results, {"type": "text", "text": "?"}]},
    ]
    return {"max_tokens": 9, "messages": said}


CLIENTS: dict[str, tuple[Json, Callable[[Json], Json]]] = {
    "openai.chat": ({"messages": [ASKED]}, lambda answer: {"messages": [ASKED, answer["choices"][0]["message"], ASKED]}),
    "openai.responses": ({"input": [ASKED]}, lambda answer: {"input": [ASKED, *answer["output"], ASKED]}),
    "anthropic.messages": ({"messages": [ASKED], "max_tokens": 9}, _messages),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("parts", [[WORDS], [WORDS, CALL], [{"text": "Hello"}, CALL]], ids=["text", "text and call", "call"])
def test_signature_of_a_text_comes_back_where_it_was(client: str, parts: list[Json]) -> None:
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "responseId": "r1"}
    first, next_of = CLIENTS[client]
    told = orjson.loads(rendered_whole(client, GEMINI, orjson.dumps(answer), first))
    request = parsed(client, next_of(told), stream=False)
    assert isinstance(request, ChatRequest)
    call = egress_of("gemini").build_chat(request, route_to(GEMINI))
    assert call.body is not None
    came_back = orjson.loads(call.body)["contents"][1]["parts"]
    for part in came_back:
        if "functionCall" in part:
            part.pop("thoughtSignature")  # It says that the call's own was lost.
    assert came_back == parts
