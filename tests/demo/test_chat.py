"""The demo's chat, judged by the official OpenAI client and by what OpenAI's streams look like on the wire."""

from __future__ import annotations

import base64
import itertools
from typing import Any

import openai
import orjson
import pytest
import requests

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4) + b"\x08\x02\0\0\0").decode()
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add_numbers",
        "description": "The sum of two numbers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


def ask(demo: openai.OpenAI, text: str, model: str = "demo-chat", **more: Any) -> Any:
    return demo.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def calls_of(answer: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, orjson.loads(call.function.arguments)) for call in answer.choices[0].message.tool_calls]


def records(url: str, path: str, payload: dict[str, Any]) -> list[Any]:
    reply = requests.post(f"{url}{path}", json=payload, timeout=10)
    assert reply.headers["content-type"].startswith("text/event-stream")
    blocks = reply.content.split(b"\n\n")
    assert blocks[-2:] == [b"data: [DONE]", b""]
    return [orjson.loads(block.removeprefix(b"data: ")) for block in blocks[:-2]]


def test_answer_reacts_to_the_last_message_and_says_that_it_is_a_demo(demo: openai.OpenAI) -> None:
    answer = ask(demo, "The sky is green")
    assert "The sky is green" in answer.choices[0].message.content
    assert "demo" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 4
    assert answer.usage.total_tokens == 4 + answer.usage.completion_tokens


def test_answer_knows_system_message_and_turn_when_the_conversation_is_longer(demo: openai.OpenAI) -> None:
    messages = [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": [{"type": "text", "text": "Two"}]},
    ]
    content = demo.chat.completions.create(model="demo-chat", messages=messages).choices[0].message.content  # type: ignore[arg-type]
    assert "Be brief" in content
    assert "number 2" in content
    assert "“Two”" in content


@pytest.mark.parametrize(
    ("text", "expected"),
    [("count to 3", "1 2 3 (counted by a demo)"), ("Say blue skies", "blue skies (said by a demo)")],
)
def test_answer_obeys_when_told_what_to_say(demo: openai.OpenAI, text: str, expected: str) -> None:
    assert ask(demo, text).choices[0].message.content == expected


def test_help_names_all_models_when_asked_for(demo: openai.OpenAI) -> None:
    content = ask(demo, "help").choices[0].message.content
    assert all(model.id in content for model in demo.models.list())


