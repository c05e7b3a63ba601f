"""How requests of OpenAI's clients are read that go to upstreams of other dialects."""

from __future__ import annotations

import math
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from proxy.canonical.catalog import ModelCard
from proxy.canonical.request import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    RefusalPart,
    ResponseFormat,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.openai.asking import parse_chat, parse_completion
from proxy.dialects.openai.asking.wishes import AskedChat
from proxy.dialects.openai.ingress import CHAT_TRANSLATED
from proxy.dialects.openai.responses.asking import parse_response
from proxy.errors import InvalidRequest

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
PDF = "JVBERi0xLjQK"
WAV = "UklGRiQAAABXQVZFZm10IA=="
HELLO: list[Any] = [{"role": "user", "content": "hi"}]
F: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
G: dict[str, Any] = {"type": "function", "function": {"name": "g", "description": "G", "parameters": {"type": "object"}, "strict": True}}


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def asked(**payload: Any) -> AskedChat:
    request = CHAT_TRANSLATED.parse({"model": "m", "messages": HELLO, **payload})
    assert isinstance(request, AskedChat)
    return request


def conversation(*messages: Any) -> tuple[Message, ...]:
    return asked(messages=list(messages)).messages


def parts(*content: Any) -> tuple[Any, ...]:
    return conversation({"role": "user", "content": list(content)})[0].parts


def refused(**payload: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        asked(**payload)
    return caught.value


def test_nothing_is_made_up_that_the_client_did_not_say() -> None:
    assert asked() == AskedChat("m", (Message("user", (TextPart("hi"),)),))


def test_roles_and_names_are_kept() -> None:
    said = [{"role": role, "content": "x", "name": "n"} for role in ("system", "developer", "user", "assistant")]
    assert conversation(*said) == tuple(Message(message["role"], (TextPart("x"),), "n") for message in said)  # type: ignore[arg-type]


def test_content_of_several_parts_stays_one_message_and_empty_texts_are_left_out() -> None:
    url = f"data:image/jpeg;base64,{PNG}"
    assert parts({"type": "text", "text": "see"}, {"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": url}}) == (
        TextPart("see"),
        ImagePart("image/png", PNG),
    )


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (f"data:image/png;base64,{PNG}", ImagePart("image/png", PNG)),
        (f"DATA:image/png;charset=utf-8;BASE64,{PNG}", ImagePart("image/png", PNG)),
        (f"data:;base64,{PNG}", ImagePart("image/png", PNG)),
        (f"data:image/png;base64,{PNG.replace('+', '%2B').replace('=', '%3D')}", ImagePart("image/png", PNG)),
        ("data:image/x-odd;base64,AAAA", ImagePart("image/x-odd", "AAAA")),
        ("data:;base64,AAAA", ImagePart("image/jpeg", "AAAA")),
        (f"data:image/png;base64,{PDF}", FilePart("application/pdf", PDF)),
        ("https://example.org/a.png", ImagePart(url="https://example.org/a.png")),
    ],
)
def test_pictures_are_what_their_bytes_tell(url: str, part: Any) -> None:
    assert parts({"type": "image_url", "image_url": {"url": url, "detail": "auto"}}) == (part,)
    assert parts({"type": "image_url", "image_url": url}) == (part,)


@pytest.mark.parametrize(("said", "detail"), [("low", "low"), ("high", "high"), ("original", "high"), ("auto", ""), (None, "")])
def test_how_closely_to_look_is_said_in_words_that_all_servers_know(said: str | None, detail: str) -> None:
    for url in (f"data:image/png;base64,{PNG}", "https://example.org/a.png"):
        (part,) = parts({"type": "image_url", "image_url": {"url": url, "detail": said}})
        assert isinstance(part, ImagePart)
        assert part.detail == detail
        given = [{"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": said}]}]
        assert parse_response({"model": "m", "input": given}).messages[0].parts == (part,)


