"""The official `openai` package against the gateway's /v1/responses, before a server that has no such URL, and one that has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import orjson
import pydantic
import pytest

from tests.fake_upstream import CUT, Answer, FakeUpstream, json_answer, stream_of
from tests.live.master import Master
from tests.live.pictures import PNG_BASE64

COUNTED = "1 2 3 4 5 (counted by a demo)"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


class Person(pydantic.BaseModel):
    name: str
    age: int


def client_of(gateway: Master) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.address}/v1", api_key="anything", max_retries=0)


@pytest.fixture(scope="module")
def client(gateway: Master) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as made:
        yield made


def test_an_answer_comes_whole(client: openai.OpenAI) -> None:
    response = client.responses.create(model="demo-chat", input="count to 5", instructions="be brief")
    assert (response.output_text, response.status, response.model) == (COUNTED, "completed", "demo-chat")
    assert response.usage is not None
    assert response.usage.output_tokens == 11


def test_an_answer_comes_as_a_stream(client: openai.OpenAI) -> None:
    with client.responses.stream(model="demo-chat", input="count to 5") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) > 1
    assert "".join(deltas) == final.output_text == COUNTED
    assert final.usage is not None
    assert final.usage.total_tokens == final.usage.input_tokens + 11


def test_tools_are_called_and_answered_by_items_given_back(client: openai.OpenAI) -> None:
    items: list[Any] = [{"role": "user", "content": "weather in Paris and London"}]
    with client.responses.stream(model="demo-tools", input=items, tools=[WEATHER]) as stream:
        first = stream.get_final_response()
    calls = [item for item in first.output if item.type == "function_call"]
    assert [orjson.loads(call.arguments) for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    items += [*first.output, *({"type": "function_call_output", "call_id": call.call_id, "output": "20 degrees"} for call in calls)]
    final = client.responses.create(model="demo-tools", input=items, tools=[WEATHER])
    assert "get_weather answered: 20 degrees" in final.output_text


def test_structured_output_is_parsed(client: openai.OpenAI) -> None:
    response = client.responses.parse(model="demo-json", input="Ada Lovelace is 36 years old", text_format=Person)
    assert response.output_parsed == Person(name="Ada Lovelace", age=36)


def test_thoughts_are_items(client: openai.OpenAI) -> None:
    response = client.responses.create(model="demo-thinking", input="count to 5")
    assert [item.type for item in response.output] == ["reasoning", "message"]
    silent = client.responses.create(model="demo-thinking", input="count to 5", reasoning={"effort": "none"})
    assert [item.type for item in silent.output] == ["message"]


def test_a_picture_is_seen(client: openai.OpenAI) -> None:
    shown: list[Any] = [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG_BASE64}", "detail": "auto"}]
    assert "PNG, 1 x 1" in client.responses.create(model="demo-vision", input=[{"role": "user", "content": shown}]).output_text


def test_what_would_have_to_be_kept_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model="demo-chat", input="hi", previous_response_id="resp_1")
    assert refused.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError, match="not kept"):
        client.responses.retrieve("resp_1")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model="llama3", input="hi")
    assert refused.value.code == "model_not_found"


def _own_events(text: str) -> list[bytes]:
    response = {"id": "resp_own", "object": "response", "created_at": 1, "model": "any", "tools": [], "tool_choice": "auto", "output": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []}
    part = {"type": "output_text", "text": text, "annotations": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    ended = {**response, "status": "completed", "output": [{**item, "content": [part]}]}
    events: list[Any] = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": text, "logprobs": []},
        {"type": "response.output_item.done", "output_index": 0, "item": {**item, "content": [part]}},
        {"type": "response.completed", "response": ended},
    ]
    return [
        f"event: {event['type']}\n".encode() + b"data: " + orjson.dumps({**event, "sequence_number": number}) + b"\n\n"
        for number, event in enumerate(events)
    ]


def test_a_server_that_has_responses_gives_its_own(scripted_upstream: FakeUpstream, scripted_gateway: Master) -> None:
    scripted_upstream.on("/responses", Answer(200, {"Content-Type": "text/event-stream"}, _own_events("mine")))
    with client_of(scripted_gateway) as client, client.responses.stream(model="any", input="hi") as stream:
        response = stream.get_final_response()
    assert (response.id, response.output_text) == ("resp_own", "mine")
    assert scripted_upstream.requests_to("/responses")[-1].json["input"] == "hi"


def test_a_relayed_response_that_is_cut_raises(scripted_upstream: FakeUpstream, scripted_gateway: Master) -> None:
    scripted_upstream.on("/responses", Answer(200, {"Content-Type": "text/event-stream"}, [*_own_events("hal")[:4], CUT]))
    with client_of(scripted_gateway) as client, pytest.raises(openai.APIError):
        list(client.responses.create(model="any", input="hi", stream=True))


def test_a_translated_response_that_is_cut_raises(gateways: Any) -> None:
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "hal"}, "finish_reason": None}]}
    with FakeUpstream() as upstream:
        upstream.on("/responses", json_answer({"detail": "Not Found"}, 404))
        upstream.on("/chat/completions", stream_of(chunk, done=False, then=[CUT]))
        gateway = gateways.serving(upstream.base_url, BREAKER_FAILURES="1000", MAX_RETRIES="0")
        with client_of(gateway) as client:
            with pytest.raises(openai.APIError), client.responses.stream(model="any", input="hi") as stream:
                stream.get_final_response()
            with pytest.raises(openai.APIError):
                list(client.responses.create(model="any", input="hi", stream=True))
        assert len(upstream.requests_to("/responses")) <= 2  # One worker each learns that it is not there.