def test_stream_has_openai_chunks_when_usage_is_asked_for(demo_url: str) -> None:
    payload = {
        "model": "demo-chat",
        "messages": [{"role": "user", "content": "count to 2"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    first, *middle, finish, usage = records(demo_url, "/chat/completions", payload)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(record["choices"][0]["delta"]["content"] for record in middle) == "1 2 (counted by a demo)"
    assert finish["choices"][0]["delta"] == {}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == len(middle)
    assert all(record["usage"] is None for record in (first, *middle, finish))
    assert len({(record["id"], record["created"], record["object"]) for record in (first, *middle, finish, usage)}) == 1


def test_stream_has_no_usage_when_not_asked_for(demo_url: str) -> None:
    payload = {"model": "demo-chat", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    assert not any("usage" in record for record in records(demo_url, "/chat/completions", payload))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_answer_is_cut_when_the_limit_is_reached(demo: openai.OpenAI, name: str) -> None:
    answer = ask(demo, "count to 9", **{name: 4})
    assert answer.choices[0].message.content == "1 2 3 4"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 4


def test_answer_ends_before_the_stop_sequence_when_one_comes(demo: openai.OpenAI) -> None:
    answer = ask(demo, "count to 9", stop=["7", "5 6"])
    assert answer.choices[0].message.content == "1 2 3 4 "
    assert answer.choices[0].finish_reason == "stop"


def test_stop_may_be_one_text_when_there_is_one(demo: openai.OpenAI) -> None:
    assert ask(demo, "count to 9", stop="3").choices[0].message.content == "1 2 "


def test_logprobs_stand_beside_each_token_when_asked_for(demo: openai.OpenAI) -> None:
    content = ask(demo, "count to 2", logprobs=True, top_logprobs=3).choices[0].logprobs.content
    assert [token.token for token in content][:2] == ["1", " 2"]
    assert content[1].logprob == 0.0
    assert bytes(content[1].bytes) == b" 2"
    assert content[1].top_logprobs[0].token == " 2"
    streamed = ask(demo, "count to 2", logprobs=True, stream=True)
    assert [chunk.choices[0].logprobs.content[0].token for chunk in streamed if chunk.choices[0].logprobs][:2] == ["1", " 2"]


def test_thoughts_come_before_the_answer_when_the_model_thinks(demo_url: str) -> None:
    payload = {"model": "demo-thinking", "messages": [{"role": "user", "content": "Why?"}], "stream": True}
    deltas = [record["choices"][0]["delta"] for record in records(demo_url, "/chat/completions", payload)]
    kinds = [next(iter(delta)) for delta in deltas[1:-1]]
    assert [kind for kind, _ in itertools.groupby(kinds)] == ["reasoning_content", "content"]


@pytest.mark.parametrize(
    "switch",
    [
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"reasoning": {"enabled": False}},
        {"thinking": {"type": "disabled"}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": False}},
    ],
)
def test_thoughts_are_absent_when_switched_off(demo: openai.OpenAI, switch: dict[str, Any]) -> None:
    answer = ask(demo, "Why?", "demo-thinking", extra_body=switch)
    assert not hasattr(answer.choices[0].message, "reasoning_content")
    assert answer.choices[0].message.content


def test_thoughts_grow_and_count_when_the_effort_does(demo: openai.OpenAI) -> None:
    low, high = (ask(demo, "Why?", "demo-thinking", reasoning_effort=effort) for effort in ("low", "high"))
    assert low.choices[0].message.reasoning_content in high.choices[0].message.reasoning_content
    counts = [answer.usage.completion_tokens_details.reasoning_tokens for answer in (low, high)]
    assert 0 < counts[0] < counts[1] < high.usage.completion_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the weather in Paris?", [("get_weather", {"city": "Paris"})]),
        ("weather in rome please", [("get_weather", {"city": "rome"})]),
        ("What is the weather in Paris and London?", [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})]),
        ("What is the sum of 2 and 3?", [("add_numbers", {"a": 2, "b": 3})]),
        ("Weather in New York, then add 4 to 5", [("get_weather", {"city": "New York"}), ("add_numbers", {"a": 4, "b": 5})]),
    ],
)
def test_tools_are_called_when_they_fit(demo: openai.OpenAI, text: str, expected: list[tuple[str, Any]]) -> None:
    answer = ask(demo, text, "demo-tools", tools=[ADD, WEATHER])
    assert calls_of(answer) == expected
    assert answer.choices[0].finish_reason == "tool_calls"
    assert len({call.id for call in answer.choices[0].message.tool_calls}) == len(expected)


def test_one_tool_is_called_when_parallel_calls_are_off(demo: openai.OpenAI) -> None:
    answer = ask(demo, "weather in Paris and London", "demo-tools", tools=[WEATHER], parallel_tool_calls=False)
    assert calls_of(answer) == [("get_weather", {"city": "Paris"})]