@pytest.mark.parametrize("url", ["ftp://x", "data:image/png;base64,", "data:image/png;base64,*", "x", "data:image/svg+xml,<svg/>", ""])
def test_pictures_that_are_none_are_refused_by_their_place(url: str) -> None:
    error = refused(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
    assert error.param == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ({"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}, FilePart("application/pdf", PDF, name="a.pdf")),
        ({"filename": "a.pdf", "file_data": PDF}, FilePart("application/pdf", PDF, name="a.pdf")),
        ({"filename": "a.md", "file_data": "SGk="}, FilePart("text/markdown", "SGk=", name="a.md")),
        ({"filename": "a", "file_data": "data:text/plain,H%69"}, FilePart("text/plain", "SGk=", name="a")),
        ({"file_data": "SGk="}, FilePart("application/octet-stream", "SGk=")),
        ({"file_data": "https://x/a.pdf"}, FilePart(url="https://x/a.pdf")),
        ({"filename": "a.xml", "file_data": "PD94bWwgLz4="}, FilePart("text/xml", "PD94bWwgLz4=", name="a.xml")),
        *(
            (
                {"filename": "a.txt", "file_data": f"data:text/plain;base64,{_base64(said)}"},
                FilePart("text/plain", _base64(read), name="a.txt"),
            )
            for said, read in (
                *(("Grüße".encode(encoding), "Grüße".encode()) for encoding in ("utf-16", "utf-32", "utf-8")),
                (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße".encode()),
                ("Grüße".encode("latin-1"), "Grüße".encode("latin-1")),
                (b"\xff\xfea", b"\xff\xfea"),
                (b"BMW is a car", b"BMW is a car"),
                (b"ID3 is a tag", b"ID3 is a tag"),
            )
        ),
        ({"filename": "a.txt", "file_data": f"data:text/plain;base64,{PNG}"}, ImagePart("image/png", PNG)),
        ({"file_data": PNG}, ImagePart("image/png", PNG)),
        ({"file_data": WAV}, AudioPart("wav", WAV)),
    ],
)
def test_files_are_what_their_bytes_tell_else_what_their_client_says(file: Any, part: Any) -> None:
    assert parts({"type": "file", "file": file}) == (part,)


def test_files_that_are_stored_elsewhere_or_nowhere_are_refused() -> None:
    for file, place in (({"file_id": "file-1"}, "file_id"), ({}, "file_data"), ({"file_data": "*"}, "file_data")):
        error = refused(messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
        assert error.param == f"messages[0].content[0].file.{place}"


def test_sounds_have_the_format_that_their_bytes_tell() -> None:
    assert parts({"type": "input_audio", "input_audio": {"data": WAV, "format": "mp3"}}) == (AudioPart("wav", WAV),)
    assert parts({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}) == (AudioPart("mp3", "AAAA"),)
    error = refused(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}])
    assert error.param == "messages[0].content[0].input_audio.data"


def test_marks_of_what_to_cache_are_kept() -> None:
    hint = {"type": "ephemeral"}
    assert parts({"type": "text", "text": "a", "cache_control": hint}) == (TextPart("a", hint),)
    assert asked(tools=[{**F, "cache_control": hint}]).tools == (Tool("f", cache_hint=hint),)


def test_a_turn_of_the_model_and_a_result_may_have_no_content() -> None:
    call = {
        "role": "assistant",
        "content": [],
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    turns = conversation({"role": "user", "content": "hi"}, call, {"role": "tool", "tool_call_id": "a", "content": []})
    assert [turn.parts for turn in turns[1:]] == [(ToolCallPart("a", "f", "{}"),), (ToolResultPart("a", "f", ()),)]


def test_a_turn_of_the_model_has_thoughts_words_and_calls() -> None:
    turn = {
        "role": "assistant",
        "reasoning_content": "plan",
        "content": None,
        "refusal": "no",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}],
    }
    result = {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"}]}
    assert conversation(turn, result) == (
        Message("assistant", (ReasoningPart("plan"), RefusalPart("no"), ToolCallPart("a", "f", '{"x": 1}'))),
        Message("tool", (ToolResultPart("a", "f", (TextPart("1"),)),)),
    )


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ({"reasoning": "plan"}, ReasoningPart("plan")),
        ({"reasoning_content": "plan", "reasoning": "plan"}, ReasoningPart("plan")),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p", "signature": "s"}]}, ReasoningPart("p", "s", "anthropic")),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p", "signature": "gemini:s"}]}, ReasoningPart("p", "s", "gemini")),
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}]}, ReasoningPart("", "d", "anthropic", redacted=True)),
        ({"thinking_blocks": [{"type": "thinking", "thinking": "p"}], "reasoning": "q"}, ReasoningPart("p")),
        ({"thinking_blocks": [{"type": "thinking"}], "reasoning": "q"}, ReasoningPart("q")),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "p"}]}]}, ReasoningPart("p")),
        ({"content": [{"type": "thinking", "thinking": "p"}]}, ReasoningPart("p")),
    ],
)
def test_thoughts_come_back_in_many_forms(said: Any, part: ReasoningPart) -> None:
    assert conversation({"role": "assistant", **said})[0].parts == (part,)


