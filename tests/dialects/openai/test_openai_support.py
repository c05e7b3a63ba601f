"""The tables of what becomes of OpenAI's fields, against the readers of requests and the SDK's own lists of fields."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase as CompletionParams
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from proxy.canonical.google_options import GOOGLE_OPTIONS
from proxy.canonical.openai_options import PROMPT_CACHE
from proxy.canonical.runner_options import RUNNER_FLAGS, RUNNER_NUMBERS
from proxy.dialects.openai.asking import parse_chat, parse_completion, parse_embeddings
from proxy.dialects.openai.responses.asking import parse_response
from proxy.dialects.openai.support import CLIENT_FIELDS, RESPONSE_FIELDS, UPSTREAM_FEATURES
from proxy.support import FEATURES
from tests.dialects.client_fields import Json, Sample, check, is_answered

SAID: Json = {"role": "user", "content": "hi"}
CHAT: Json = {"model": "m", "messages": [SAID]}
PROMPT: Json = {"model": "m", "prompt": "hi"}
VECTORS: Json = {"model": "m", "input": "hi"}
RESPONSE: Json = {"model": "m", "input": "hi"}
SCHEMA: Json = {"type": "object", "properties": {}}
TEXT: Json = {"type": "text", "text": "hi"}
TOOL: Json = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
OTHER: Json = {"type": "function", "function": {"name": "hear", "parameters": SCHEMA}}
NAMED: Json = {"type": "function", "function": {"name": "look"}}
CALL: Json = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLED: Json = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT: Json = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
FUNCTION_CALLED: Json = {"role": "assistant", "function_call": {"name": "look", "arguments": "{}"}}
PNG, PDF, WAV = "data:image/png;base64,iVBORw0KGgo=", "data:application/pdf;base64,JVBERi0xLjQ=", "UklGRiQAAABXQVZFZm10IA=="
PICTURE: Json = {"type": "image_url", "image_url": {"url": PNG}}
SEEN: Json = {"type": "input_image", "image_url": PNG}
SOUND: Json = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
FUNCTION: Json = {"type": "function", "name": "look", "parameters": SCHEMA}
ITEM_CALL: Json = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
ITEM_RESULT: Json = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
THOUGHT: Json = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}


def chat(**fields: Any) -> Sample:
    """A chat with these, beside one without."""
    return Sample(parse_chat, {**CHAT, **fields}, CHAT)


def turns(asked: list[Json], plain: list[Json] | None = None) -> Sample:
    """A chat of these turns, beside one of those."""
    return Sample(parse_chat, {"model": "m", "messages": asked}, {"model": "m", "messages": plain or [SAID]})


def shown(part: Json, before: Json | None = None) -> Sample:
    """A user who shows this, beside one who does not."""
    content, otherwise = [TEXT, part], [TEXT, before] if before else [TEXT]
    return turns([{"role": "user", "content": content}], [{"role": "user", "content": otherwise}])


def called(**more: Any) -> Sample:
    """A call in a turn of which this is said, too."""
    return turns([SAID, {**CALLED, **more}, RESULT], [SAID, CALLED, RESULT])


def tooled(**fields: Any) -> Sample:
    """A chat with functions and these."""
    plain = {**CHAT, "tools": [TOOL, OTHER]}
    return Sample(parse_chat, {**plain, **fields}, plain)


def completion(**fields: Any) -> Sample:
    return Sample(parse_completion, {**PROMPT, **fields}, PROMPT)


def vectors(place: str = "", **fields: Any) -> Sample:
    return Sample(parse_embeddings, {**VECTORS, **fields}, VECTORS, place)


def response(**fields: Any) -> Sample:
    return Sample(parse_response, {**RESPONSE, **fields}, RESPONSE)


def chosen(choice: Any) -> Sample:
    """A response with functions of which this is said."""
    plain = {**RESPONSE, "tools": [FUNCTION, {**FUNCTION, "name": "hear"}]}
    return Sample(parse_response, {**plain, "tool_choice": choice}, plain)


def of_responses(sample: Sample) -> Sample:
    """The same of a response."""
    asked, plain = (
        {**{name: value for name, value in payload.items() if name != "messages"}, "input": "hi"}
        for payload in (sample.asked, sample.plain)
    )
    return Sample(parse_response, asked, plain, sample.place)


def items(*asked: Json, plain: tuple[Json, ...] = ()) -> Sample:
    """A response to these items, beside one to those."""
    return Sample(parse_response, {"model": "m", "input": [SAID, *asked]}, {"model": "m", "input": [SAID, *plain]})


def seen(part: Json, *before: Json) -> Sample:
    """A user of responses who shows this, beside one who does not, or who shows that."""
    words = {"type": "input_text", "text": "hi"}
    asked, plain = ({"model": "m", "input": [{"role": "user", "content": content}]} for content in ([words, part], [words, *before]))
    return Sample(parse_response, asked, plain)


CHATS: dict[str, Sample] = {
    "model": chat(model="other"),
    "stream": chat(stream=True),
    "stream_options.include_usage": Sample(
        parse_chat, {**CHAT, "stream": True, "stream_options": {"include_usage": True}}, {**CHAT, "stream": True}
    ),
    "messages[] (system, developer, first)": turns([{"role": "developer", "content": "Be short"}, SAID]),
    "messages[] (system, developer, later)": turns([SAID, {"role": "system", "content": "Be short"}]),
    "messages[] (assistant, last)": turns([SAID, {"role": "assistant", "content": "Well,"}]),
    "messages[] (tool)": turns([SAID, CALLED, RESULT], [SAID, CALLED]),
    "messages[] (function)": turns(
        [SAID, FUNCTION_CALLED, {"role": "function", "name": "look", "content": "sunny"}], [SAID, FUNCTION_CALLED]
    ),
    "messages[].name": turns([{**SAID, "name": "ann"}]),
    "messages[].content (text)": turns([{**SAID, "content": [{**TEXT, "text": "bye"}]}]),
    "messages[].content (image_url, data)": shown(PICTURE),
    "messages[].content (image_url, http)": shown({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "messages[].content (image_url.detail)": shown({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}, PICTURE),
    "messages[].content (input_audio)": shown(SOUND),
    "messages[].content (file, file_data)": shown({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}),
    "messages[].content (file, file_data with a URL)": shown({"type": "file", "file": {"file_data": "https://example.com/a.pdf"}}),
    "messages[].content (file, file_id)": shown({"type": "file", "file": {"file_id": "f"}}),
    "messages[].content (of tools: image_url)": turns([SAID, CALLED, {**RESULT, "content": [TEXT, PICTURE]}], [SAID, CALLED, RESULT]),
    "messages[].refusal": called(refusal="I will not."),
    "messages[].reasoning_content, reasoning": called(reasoning_content="hm"),
    "messages[].thinking_blocks": called(thinking_blocks=[{"type": "thinking", "thinking": "hm", "signature": "U0lH"}]),
    "messages[].audio": called(audio={"id": "a"}),
    "messages[].tool_calls": turns([SAID, CALLED]),
    "messages[].tool_calls[].extra_content": called(tool_calls=[{**CALL, "extra_content": {"google": {"thought_signature": "U0lH"}}}]),
    "messages[].tool_calls (custom)": called(tool_calls=[{"type": "custom"}]),
    "messages[].function_call": turns([SAID, FUNCTION_CALLED]),
    "cache_control": shown({**TEXT, "cache_control": {"type": "ephemeral"}}, TEXT),
    "tools": chat(tools=[TOOL]),
    "tools[].function.strict": Sample(
        parse_chat, {**CHAT, "tools": [{**TOOL, "function": {**TOOL["function"], "strict": True}}]}, {**CHAT, "tools": [TOOL]}
    ),
    "tools (custom)": chat(tools=[{"type": "custom"}]),
    "functions": chat(functions=[TOOL["function"]]),
    "function_call": tooled(function_call="none"),
    "tool_choice": tooled(tool_choice="none"),
    "tool_choice (function)": tooled(tool_choice=NAMED),
    "tool_choice (allowed_tools)": tooled(tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}),
    "parallel_tool_calls": tooled(parallel_tool_calls=False),
    "response_format (json_object)": chat(response_format={"type": "json_object"}),
    "response_format (json_schema)": chat(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}),
    "reasoning_effort": chat(reasoning_effort="low"),
    "reasoning (OpenRouter)": chat(reasoning={"effort": "low"}),
    "thinking (DeepSeek)": chat(thinking={"type": "enabled"}),
    "thinking.budget_tokens": chat(thinking={"type": "enabled", "budget_tokens": 2000}),
    "think (Ollama)": chat(think=True),
    "chat_template_kwargs.enable_thinking": chat(chat_template_kwargs={"enable_thinking": True}),
    "google.thinking_config.thinking_budget (extra)": chat(google={"thinking_config": {"thinking_budget": 800}}),
    "google.thinking_config.thinking_level, include_thoughts (extra)": chat(google={"thinking_config": {"thinking_level": "low"}}),
    "include_reasoning, reasoning_format": chat(include_reasoning=False),
    "max_completion_tokens": chat(max_completion_tokens=5),
    "max_tokens": chat(max_tokens=5),
    **{name: chat(**{name: 0.5}) for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty")},
    "seed": chat(seed=5),
    "stop": chat(stop=["END"]),
    "logprobs": chat(logprobs=True),
    "top_logprobs": chat(logprobs=True, top_logprobs=2),
    "user": chat(user="ann"),
    "safety_identifier": chat(safety_identifier="ann"),
    "top_k (extra)": chat(top_k=5),
    "min_p (extra)": chat(options={"min_p": 0.5}),
    "typical_p (extra)": chat(extra_body={"typical_p": 0.5}),
    "repeat_penalty, repetition_penalty (extra)": chat(repetition_penalty=1.5),
    "num_ctx (extra)": chat(extra_body={"options": {"num_ctx": 8192}}),
    f"{', '.join((*RUNNER_NUMBERS, *RUNNER_FLAGS))} (extra)": chat(options={"num_gpu": 1}),
    "num_predict (extra)": chat(options={"num_predict": 5}),
    "keep_alive (extra)": chat(keep_alive="5m"),
    "service_tier": chat(service_tier="flex"),
    "verbosity": chat(verbosity="low"),
    **{name: chat(**{name: "any"}) for name in sorted(PROMPT_CACHE)},
    f"{', '.join(GOOGLE_OPTIONS)} (extra)": chat(labels={"team": "a"}),
    "n": chat(n=2),
    "modalities (audio)": chat(modalities=["text", "audio"]),
    "(unknown fields)": chat(tomorrow=1),
}
OTHERS: dict[str, Sample] = {
    "prompt": completion(prompt="bye"),
    "suffix": completion(suffix="end"),
    "echo": completion(echo=True),
    "best_of": completion(best_of=2),
    "logprobs (completions)": completion(logprobs=2),
    "max_tokens (completions)": completion(max_tokens=5),
    "input (embeddings)": vectors(input="bye"),
    "dimensions": vectors(dimensions=8),
    "encoding_format": vectors("encoding", encoding_format="base64"),
}
RESPONSES: dict[str, Sample] = {
    "input (responses)": response(input="bye"),
    "input[] (system, developer, later)": items({"role": "system", "content": "Be short"}),
    "input[] (assistant, last)": items({"role": "assistant", "content": "Well,"}),
    "input[] (input_image)": seen(SEEN),
    "input[] (input_image, http)": seen({"type": "input_image", "image_url": "https://example.com/a.png"}),
    "input[] (input_image.detail)": seen({**SEEN, "detail": "low"}, SEEN),
    "input[] (input_file)": seen({"type": "input_file", "filename": "a.pdf", "file_data": PDF}),
    "input[] (input_file.file_url)": seen({"type": "input_file", "file_url": "https://example.com/a.pdf"}),
    "input[] (input_image.file_id, input_file.file_id)": seen({"type": "input_file", "file_id": "f"}),
    "input[] (input_audio)": seen(SOUND),
    "input[] (function_call)": items(ITEM_CALL),
    "input[] (function_call_output)": items(ITEM_CALL, ITEM_RESULT, plain=(ITEM_CALL,)),
    "input[] (function_call_output with pictures)": items(
        ITEM_CALL, {**ITEM_RESULT, "output": [{"type": "input_image", "image_url": PNG}]}, plain=(ITEM_CALL, ITEM_RESULT)
    ),
    "input[] (reasoning)": items(THOUGHT, ITEM_CALL, ITEM_RESULT, plain=(ITEM_CALL, ITEM_RESULT)),
    "input[] (reasoning.encrypted_content)": items(
        {**THOUGHT, "encrypted_content": "U0lH"}, ITEM_CALL, ITEM_RESULT, plain=(THOUGHT, ITEM_CALL, ITEM_RESULT)
    ),
    "input[] (item_reference)": items({"type": "item_reference", "id": "x"}),
    "input[] (function_call.namespace)": items({**ITEM_CALL, "namespace": "far"}, plain=(ITEM_CALL,)),
    "input[] (web_search_call)": items({"type": "web_search_call", "id": "w", "status": "completed"}),
    "input[] (calls of OpenAI's other tools)": items({"type": "file_search_call", "id": "x"}),
    "instructions": response(instructions="Be short"),
    "tools (namespace)": response(tools=[{"type": "namespace", "name": "far", "tools": [FUNCTION]}]),
    "tools (web_search)": response(tools=[{"type": "web_search"}]),
    "tools (OpenAI's other own)": response(tools=[{"type": "file_search", "vector_store_ids": ["v"]}]),
    "text.format": response(text={"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}),
    "text.verbosity": response(text={"verbosity": "low"}),
    "reasoning.effort": response(reasoning={"effort": "low"}),
    "max_output_tokens": response(max_output_tokens=5),
    "include": response(include=["message.output_text.logprobs"]),
    "previous_response_id": response(previous_response_id="r"),
    "conversation": response(conversation="c"),
    "prompt (responses)": response(prompt={"id": "p"}),
    "background": response(background=True),
    "stream_options.include_obfuscation": Sample(
        parse_response, {**RESPONSE, "stream": True, "stream_options": {"include_obfuscation": False}}, {**RESPONSE, "stream": True}
    ),
}
# Where a response says it in other words than a chat.
SHARED: dict[str, Sample] = {
    "tools": response(tools=[FUNCTION]),
    "tools[].function.strict": Sample(
        parse_response, {**RESPONSE, "tools": [{**FUNCTION, "strict": True}]}, {**RESPONSE, "tools": [{**FUNCTION, "strict": False}]}
    ),
    "tool_choice": chosen("none"),
    "tool_choice (function)": chosen({"type": "function", "name": "look"}),
    "tool_choice (allowed_tools)": chosen({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}),
    "parallel_tool_calls": Sample(
        parse_response, {**RESPONSE, "tools": [FUNCTION], "parallel_tool_calls": False}, {**RESPONSE, "tools": [FUNCTION]}
    ),
    "top_logprobs": response(top_logprobs=2),
}
DROPPED = sorted(field for field, support in CLIENT_FIELDS.items() if support.outcome == "dropped" and field.isidentifier())
SAMPLES = CHATS | OTHERS | RESPONSES | {field: chat(**{field: {"any": 1}}) for field in DROPPED}
# What it asks for is shown in any case.
APART = {"reasoning.summary"}


@pytest.mark.parametrize("params", [ChatParams, CompletionParams, EmbeddingCreateParams, ResponseCreateParamsBase])
def test_all_fields_of_the_sdk_stand_in_the_table(params: Any) -> None:
    named = {name.strip() for field in CLIENT_FIELDS for name in field.split(" (")[0].split(",")}
    tops = {name.split(".")[0].removesuffix("[]") for name in named}
    assert set(get_type_hints(params)) <= tops


def test_all_fields_of_responses_stand_in_their_table() -> None:
    named = {name.strip() for field in RESPONSE_FIELDS for name in field.split(" (")[0].split(",")}
    assert set(get_type_hints(ResponseCreateParamsBase)) <= {name.split(".")[0].removesuffix("[]") for name in named}
    assert {field for field in RESPONSES if field not in RESPONSE_FIELDS} == set()


def test_features_are_those_of_the_house() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} - {""} <= FEATURES.keys()
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()
    for support in (*CLIENT_FIELDS.values(), *UPSTREAM_FEATURES.values()):
        assert support.note or support.outcome in ("carried", "translated")


def test_every_field_is_read_here() -> None:
    assert {*SAMPLES, *APART} == {field for field in CLIENT_FIELDS if not is_answered(field)}


@pytest.mark.parametrize("field", SAMPLES)
def test_fields_are_read_as_the_table_says(field: str) -> None:
    check(CLIENT_FIELDS[field], SAMPLES[field])


@pytest.mark.parametrize("field", [field for field in RESPONSE_FIELDS if field in SAMPLES.keys() - RESPONSES.keys()])
def test_what_responses_share_with_chats_is_read_alike(field: str) -> None:
    check(CLIENT_FIELDS[field], SHARED.get(field) or of_responses(SAMPLES[field]))


@pytest.mark.parametrize("field", DROPPED)
def test_what_is_dropped_of_chats_is_dropped_of_responses(field: str) -> None:
    check(CLIENT_FIELDS[field], response(**{field: {"any": 1}}))


def test_thoughts_are_a_summary_whether_one_is_asked_for_or_not() -> None:
    assert parse_response({**RESPONSE, "reasoning": {"summary": "auto"}}).hides_reasoning is False
    assert parse_response(RESPONSE).hides_reasoning is False
