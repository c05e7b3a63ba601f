"""What one upstream gave a client to keep, in a conversation that is relayed to another: what that one would refuse stays behind."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from proxy import create_app
from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.gateway.several import config_of
from tests.pairs.clients import INGRESSES
from tests.pairs.scenes import BY_NAME, PARIS
from tests.pairs.upstreams import ANTHROPIC, GEMINI, OLLAMA, OPENAI, Egress

Json = dict[str, Any]

HELLO: Json = {"role": "user", "content": "hi"}
UNSIGNED: Json = {"type": "thinking", "thinking": "x", "signature": ""}
CALL: Json = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT: Json = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "1"}]}
AMID_CALLS: Json = {
    "model": "nick",
    "max_tokens": 8192,
    "thinking": {"type": "enabled", "budget_tokens": 4096},
    "messages": [HELLO, {"role": "assistant", "content": [UNSIGNED, CALL]}, RESULT],
}
REFUSAL: Json = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "messages.1.content.0: Invalid `signature` in `thinking` block"},
}


def gateway(folder: Path, upstream: FakeUpstream, egress: Egress, model: str) -> FlaskClient:
    text = (
        f'[upstreams.it]\ndialect = "{egress.name}"\nbase_url = "{egress.base_url(upstream)}"\n[upstreams.it.aliases]\nnick = "{model}"\n'
    )
    return create_app(config_of(folder, text, {})).test_client()


def test_thoughts_that_nobody_signed_go_back_to_servers_of_other_makers(tmp_path: Path, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    body = json.dumps(AMID_CALLS)
    assert gateway(tmp_path, upstream, ANTHROPIC, "qwen3").post("/v1/messages", data=body).status_code == 200
    (request,) = upstream.requests_to("/v1/messages")
    assert request.body.decode() == body.replace("nick", "qwen3")


def test_claude_gets_none_of_them(tmp_path: Path, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    assert gateway(tmp_path, upstream, ANTHROPIC, "claude-sonnet-4-5").post("/v1/messages", json=AMID_CALLS).status_code == 200
    (request,) = upstream.requests_to("/v1/messages")
    assert request.json["messages"][1]["content"] == [CALL]
    assert "thinking" not in request.json


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_that_a_server_refuses_them_is_learnt_once(tmp_path: Path, upstream: FakeUpstream, stream: bool) -> None:
    def answer(request: Request) -> Answer:
        has_thoughts = request.json["messages"][1]["content"][0] == UNSIGNED
        return json_answer(REFUSAL, 400) if has_thoughts else ANTHROPIC.answer(request, BY_NAME["text"])

    ANTHROPIC.play(upstream, BY_NAME["text"])
    upstream.on("/v1/messages", answer)
    client = gateway(tmp_path, upstream, ANTHROPIC, "sonnet")
    for _ in range(2):
        assert client.post("/v1/messages", json=AMID_CALLS | {"stream": stream}).status_code == 200
    asked = [request.json["messages"][1]["content"] for request in upstream.requests_to("/v1/messages")]
    assert asked == [[UNSIGNED, CALL], [CALL], [CALL]]


def test_a_refusal_that_is_about_something_else_is_told(tmp_path: Path, upstream: FakeUpstream) -> None:
    ANTHROPIC.play(upstream, BY_NAME["text"])
    upstream.on("/v1/messages", json_answer(REFUSAL, 400))
    signed = {"role": "assistant", "content": [UNSIGNED | {"signature": "c2ln"}, CALL]}
    body = AMID_CALLS | {"messages": [HELLO, signed, RESULT]}
    answer = gateway(tmp_path, upstream, ANTHROPIC, "sonnet").post("/v1/messages", json=body)
    assert (answer.status_code, "signature" in answer.get_json()["error"]["message"]) == (400, True)
    assert len(upstream.requests_to("/v1/messages")) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("egress", [ANTHROPIC, GEMINI], ids=lambda egress: egress.name)
def test_what_openais_clients_got_is_not_shown_to_a_strict_server(
    tmp_path: Path, upstream: FakeUpstream, egress: Egress, stream: bool
) -> None:
    scene = BY_NAME["reasoning_and_call"]
    egress.play(upstream, scene)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    told = gateway(folders[0], upstream, egress, "m").post("/v1/chat/completions", json={"model": "nick", "messages": [HELLO]})
    said = told.get_json()["choices"][0]["message"]
    (call,) = said["tool_calls"]
    assert {"thinking_blocks", "extra_content"} & {*said, *call}
    OPENAI.play(upstream, BY_NAME["text"])
    messages = [HELLO, said, {"role": "tool", "tool_call_id": call["id"], "content": "1"}]
    strict = gateway(folders[1], upstream, OPENAI, "m")
    assert strict.post("/v1/chat/completions", json={"model": "nick", "stream": stream, "messages": messages}).status_code == 200
    sent = upstream.requests_to("/chat/completions")[-1].json["messages"][1]
    assert "thinking_blocks" not in sent
    assert sent["tool_calls"] == [{key: value for key, value in call.items() if key != "extra_content"}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_ids_of_calls_are_ones_that_claude_takes_and_come_back_as_they_were(tmp_path: Path, upstream: FakeUpstream, stream: bool) -> None:
    (messages,) = (ingress for ingress in INGRESSES if ingress.name == "anthropic.messages")
    numbered = replace(PARIS, id="functions.get_weather:0")  # as Kimi numbers them; its template shows the model the ids
    OPENAI.play(upstream, replace(BY_NAME["tool_call"], calls=(numbered,)))
    client = gateway(tmp_path, upstream, OPENAI, "kimi-k2")
    (call_id,) = messages.ask(client, BY_NAME["tool_call"], stream=stream, model="nick").ids
    assert re.fullmatch("[a-zA-Z0-9_-]{1,128}", call_id)
    answered = replace(BY_NAME["tool_result"], earlier=(replace(PARIS, id=call_id),))
    assert messages.ask(client, answered, stream=stream, model="nick").error == ""
    turn, result = upstream.requests_to("/chat/completions")[-1].json["messages"][-2:]
    assert (turn["tool_calls"][0]["id"], result["tool_call_id"]) == (numbered.id, numbered.id)


RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}],
}


@pytest.mark.parametrize("drops_ids", [False, True], ids=["with ids", "without ids"])
@pytest.mark.parametrize("egress", [OLLAMA, ANTHROPIC, GEMINI], ids=lambda egress: egress.name)
def test_what_others_thought_is_not_shown_to_openais_responses(
    tmp_path: Path, upstream: FakeUpstream, egress: Egress, drops_ids: bool
) -> None:
    egress.play(upstream, BY_NAME["reasoning_and_call"])
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    body: Json = {"model": "nick", "reasoning": {"effort": "high", "summary": "auto"}, "input": [HELLO]}
    told = gateway(folders[0], upstream, egress, "m").post("/v1/responses", json=body).get_json()["output"]
    assert [item["type"] for item in told] == ["reasoning", "function_call"]
    if drops_ids:  # As Codex does.
        told = [{key: value for key, value in item.items() if key != "id"} for item in told]
    OPENAI.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer(RESPONSE))
    own: Json = {"type": "reasoning", "id": "rs_68", "summary": [], "encrypted_content": "gAAAAA=="}
    result: Json = {"type": "function_call_output", "call_id": told[1]["call_id"], "output": "1"}
    body |= {"input": [HELLO, own, *told, result], "tools": [{"type": "web_search"}], "odd": 1.5}
    assert gateway(folders[1], upstream, OPENAI, "gpt-5").post("/v1/responses", json=body).get_json() == RESPONSE
    (request,) = upstream.requests_to("/responses")
    call = {key: value for key, value in told[1].items() if key != "extra_content"}
    assert request.json == body | {"model": "gpt-5", "input": [HELLO, own, call, result]}


PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(900_000)).decode()
SIGNED = "gemini:" + "Q" * 70_000
OF_CLAUDES_CLIENT: Json = {
    "max_tokens": 8,
    "messages": [
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": SIGNED}, {"type": "text", "text": "t"}]},
        HELLO,
    ],
}
OF_A_CHAT: Json = {
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}]},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                    "extra_content": {"google": {"thought_signature": SIGNED}},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ]
}
OF_RESPONSES: Json = {
    "input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNED},
        HELLO,
    ]
}


@pytest.mark.parametrize(
    ("egress", "path", "sent_to", "body"),
    [
        (ANTHROPIC, "/v1/messages", "/v1/messages", OF_CLAUDES_CLIENT),
        (OPENAI, "/v1/chat/completions", "/chat/completions", OF_A_CHAT),
        (OPENAI, "/v1/responses", "/responses", OF_RESPONSES),
    ],
    ids=["messages", "chat", "responses"],
)
def test_long_signatures_of_others_are_cut_out_beside_pictures(
    tmp_path: Path, upstream: FakeUpstream, egress: Egress, path: str, sent_to: str, body: Json
) -> None:
    egress.play(upstream, BY_NAME["text"])
    upstream.on("/responses", json_answer({"id": "r", "object": "response", "status": "completed", "model": "m", "output": []}))
    client = gateway(tmp_path, upstream, egress, "claude-sonnet-4-5" if egress is ANTHROPIC else "m")
    assert client.post(path, json=body | {"model": "nick"}).status_code == 200
    sent = upstream.requests_to(sent_to)[-1].body
    assert PICTURE.encode() in sent
    assert b"gemini:" not in sent
