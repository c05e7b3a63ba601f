"""The tables of what becomes of fields speak of all fields that the schemas know, and requests are read as they say."""

from __future__ import annotations

import re
from typing import Any

import pytest

from proxy.dialects.ollama import schemas
from proxy.dialects.ollama.options import OptionsSchema
from proxy.dialects.ollama.parsing import parse_chat, parse_embed, parse_generate
from proxy.dialects.ollama.support import CLIENT_FIELDS, UPSTREAM_FEATURES
from proxy.support import FEATURES
from tests.dialects.client_fields import Json, Sample, check, is_answered

NAMED = {re.match(r"[\w.]*", field)[0].partition(".")[0] for field in CLIENT_FIELDS}  # type: ignore[index]
SAID: Json = {"role": "user", "content": "hi"}
CHAT: Json = {"model": "m", "messages": [SAID]}
GENERATE: Json = {"model": "m", "prompt": "hi"}
EMBED: Json = {"model": "m", "input": "hi"}
SCHEMA: Json = {"type": "object", "properties": {}}
CALL: Json = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": {}}}]}
CALLS: Json = {"role": "assistant", "tool_calls": [{"id": name, "function": {"name": name, "arguments": {}}} for name in ("look", "hear")]}
RESULT: Json = {"role": "tool", "content": "sunny"}
PNG, WAV = "iVBORw0KGgo=", "UklGRiQAAABXQVZFZm10IA=="


def chat(**fields: Any) -> Sample:
    """A chat with these, beside one without."""
    return Sample(parse_chat, {**CHAT, **fields}, CHAT)


def turns(asked: list[Json], plain: list[Json] | None = None) -> Sample:
    """A chat of these turns, beside one of those."""
    return Sample(parse_chat, {"model": "m", "messages": asked}, {"model": "m", "messages": plain or [SAID]})


def generate(**fields: Any) -> Sample:
    return Sample(parse_generate, {**GENERATE, **fields}, GENERATE)


def raw(**fields: Any) -> Sample:
    """A prompt that is finished, with these, beside one that is."""
    return Sample(parse_generate, {**GENERATE, "raw": True, **fields}, {**GENERATE, "raw": True})


def embed(**fields: Any) -> Sample:
    return Sample(parse_embed, {**EMBED, **fields}, EMBED)


def tools(**more: Any) -> list[Json]:
    return [{"type": "function", "function": {"name": "look", "parameters": SCHEMA, **more}}]


SAMPLES: dict[str, Sample] = {
    "model": chat(model="other"),
    "stream": chat(stream=False),
    "messages[].role": turns([{**SAID, "role": "SYSTEM"}]),
    "messages[] (system, first)": turns([{"role": "system", "content": "Be short"}, SAID]),
    "messages[] (system, later)": turns([SAID, {"role": "system", "content": "Be short"}]),
    "messages[] (assistant, last)": turns([SAID, {"role": "assistant", "content": "Well,"}]),
    "messages[] (tool)": turns([SAID, CALL, RESULT], [SAID, CALL]),
    "messages[].content": turns([{**SAID, "content": "bye"}]),
    "messages[].thinking": turns([SAID, {**CALL, "thinking": "hm"}, RESULT], [SAID, CALL, RESULT]),
    "messages[].images (pictures)": turns([{**SAID, "images": [PNG]}]),
    "messages[].images (sound)": turns([{**SAID, "images": [WAV]}]),
    "messages[].images (of tools)": turns([SAID, CALL, {**RESULT, "images": [PNG]}], [SAID, CALL, RESULT]),
    "messages[].tool_calls": turns([SAID, CALL, RESULT]),
    "messages[].tool_name": turns([SAID, CALLS, {**RESULT, "tool_name": "hear"}], [SAID, CALLS, RESULT]),
    "messages[].tool_call_id": turns([SAID, CALLS, {**RESULT, "tool_call_id": "hear"}], [SAID, CALLS, RESULT]),
    "tools": chat(tools=tools()),
    "tools[].strict": Sample(parse_chat, {**CHAT, "tools": tools(strict=True)}, {**CHAT, "tools": tools()}),
    "format (json)": chat(format="json"),
    "format (schema)": chat(format=SCHEMA),
    "think": chat(think="high"),
    "keep_alive": chat(keep_alive="5m"),
    "logprobs": chat(logprobs=True),
    "top_logprobs": chat(logprobs=True, top_logprobs=2),
    "truncate": chat(truncate=False),
    "shift": chat(shift=False),
    "_debug_render_only": chat(_debug_render_only=True),
    "prompt": Sample(parse_generate, {**GENERATE, "prompt": "bye"}, GENERATE),
    "prompt (raw)": generate(raw=True),
    "prompt (suffix)": generate(suffix="end"),
    "suffix": raw(suffix="end"),
    "system": generate(system="Be short"),
    "template": generate(template="{{ .Prompt }}"),
    "context": generate(context=[1, 2]),
    "raw": generate(raw=True),
    "images": generate(images=[PNG]),
    "width": generate(width=8),
    "height": generate(height=8),
    "steps": generate(steps=8),
    "input": embed(input="bye"),
    "dimensions": embed(dimensions=8),
    "truncate (embed)": embed(truncate=False),
    "(unknown fields)": chat(tomorrow=1),
    **{f"options.{name}": chat(options={name: 1}) for name in OptionsSchema().fields if name not in ("stop", "use_mmap")},
    "options.stop": chat(options={"stop": ["END"]}),
    "options.use_mmap": chat(options={"use_mmap": True}),
}


@pytest.mark.parametrize("schema", [schemas.CHAT, schemas.GENERATE, schemas.EMBED, schemas.EMBEDDINGS])
def test_every_field_of_a_request_has_its_row(schema: schemas.GoSchema) -> None:
    assert set(schema.wire_names) <= NAMED


def test_every_option_has_its_row() -> None:
    assert {f"options.{name}" for name in OptionsSchema().fields} == {field for field in CLIENT_FIELDS if field.startswith("options.")}


def test_every_field_means_a_feature_that_there_is() -> None:
    assert {support.feature for support in CLIENT_FIELDS.values()} <= {"", *FEATURES}


def test_every_feature_has_its_row() -> None:
    assert UPSTREAM_FEATURES.keys() == FEATURES.keys()


def test_every_field_is_read_here() -> None:
    assert SAMPLES.keys() == {field for field in CLIENT_FIELDS if not is_answered(field)}


@pytest.mark.parametrize("field", SAMPLES)
def test_fields_are_read_as_the_table_says(field: str) -> None:
    check(CLIENT_FIELDS[field], SAMPLES[field])
