"""The official `langchain-ollama` package against real gunicorn with the demo behind it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pydantic
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM

from tests.live.master import Master
from tests.live.pictures import PNG_BASE64

COUNTED = "1 2 3 4 5 (counted by a demo)"


class Person(pydantic.BaseModel):
    """A person."""

    name: str
    age: int


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@pytest.fixture
def make(gateway: Master) -> Iterator[Callable[..., Any]]:
    """Makes models of any of LangChain's classes, and closes their connections, which LangChain itself does not."""
    made: list[Any] = []

    def make_one(kind: Any, model: str, **more: Any) -> Any:
        made.append(kind(model=model, base_url=gateway.address, **more))
        return made[-1]

    yield make_one
    for model in made:
        model._client.close()


@pytest.fixture
def chat(make: Callable[..., Any]) -> Callable[..., ChatOllama]:
    return partial(make, ChatOllama)


def test_invoke_answers_with_usage_counted_once(chat: Callable[..., ChatOllama]) -> None:
    answer = chat("demo-chat", validate_model_on_init=True).invoke([SystemMessage("Be brief"), HumanMessage("count to 5")])
    assert answer.content == COUNTED
    assert answer.response_metadata["done_reason"] == "stop"
    assert isinstance(answer, AIMessage)
    assert answer.usage_metadata == {"input_tokens": 5, "output_tokens": 11, "total_tokens": 16}


def test_stream_adds_up_to_the_same_answer(chat: Callable[..., ChatOllama]) -> None:
    chunks = list(chat("demo-chat").stream("count to 5"))
    assert len(chunks) > 5
    whole = sum(chunks[1:], chunks[0])
    assert isinstance(whole, AIMessageChunk)
    assert whole.content == COUNTED
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 11


def test_options_are_obeyed(chat: Callable[..., ChatOllama]) -> None:
    model = chat("demo-chat", num_predict=2, temperature=0.1, mirostat=1, num_ctx=2048, keep_alive="5m")
    assert model.invoke("count to 5").response_metadata["done_reason"] == "length"
    assert chat("demo-chat", stop=["3"]).invoke("count to 5").content == "1 2 "


def test_bound_tools_are_called_and_their_results_used(chat: Callable[..., ChatOllama]) -> None:
    model = chat("demo-tools").bind_tools([multiply])
    messages: list[BaseMessage] = [HumanMessage("Please multiply 6 by 7")]
    answer = model.invoke(messages)
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("multiply", {"a": 6, "b": 7})]
    messages += [answer, *(multiply.invoke(call) for call in answer.tool_calls)]
    assert "multiply answered: 42" in model.invoke(messages).content


def test_tool_calls_are_complete_when_streamed(chat: Callable[..., ChatOllama]) -> None:
    chunks = list(chat("demo-tools").bind_tools([multiply]).stream("multiply 6 by 7"))
    calls = [call for chunk in chunks for call in chunk.tool_calls]  # type: ignore[attr-defined]
    assert [call["args"] for call in calls] == [{"a": 6, "b": 7}]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output_is_what_was_asked_for(chat: Callable[..., ChatOllama], method: Any) -> None:
    name = "demo-tools" if method == "function_calling" else "demo-json"
    model = chat(name).with_structured_output(Person if method != "json_mode" else None, method=method)
    answer = model.invoke("The person Ada Lovelace is 36 years old")
    if method == "json_mode":
        assert isinstance(answer, dict)
        assert answer["demo"] is True
    else:
        assert answer == Person(name="Ada Lovelace", age=36)


def test_reasoning_is_apart_from_the_answer(chat: Callable[..., ChatOllama]) -> None:
    answer = chat("demo-thinking", reasoning=True).invoke("Why?")
    assert "this thought comes from a script" in answer.additional_kwargs["reasoning_content"]
    assert "thought" not in answer.content
    assert "reasoning_content" not in chat("demo-thinking", reasoning=False).invoke("Why?").additional_kwargs


def test_picture_is_seen(chat: Callable[..., ChatOllama]) -> None:
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}},
    ]
    assert "PNG, 1 x 1 pixels" in chat("demo-vision").invoke([HumanMessage(content)]).content  # type: ignore[arg-type]


async def _ask(model: ChatOllama) -> tuple[Any, str]:
    async with model._async_client:
        whole = await model.ainvoke("count to 5")
        return whole.content, "".join([str(chunk.content) async for chunk in model.astream("count to 5")])


def test_async_answers_are_the_same(chat: Callable[..., ChatOllama]) -> None:
    assert asyncio.run(_ask(chat("demo-chat"))) == (COUNTED, COUNTED)


def test_plain_model_generates_whole_and_streamed(make: Callable[..., Any]) -> None:
    model = make(OllamaLLM, "demo-chat")
    assert model.invoke("count to 5") == COUNTED
    assert "".join(model.stream("count to 5")) == COUNTED


def test_embeddings_are_unit_vectors_in_order(make: Callable[..., Any]) -> None:
    model = make(OllamaEmbeddings, "demo-embed")
    vectors = model.embed_documents(["cat", "dog"])
    assert [round(math.hypot(*vector), 5) for vector in vectors] == [1.0, 1.0]
    assert model.embed_query("dog") == vectors[1]


def test_unknown_model_is_an_error(chat: Callable[..., ChatOllama]) -> None:
    with pytest.raises(Exception, match="model 'llama3' not found"):
        chat("llama3").invoke("hi")
