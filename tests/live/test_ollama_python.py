"""The official `ollama` package, sync and async, against real gunicorn with the demo behind it."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pydantic
import pytest

from tests.fake_upstream import CUT, FakeUpstream, stream_of
from tests.live.master import Master
from tests.live.pictures import PNG

COUNT = [{"role": "user", "content": "count to 5"}]
COUNTED = "1 2 3 4 5 (counted by a demo)"


def get_weather(city: str) -> str:
    """
    The current weather of a city.

    Args:
        city: its name
    """
    return f"20 degrees in {city}"


class Person(pydantic.BaseModel):
    name: str
    age: int
    hobbies: list[str]


@pytest.fixture(scope="module")
def client(gateway: Master) -> Iterator[ollama.Client]:
    with ollama.Client(host=gateway.address) as made:
        yield made


def refusal(ask: Callable[[], Any]) -> ollama.ResponseError:
    with pytest.raises(ollama.ResponseError) as refused:
        ask()
    return refused.value


# Models


def test_list_has_all_models_newest_first(client: ollama.Client) -> None:
    models = client.list().models
    assert [model.model for model in models] == [
        "demo-chat:latest",
        "demo-thinking:latest",
        "demo-tools:latest",
        "demo-vision:latest",
        "demo-json:latest",
        "demo-embed:latest",
    ]
    assert len({model.digest for model in models}) == 6
    assert all(model.digest is not None and len(model.digest) == 64 for model in models)
    assert all(isinstance(model.modified_at, dt.datetime) and model.modified_at.tzinfo is not None for model in models)


@pytest.mark.parametrize(
    ("model", "capabilities"),
    [
        ("demo-chat", {"completion", "insert"}),
        ("demo-thinking", {"completion", "thinking", "tools"}),
        ("demo-tools:latest", {"completion", "tools"}),
        ("demo-vision", {"completion", "vision"}),
        ("demo-embed", {"embedding"}),
    ],
)
def test_show_tells_what_the_upstream_says_of_a_model(client: ollama.Client, model: str, capabilities: set[str]) -> None:
    shown = client.show(model)
    assert set(shown.capabilities or ()) == capabilities
    assert shown.modelinfo is not None
    architecture = shown.modelinfo["general.architecture"]
    assert shown.modelinfo[f"{architecture}.context_length"] == (512 if model == "demo-embed" else 8192)


def test_show_fails_when_the_model_is_unknown(client: ollama.Client) -> None:
    error = refusal(lambda: client.show("llama3"))
    assert (error.status_code, error.error) == (404, "model 'llama3:latest' not found")


def test_ps_is_empty_because_the_upstream_is_remote(client: ollama.Client) -> None:
    assert list(client.ps().models) == []


def test_pull_ends_in_success_when_the_model_is_there(client: ollama.Client) -> None:
    statuses = [progress.status for progress in client.pull("demo-chat", stream=True)]
    assert statuses[0] == "pulling manifest"
    assert statuses[-1] == "success"
    assert client.pull("demo-chat").status == "success"


def test_pull_fails_when_the_model_is_unknown(client: ollama.Client) -> None:
    assert "file does not exist" in refusal(lambda: list(client.pull("llama3", stream=True))).error
    assert refusal(lambda: client.pull("llama3")).status_code == 500


@pytest.mark.parametrize(
    "manage",
    [
        lambda client: client.create("mine", from_="demo-chat"),
        lambda client: client.copy("demo-chat", "mine"),
        lambda client: client.delete("demo-chat"),
        lambda client: client.push("demo-chat"),
    ],
)
def test_management_is_refused_where_there_is_no_ollama_server(client: ollama.Client, manage: Callable[[ollama.Client], Any]) -> None:
    error = refusal(lambda: manage(client))
    assert error.status_code == 501
    assert "that takes an Ollama server" in error.error


# Chat


def test_chat_answers_whole(client: ollama.Client) -> None:
    answer = client.chat("demo-chat", COUNT)
    assert (answer.message.role, answer.message.content) == ("assistant", COUNTED)
    assert (answer.model, answer.done, answer.done_reason) == ("demo-chat", True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (3, 11)
    assert answer.message.thinking is None
    assert answer.message.tool_calls is None


def test_chat_streams_the_same_answer(client: ollama.Client) -> None:
    *parts, last = client.chat("demo-chat", COUNT, stream=True)
    assert "".join(part.message.content or "" for part in parts) == COUNTED
    assert not any(part.done or part.done_reason or part.eval_count for part in parts)
    assert (last.done, last.done_reason, last.message.content, last.eval_count) == (True, "stop", "", 11)
    assert last.total_duration is not None
    assert 0 < (last.prompt_eval_duration or 0) + (last.eval_duration or 0) <= last.total_duration


def test_chat_arrives_piece_by_piece_when_streamed(client: ollama.Client) -> None:
    assert len(list(client.chat("demo-chat", COUNT, stream=True))) > 5


@pytest.mark.parametrize("name", ["demo-chat", "demo-chat:latest", "DEMO-CHAT"])
def test_chat_finds_the_model_in_each_spelling_and_echoes_it(client: ollama.Client, name: str) -> None:
    assert client.chat(name, COUNT).model == name


def test_chat_obeys_options(client: ollama.Client) -> None:
    assert client.chat("demo-chat", COUNT, options={"num_predict": 2, "num_ctx": 4096, "mirostat": 1}).done_reason == "length"
    stopped = client.chat("demo-chat", COUNT, options={"stop": ["9", "8", "7", "6", "4"]})
    assert (stopped.message.content, stopped.done_reason) == ("1 2 3 ", "stop")


def test_chat_tells_logprobs_when_asked(client: ollama.Client) -> None:
    answer = client.chat("demo-chat", COUNT, logprobs=True, top_logprobs=1)
    assert answer.logprobs is not None
    assert "".join(token.token for token in answer.logprobs) == COUNTED


def test_chat_loads_and_unloads_without_asking_the_upstream(client: ollama.Client) -> None:
    assert client.chat("demo-chat").done_reason == "load"
    assert client.chat("demo-chat", keep_alive=0).done_reason == "unload"


def test_tools_loop_passes_functions_and_comes_to_an_answer(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris and London?"}]
    answer = client.chat("demo-tools", messages, tools=[get_weather])
    calls = answer.message.tool_calls
    assert calls is not None
    assert answer.done_reason == "stop"
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "London"}),
    ]
    messages.append(answer.message)
    messages.extend({"role": "tool", "tool_name": call.function.name, "content": get_weather(**call.function.arguments)} for call in calls)
    final = client.chat("demo-tools", messages, tools=[get_weather])
    assert final.message.tool_calls is None
    assert "20 degrees in Paris" in (final.message.content or "")
    assert "20 degrees in London" in (final.message.content or "")


def test_tool_calls_come_whole_when_streamed(client: ollama.Client) -> None:
    question = [{"role": "user", "content": "weather in Paris and London"}]
    parts = list(client.chat("demo-thinking", question, tools=[get_weather], stream=True))
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    assert [call.function.arguments for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    assert any(part.message.thinking for part in parts)
    assert (parts[-1].done, parts[-1].done_reason) == (True, "stop")


def test_tools_are_refused_when_the_model_has_none(client: ollama.Client) -> None:
    error = refusal(lambda: client.chat("demo-chat", COUNT, tools=[get_weather]))
    assert error.status_code == 400
    assert "does not support tools" in error.error


@pytest.mark.parametrize("think", [True, None, "high"])
def test_thoughts_are_apart_from_the_answer(client: ollama.Client, think: Any) -> None:
    answer = client.chat("demo-thinking", [{"role": "user", "content": "Why?"}], think=think)
    assert "this thought comes from a script" in (answer.message.thinking or "")
    assert "thought" not in (answer.message.content or "")


def test_thoughts_are_absent_when_not_wanted(client: ollama.Client) -> None:
    answer = client.chat("demo-thinking", [{"role": "user", "content": "Why?"}], think=False)
    assert answer.message.thinking is None
    assert answer.message.content


def test_thoughts_come_first_when_streamed(client: ollama.Client) -> None:
    parts = list(client.chat("demo-thinking", COUNT, think=True, stream=True))
    kinds = ["thinking" if part.message.thinking else "content" for part in parts if part.message.thinking or part.message.content]
    assert kinds == sorted(kinds, reverse=True)
    assert {"thinking", "content"} == set(kinds)


def test_thinking_is_refused_when_the_model_cannot(client: ollama.Client) -> None:
    error = refusal(lambda: client.chat("demo-chat", COUNT, think=True))
    assert (error.status_code, error.error) == (400, '"demo-chat" does not support thinking')


def test_picture_arrives_whole(client: ollama.Client) -> None:
    answer = client.chat("demo-vision", [{"role": "user", "content": "What is it?", "images": [PNG]}])
    assert f"PNG, 1 x 1 pixels, {len(PNG)} bytes" in (answer.message.content or "")


def test_format_gives_what_the_pydantic_model_wants(client: ollama.Client) -> None:
    question = [{"role": "user", "content": "Ada Lovelace is 36 years old"}]
    answer = client.chat("demo-json", question, format=Person.model_json_schema())
    person = Person.model_validate_json(answer.message.content or "")
    assert (person.name, person.age) == ("Ada Lovelace", 36)


def test_format_json_gives_an_object(client: ollama.Client) -> None:
    content = client.chat("demo-json", COUNT, format="json").message.content or ""
    assert pydantic.TypeAdapter(dict[str, Any]).validate_json(content)["demo"] is True


def test_format_empty_gives_text(client: ollama.Client) -> None:
    assert client.chat("demo-chat", COUNT, format="").message.content == COUNTED


@pytest.mark.parametrize("stream", [False, True])
def test_chat_fails_with_404_when_the_model_is_unknown(client: ollama.Client, stream: bool) -> None:
    answer = refusal(lambda: list(client.chat("llama3", COUNT, stream=stream)))  # type: ignore[call-overload]
    assert (answer.status_code, answer.error) == (404, "model 'llama3' not found")


def test_chat_is_refused_when_the_model_only_embeds(client: ollama.Client) -> None:
    error = refusal(lambda: client.chat("demo-embed", COUNT))
    assert (error.status_code, error.error) == (400, '"demo-embed" does not support chat')


def test_chat_fails_in_the_middle_when_the_upstream_breaks_off(scripted_upstream: FakeUpstream, scripted_gateway: Master) -> None:
    chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "hal"}, "finish_reason": None}]}
    scripted_upstream.on("/chat/completions", stream_of(chunk, done=False, then=[CUT]))
    with ollama.Client(host=scripted_gateway.address) as client:
        parts = client.chat("any", COUNT, stream=True)
        assert next(parts).message.content == "hal"
        assert refusal(lambda: list(parts)).error


# Generate


def test_generate_answers_whole_and_streamed(client: ollama.Client) -> None:
    whole = client.generate("demo-chat", "count to 5", system="Be brief")
    assert (whole.response, whole.done_reason) == (COUNTED, "stop")
    *parts, last = client.generate("demo-chat", "count to 5", stream=True)
    assert "".join(part.response for part in parts) == COUNTED
    assert (last.response, last.done, last.eval_count) == ("", True, 11)


def test_generate_thinks_and_sees(client: ollama.Client) -> None:
    assert client.generate("demo-thinking", "Why?", think=True).thinking
    assert "PNG, 1 x 1" in client.generate("demo-vision", "What is it?", images=[PNG]).response


def test_generate_fills_the_gap_when_there_is_a_suffix(client: ollama.Client) -> None:
    assert "“f():” and “return”" in client.generate("demo-chat", "def f():", suffix="return x").response


def test_generate_refuses_a_suffix_when_the_model_cannot_insert(client: ollama.Client) -> None:
    error = refusal(lambda: client.generate("demo-tools", "def f():", suffix="return x"))
    assert error.status_code == 400
    assert "does not support insert" in error.error


def test_generate_continues_the_text_when_raw(client: ollama.Client) -> None:
    assert "after “time”" in client.generate("demo-chat", "Once upon a time", raw=True).response


def test_generate_fills_a_schema(client: ollama.Client) -> None:
    response = client.generate("demo-json", "Ada Lovelace is 36", format=Person.model_json_schema()).response
    assert Person.model_validate_json(response).age == 36


def test_generate_loads_and_unloads(client: ollama.Client) -> None:
    assert client.generate("demo-chat").done_reason == "load"
    assert client.generate("demo-chat", keep_alive=0).done_reason == "unload"


# Embeddings


def test_embed_gives_unit_vectors_in_order(client: ollama.Client) -> None:
    texts = ["a cat on a sofa", "cats on sofas", "interest rates"]
    vectors = client.embed("demo-embed", texts).embeddings
    assert [math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-5) for vector in vectors] == [True] * 3
    assert [client.embed("demo-embed", text).embeddings[0] for text in texts] == list(vectors)


def test_embed_cuts_to_the_dimensions(client: ollama.Client) -> None:
    vector = client.embed("demo-embed", "cat", dimensions=8).embeddings[0]
    assert len(vector) == 8
    assert math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-5)


def test_embed_shortens_what_is_too_long_unless_told_not_to(client: ollama.Client) -> None:
    text = "word " * 600
    assert len(client.embed("demo-embed", text).embeddings) == 1
    error = refusal(lambda: client.embed("demo-embed", text, truncate=False))
    assert (error.status_code, error.error) == (400, "the input length exceeds the context length")


def test_embed_of_nothing_is_nothing(client: ollama.Client) -> None:
    assert client.embed("demo-embed", []).embeddings == []


def test_legacy_embeddings_give_one_vector(client: ollama.Client) -> None:
    assert len(client.embeddings("demo-embed", "cat").embedding) == 256


def test_embed_fails_with_404_when_the_model_is_unknown(client: ollama.Client) -> None:
    error = refusal(lambda: client.embed("llama3", "cat"))
    assert (error.status_code, error.error) == (404, 'model "llama3" not found, try pulling it first')


# The async client


async def _chat_all_ways(address: str) -> tuple[str, str, str, int]:
    async with ollama.AsyncClient(host=address) as client:
        whole = await client.chat("demo-chat", COUNT)
        streamed = [part.message.content or "" async for part in await client.chat("demo-chat", COUNT, stream=True)]
        generated = await client.generate("demo-chat", "count to 5")
        embedded = await client.embed("demo-embed", ["a", "b"])
    return whole.message.content or "", "".join(streamed), generated.response, len(embedded.embeddings)


def test_async_client_gets_the_same(gateway: Master) -> None:
    assert asyncio.run(_chat_all_ways(gateway.address)) == (COUNTED, COUNTED, COUNTED, 2)


async def _fail(address: str) -> ollama.ResponseError:
    async with ollama.AsyncClient(host=address) as client:
        with pytest.raises(ollama.ResponseError) as refused:
            async for _ in await client.chat("llama3", COUNT, stream=True):
                pass
    return refused.value


def test_async_client_gets_the_error_of_a_stream(gateway: Master) -> None:
    assert asyncio.run(_fail(gateway.address)).status_code == 404


async def _many(address: str, count: int) -> list[str]:
    async with ollama.AsyncClient(host=address) as client:
        questions = ([{"role": "user", "content": f"say number {number}"}] for number in range(count))
        answers = await asyncio.gather(*(client.chat("demo-chat", question) for question in questions))
    return [answer.message.content or "" for answer in answers]


def test_async_client_gets_each_answer_for_its_question_when_many_are_open(gateway: Master) -> None:
    assert asyncio.run(_many(gateway.address, 30)) == [f"number {number} (said by a demo)" for number in range(30)]
