"""The official `openai` package against the gateway's /v1, with the demo behind it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import openai
import orjson
import pydantic
import pytest

from tests.fake_upstream import CUT, RESET, FakeUpstream, stream_of
from tests.live.master import Master
from tests.live.pictures import PNG_BASE64

COUNT: list[Any] = [{"role": "user", "content": "count to 5"}]
COUNTED = "1 2 3 4 5 (counted by a demo)"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
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


def test_chat_answers_whole(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo-chat", messages=COUNT)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (COUNTED, "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 11)


def test_chat_streams_with_usage_when_asked(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="demo-chat", messages=COUNT, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == COUNTED
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 11


def test_chat_streams_without_usage_when_not_asked(client: openai.OpenAI) -> None:
    assert not any(chunk.usage for chunk in client.chat.completions.create(model="demo-chat", messages=COUNT, stream=True))


def test_tools_are_called_and_answered(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "weather in Paris and London"}]
    first = client.chat.completions.create(model="demo-tools", messages=messages, tools=[WEATHER]).choices[0]
    assert first.finish_reason == "tool_calls"
    calls: list[Any] = list(first.message.tool_calls or ())
    assert [orjson.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    messages += [first.message, *({"role": "tool", "tool_call_id": call.id, "content": "20 degrees"} for call in calls)]
    final = client.chat.completions.create(model="demo-tools", messages=messages, tools=[WEATHER]).choices[0]
    assert "get_weather answered: 20 degrees" in (final.message.content or "")


def test_structured_output_is_parsed(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "Ada Lovelace is 36 years old"}]
    answer = client.chat.completions.parse(model="demo-json", messages=messages, response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada Lovelace", age=36)


def test_unknown_fields_reach_the_upstream(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="demo-thinking", messages=COUNT, extra_body={"chat_template_kwargs": {"enable_thinking": False}}
    )
    assert not hasattr(answer.choices[0].message, "reasoning_content")
    thoughtful = client.chat.completions.create(model="demo-thinking", messages=COUNT)
    assert "demo" in getattr(thoughtful.choices[0].message, "reasoning_content", "")


def test_picture_is_seen(client: openai.OpenAI) -> None:
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}}]
    messages: list[Any] = [{"role": "user", "content": content}]
    assert "PNG, 1 x 1" in (client.chat.completions.create(model="demo-vision", messages=messages).choices[0].message.content or "")


def test_completions_answer_and_stream(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="demo-chat", prompt="red", suffix="blue").choices[0].text
    chunks = client.completions.create(model="demo-chat", prompt="red", suffix="blue", stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole
    assert "“red” and “blue”" in whole


@pytest.mark.parametrize("encoding", ["float", "base64", openai.NOT_GIVEN])
def test_embeddings_are_unit_vectors(client: openai.OpenAI, encoding: Any) -> None:
    items = client.embeddings.create(model="demo-embed", input=["cat", "dog"], encoding_format=encoding, dimensions=16).data
    assert [item.index for item in items] == [0, 1]
    if encoding != "base64":
        assert [round(math.hypot(*item.embedding), 5) for item in items] == [1.0, 1.0]


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert "demo-chat" in [model.id for model in client.models.list()]
    assert client.models.retrieve("demo-tools").id == "demo-tools"


@pytest.mark.parametrize("stream", [False, True])
def test_unknown_model_is_not_found(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="llama3", messages=COUNT, stream=stream)
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["code"] == "model_not_found"


def test_refusal_of_the_upstream_arrives_as_it_is(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="demo-chat", messages=COUNT, tools=[WEATHER])
    assert refused.value.param == "tools"
    assert "does not support tools" in str(refused.value)


@pytest.mark.parametrize("ending", [CUT, RESET])
def test_stream_that_is_cut_raises(scripted_upstream: FakeUpstream, scripted_gateway: Master, ending: Any) -> None:
    chunk = {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "any",
        "choices": [{"index": 0, "delta": {"content": "hal"}, "finish_reason": None}],
    }
    scripted_upstream.on("/chat/completions", stream_of(chunk, done=False, then=[ending]))
    with client_of(scripted_gateway) as client:
        stream = client.chat.completions.create(model="any", messages=COUNT, stream=True)
        assert next(iter(stream)).choices[0].delta.content == "hal"
        with pytest.raises(openai.APIError):
            list(stream)


async def _ask(address: str) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0) as client:
        whole = await client.chat.completions.create(model="demo-chat", messages=COUNT)
        stream = await client.chat.completions.create(model="demo-chat", messages=COUNT, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    return whole.choices[0].message.content or "", text


def test_async_client_gets_the_same(gateway: Master) -> None:
    assert asyncio.run(_ask(gateway.address)) == (COUNTED, COUNTED)