def test_a_chat_does_not_tell_where_one_of_several_signed_thoughts_stood() -> None:
    blocks = [{"type": "thinking", "thinking": "p", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]
    parts = conversation({"role": "assistant", "thinking_blocks": blocks})[0].parts
    assert parts == (
        ReasoningPart("p", "s", "anthropic", is_loose=True),
        ReasoningPart("", "d", "anthropic", redacted=True, is_loose=True),
    )


def test_signatures_of_calls_come_back_where_google_has_them() -> None:
    for word, found in (("QQ==", ("QQ==", "gemini")), ("anthropic:s", ("s", "anthropic"))):
        call = {"id": "a", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"thought_signature": word}}}
        part = conversation({"role": "assistant", "tool_calls": [call]})[0].parts[0]
        assert isinstance(part, ToolCallPart)
        assert (part.opaque, part.origin) == found


def test_arguments_stay_what_they_are_even_broken_and_objects_become_text() -> None:
    for given, kept in (("", ""), ('{"x":', '{"x":'), ({"x": 2**70}, f'{{"x":{2**70}}}'), (None, "")):
        call = {"id": "a", "function": {"name": "f", "arguments": given}}
        part = conversation({"role": "assistant", "tool_calls": [call]})[0].parts[0]
        assert isinstance(part, ToolCallPart)
        assert part.arguments == kept


def test_results_stand_behind_their_calls_and_every_call_has_one() -> None:
    calls = [{"id": call_id, "function": {"name": call_id * 2, "arguments": "{}"}} for call_id in "ab"]
    found = conversation(
        {"role": "assistant", "tool_calls": calls},
        {"role": "user", "content": "wait"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "tool", "tool_call_id": "zzz", "content": "lost"},
    )
    assert found[1:] == (
        Message("tool", (ToolResultPart("a", "aa", (TextPart("(no result)"),), is_error=True),)),
        Message("tool", (ToolResultPart("b", "bb", (TextPart("2"),)),)),
        Message("user", (TextPart("wait"),)),
        Message("user", (TextPart("lost"),)),
    )


def test_ids_that_come_again_in_later_turns_are_told_apart() -> None:
    turn = {"role": "assistant", "tool_calls": [{"id": "0", "function": {"name": "f", "arguments": "{}"}}]}
    result = {"role": "tool", "tool_call_id": "0", "content": "x"}
    found = conversation(turn, result, turn, result)

    ids = [part.id for message in found for part in message.parts if isinstance(part, ToolCallPart)]
    assert ids == [part.call_id for message in found for part in message.parts if isinstance(part, ToolResultPart)]
    assert len(set(ids)) == 2


def test_functions_of_the_older_kind_are_calls_and_results_too() -> None:
    turn = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "1"}
    found = conversation(turn, result, turn, result)

    ids = [part.id for message in found for part in message.parts if isinstance(part, ToolCallPart)]
    assert ids == [part.call_id for message in found for part in message.parts if isinstance(part, ToolResultPart)]
    assert len(set(ids)) == 2
    request = asked(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})
    assert request.tools == (Tool("f", parameters={}),)
    assert request.tool_choice == {"type": "function", "function": {"name": "f"}}
    assert (request.speaks_functions, request.parallel_tool_calls) == (True, False)
    assert asked(functions=[{"name": "f"}], function_call="none").tool_choice == "none"


def test_tools_come_as_they_are() -> None:
    request = asked(tools=[F, G], tool_choice="required", parallel_tool_calls=False)
    assert request.tools == (Tool("f"), Tool("g", "G", {"type": "object"}, strict=True))
    assert (request.tool_choice, request.parallel_tool_calls, request.speaks_functions) == ("required", False, False)


def test_without_tools_there_is_nothing_to_choose() -> None:
    request = asked(tools=[], tool_choice="auto", parallel_tool_calls=True)
    assert (request.tool_choice, request.parallel_tool_calls) == (None, None)


