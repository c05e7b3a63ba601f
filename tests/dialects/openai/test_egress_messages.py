"""Messages and tools as OpenAI-compatible servers take them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.canonical.request import AudioPart, ImagePart, ReasoningPart, RefusalPart, TextPart, Tool
from proxy.dialects.openai import egress
from proxy.errors import InvalidRequest
from proxy.profiles import PROFILES
from tests.dialects.openai.asking import a_chat_request, answered, built, called, messages, said, to

PNG = ImagePart(mime="image/png", data="iVBORw0KGgo=")
PNG_URL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def test_text_alone_is_a_string() -> None:
    assert messages(said("system", "Be brief."), said("user", "Hi"), said("assistant", "Yes?")) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
    ]


@pytest.mark.parametrize(("role", "content"), [("user", "a\nb"), ("system", "a\n\nb"), ("assistant", "ab")])
def test_several_texts_become_one(role: Any, content: str) -> None:
    assert messages(said(role, "a", "b"))[0]["content"] == content


def test_a_message_without_parts_is_an_empty_text() -> None:
    assert messages(said("user"), said("assistant")) == [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]


def test_developers_are_the_system_for_everyone() -> None:
    assert messages(said("developer", "a", "b"), profile="openai") == [{"role": "system", "content": "a\n\nb"}]


# Media


def test_a_picture_comes_as_a_data_url_behind_its_text() -> None:
    assert messages(said("user", "What is it?", PNG))[0]["content"] == [{"type": "text", "text": "What is it?"}, PNG_URL]


@pytest.mark.parametrize("text", [(), ("",)])
def test_a_picture_without_text_comes_alone(text: tuple[str, ...]) -> None:
    assert messages(said("user", *text, PNG))[0]["content"] == [PNG_URL]


def test_a_picture_by_url_keeps_its_url() -> None:
    part = ImagePart(url="https://example.com/x.png")
    assert messages(said("user", part))[0]["content"][0]["image_url"] == {"url": "https://example.com/x.png"}


def test_sound_has_a_part_of_its_own() -> None:
    content = messages(said("user", "Listen", AudioPart("wav", "UklGRg==")))[0]["content"]
    assert content[1] == {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}


# Turns of the model


def test_a_refusal_is_what_the_model_said() -> None:
    assert messages(said("assistant", RefusalPart("I won't."))) == [{"role": "assistant", "content": "I won't."}]


def test_tool_calls_have_a_type_and_arguments_as_text() -> None:
    assert messages(said("assistant", "Let me see.", called("c1"))) == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}],
        }
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert messages(said("assistant", called("c1", arguments="")))[0]["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(("profile", "content"), [("generic", {"content": None}), ("mistral", {})])
def test_a_turn_of_calls_alone_says_nothing_in_the_servers_way(profile: str, content: dict[str, Any]) -> None:
    message = messages(said("assistant", called("abcdefghi")), profile=profile)[0]
    assert {key: message[key] for key in message.keys() & {"content"}} == content


def test_a_turn_of_calls_alone_is_an_empty_text_where_null_was_refused() -> None:
    profile = replace(PROFILES["generic"], no_content="empty")
    assert messages(said("assistant", called("c")), profile=profile)[0]["content"] == ""


def test_an_empty_turn_is_left_out_where_it_would_be_refused() -> None:
    assert messages(said("user", "a"), said("assistant", ReasoningPart("hm")), said("user", "b"), profile="mistral") == [
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
    ]


@pytest.mark.parametrize(("profile", "name"), [("generic", {"name": "Ann"}), ("mistral", {})])
def test_names_of_speakers_go_only_where_they_are_taken(profile: str, name: dict[str, str]) -> None:
    for message in messages(said("user", "Hi", name="Ann"), said("assistant", "Hi", name="Ann"), profile=profile):
        assert {key: message[key] for key in message.keys() & {"name"}} == name


# Earlier thinking


def test_thinking_is_left_out_where_nobody_asked_for_it() -> None:
    for profile in ("generic", "openai", "groq", "mistral"):
        assert messages(said("assistant", ReasoningPart("hm"), called("abcdefghi")), profile=profile)[0].keys() <= {
            "role",
            "content",
            "tool_calls",
        }


def test_deepseek_gets_its_thinking_back() -> None:
    message = messages(said("assistant", ReasoningPart("hm"), called("c1")), profile="deepseek")[0]
    assert message["reasoning_content"] == "hm"


def test_deepseek_gets_a_blank_for_thinking_that_the_client_dropped() -> None:
    turns = messages(said("assistant", called("c1")), answered("c1", "x"), said("assistant", "Done."), profile="deepseek")
    assert [turn.get("reasoning_content") for turn in turns] == [" ", None, " "]


def test_others_get_thinking_back_with_the_calls_it_led_to_and_nothing_made_up() -> None:
    turns = messages(
        said("assistant", ReasoningPart("a"), "text"),
        said("assistant", ReasoningPart("b"), called("c1")),
        said("assistant", called("c2")),
        profile="vllm",
    )
    assert [turn.get("reasoning") for turn in turns] == [None, "b", None]


# Results of tools


def test_results_name_their_calls() -> None:
    assert messages(answered("c1", "sunny", "20 C")) == [{"role": "tool", "tool_call_id": "c1", "content": "sunny\n20 C"}]


def test_a_failed_tool_says_so() -> None:
    assert messages(answered("c1", "no such city", is_error=True))[0]["content"] == "Error: no such city"


def test_an_empty_result_is_an_empty_text() -> None:
    assert messages(answered("c1"))[0]["content"] == ""


def test_pictures_of_tools_come_behind_all_their_results() -> None:
    jpeg = ImagePart(mime="image/jpeg", data="/9j/")
    conversation = (
        said("assistant", called("a"), called("b")),
        answered("a", "Here:", PNG),
        answered("b", jpeg, AudioPart("mp3", "SUQz")),
        said("user", "Well?"),
    )
    _, first, second, shown, last = messages(*conversation)
    assert first == {"role": "tool", "tool_call_id": "a", "content": "Here:\n[image 1]"}
    assert second == {"role": "tool", "tool_call_id": "b", "content": "[image 2]\n[audio 3]"}
    assert shown == {
        "role": "user",
        "content": [
            {"type": "text", "text": "[image 1]"},
            PNG_URL,
            {"type": "text", "text": "[image 2]"},
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}},
            {"type": "text", "text": "[audio 3]"},
            {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        ],
    }
    assert last == {"role": "user", "content": "Well?"}


def test_pictures_of_the_last_tool_are_not_forgotten() -> None:
    turns = messages(said("assistant", called("a")), answered("a", PNG))
    assert [turn["role"] for turn in turns] == ["assistant", "tool", "user"]


def test_pictures_are_counted_anew_in_each_run_of_results() -> None:
    turns = messages(answered("a", PNG), said("assistant", "I see."), answered("b", PNG))
    assert [turn["content"] for turn in turns if turn["role"] == "tool"] == ["[image 1]", "[image 1]"]


# Ids


def test_mistral_gets_ids_of_nine_letters_equal_on_call_and_result() -> None:
    conversation = (
        said("assistant", called("call_abc"), called("call_abd"), called("aB3dE6gH9")),
        answered("call_abd", "2"),
        answered("call_abc", "1"),
        answered("aB3dE6gH9", "3"),
    )
    calls, second, first, third = messages(*conversation, profile="mistral")
    ids = [call["id"] for call in calls["tool_calls"]]
    assert ids == [first["tool_call_id"], second["tool_call_id"], third["tool_call_id"]]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[A-Za-z0-9]{9}", call_id) for call_id in ids)
    assert ids[2] == "aB3dE6gH9", "what is legal stays"


def test_new_ids_do_not_depend_on_the_rest_of_the_conversation() -> None:
    """A prompt cache matches from the start on: what was said before must look the same in every request."""
    short = messages(said("assistant", called("call_abc")), profile="mistral")
    long = messages(said("assistant", called("call_abc")), said("assistant", called("call_x")), profile="mistral")
    assert short[0] == long[0]


def test_a_new_id_never_takes_one_that_is_there() -> None:
    taken = messages(said("assistant", called("call_abc")), profile="mistral")[0]["tool_calls"][0]["id"]
    calls = messages(said("assistant", called("call_abc"), called(taken)), profile="mistral")[0]["tool_calls"]
    assert calls[1]["id"] == taken != calls[0]["id"]


def test_others_keep_the_ids_of_the_client() -> None:
    assert messages(said("assistant", called("functions.f:0")), profile="openai")[0]["tool_calls"][0]["id"] == "functions.f:0"


# Tools


def test_tools_keep_their_schemas_as_they_came() -> None:
    schema = {"type": "object", "$defs": {"z": 1, "a": 2}, "properties": {"zeta": {"minimum": 1}, "alpha": {"oneOf": []}}, "x-own": None}
    call = egress.build_chat(a_chat_request(tools=(Tool("f", "does f", schema, strict=True),)), to("generic"))
    assert call.body is not None
    assert orjson.dumps(schema) in call.body, "with its keys in their order"
    assert orjson.loads(call.body)["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "does f", "parameters": schema, "strict": True}}
    ]


def test_a_function_without_schema_takes_nothing() -> None:
    assert built(tools=(Tool("f"),))["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    ]


def test_no_tools_are_no_list() -> None:
    body = built(tools=(), tool_choice="auto", parallel_tool_calls=False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


NAMED = {"type": "function", "function": {"name": "b"}}


@pytest.mark.parametrize(
    ("profile", "choice", "sent", "tools"),
    [
        ("openai", "auto", "auto", ["a", "b"]),
        ("openai", "required", "required", ["a", "b"]),
        ("openai", NAMED, NAMED, ["a", "b"]),
        ("mistral", "required", "any", ["a", "b"]),
        ("mistral", "none", "none", ["a", "b"]),
        ("lmstudio", NAMED, "required", ["b"]),
        ("lmstudio", {"type": "function", "function": {"name": "c"}}, "required", ["a", "b"]),
    ],
)
def test_a_demanded_tool_is_demanded_in_the_servers_way(profile: str, choice: Any, sent: Any, tools: list[str]) -> None:
    body = built(profile, tools=(Tool("a"), Tool("b")), tool_choice=choice)
    assert body["tool_choice"] == sent
    assert [tool["function"]["name"] for tool in body["tools"]] == tools


@pytest.mark.parametrize(("profile", "sent"), [("openai", {"parallel_tool_calls": False}), ("generic", {})])
def test_parallel_calls_are_spoken_of_where_that_is_understood(profile: str, sent: dict[str, bool]) -> None:
    body = built(profile, tools=(Tool("a"),), parallel_tool_calls=False)
    assert {key: body[key] for key in body.keys() & {"parallel_tool_calls"}} == sent


def test_tools_are_never_dropped_in_silence() -> None:
    profile = replace(PROFILES["openrouter"], tools=False)
    with pytest.raises(InvalidRequest, match='"asked" does not support tools'):
        built(profile, tools=(Tool("a"),))
    assert "tools" not in built(profile)


def test_what_no_json_can_hold_is_the_clients_mistake() -> None:
    with pytest.raises(InvalidRequest, match="can't be written as JSON"):
        built(messages=(said("user", TextPart("\ud800")),))


@pytest.mark.parametrize("chars", [4, 1024 * 1024 - 4, 1024 * 1024, 3 * 1024 * 1024])
def test_pictures_of_any_size_are_sent_as_data_urls(chars: int) -> None:
    picture = ImagePart("image/png", "A" * chars)
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * chars}"}}
    sent = messages(said("user", picture, "and?"), said("user", picture))
    assert [message["content"] for message in sent] == [[url, {"type": "text", "text": "and?"}], [url]]