def test_no_tool_is_called_when_none_fits_or_none_is_allowed(demo: openai.OpenAI) -> None:
    unfit = ask(demo, "Good morning", "demo-tools", tools=[WEATHER])
    assert unfit.choices[0].message.tool_calls is None
    assert "get_weather" in unfit.choices[0].message.content
    assert ask(demo, "weather in Paris", "demo-tools", tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls is None


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_tool_is_called_when_the_choice_demands_it(demo: openai.OpenAI, choice: Any) -> None:
    answer = ask(demo, "please do it", "demo-tools", tools=[WEATHER], tool_choice=choice)
    assert calls_of(answer) == [("get_weather", {"city": "demo"})]


def test_calls_are_streamed_in_fragments_when_streaming(demo_url: str) -> None:
    payload = {
        "model": "demo-thinking",
        "messages": [{"role": "user", "content": "weather in Paris and London"}],
        "tools": [WEATHER],
        "stream": True,
    }
    deltas = [record["choices"][0]["delta"] for record in records(demo_url, "/chat/completions", payload)]
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    heads = [call for call in calls if "id" in call]
    assert [(head["index"], head["function"]) for head in heads] == [(at, {"name": "get_weather", "arguments": ""}) for at in (0, 1)]
    assert ["".join(call["function"]["arguments"] for call in calls if call["index"] == at) for at in (0, 1)] == [
        '{"city":"Paris"}',
        '{"city":"London"}',
    ]


def test_arguments_are_cut_when_the_limit_is_reached_inside_of_them(demo: openai.OpenAI) -> None:
    answer = ask(demo, "weather in Paris", "demo-tools", tools=[WEATHER], max_tokens=2)
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"city'


def test_results_are_used_when_tools_have_answered(demo: openai.OpenAI) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    messages = [
        {"role": "user", "content": "weather in Paris"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "22 degrees"},
    ]
    answer = demo.chat.completions.create(model="demo-tools", messages=messages, tools=[WEATHER])  # type: ignore[call-overload]
    assert "get_weather answered: 22 degrees" in answer.choices[0].message.content


def test_picture_is_described_when_one_is_sent(demo: openai.OpenAI) -> None:
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    answer = demo.chat.completions.create(model="demo-vision", messages=[{"role": "user", "content": content}])  # type: ignore[list-item, misc]
    assert "PNG, 640 x 480 pixels, 29 bytes" in answer.choices[0].message.content


def test_schema_is_filled_from_the_message_when_it_offers_values(demo: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    answer = ask(demo, "Ada Lovelace is 36 years old", "demo-json", response_format=wanted)
    assert orjson.loads(answer.choices[0].message.content) == {"name": "Ada Lovelace", "age": 36}


@pytest.mark.parametrize("more", [{}, {"response_format": {"type": "json_object"}}])
def test_json_says_demo_when_any_object_will_do(demo: openai.OpenAI, more: dict[str, Any]) -> None:
    assert orjson.loads(ask(demo, "Hi there", "demo-json", **more).choices[0].message.content) == {
        "demo": True,
        "you_wrote": "Hi there",
        "words": 2,
    }


def refusal_of(demo_url: str, **payload: Any) -> tuple[int, Any]:
    reply = requests.post(f"{demo_url}/chat/completions", json=payload, timeout=10)
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return reply.status_code, error


HI = [{"role": "user", "content": "hi"}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]


@pytest.mark.parametrize(
    ("payload", "param"),
    [
        ({"messages": HI}, "model"),
        ({"model": "demo-chat"}, "messages"),
        ({"model": "demo-chat", "messages": []}, "messages"),
        ({"model": "demo-chat", "messages": ["hi"]}, "messages"),
        ({"model": "demo-chat", "messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ({"model": "demo-chat", "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"model": "demo-chat", "messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages[0].tool_calls"),
        ({"model": "demo-chat", "messages": [{"role": "tool", "content": "x", "tool_call_id": None}]}, "messages[0].tool_call_id"),
        ({"model": "demo-chat", "messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
        ({"model": "demo-chat", "messages": HI, "n": 2}, "n"),
        ({"model": "demo-chat", "messages": HI, "temperature": 3}, "temperature"),
        ({"model": "demo-chat", "messages": HI, "stream": "yes"}, "stream"),
        ({"model": "demo-chat", "messages": HI, "max_tokens": 0}, "max_tokens"),
        ({"model": "demo-chat", "messages": HI, "stop": [1]}, "stop"),
        ({"model": "demo-chat", "messages": HI, "top_logprobs": 21}, "top_logprobs"),
        ({"model": "demo-chat", "messages": HI, "tools": [WEATHER]}, "tools"),
        ({"model": "demo-tools", "messages": HI, "tools": []}, "tools"),
        ({"model": "demo-tools", "messages": HI, "tools": [{}]}, "tools"),
        ({"model": "demo-tools", "messages": HI, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"model": "demo-chat", "messages": HI, "response_format": {"type": "xml"}}, "response_format"),
        ({"model": "demo-chat", "messages": HI, "response_format": {"type": "json_schema"}}, "response_format"),
        ({"model": "demo-vision", "messages": PICTURE}, "messages"),
        ({"model": "demo-embed", "messages": HI}, "model"),
    ],
)
def test_request_is_refused_when_a_field_is_wrong(demo_url: str, payload: dict[str, Any], param: str) -> None:
    status, error = refusal_of(demo_url, **payload)
    assert (status, error["param"]) == (400, param)


def test_picture_is_refused_when_the_model_is_blind(demo_url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    status, error = refusal_of(demo_url, model="demo-chat", messages=[{"role": "user", "content": content}])
    assert status == 400
    assert "demo-vision" in error["message"]


def test_unknown_model_is_not_found_and_the_others_are_named(demo_url: str) -> None:
    status, error = refusal_of(demo_url, model="llama3", messages=HI)
    assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "demo-chat" in error["message"]


def test_conversation_is_refused_when_longer_than_the_window(demo_url: str) -> None:
    status, error = refusal_of(demo_url, model="demo-chat", messages=[{"role": "user", "content": "word " * 8193}])
    assert (status, error["code"]) == (400, "context_length_exceeded")