def test_who_may_call_only_some_tools_knows_no_others() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}}
    request = asked(tools=[F, G], tool_choice=allowed)
    assert (request.tools, request.tool_choice) == ((Tool("f"),), "required")


def test_many_tools_that_are_allowed_cost_no_more_than_their_number() -> None:
    many = [{"type": "function", "function": {"name": f"f{number}"}} for number in range(30_000)]
    began = time.process_time()
    request = asked(tools=many, tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": many}})
    assert time.process_time() - began < 3, "where each is looked for among all others, it takes far longer"
    assert (len(request.tools), request.tool_choice) == (len(many), "auto")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, ResponseFormat("json")),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
            ResponseFormat("json_schema", {"type": "object"}, "n", strict=True),
        ),
        ({"type": "json_schema", "json_schema": {"schema": {}}}, ResponseFormat("json_schema", {})),
    ],
)
def test_formats(given: Any, wanted: ResponseFormat | None) -> None:
    assert asked(response_format=given).response_format == wanted


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ({"reasoning_effort": "none"}, ("off", None, False)),
        ({"reasoning_effort": "xhigh", "think": False}, ("xhigh", None, False)),
        ({"reasoning": {"effort": "low", "max_tokens": 2000}}, ("low", 2000, False)),
        ({"reasoning": {"enabled": True, "exclude": True}}, ("on", None, True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, ("on", 4096, False)),
        ({"thinking": {"type": "disabled", "budget_tokens": 4096}}, ("off", None, False)),
        ({"think": True}, ("on", None, False)),
        ({"think": "high"}, ("high", None, False)),
        ({"options": {"think": False}}, ("off", None, False)),
        ({"extra_body": {"think": "max"}}, ("max", None, False)),
        ({"chat_template_kwargs": {"enable_thinking": False}}, ("off", None, False)),
        ({"include_reasoning": False}, (None, None, True)),
        ({"reasoning_format": "hidden"}, (None, None, True)),
    ],
)
def test_how_hard_to_think_is_said_in_many_ways(payload: Any, wanted: Any) -> None:
    request = asked(**payload)
    assert (request.reasoning, request.reasoning_budget, request.hides_reasoning) == wanted


def test_sampling_of_openai() -> None:
    request = asked(
        max_tokens=5, max_completion_tokens=9, temperature=0, top_p=0.5, seed=-1, presence_penalty=1, frequency_penalty=-1,
        stop=["a", ""], logprobs=True, top_logprobs=3, user="u",
    )  # fmt: skip
    assert request.sampling == Sampling(
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        seed=-1,
        presence_penalty=1,
        frequency_penalty=-1,
        stop=("a",),
        logprobs=True,
        top_logprobs=3,
    )
    assert request.user == "u"
    assert asked(max_tokens=5, safety_identifier="s").sampling.max_tokens == 5
    assert asked(safety_identifier="s").user == "s"


@pytest.mark.parametrize("where", ["top", "options", "extra_body", "extra_options"])
def test_what_users_of_ollama_send_is_understood_wherever_it_stands(where: str) -> None:
    runner = {
        "num_gpu": -1,
        "main_gpu": 0,
        "num_thread": 8,
        "num_keep": 4,
        "num_batch": 256,
        "repeat_last_n": 0,
        "draft_num_predict": 4,
        "use_mmap": False,
    }
    extras = {"top_k": 40, "min_p": 0.1, "typical_p": 0.2, "repeat_penalty": 1.1, "num_ctx": 8192, "keep_alive": "5m", **runner}
    payload = {
        "top": extras,
        "options": {"options": extras},
        "extra_body": {"extra_body": extras},
        "extra_options": {"extra_body": {"options": extras}},
    }[where]
    request = asked(**payload)
    assert request.sampling == Sampling(top_k=40, min_p=0.1, typical_p=0.2, repeat_penalty=1.1)
    assert request.extra == {"num_ctx": 8192, "keep_alive_s": 300.0, **runner}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"thinking_budget": 800, "include_thoughts": True}, (None, 800, False)),
        ({"thinkingBudget": 800, "includeThoughts": False}, (None, 800, True)),
        ({"thinking_budget": 0}, ("off", None, False)),
        ({"thinking_budget": -1}, ("on", None, False)),
        ({"thinking_level": "low", "include_thoughts": True}, ("low", None, False)),
        ({"thinkingLevel": "HIGH"}, ("high", None, False)),
        ({"thinking_level": "THINKING_LEVEL_UNSPECIFIED"}, (None, None, False)),
        ({"include_thoughts": True}, ("on", None, False)),
        ({"include_thoughts": False}, (None, None, True)),
        ({}, (None, None, False)),
    ],
)
def test_googles_wishes_about_thoughts_are_read_where_google_has_them(config: dict[str, Any], wanted: Any) -> None:
    """Source: https://ai.google.dev/gemini-api/docs/openai#thinking."""
    said = {"thinking_config": config}
    for place in ({"google": said}, {"extra_body": {"google": said}}, said, {"extra_body": said}, {"google": {"thinkingConfig": config}}):
        request = asked(**place)
        assert (request.reasoning, request.reasoning_budget, request.hides_reasoning) == wanted
        answer = parse_response({"model": "m", "input": "hi", **place})
        assert (answer.reasoning, answer.reasoning_budget, answer.hides_reasoning) == wanted


