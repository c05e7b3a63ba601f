"""Thoughts go back among the words and calls where the model had them, whatever place a client has for them, and each of them once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fake_upstream import Answer, FakeUpstream, Request, json_answer
from tests.pairs.conftest import Gateway
from tests.pairs.upstreams import ANTHROPIC, GEMINI, SSE, Egress

Json = dict[str, Any]

ASKED: Json = {"role": "user", "content": "x"}
GO_ON: Json = {"role": "user", "content": "go on"}
TOOLS: list[Json] = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in "fg"]
MODIFIED = "messages.1.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."


def thought(number: int) -> Json:
    return {"type": "thinking", "thinking": f"hm{number}", "signature": f"S{number}"}


def hidden(number: int) -> Json:
    return {"type": "redacted_thinking", "data": f"RD{number}"}


def use(name: str) -> Json:
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {"a": 1}}


def words(text: str) -> Json:
    return {"type": "text", "text": text}


CLAUDES = {
    "plain": [thought(1), words("Hello"), use("f")],
    "hidden": [thought(1), hidden(1), words("Hello"), use("f")],
    "text between": [thought(1), words("Hello"), thought(2), use("f")],
    "text between, two calls": [thought(1), words("Hello"), thought(2), use("f"), use("g")],
    "call between": [thought(1), use("f"), thought(2), use("g")],
    "hidden between": [thought(1), hidden(1), use("f"), hidden(2), use("g")],
    "everything between": [thought(1), words("A"), use("f"), thought(2), words("世界"), thought(3), words("C"), use("g")],
    "late": [thought(1), use("f"), words("A"), thought(2), use("g")],
}
SIGNED_CALL: Json = {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "QkI="}
CALL: Json = {"functionCall": {"id": "c2", "name": "g", "args": {}}}
GEMINIS: dict[str, list[Json]] = {
    "texts": [{"text": "A", "thoughtSignature": "QUE="}, SIGNED_CALL, {"text": "B", "thoughtSignature": "Q0M="}, CALL],
    "thoughts": [
        {"text": "h1", "thought": True, "thoughtSignature": "QUE="},
        SIGNED_CALL,
        {"text": "h2", "thought": True, "thoughtSignature": "Q0M="},
        {**CALL, "thoughtSignature": "REQ="},
    ],
}
MADE: list[tuple[Egress, str]] = [*((ANTHROPIC, name) for name in CLAUDES), *((GEMINI, name) for name in GEMINIS)]


def _whole_chat(answer: Json) -> Json:
    message: Json = answer["choices"][0]["message"]
    return message


def _unsigned(answer: Json) -> Json:
    """The message as those give it back who know nothing of signatures."""
    message = {key: value for key, value in _whole_chat(answer).items() if key != "thinking_blocks"}
    return message | {"tool_calls": [{key: call[key] for key in ("id", "type", "function")} for call in message["tool_calls"]]}


def _bare(answer: Json) -> Json:
    return {key: value for key, value in _unsigned(answer).items() if key != "reasoning_content"}


def _results(message: Json) -> list[Json]:
    return [{"role": "tool", "tool_call_id": call["id"], "content": "r"} for call in message["tool_calls"]]


def _chat(message_of: Callable[[Json], Json]) -> Callable[[Json], Json]:
    return lambda answer: {"messages": [ASKED, message_of(answer), *_results(message_of(answer))]}


def _ollama(answer: Json) -> Json:
    message = answer["message"]
    results = [{"role": "tool", "tool_name": call["function"]["name"], "content": "r"} for call in message["tool_calls"]]
    return {"messages": [ASKED, message, *results]}


def _responses(answer: Json) -> Json:
    calls = [item for item in answer["output"] if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "r"} for call in calls]
    return {"input": [ASKED, *answer["output"], *results]}


CHAT = ("/v1/chat/completions", {"messages": [ASKED], "tools": TOOLS, "reasoning_effort": "high"})
OLLAMA = ("/api/chat", {"messages": [ASKED], "tools": TOOLS, "think": True})
RESPONSES = (
    "/v1/responses",
    {"input": [ASKED], "tools": [{"type": "function", **tool["function"]} for tool in TOOLS], "reasoning": {"effort": "high"}},
)
CLIENTS: dict[str, tuple[tuple[str, Json], Callable[[Json], Json]]] = {
    "chat as it came": (CHAT, _chat(_whole_chat)),
    "chat unsigned": (CHAT, _chat(_unsigned)),
    "chat bare": (CHAT, _chat(_bare)),
    "ollama": (OLLAMA, _ollama),
    "responses": (RESPONSES, _responses),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("egress", "made"), MADE, ids=[f"{egress.name} {name}" for egress, name in MADE])
def test_a_turn_goes_back_as_the_model_made_it(
    gateway_of: Gateway, upstream: FakeUpstream, egress: Egress, made: str, client: str, stream: bool
) -> None:
    turn = (CLAUDES if egress is ANTHROPIC else GEMINIS)[made]
    _play(upstream, egress, turn)
    (path, first), next_of = CLIENTS[client]
    gateway = gateway_of(upstream, egress)
    answer = _ask(gateway_of(upstream, egress) if stream else gateway, path, first)
    if stream:
        assert gateway.post(path, json={"model": "m", **first, "stream": True}).data
    asked = len(upstream.requests)
    _ask(gateway, path, first | next_of(answer))
    (request,) = upstream.requests[asked:]
    assert _turn(egress, request.json) == turn


@pytest.mark.parametrize("made", CLAUDES)
def test_thoughts_stay_away_where_nobody_knows_their_places(gateway_of: Gateway, upstream: FakeUpstream, made: str) -> None:
    turn = CLAUDES[made]
    _play(upstream, ANTHROPIC, turn)
    (path, first), next_of = CLIENTS["chat as it came"]
    answer = _ask(gateway_of(upstream, ANTHROPIC), path, first)
    restarted = gateway_of(upstream, ANTHROPIC)
    _ask(restarted, path, first | next_of(answer))
    thoughts = [block for block in turn if block["type"].endswith("thinking")]
    came_back = [block for block in _turn(ANTHROPIC, upstream.requests[-1].json) if block["type"].endswith("thinking")]
    assert came_back == (thoughts if len(thoughts) == 1 else [])
    assert upstream.requests[-1].json.get("thinking", {}).get("type") != "enabled" or came_back


def test_thoughts_stay_away_from_gemini_where_nobody_knows_their_places(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    _play(upstream, GEMINI, GEMINIS["texts"])
    (path, first), next_of = CLIENTS["chat as it came"]
    answer = _ask(gateway_of(upstream, GEMINI), path, first)
    _ask(gateway_of(upstream, GEMINI), path, first | next_of(answer))
    assert _turn(GEMINI, upstream.requests[-1].json) == [{"text": "AB"}, SIGNED_CALL, CALL]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_says_that_thoughts_were_modified_is_asked_once_more_without(gateway_of: Gateway, upstream: FakeUpstream, stream: bool) -> None:
    def answer(request: Request) -> Answer:
        thinks = any(block["type"] == "thinking" for message in request.json["messages"][-2:-1] for block in message["content"])
        refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": MODIFIED}}
        return json_answer(refusal, 400) if thinks else _answer(ANTHROPIC, [words("k")], request)

    upstream.on(ANTHROPIC.models[0], json_answer(ANTHROPIC.models[1]))
    upstream.on("/v1/messages", answer)
    gateway = gateway_of(upstream, ANTHROPIC)
    block = {"type": "thinking", "thinking": "hm, changed", "signature": "S1"}
    call = {"id": "toolu_f", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "so", "thinking_blocks": [block], "tool_calls": [call]}
    body = {"model": "m", "stream": stream, "tools": TOOLS, "reasoning_effort": "high", "messages": [ASKED, message, *_results(message)]}
    for _ in range(2):  # It is a matter of this conversation: the next one is told all.
        asked = len(upstream.requests)
        assert b'"content":"k"' in gateway.post("/v1/chat/completions", json=body).data
        turns = [request.json["messages"][1]["content"] for request in upstream.requests[asked:] if request.method == "POST"]
        assert [[block["type"] for block in turn] for turn in turns] == [["thinking", "text", "tool_use"], ["text", "tool_use"]]


BARE: dict[str, tuple[Egress, list[Json]]] = {  # State without a word to it, between texts.
    "thoughts that are not displayed": (
        ANTHROPIC,
        [{**thought(1), "thinking": ""}, words("A"), {**thought(2), "thinking": ""}, words("B")],
    ),
    "hidden thoughts": (ANTHROPIC, [hidden(1), words("A"), hidden(2), words("B")]),
    "signatures": (GEMINI, [{"text": "A", "thoughtSignature": "QUE="}, {"text": "B"}]),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("made", BARE)
def test_bare_state_goes_back_between_the_texts_that_it_stood_between(
    gateway_of: Gateway, upstream: FakeUpstream, made: str, stream: bool
) -> None:
    egress, turn = BARE[made]
    _play(upstream, egress, turn)
    gateway = gateway_of(upstream, egress)
    path, first = RESPONSES
    if stream:
        output = _streamed_output(gateway.post(path, json={"model": "m", **first, "stream": True}).data)
    else:
        output = _ask(gateway, path, first)["output"]
    _ask(gateway, path, {**first, "input": [ASKED, *output, GO_ON]})
    assert _turn(egress, upstream.requests[-1].json) == turn


LATE = "messages.1: The final block in an assistant message cannot be `thinking`."
CUT_OFF: dict[str, tuple[list[Json], list[Json]]] = {  # What Claude said before the limit, and what of it can go back.
    "thought": ([thought(1)], []),
    "hidden thought": ([thought(1), hidden(1)], []),
    "thought, words, thought": ([thought(1), words("A"), thought(2)], [thought(1), words("A")]),
    "thought, words, hidden thought": ([thought(1), words("A"), hidden(1)], [thought(1), words("A")]),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("made", CUT_OFF)
def test_responses_go_on_where_the_limit_was_reached_in_the_midst_of_a_thought(
    gateway_of: Gateway, upstream: FakeUpstream, made: str, stream: bool
) -> None:
    turn, kept = CUT_OFF[made]
    _play_strictly(upstream, turn)
    gateway = gateway_of(upstream, ANTHROPIC)
    path, first = RESPONSES
    output = _ask(gateway, path, first)["output"]
    answer = gateway.post(path, json={"model": "m", **first, "stream": stream, "input": [ASKED, *output, GO_ON]})
    assert answer.status_code == 200, answer.data
    _assert_asked(upstream, kept)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("effort", [{}, {"reasoning_effort": "high"}])
@pytest.mark.parametrize("content", ["", "\n\n"])
def test_chats_go_on_where_the_limit_was_reached_in_the_midst_of_a_thought(
    gateway_of: Gateway, upstream: FakeUpstream, content: str, effort: Json, stream: bool
) -> None:
    _play_strictly(upstream, [thought(1)])
    gateway = gateway_of(upstream, ANTHROPIC)
    path, first = CHAT
    message = _whole_chat(_ask(gateway, path, first)) | {"content": content}
    assert message["thinking_blocks"]
    answer = gateway.post(path, json={"model": "m", "messages": [ASKED, message, GO_ON], "stream": stream, **effort})
    assert answer.status_code == 200, answer.data
    _assert_asked(upstream, [])


def test_a_conversation_goes_on_where_a_call_behind_a_thought_was_cut_off(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    upstream.on(ANTHROPIC.models[0], json_answer(ANTHROPIC.models[1]))
    records = [record for record in _claudes_records([thought(1), use("f")], "max_tokens") if "partial_json" not in str(record)]
    upstream.on("/v1/messages", Answer(200, SSE, [ANTHROPIC.written(record) for record in records]))
    gateway = gateway_of(upstream, ANTHROPIC)
    path, first = RESPONSES
    output = _streamed_output(gateway.post(path, json={"model": "m", **first, "stream": True}).data)
    assert [item["type"] for item in output] == ["reasoning"]
    assert gateway.post(path, json={"model": "m", **first, "stream": True, "input": [ASKED, *output, GO_ON]}).status_code == 200
    _assert_asked(upstream, [])


def test_what_claudes_own_clients_send_is_claudes_to_judge(gateway_of: Gateway, upstream: FakeUpstream) -> None:
    _play_strictly(upstream, [thought(1)])
    turns = [{"role": role, "content": [said]} for role, said in (("user", words("x")), ("assistant", thought(1)), ("user", words("y")))]
    body = {"model": "m", "max_tokens": 9, "messages": turns}
    sent = json.dumps(body, indent=1).encode()
    answer = gateway_of(upstream, ANTHROPIC).post("/v1/messages", data=sent, content_type="application/json")
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (400, LATE)
    assert upstream.requests[-1].body == sent


def _play_strictly(upstream: FakeUpstream, turn: list[Json]) -> None:
    """Answers with `turn`, at whose end the limit was reached, all requests but those that tell of a turn that ends so."""

    def answer(request: Request) -> Answer:
        if any(message["content"][-1]["type"].endswith("thinking") for message in request.json["messages"]):
            return json_answer({"type": "error", "error": {"type": "invalid_request_error", "message": LATE}}, 400)
        return _answer(ANTHROPIC, turn, request, "max_tokens")

    upstream.on(ANTHROPIC.models[0], json_answer(ANTHROPIC.models[1]))
    upstream.on("/v1/messages", answer)


def _assert_asked(upstream: FakeUpstream, kept: list[Json]) -> None:
    """That the last request tells the model just so much of its turn, between what the user says."""
    said = [words("x"), words("go on")]
    turns = [(turn["role"], turn["content"]) for turn in upstream.requests[-1].json["messages"]]
    assert turns == ([("user", said[:1]), ("assistant", kept), ("user", said[1:])] if kept else [("user", said)])


def _streamed_output(stream: bytes) -> list[Json]:
    """The output of the response that a stream ends with."""
    response: Json = json.loads(stream.splitlines()[-2].removeprefix(b"data: "))["response"]
    output: list[Json] = response["output"]
    return output


def _ask(gateway: FlaskClient, path: str, body: Json) -> Any:
    answer = gateway.post(path, json={"model": "m", **body, "stream": False})
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def _turn(egress: Egress, body: Json) -> list[Json]:
    """What the model is told that it said."""
    turn: list[Json] = body["messages"][1]["content"] if egress is ANTHROPIC else body["contents"][1]["parts"]
    return turn


def _play(upstream: FakeUpstream, egress: Egress, turn: list[Json]) -> None:
    upstream.on(egress.models[0], json_answer(egress.models[1]))
    for path in egress.paths:
        upstream.on(path, lambda request: _answer(egress, turn, request))


def _answer(egress: Egress, turn: list[Json], request: Request, stop: str = "tool_use") -> Answer:
    if egress is GEMINI:
        records = [_gemini_record([part]) for part in turn]
        whole: Json = _gemini_record(turn) | {"candidates": [_gemini_record(turn)["candidates"][0] | {"finishReason": "STOP"}]}
        records[-1]["candidates"][0]["finishReason"] = "STOP"
    else:
        whole = {**_message(turn), "stop_reason": stop}
        records = _claudes_records(turn, stop)
    return Answer(200, SSE, [egress.written(record) for record in records]) if egress.wants_stream(request) else json_answer(whole)


def _gemini_record(parts: Sequence[Json]) -> Json:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}


def _message(content: Sequence[Json]) -> Json:
    usage = {"input_tokens": 9, "output_tokens": 2}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": list(content),
        "stop_reason": None,
        "usage": usage,
    }


def _claudes_records(turn: Sequence[Json], stop: str) -> list[Json]:
    records: list[Json] = [{"type": "message_start", "message": _message([])}]
    for index, block in enumerate(turn):
        empty: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
        begun = {key: empty.get(key, value) for key, value in block.items()}
        records.append({"type": "content_block_start", "index": index, "content_block": begun})
        records += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block)]
        records.append({"type": "content_block_stop", "index": index})
    return [
        *records,
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def _deltas(block: Json) -> list[Json]:
    match block["type"]:
        case "text":
            return [{"type": "text_delta", "text": letter} for letter in block["text"]]
        case "thinking":
            return [{"type": f"{kind}_delta", kind: block[kind]} for kind in ("thinking", "signature")]
        case "tool_use":
            return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        case _:
            return []
