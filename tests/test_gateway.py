"""The corridor end to end: a client's request in, an upstream on a real socket, the client's answer out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from proxy import create_app
from proxy.assembly import build_gateway
from proxy.dialects.openai.ingress import CHAT as RELAYED_CHAT
from proxy.errors import UpstreamRefused
from proxy.gateway_config import config_of
from proxy.settings import Settings
from proxy.telemetry import ExchangeNotes
from proxy.upstream.breaker import BreakerState
from proxy.upstream.watch import Unwatched
from tests.facts.speech import call_delta, chat_chunk, chat_reply, embeddings_reply, finish_chunk, lines_of, refusal, usage_chunk
from tests.fake_upstream import CUT, RESET, STALL, Answer, FakeUpstream, Raw, Request, json_answer, sse, stream_of

CHAT = "/chat/completions"
SSE = {"Content-Type": "text/event-stream"}
MESSAGES = [{"role": "user", "content": "hi"}]
KEY = "sk-of-the-operator-0123456789"


@pytest.fixture
def upstream(upstream: FakeUpstream) -> FakeUpstream:
    """An upstream that lists three models."""
    models = [{"id": name, "object": "model", "created": 1700000000, "owned_by": "them"} for name in ("m", "vectors", "org/large:7b")]
    upstream.on("/models", json_answer({"object": "list", "data": models}))
    return upstream


def a_client(upstream: FakeUpstream, **settings: Any) -> FlaskClient:
    chosen = {
        "openai_api_base_url": upstream.base_url,
        "openai_api_key": KEY,
        "max_retries": 0,
        "breaker_failures": 1000,
        "enable_metrics": False,
        **settings,
    }
    return create_app(Settings.from_env({}, dotenv=None, **chosen)).test_client()


@pytest.fixture
def client(upstream: FakeUpstream) -> FlaskClient:
    return a_client(upstream)


def ask(client: FlaskClient, path: str = "/api/chat", **body: Any) -> TestResponse:
    """A question without a stream, unless `body` asks for one."""
    question = {"prompt": "hi"} if path.endswith(("generate", "v1/completions")) else {"messages": MESSAGES}
    return client.post(path, json={"model": "m", "stream": False, **question, **body})


def embed(client: FlaskClient, *texts: str, **body: Any) -> TestResponse:
    return client.post("/api/embed", json={"model": "vectors", "input": list(texts), **body})


def text_of(response: TestResponse) -> str:
    return "".join(line["message"]["content"] for line in lines_of_stream(response))


def lines_of_stream(response: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.data.splitlines()]


def asked(upstream: FakeUpstream, path: str = CHAT) -> list[Any]:
    """The bodies that the upstream was sent."""
    return [request.json for request in upstream.requests_to(path)]


# Answers


def test_chat_when_whole_is_translated(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello", usage={"prompt_tokens": 5, "completion_tokens": 2})))
    response = ask(client)
    assert response.status_code == 200
    assert response.content_type == "application/json; charset=utf-8"
    assert response.json is not None
    assert response.json["message"] == {"role": "assistant", "content": "hello"}
    assert (response.json["prompt_eval_count"], response.json["eval_count"]) == (5, 2)
    assert upstream.requests_to(CHAT)[0].headers["authorization"] == f"Bearer {KEY}"


def test_chat_when_streamed_is_translated(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("he"), chat_chunk("llo"), finish_chunk(), usage_chunk(5, 2)))
    response = ask(client, stream=True)
    assert response.content_type == "application/x-ndjson"
    assert text_of(response) == "hello"
    assert lines_of(Body(response))[-1]["done_reason"] == "stop"


class Body:
    """A response as `lines_of` reads one."""

    def __init__(self, response: TestResponse) -> None:
        self.body = response.data


def test_first_words_when_they_arrive_are_not_held_back(upstream: FakeUpstream, client: FlaskClient) -> None:
    gate = upstream.gate()
    upstream.on(CHAT, Answer(200, SSE, [sse(chat_chunk("first"), done=False)[0], gate, *sse(finish_chunk())]))
    response = ask(client, stream=True)
    lines = iter(response.response)
    assert b"first" in next(lines)
    gate.set()
    assert b'"done":true' in b"".join(lines)
    response.close()


def test_events_of_one_read_are_written_in_one_piece(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(200, SSE, [b"".join(sse(*[chat_chunk("a")] * 50, finish_chunk()))]))
    with ask(client, stream=True) as response:
        assert len(list(response.response)) <= 2


def test_connections_when_streams_end_are_used_again(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), finish_chunk(), usage_chunk(1, 1)))
    for _ in range(3):
        assert text_of(ask(client, stream=True)) == "a"
        assert ask(client, "/v1/chat/completions", stream=True).data.endswith(b"[DONE]\n\n")
    assert upstream.connections == 1


def test_connections_when_answers_are_whole_are_used_again(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    for path in ("/api/chat", "/v1/chat/completions") * 2:
        assert ask(client, path).status_code == 200
    assert client.get("/v1/models").status_code == 200
    assert upstream.connections == 1


def test_connection_when_the_client_closes_a_stream_is_closed(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[STALL]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path, stream=True)
        next(iter(response.response))
        response.close()
        assert upstream.requests_to(CHAT)[-1].wait_closed(2)


def test_stream_that_is_closed_before_it_began_closes_the_upstream(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[STALL]))
    for path in ("/api/chat", "/v1/chat/completions"):
        ask(client, path, stream=True).close()
        assert upstream.requests_to(CHAT)[-1].wait_closed(2)


def test_silence_of_an_upstream_that_is_there_is_told_to_a_streams_client(upstream: FakeUpstream) -> None:
    gate = upstream.gate()
    upstream.on(CHAT, Answer(200, SSE, [gate, *sse(chat_chunk("late"), finish_chunk())]))
    response = ask(a_client(upstream, keepalive_interval=0.05), stream=True)
    lines = iter(response.response)
    assert json.loads(next(lines))["message"]["content"] == ""
    gate.set()
    assert b"late" in b"".join(lines)
    response.close()


def test_comments_of_a_busy_upstream_become_signs_of_life(upstream: FakeUpstream) -> None:
    steps = [sse(chat_chunk("a"), done=False)[0], *[b": busy\n\n", 0.03] * 10, *sse(finish_chunk())]
    upstream.on(CHAT, Answer(200, SSE, steps))
    lines = lines_of_stream(ask(a_client(upstream, keepalive_interval=0.1), stream=True))
    assert [line["message"]["content"] for line in lines[:2]] == ["a", ""]
    assert lines[-1]["done_reason"] == "stop"


def comments_without_end() -> list[Any]:
    return [b": busy\n\n", 0.02] * 200


@pytest.mark.parametrize("piece", [b": busy\n\n", b"data: {"], ids=["comments", "a record without end"])
def test_stream_that_gets_nowhere_before_its_first_word_is_a_timeout(upstream: FakeUpstream, piece: bytes) -> None:
    upstream.on(CHAT, Answer(200, SSE, [piece, 0.02] * 200))
    response = ask(a_client(upstream, first_byte_timeout=0.2), stream=True)
    assert response.status_code == 504
    assert "FIRST_BYTE_TIMEOUT" in (response.json or {})["error"]
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stream_that_gets_nowhere_after_words_ends_with_an_error(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, Answer(200, SSE, [sse(chat_chunk("hal"), done=False)[0], *comments_without_end()]))
    lines = lines_of_stream(ask(a_client(upstream, first_byte_timeout=0.2, keepalive_interval=0.05), stream=True))
    assert lines[0]["message"]["content"] == "hal"
    assert "FIRST_BYTE_TIMEOUT" in lines[-1]["error"]
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stream_that_gets_on_between_its_comments_may_take_its_time(upstream: FakeUpstream) -> None:
    busy = [b": busy\n\n", 0.1]
    word = sse(chat_chunk("a"), done=False)[0]
    upstream.on(CHAT, Answer(200, SSE, [*[word, *busy] * 6, *sse(finish_chunk())]))
    assert text_of(ask(a_client(upstream, first_byte_timeout=0.4), stream=True)) == "a" * 6


# Models and names


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions"])
def test_unknown_model_when_the_upstream_says_so_is_named_as_the_client_named_it(upstream: FakeUpstream, tmp_path: Path, path: str) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"mine": "theirs"}')
    client = a_client(upstream, model_mapping_file=str(mapping))
    for upstream_path in (CHAT, "/completions"):
        upstream.on(upstream_path, json_answer(refusal("The model `theirs` does not exist", code="model_not_found"), 404))
    response = ask(client, path, model="mine")
    assert response.status_code == 404
    assert b"model 'mine' not found" in response.data
    assert b"theirs" not in response.data
    assert {body["model"] for body in asked(upstream)} == {"theirs"}


def test_404_when_it_is_not_about_a_model_is_a_wrong_base_url(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(404, {}, [b"Not Found"]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 502
        assert b"check the base URL" in response.data


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("body", [{"model": ""}, {"model": None}, {}], ids=["empty", "null", "absent"])
def test_default_model_when_none_is_named_stands_in(upstream: FakeUpstream, path: str, body: dict[str, Any]) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    client = a_client(upstream, default_model="m")
    assert client.post(path, json={**body, "messages": MESSAGES, "stream": False}).status_code == 200
    assert asked(upstream)[0]["model"] == "m"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_default_model_when_another_is_named_stays_out(upstream: FakeUpstream, path: str) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    ask(a_client(upstream, default_model="m"), path, model="unlisted")
    assert asked(upstream)[0]["model"] == "unlisted"


def test_model_of_a_wrong_type_is_not_replaced_but_judged(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, json_answer(refusal("model must be a string"), 400))
    client = a_client(upstream, default_model="m")
    response = client.post("/v1/chat/completions", data=b'{"model": 5, "messages": []}')
    assert response.status_code == 400
    assert upstream.requests_to(CHAT)[0].body == b'{"model": 5, "messages": []}'
    assert client.post("/api/chat", json={"model": 5, "messages": MESSAGES}).status_code == 400


def test_missing_model_when_there_is_no_default_is_the_upstreams_to_judge_on_relay(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer({"error": {"message": "you must provide a model parameter", "code": None}}, 400))
    response = client.post("/v1/chat/completions", json={"messages": MESSAGES})
    assert response.status_code == 400
    assert b"you must provide a model parameter" in response.data
    assert asked(upstream) == [{"messages": MESSAGES}]


def test_what_a_model_lacks_is_known_to_the_first_request_too(upstream: FakeUpstream) -> None:
    models = [{"id": "vectors", "object": "model", "created": 1, "owned_by": "them", "capabilities": ["embedding"]}]
    upstream.on("/models", json_answer({"object": "list", "data": models}))
    response = ask(a_client(upstream), model="vectors")
    assert response.status_code == 400
    assert b"does not support chat" in response.data
    assert asked(upstream) == []


# Repairs


def refusing(*names: str) -> Callable[[Request], Answer]:
    """An upstream that refuses the first of `names` that it is sent."""

    def script(request: Request) -> Answer:
        for name in names:
            if name in request.json:
                return json_answer({"error": {"message": f"Unsupported parameter: '{name}'", "param": name, "code": None}}, 400)
        return stream_of(chat_chunk("hello"), finish_chunk()) if request.json.get("stream") else json_answer(chat_reply("hello"))

    return script


@pytest.mark.parametrize("stream", [True, False])
def test_refused_parameters_when_learnt_are_not_sent_again(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, refusing("seed", "top_p"))
    options = {"seed": 1, "top_p": 0.5, "temperature": 0.5}
    for _ in range(2):
        response = ask(client, stream=stream, options=options)
        assert response.status_code == 200
        assert "hello" in response.get_data(as_text=True)
    sent = asked(upstream)
    assert len(sent) == 4
    assert not {"seed", "top_p"} & sent[3].keys()
    assert sent[3]["temperature"] == 0.5


def counting(context: int, prompt: int) -> Callable[[Request], Answer]:
    """A vLLM whose context must hold a prompt of so many tokens and the answer."""

    def script(request: Request) -> Answer:
        asked_for = request.json.get("max_tokens", 0)
        if prompt + asked_for <= context:
            return stream_of(chat_chunk("hello"), finish_chunk()) if request.json.get("stream") else json_answer(chat_reply("hello"))
        words = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {asked_for}. This model's maximum context length is {context} tokens "
            f"and your request has {prompt} input tokens ({asked_for} > {context} - {prompt})."
        )
        return json_answer({"error": {"message": words, "type": "BadRequestError", "param": None, "code": 400}}, 400)

    return script


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_has_no_room_is_asked_for_as_long_as_can_be(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, counting(40_960, 12_000))
    for _ in range(2):
        assert ask(client, stream=stream, options={"num_predict": 32_000}).status_code == 200
    assert ask(client, stream=stream, options={"num_predict": 100}).status_code == 200
    assert [body["max_tokens"] for body in asked(upstream)] == [32_000, 28_960, 32_000, 28_960, 100]


def test_claude_code_is_told_of_a_prompt_that_is_too_long_and_of_no_other(upstream: FakeUpstream, client: FlaskClient) -> None:
    question = {"model": "m", "max_tokens": 32_000, "messages": [{"role": "user", "content": "hi"}]}
    upstream.on(CHAT, counting(40_960, 12_000))
    assert client.post("/v1/messages", json=question).status_code == 200
    upstream.on(CHAT, counting(40_960, 50_000))
    response = client.post("/v1/messages", json=question)
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"]["message"].startswith("prompt is too long: ")


def test_a_limit_of_answers_is_asked_for_from_then_on(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if request.json["max_tokens"] <= 16_384:
            return json_answer(chat_reply("hello"))
        return json_answer(refusal("max_tokens is too large: 32000. This model supports at most 16384 completion tokens"), 400)

    upstream.on(CHAT, script)
    for _ in range(2):
        assert ask(client, stream=False, options={"num_predict": 32_000}).status_code == 200
    assert [body["max_tokens"] for body in asked(upstream)] == [32_000, 16_384, 16_384]


def reading_plain_names_alone(request: Request) -> Answer:
    """An upstream that calls the first of its tools, if it can read the names of all of them, also of those that were called before."""
    tools = [tool["function"]["name"] for tool in request.json["tools"]]
    called = [call["function"]["name"] for message in request.json["messages"] for call in message.get("tool_calls", ())]
    if not all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in tools + called):
        return json_answer(refusal("Invalid 'tools[0].function.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."), 400)
    if request.json.get("stream"):
        return stream_of(call_delta(0, "call_1", tools[0], "{}"), finish_chunk("tool_calls"))
    call = {"id": "call_1", "type": "function", "function": {"name": tools[0], "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return json_answer({**chat_reply(""), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})


@pytest.mark.parametrize("stream", [True, False])
def test_names_of_tools_when_refused_are_spelled_plainly_and_come_back(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    upstream.on(CHAT, reading_plain_names_alone)
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("mcp.server/x", "f")]
    calls = [{"function": {"name": "mcp.server/x", "arguments": {}}}]
    before = [*MESSAGES, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_name": "mcp.server/x", "content": "1"}]
    for messages in (MESSAGES, before):
        first = lines_of_stream(ask(client, stream=stream, tools=tools, messages=messages))[0]
        assert [call["function"]["name"] for call in first["message"]["tool_calls"]] == ["mcp.server/x"]
    assert len(asked(upstream)) == 3


def test_lessons_of_one_model_are_not_anothers(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, refusing("seed"))
    ask(client, options={"seed": 1})
    ask(client, model="org/large:7b", options={"seed": 1})
    assert ["seed" in body for body in asked(upstream)] == [True, False, True, False]


def test_repairs_when_the_upstream_refuses_for_ever_end_after_three(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, refusing("seed", "top_p", "temperature", "presence_penalty"))
    response = ask(client, options={"seed": 1, "top_p": 0.5, "temperature": 0.5, "presence_penalty": 1})
    assert response.status_code == 400
    assert response.json == {"error": "Unsupported parameter: 'presence_penalty'"}
    assert len(asked(upstream)) == 4


def test_refusal_when_it_is_about_no_parameter_is_the_clients(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(refusal("messages must alternate"), 400))
    response = ask(client)
    assert (response.status_code, response.json) == (400, {"error": "messages must alternate"})
    assert len(asked(upstream)) == 1


def test_refusal_when_it_comes_inside_a_stream_is_learnt_from_too(upstream: FakeUpstream, client: FlaskClient) -> None:
    told = Answer(200, SSE, sse({"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": 400}}))

    def script(request: Request) -> Answer:
        return told if "seed" in request.json else stream_of(chat_chunk("hello"), finish_chunk())

    upstream.on(CHAT, script)
    assert text_of(ask(client, stream=True, options={"seed": 1})) == "hello"
    assert "seed" not in asked(upstream)[1]


# Stop sequences beyond what the upstream takes

STOPS = ["1", "2", "3", "4", "END", "FINE"]


def test_stops_beyond_the_limit_when_whole_are_cut_here(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("words and wordsEND and more")))
    response = ask(client, options={"stop": STOPS})
    assert response.json is not None
    assert response.json["message"]["content"] == "words and words"
    assert response.json["done_reason"] == "stop"
    assert asked(upstream)[0]["stop"] == STOPS[:4]


def test_stops_when_within_the_limit_are_the_upstreams(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("1 is not cut here")))
    response = ask(client, options={"stop": STOPS[:4]})
    assert response.json is not None
    assert response.json["message"]["content"] == "1 is not cut here"


@pytest.mark.parametrize("pieces", [["words ", "E", "N", "D more"], ["words END"], ["words E", "ND"], ["words ", "END"]])
def test_stops_beyond_the_limit_when_split_over_chunks_are_cut_and_free_the_upstream(
    upstream: FakeUpstream, client: FlaskClient, pieces: list[str]
) -> None:
    upstream.on(CHAT, stream_of(*map(chat_chunk, pieces), done=False, then=[STALL]))
    response = ask(client, stream=True, options={"stop": STOPS})
    assert text_of(response) == "words "
    assert lines_of_stream(response)[-1]["done_reason"] == "stop"
    assert upstream.requests_to(CHAT)[0].wait_closed(2)


def test_stops_that_only_begin_are_words(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(*map(chat_chunk, ["words E", "N", " FIN", "is"]), finish_chunk()))
    assert text_of(ask(client, stream=True, options={"stop": STOPS})) == "words EN FINis"


def test_stop_limit_when_learnt_is_kept_here(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json.get("stop", ())) > 2:
            return json_answer(refusal("'stop': array too long. Expected an array with maximum length 2"), 400)
        return json_answer(chat_reply("oneFINE"))

    upstream.on(CHAT, script)
    response = ask(client, options={"stop": STOPS})
    assert response.json is not None
    assert response.json["message"]["content"] == "one"
    assert asked(upstream)[1]["stop"] == STOPS[:2]


# Failures, before and after the first word


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("status", "told"), [(500, 500), (503, 503), (529, 503), (401, 401), (429, 429)])
def test_failure_before_the_first_word_has_a_status(
    upstream: FakeUpstream, client: FlaskClient, path: str, stream: bool, status: int, told: int
) -> None:
    upstream.on(CHAT, json_answer(refusal("no today"), status))
    response = ask(client, path, stream=stream)
    assert response.status_code == told
    assert b"no today" in response.data
    assert response.content_type == "application/json; charset=utf-8"


@pytest.mark.parametrize("stream", [True, False])
def test_error_as_first_record_has_a_status(upstream: FakeUpstream, client: FlaskClient, stream: bool) -> None:
    error = {"error": {"message": "provider is down", "code": 503}}
    upstream.on(CHAT, stream_of(error) if stream else json_answer(error))
    response = ask(client, stream=stream)
    assert (response.status_code, response.json) == (503, {"error": "provider is down"})


@pytest.mark.parametrize("stream", [True, False])
def test_error_as_first_record_is_tried_again(upstream: FakeUpstream, stream: bool) -> None:
    error = {"error": {"message": "provider is down", "code": 503}}
    good = stream_of(chat_chunk("hello"), finish_chunk()) if stream else json_answer(chat_reply("hello"))
    upstream.on(CHAT, stream_of(error) if stream else json_answer(error), good)
    response = ask(a_client(upstream, max_retries=1), stream=stream)
    assert response.status_code == 200
    assert "hello" in response.get_data(as_text=True)


@pytest.mark.parametrize("ending", [CUT, RESET])
def test_stream_when_cut_after_words_ends_with_an_error_and_no_done(upstream: FakeUpstream, client: FlaskClient, ending: Any) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[ending]))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[0]["message"]["content"] == "hal"
    assert list(lines[-1]) == ["error"]
    assert not any(line.get("done") for line in lines)


@pytest.mark.parametrize("steps", [[], [b"data: [DONE]"], [b": ping\n\n"], [CUT]], ids=["empty", "done", "comment", "cut"])
def test_stream_without_a_word_is_a_failure_with_a_status(upstream: FakeUpstream, client: FlaskClient, steps: list[Any]) -> None:
    upstream.on(CHAT, Answer(200, SSE, steps))
    response = ask(client, stream=True)
    assert response.status_code == 502
    assert list(response.json or {}) == ["error"]


def test_error_after_words_is_told_in_the_stream(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), {"error": {"message": "out of memory", "code": 500}}))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[-1] == {"error": "out of memory"}


def test_connection_that_breaks_after_the_finish_is_no_failure(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("all"), finish_chunk(), done=False, then=[RESET]))
    lines = lines_of_stream(ask(client, stream=True))
    assert lines[-1]["done_reason"] == "stop"


def test_stream_that_falls_silent_is_an_error_in_the_stream(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[STALL]))
    lines = lines_of_stream(ask(a_client(upstream, request_timeout=0.2), stream=True))
    assert "silent" in lines[-1]["error"]


def test_whole_answer_when_cut_is_a_failure(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, Answer(200, {"Content-Type": "application/json"}, [b'{"choices":[{"message":', CUT]))
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 502
        assert "error" in (response.json or {})


def test_upstream_that_is_not_there_is_503(upstream: FakeUpstream) -> None:
    client = a_client(upstream)
    upstream.close()
    for path in ("/api/chat", "/v1/chat/completions"):
        response = ask(client, path)
        assert response.status_code == 503
        assert str(upstream.port).encode() not in response.data
    assert client.get("/api/tags").status_code == 503
    assert client.get("/v1/models").status_code == 503
    assert client.get("/v1/models/m").status_code == 503


# Embeddings


def test_vectors_when_asked_for_come_in_the_order_of_the_texts(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0, 0.0], [0.0, 1.0]], shuffled=True)))
    response = embed(client, "a", "b")
    assert response.json is not None
    assert response.json["embeddings"] == [[1.0, 0.0], [0.0, 1.0]]
    assert response.json["prompt_eval_count"] == 2


def test_texts_that_are_too_long_are_shortened_until_they_fit(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json["input"][0]) > 30:
            return json_answer(refusal("input is too long for the context length"), 400)
        return json_answer(embeddings_reply([[1.0]]))

    upstream.on("/embeddings", script)
    assert embed(client, "x" * 100).status_code == 200
    assert [len(body["input"][0]) for body in asked(upstream, "/embeddings")] == [100, 50, 25]


def test_texts_are_shortened_three_times_at_most(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(refusal("input is too long for the context length"), 400))
    response = embed(client, "x" * 1000)
    assert response.status_code == 400
    assert len(asked(upstream, "/embeddings")) == 4


def test_texts_are_not_shortened_when_the_client_forbids_it(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(refusal("input is too long for the context length"), 400))
    response = embed(client, "x" * 1000, truncate=False)
    assert response.status_code == 400
    assert response.json == {"error": "the input length exceeds the context length"}
    assert len(asked(upstream, "/embeddings")) == 1


def test_vectors_that_are_missing_are_an_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on("/embeddings", json_answer(embeddings_reply([[1.0]])))
    assert embed(client, "a", "b").status_code == 502


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
def test_error_instead_of_vectors_has_the_status_that_it_names(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    upstream.on("/embeddings", json_answer({"error": {"message": "slow down", "code": 429}}))
    response = client.post(path, json={"model": "vectors", "input": "a", "prompt": "a"})
    assert (response.status_code, response.json) == (429, {"error": "slow down"})


def test_error_instead_of_vectors_is_tried_again(upstream: FakeUpstream) -> None:
    error = json_answer({"error": {"message": "provider is down", "code": 503}})
    upstream.on("/embeddings", error, json_answer(embeddings_reply([[1.0]])))
    assert embed(a_client(upstream, max_retries=1), "a").status_code == 200


def test_texts_that_are_too_long_are_shortened_whatever_the_status_of_the_refusal(upstream: FakeUpstream, client: FlaskClient) -> None:
    def script(request: Request) -> Answer:
        if len(request.json["input"][0]) > 30:
            return json_answer(refusal("This model's maximum context length is 10 tokens", code="context_length_exceeded"))
        return json_answer(embeddings_reply([[1.0]]))

    upstream.on("/embeddings", script)
    assert embed(client, "x" * 100).status_code == 200


# Relays

ODD = b"""{\r\n\t"temperature" : 1.50, "seed":12345678901234567890123,"top_p":1E-2 , "messages": [
  {"role":"user","content":"\\u00e9 \xc3\xa9 \\"model\\": \\"x\\""} ],
  "unknown" :{"model":"inner", "deep":[1.0,null]},   "model"  :  "m"   ,"stream":%s }  \n"""


@pytest.mark.parametrize("stream", [b"true", b"false"])
def test_request_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, stream: bytes) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    body = ODD % stream
    assert client.post("/v1/chat/completions", data=body).status_code == 200
    assert upstream.requests_to(CHAT)[0].body == body


def test_request_when_the_model_has_another_name_upstream_differs_in_nothing_else(upstream: FakeUpstream, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"m": "org/th\\u00e9irs"}')
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    body = ODD % b"false"
    a_client(upstream, model_mapping_file=str(mapping)).post("/v1/chat/completions", data=body)
    assert upstream.requests_to(CHAT)[0].body == body.replace(b'  "m"   ', '  "org/théirs"   '.encode())


@pytest.mark.parametrize("model", ["M", "m:latest"])
def test_request_when_the_upstream_spells_the_model_in_another_way_has_its_spelling(
    upstream: FakeUpstream, client: FlaskClient, model: str
) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    ask(client, "/v1/chat/completions", model=model)
    assert asked(upstream)[0]["model"] == "m"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_answer_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    answer = b' {"id" :\t"1",\r\n "choices":[1],"data":[],"cost":1.50, "big":12345678901234567890123,"x":"\\u00e9\xc3\xa9", "usage":{}}\n\n'
    upstream.on(path, Answer(200, {"Content-Type": "application/json", "X-Ratelimit-Remaining-Requests": "3"}, [answer]))
    response = client.post(f"/v1{path}", json={"model": "m"})
    assert response.data == answer
    assert response.content_type == "application/json"
    assert response.headers["X-Ratelimit-Remaining-Requests"] == "3"
    assert response.headers["X-Request-ID"] != ""
    assert upstream.requests_to(path)[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_stream_when_relayed_keeps_every_byte(upstream: FakeUpstream, client: FlaskClient, path: str) -> None:
    pieces = [
        b": OPENROUTER PROCESSING\n\n",
        b'data:{"id":"1","choices":[{"delta":{"content":"h\xc3',
        b'\xa9"},"finish_reason":null}]}\r\n\r\n',
        b'event: x\nid: 7\ndata: {"odd" :  1.50}\n\n\n',
        *sse(finish_chunk(), usage_chunk(5, 2)),
    ]
    upstream.on(path, Answer(200, {"Content-Type": "text/event-stream; charset=utf-8"}, pieces))
    response = client.post(f"/v1{path}", json={"model": "m", "stream": True})
    assert response.data == b"".join(pieces)
    assert response.content_type == "text/event-stream; charset=utf-8"


def test_stream_when_asked_for_but_answered_whole_is_the_upstreams_answer(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    response = ask(client, "/v1/chat/completions", stream=True)
    assert response.json == chat_reply("hello")


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_error_in_place_of_a_whole_answer_when_relayed_has_the_status_that_it_names(
    upstream: FakeUpstream, client: FlaskClient, path: str
) -> None:
    upstream.on(path, json_answer({"error": {"message": "slow down", "type": "their_type", "code": 429}}))
    response = client.post(f"/v1{path}", json={"model": "big", "messages": [], "prompt": "hi", "input": "hi"})
    assert (response.status_code, response.json["error"]["type"]) == (429, "their_type")


def test_error_in_place_of_a_whole_answer_when_relayed_is_tried_again(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, json_answer({"error": {"message": "provider is down", "code": 503}}), json_answer(chat_reply("hello")))
    response = ask(a_client(upstream, max_retries=1), "/v1/chat/completions")
    assert (response.status_code, response.json) == (200, chat_reply("hello"))


@pytest.mark.parametrize("answer", [{**chat_reply("hello"), "error": {"message": "and a warning"}}, {**chat_reply("hello"), "error": None}])
def test_error_beside_a_whole_answer_when_relayed_is_the_upstreams_own(
    upstream: FakeUpstream, client: FlaskClient, answer: dict[str, Any]
) -> None:
    upstream.on(CHAT, json_answer(answer))
    response = ask(client, "/v1/chat/completions")
    assert (response.status_code, response.json) == (200, answer)


@pytest.mark.parametrize("stream", [1, "true", False])
def test_stream_of_events_is_relayed_as_one_whatever_was_asked(upstream: FakeUpstream, client: FlaskClient, stream: object) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[CUT]))
    response = ask(client, "/v1/chat/completions", stream=stream)
    events = response.data.split(b"\n\n")
    assert json.loads(events[1][6:])["error"]["type"] == "server_error"
    assert events[2:] == [b"data: [DONE]", b""]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"Content-Type": "text/html; charset=utf-8"}, [b"<html>sign in</html>"]),
        Answer(200, {"Content-Type": "TEXT/HTML"}, [b"<html>", STALL]),
        Answer(200, {"Content-Type": "application/json"}, [], "length"),
        Answer(200, {"Content-Type": "application/json"}, [b" \n"]),
        Answer(204, {}, [], "length"),
    ],
    ids=["web page", "endless web page", "nothing", "blanks", "204"],
)
def test_what_is_no_answer_is_not_relayed_as_one(upstream: FakeUpstream, client: FlaskClient, answer: Answer, stream: bool) -> None:
    upstream.on(CHAT, answer)
    response = ask(client, "/v1/chat/completions", stream=stream)
    assert response.status_code == 502
    assert response.json is not None
    assert response.json["error"]["type"] == "server_error"
    assert "OPENAI_API_BASE_URL" in response.json["error"]["message"]
    assert response.headers["X-Gateway-Error"] == "1"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "hi"}], "stream": True}),
        ("/api/chat", {"messages": [{"role": "user", "content": "hi"}], "stream": False}),
        ("/api/generate", {"prompt": "hi", "stream": False}),
        ("/api/embed", {"input": "hi"}),
    ],
)
def test_a_web_page_is_told_to_all_clients_with_the_key_that_may_be_wrong(
    upstream: FakeUpstream, client: FlaskClient, path: str, asked: dict[str, Any]
) -> None:
    for upstream_path in (CHAT, "/completions", "/embeddings"):
        upstream.on(upstream_path, Answer(200, {"Content-Type": "text/html"}, [b"<html>sign in</html>"]))
    response = client.post(path, json={"model": "m", **asked})
    assert response.status_code == 502
    assert response.json is not None
    assert response.json["error"].startswith(
        "the upstream answered with a web page where JSON was due; check that OPENAI_API_BASE_URL leads to"
    )


ILLEGAL = {"x-ratelimit-a": "a\x01b", "x-ratelimit-()": "z", "retry-after": "a\x00b", "x-ratelimit-b": "7\t\xfc", "openai-version": "\x7f"}


@pytest.mark.parametrize("status", [200, 429])
def test_headers_that_are_no_legal_http_are_not_relayed(upstream: FakeUpstream, client: FlaskClient, status: int) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello") if status == 200 else refusal("slow down"), status, ILLEGAL))
    response = ask(client, "/v1/chat/completions")
    assert response.status_code == status
    assert [response.headers.get(name) for name in ILLEGAL] == [None, None, None, "7\t\xfc", None]


@pytest.mark.parametrize(
    ("answer", "stream", "content_type"),
    [
        (json_answer(chat_reply("hello"), headers={"Content-Type": "application/json\x01"}), False, "application/json"),
        (json_answer(chat_reply("hello"), headers={"Content-Type": "application/json\x01"}), True, "application/json"),
        (Answer(200, {"Content-Type": "text/event-stream\x01"}, sse(finish_chunk())), True, "text/event-stream"),
    ],
)
def test_content_type_that_is_no_legal_http_is_replaced(
    upstream: FakeUpstream, client: FlaskClient, answer: Answer, stream: bool, content_type: str
) -> None:
    upstream.on(CHAT, answer)
    response = ask(client, "/v1/chat/completions", stream=stream)
    assert (response.status_code, response.content_type) == (200, content_type)
    assert response.data == b"".join(step for step in answer.steps if isinstance(step, bytes))


def test_clients_key_when_relayed_stays_in_the_house(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, json_answer(chat_reply("hello")))
    client.post(
        "/v1/chat/completions",
        json={"model": "m"},
        headers={"Authorization": "Bearer sk-of-the-client", "Cookie": "a=b", "OpenAI-Organization": "org"},
    )
    headers = upstream.requests_to(CHAT)[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not {"cookie", "openai-organization"} & headers.keys()


def test_refusal_when_relayed_is_openais_error_object(upstream: FakeUpstream, client: FlaskClient) -> None:
    own = {"message": "bad temperature", "type": "their_type", "param": "temperature", "code": "their_code"}
    headers = {"x-ratelimit-remaining-tokens": "9", "Set-Cookie": "a=b", "X-Request-ID": "theirs"}
    upstream.on(CHAT, json_answer({"error": own}, 400, headers))
    response = ask(client, "/v1/chat/completions", options={})
    assert (response.status_code, response.json) == (400, {"error": own})
    assert response.headers["x-ratelimit-remaining-tokens"] == "9"
    assert response.headers["X-Request-ID"] != "theirs"
    assert "Set-Cookie" not in response.headers
    assert "X-Gateway-Error" not in response.headers
    assert len(asked(upstream)) == 1


def test_rate_limit_when_relayed_says_when_to_come_back(upstream: FakeUpstream, client: FlaskClient) -> None:
    limits = {"Retry-After": "17", "x-ratelimit-reset-requests": "17s", "x-should-retry": "true"}
    upstream.on(CHAT, json_answer(refusal("slow down"), 429, limits))
    response = ask(client, "/v1/chat/completions")
    assert response.status_code == 429
    assert [response.headers.get(name) for name in limits] == list(limits.values())
    translated = ask(client)
    assert translated.headers["Retry-After"] == "17"
    assert "x-ratelimit-reset-requests" not in translated.headers


@pytest.mark.parametrize("ending", [[CUT], [RESET], [0.05, Raw(b"garbage that is no chunk\r\n")]])
def test_stream_when_relayed_and_cut_ends_as_an_error(upstream: FakeUpstream, client: FlaskClient, ending: list[Any]) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[b'data: {"id":"1","cho', *ending]))
    events = ask(client, "/v1/chat/completions", stream=True).data.split(b"\n\n")
    assert json.loads(events[0][6:]) == chat_chunk("hal")
    assert json.loads(events[1][6:])["error"]["type"] == "server_error"
    assert events[2:] == [b"data: [DONE]", b""]


def test_stream_when_relayed_and_ended_too_early_ends_as_an_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False))
    body = ask(client, "/v1/chat/completions", stream=True).data
    assert b"ended before it was complete" in body
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("ending", [CUT, RESET, STALL])
def test_stream_when_relayed_and_broken_after_its_end_is_the_upstreams_own(upstream: FakeUpstream, ending: Any) -> None:
    answer = stream_of(chat_chunk("all"), finish_chunk(), usage_chunk(5, 2), then=[ending])
    upstream.on(CHAT, answer)
    response = ask(a_client(upstream, request_timeout=0.2), "/v1/chat/completions", stream=True)
    assert response.data == b"".join(step for step in answer.steps if isinstance(step, bytes))


def test_stream_when_relayed_and_silent_ends_as_an_error(upstream: FakeUpstream) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("hal"), done=False, then=[STALL]))
    body = ask(a_client(upstream, request_timeout=0.2, keepalive_interval=0.05), "/v1/chat/completions", stream=True).data
    assert b'"code":"upstream_timeout"' in body
    assert body.endswith(b"data: [DONE]\n\n")


# What is noted


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "proxy.access")
    return caplog


def read_to_its_end(response: TestResponse) -> None:
    response.get_data()
    response.close()


def last_line(log: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The last line of the access log."""
    return vars([record for record in log.records if record.name == "proxy.access"][-1])


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("stream", [True, False])
def test_tokens_and_finish_are_noted(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str, stream: bool
) -> None:
    whole = json_answer(chat_reply("a", usage={"prompt_tokens": 5, "completion_tokens": 2}))
    upstream.on(CHAT, stream_of(chat_chunk("a"), finish_chunk(), usage_chunk(5, 2)) if stream else whole)
    read_to_its_end(ask(client, path, stream=stream))
    line = last_line(log)
    assert (line["prompt_tokens"], line["completion_tokens"], line["end"]) == (5, 2, "finished")
    assert (line["model"], line["upstream_model"], line["upstream"], line["attempts"]) == ("m", "m", "default", 1)
    assert line.get("finish_reason") == ("stop" if stream or path == "/api/chat" else None)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_streams_that_failed_are_noted_as_that(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str
) -> None:
    upstream.on(CHAT, stream_of(chat_chunk("a"), done=False, then=[CUT]))
    read_to_its_end(ask(client, path, stream=True))
    assert (last_line(log)["end"], last_line(log)["error_kind"]) == ("truncated", "upstream_broken")
    upstream.on(CHAT, stream_of(chat_chunk("a"), {"error": {"message": "out of memory", "code": 500}}))
    read_to_its_end(ask(client, path, stream=True))
    assert (last_line(log)["end"], last_line(log)["error"]) == ("failed", "out of memory")


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_tokens_of_a_stream_that_the_client_left_are_noted(
    upstream: FakeUpstream, client: FlaskClient, log: pytest.LogCaptureFixture, path: str
) -> None:
    chunk = {**chat_chunk("a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    upstream.on(CHAT, stream_of(chunk, done=False, then=[STALL]))
    response = ask(client, path, stream=True)
    next(iter(response.response))
    response.close()
    line = last_line(log)
    assert (line["prompt_tokens"], line["completion_tokens"], line["end"]) == (5, 1, "client_gone")


# Lists of models


def test_models_when_listed_are_the_upstreams_bytes(upstream: FakeUpstream, client: FlaskClient) -> None:
    listed = b'{ "data" : [ {"id":"m","created":1700000000.50} ] ,"object":"list"}\n'
    upstream.on("/models", Answer(200, {"Content-Type": "application/json"}, [listed]))
    assert client.get("/v1/models").data == listed


@pytest.mark.parametrize("name", ["org/large:7b", "org%2Flarge%3A7b", "ORG/large:7b"])
def test_model_when_its_name_has_slashes_is_found(client: FlaskClient, name: str) -> None:
    response = client.get(f"/v1/models/{name}")
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["id"].lower() == "org/large:7b"
    assert response.json["owned_by"] == "them"


def test_model_when_the_upstream_tells_of_single_models_is_its_own_bytes(upstream: FakeUpstream, client: FlaskClient) -> None:
    told = b'{ "id":"m", "created":1700000000.50 }\n'
    upstream.on("/models/m", Answer(200, {"Content-Type": "application/json"}, [told]))
    assert client.get("/v1/models/m").data == told


def test_model_when_the_upstream_is_ill_is_its_error(upstream: FakeUpstream, client: FlaskClient) -> None:
    assert client.get("/v1/models").status_code == 200
    upstream.on("/models/m", json_answer(refusal("overloaded"), 400))
    assert client.get("/v1/models/m").status_code == 400


@pytest.mark.parametrize("name", ["\u2028", "\u00a0", " \t "])
def test_relayed_model_when_it_is_nothing_but_space_goes_up_as_it_came(upstream: FakeUpstream, client: FlaskClient, name: str) -> None:
    ask(client, "/v1/chat/completions", model=name)
    assert asked(upstream)[-1]["model"] == name


def test_model_when_not_listed_is_not_found(client: FlaskClient) -> None:
    response = client.get("/v1/models/nope/none")
    assert response.status_code == 404
    assert response.json is not None
    assert response.json["error"] == {
        "message": "model 'nope/none' not found",
        "type": "not_found_error",
        "param": "model",
        "code": "model_not_found",
    }


@pytest.mark.parametrize("name", ["plain", "org/large:7b", "with space", "per%cent", "qu?estion", "é"])
def test_model_when_the_upstream_cannot_list_is_asked_for_by_its_name(upstream: FakeUpstream, name: str) -> None:
    listed = json_answer({"error": {"message": "no such route"}}, 404)
    upstream.on("/models", listed)
    targets: list[str] = []

    def script(request: Request) -> Answer:
        targets.append(request.target)
        return json_answer({"id": name, "object": "model"})

    for spelling in {quote(name, safe="/:"), quote(name, safe="/"), quote(name)}:
        upstream.on(f"/models/{spelling}", script)
    response = a_client(upstream).get(f"/v1/models/{quote(name)}")
    assert (response.status_code, response.json) == (200, {"id": name, "object": "model"})
    assert [unquote(target) for target in targets] == [f"/v1/models/{name}"]


def test_model_when_the_upstream_cannot_list_and_has_it_not_is_named(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    upstream.on("/models/nope", json_answer(refusal("The model 'nope' does not exist", code="model_not_found"), 404))
    response = a_client(upstream).get("/v1/models/nope")
    assert response.status_code == 404
    assert b"model 'nope' not found" in response.data


def test_path_that_leads_out_of_the_base_url_is_refused(upstream: FakeUpstream) -> None:
    upstream.on("/models", json_answer({"error": {"message": "no such route"}}, 404))
    response = a_client(upstream).get("/v1/models/..%2F..%2Fsecret")
    assert response.status_code in (400, 404)
    assert not any("secret" in request.target for request in upstream.requests)


# The key


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("key", [KEY, "correct-horse-battery-staple"])
def test_key_when_the_upstream_echoes_it_is_not_shown(
    upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, path: str, key: str
) -> None:
    caplog.set_level(logging.DEBUG)
    own = {"message": f"nobody knows {key} here", "type": key, "param": key, "code": key}
    upstream.on(CHAT, json_answer({"error": own}, 401))
    response = ask(a_client(upstream, openai_api_key=key), path)
    assert response.status_code == 401
    assert "nobody knows [key] here" in response.get_data(as_text=True)
    assert key not in response.get_data(as_text=True)
    assert not any(key in f"{record.getMessage()}{vars(record)}" for record in caplog.records)


@pytest.mark.parametrize("stream", [True, False])
def test_key_when_the_upstream_tells_it_in_the_middle_of_its_answer_is_covered(upstream: FakeUpstream, stream: bool) -> None:
    key = "token-abc123-of-ours"
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
    upstream.on(CHAT, stream_of(chunk, {"error": {"message": f"boom {key}", "code": 400}}, done=False))
    response = ask(a_client(upstream, openai_api_key=key, upstream_profile="llamacpp"), stream=stream)
    assert "boom" in response.get_data(as_text=True)
    assert key not in response.get_data(as_text=True)


# Errors inside a 200


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


def test_health_tells_the_age_of_the_list_of_models(upstream: FakeUpstream, client: FlaskClient) -> None:
    def health() -> dict[str, Any]:
        told: dict[str, Any] = client.get("/health").get_json()["upstreams"]["default"]
        return told

    assert (health()["models"], health()["models_age_s"]) == (0, None)
    client.get("/api/tags")
    assert health()["models"] == 3
    assert 0 <= health()["models_age_s"] < 60