def test_openais_own_effort_wins_over_googles() -> None:
    request = asked(reasoning_effort="high", google={"thinking_config": {"thinking_level": "low", "include_thoughts": False}})
    assert (request.reasoning, request.hides_reasoning) == ("high", True)
    assert asked(google="all").reasoning is None
    assert asked(reasoning_effort="none", google={"thinking_config": {"thinking_budget": 800}}).reasoning_budget is None


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (5, ""),
        ({"thinking_budget": "much"}, ".thinking_budget"),
        ({"thinking_budget": -2}, ".thinking_budget"),
        ({"thinkingLevel": "huge"}, ".thinkingLevel"),
        ({"include_thoughts": "yes"}, ".include_thoughts"),
    ],
)
def test_googles_wishes_that_nobody_knows_are_refused_by_their_place(config: Any, place: str) -> None:
    assert refused(messages=HELLO, google={"thinking_config": config}).param == f"google.thinking_config{place}"


SAFETY = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
OF_GOOGLE = {"safetySettings": SAFETY, "cachedContent": "cachedContents/1", "labels": {"team": "a"}, "serviceTier": "flex"}
IN_SNAKE_CASE = {"safety_settings": SAFETY, "cached_content": "cachedContents/1", "labels": {"team": "a"}, "service_tier": "flex"}


@pytest.mark.parametrize("said", [OF_GOOGLE, IN_SNAKE_CASE], ids=["camels", "snakes"])
@pytest.mark.parametrize("parse", [parse_chat, parse_completion, parse_response])
def test_what_gemini_alone_knows_is_understood_wherever_it_stands(parse: Callable[..., Any], said: dict[str, Any]) -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi"}
    if parse is parse_response:
        del asked["prompt"]
    for place in (said, {"extra_body": said}, {"google": said}, {"extra_body": {"google": said}}, {"options": said}):
        assert parse({**asked, **place}).extra == OF_GOOGLE


def test_what_is_said_of_gemini_at_the_top_counts_most() -> None:
    both = asked(labels={"at": "top"}, extra_body={"labels": {"at": "inside"}, "cachedContent": "a", "google": {"cached_content": "b"}})
    assert both.extra == {"labels": {"at": "top"}, "cachedContent": "a"}
    assert asked(safetySettings=None, google="all", service_tier="priority").extra == {"serviceTier": "priority"}


OF_OPENAI = {"prompt_cache_key": "k", "prompt_cache_options": {"mode": "explicit"}, "prompt_cache_retention": "24h"}


def test_what_openai_alone_knows_is_kept_as_it_came() -> None:
    assert asked(**OF_OPENAI, verbosity="low", service_tier="auto").extra == {**OF_OPENAI, "verbosity": "low", "serviceTier": "auto"}
    response = parse_response({"model": "m", "input": "hi", **OF_OPENAI, "text": {"verbosity": "low"}, "service_tier": "auto"})
    assert response.extra == {**OF_OPENAI, "verbosity": "low", "serviceTier": "auto"}


def test_options_say_what_the_top_does_not() -> None:
    options = {"num_predict": 7, "temperature": 1, "seed": -1, "stop": "x", "top_k": -1, "num_ctx": 0}
    assert asked(options=options).sampling == Sampling(max_tokens=7, temperature=1, stop=("x",))
    assert asked(options=options).extra == {}
    both = asked(options=options, max_tokens=3, temperature=0, repetition_penalty=1.2).sampling
    assert both == Sampling(max_tokens=3, temperature=0, stop=("x",), repeat_penalty=1.2)
    assert asked(options={"num_predict": -1}).sampling == Sampling()
    assert asked(max_tokens=-1, max_completion_tokens=-1).sampling == Sampling()
    assert asked(keep_alive=-1).extra == {"keep_alive_s": math.inf}


def test_fields_that_mean_nothing_here_are_left_out() -> None:
    assert asked(foo=1, store=True, metadata={"a": "b"}, logit_bias={"1": 1}, verbosity=None, n=1) == asked()


def test_a_stream_may_want_counts() -> None:
    request = asked(stream=True, stream_options={"include_usage": True})
    assert (request.stream, request.wants_usage) == (True, True)
    assert not asked(stream=None, stream_options=None).stream


@pytest.mark.parametrize(
    ("payload", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": 1}, "model", "invalid_type"),
        ({"messages": []}, "messages", "missing_required_parameter"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [{"role": "boss", "content": "hi"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "messages[0].content[0].type", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "system", "content": None}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "empty_array"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", "missing_required_parameter"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": None}]}]},
            "messages[0].content[0].refusal",
            "missing_required_parameter",
        ),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "missing_required_parameter"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
            "missing_required_parameter",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom", "custom": {}}]}]},
            "messages[0].tool_calls[0].type",
            "unsupported_parameter",
        ),
        ({"n": 9}, "n", "unsupported_value"),
        ({"best_of": 2}, "best_of", "unsupported_value"),
        ({"n": 0}, "n", "integer_out_of_range"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"temperature": True}, "temperature", "invalid_type"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "integer_out_of_range"),
        ({"stop": [1]}, "stop[0]", "invalid_type"),
        ({"stop": 1}, "stop", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_out_of_range"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_parameter"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
        ({"tools": [F], "tool_choice": "must"}, "tool_choice", "invalid_value"),
        ({"tools": [F], "tool_choice": G}, "tool_choice.function.name", "invalid_value"),
        ({"tools": [F], "tool_choice": {"type": "custom"}}, "tool_choice.type", "unsupported_parameter"),
        (
            {"tools": [F], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [G]}}},
            "tool_choice.allowed_tools.tools[0].function.name",
            "invalid_value",
        ),
        ({"tools": [F], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools.tools", "invalid_type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema", "missing_required_parameter"),
        ({"reasoning_effort": "hard"}, "reasoning_effort", "invalid_value"),
        ({"think": "hard"}, "think", "invalid_value"),
        ({"think": 1}, "think", "invalid_type"),
        ({"keep_alive": "soon"}, "keep_alive", "invalid_value"),
        ({"options": {"num_ctx": "big"}}, "options.num_ctx", "invalid_type"),
        ({"num_gpu": "all"}, "num_gpu", "invalid_type"),
        ({"options": {"use_mmap": 1}}, "options.use_mmap", "invalid_type"),
        ({"options": 1}, "options", "invalid_type"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
    ],
)
def test_what_is_wrong_is_named_in_openais_words(payload: Any, param: str, code: str) -> None:
    error = refused(**payload)
    assert (error.param, error.code, error.status) == (param, code, 400)
    assert f"'{param}'" in error.message or code == "invalid_value"


@pytest.mark.parametrize(
    ("capabilities", "payload", "param"),
    [
        (None, {"tools": [F]}, None),
        ({"completion"}, {}, None),
        ({"completion", "tools"}, {"tools": [F]}, None),
        ({"completion"}, {"reasoning_effort": "high"}, None),
        ({"completion"}, {"tools": [F]}, "tools"),
        ({"embedding"}, {}, "model"),
    ],
)
def test_models_that_are_known_to_lack_something_are_not_asked(capabilities: set[str] | None, payload: Any, param: str | None) -> None:
    card = ModelCard("m", capabilities=None if capabilities is None else frozenset(capabilities))
    CHAT_TRANSLATED.admit(asked(**payload), None)
    if param is None:
        CHAT_TRANSLATED.admit(asked(**payload), card)
        return
    with pytest.raises(InvalidRequest) as caught:
        CHAT_TRANSLATED.admit(asked(**payload), card)
    assert caught.value.param == param
