"""Conversations on their way to Anthropic: turns, calls and their results, what is shown."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.request import AudioPart, FilePart, ImagePart, Message, ReasoningPart, RefusalPart, TextPart
from proxy.errors import InvalidRequest
from tests.dialects.anthropic.asking import NEWEST, WEATHER, a_chat, answered, built, called, judge, messages, said, to

PNG = ImagePart("image/png", "iVBORw0KGgo=")
PNG_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_leading_system_messages_stand_in_their_own_place() -> None:
    body = built(messages=(said("system", "a"), said("developer", "b", " "), said("user", "c")))
    assert body["system"] == [text("a"), text("b")]
    assert body["messages"] == [{"role": "user", "content": [text("c")]}]


def test_the_system_in_the_middle_is_quoted_by_the_user_where_the_model_knows_no_system_turns() -> None:
    conversation = (said("user", "a"), said("system", "b"), said("user", "c"))
    assert messages(*conversation) == [{"role": "user", "content": [text("a"), text("<system>\nb\n</system>"), text("c")]}]


@pytest.mark.parametrize(
    ("conversation", "turns"),
    [
        ("user system assistant user", ["user 0", "system 1", "assistant 2", "user 3"]),
        ("user system", ["user 0", "system 1"]),
        ("user system system", ["user 0", "system 1 2"]),
        ("user system user", ["user 0 <1> 2"]),
        ("user system system user system", ["user 0 <1> <2> 3", "system 4"]),
        ("user assistant system user", ["user 0", "assistant 1", "user <2> 3"]),
        ("user assistant system", ["user 0", "assistant 1", "user <2>"]),
    ],
)
def test_the_system_speaks_between_the_user_and_the_model_and_is_quoted_elsewhere(conversation: str, turns: list[str]) -> None:
    asked = [said(role, str(place)) for place, role in enumerate(conversation.split())]
    built_turns = messages(*asked, profile=NEWEST)
    words = [[block["text"].replace("<system>\n", "<").replace("\n</system>", ">") for block in turn["content"]] for turn in built_turns]
    assert [" ".join([turn["role"], *said]) for turn, said in zip(built_turns, words, strict=True)] == turns


def test_the_system_speaks_behind_results() -> None:
    conversation = (said("user", "a"), said("assistant", called("c1")), answered("c1", "sun"), said("system", "b"))
    assert [turn["role"] for turn in messages(*conversation, profile=NEWEST)] == ["user", "assistant", "user", "system"]
    assert [turn["role"] for turn in messages(*conversation, said("user", "c"), profile=NEWEST)] == ["user", "assistant", "user"]


def test_turns_of_the_same_role_become_one() -> None:
    conversation = (said("user", "a"), said("user", "b"), said("assistant", "c"), said("assistant", "d"), said("user", "e"))
    assert [[block["text"] for block in turn["content"]] for turn in messages(*conversation)] == [["a", "b"], ["c", "d"], ["e"]]


def test_the_user_has_the_first_word() -> None:
    assert messages(said("assistant", "a"), said("user", "b"))[0] == {"role": "user", "content": [text(".")]}


@pytest.mark.parametrize("conversation", [(), (said("system", "a"),), (said("user", ""),), (said("user", " \n"), said("user", ""))])
def test_a_conversation_without_words_has_a_turn(conversation: tuple[Message, ...]) -> None:
    assert messages(*conversation) == [{"role": "user", "content": [text(".")]}]


def test_turns_of_the_model_without_words_are_left_out() -> None:
    assert [turn["role"] for turn in messages(said("user", "a"), said("assistant", ""), said("user", "b"))] == ["user"]


def test_what_was_refused_was_said() -> None:
    assert messages(said("user", "a"), said("assistant", RefusalPart("no")), said("user", "b"))[1]["content"] == [text("no")]


def test_results_stand_in_one_message_before_what_the_user_says() -> None:
    conversation = (
        said("user", "a"),
        said("assistant", "looking", called("c1"), called("c2")),
        answered("c2", "rain"),
        answered("c1", "sun", PNG),
        said("user", "and?"),
    )
    assert messages(*conversation)[1:] == [
        {
            "role": "assistant",
            "content": [
                text("looking"),
                {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "c2", "name": "get_weather", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [text("sun"), PNG_BLOCK]},
                {"type": "tool_result", "tool_use_id": "c2", "content": [text("rain")]},
                text("and?"),
            ],
        },
    ]


def test_pictures_of_a_failed_call_stand_behind_the_results() -> None:
    conversation = (
        said("user", "a"),
        said("assistant", called("c1"), called("c2")),
        answered("c1", "burnt", PNG, is_error=True),
        answered("c2", ""),
    )
    failed, empty, picture = messages(*conversation)[-1]["content"]
    assert failed["is_error"] is True
    assert failed["content"] == [text("burnt"), text("[shown below: image 1]")]
    assert empty == {"type": "tool_result", "tool_use_id": "c2"}
    assert picture == PNG_BLOCK


def test_a_call_without_a_result_gets_one_that_says_so_and_a_result_without_a_call_is_the_users_words() -> None:
    conversation = (said("user", "a"), said("assistant", called("c1")), said("user", "b"), answered("c9", "stray"))
    assert messages(*conversation)[-1]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": [text("(no result)")], "is_error": True},
        text("b"),
        text("stray"),
    ]


def test_ids_with_other_letters_become_legal_ones_that_differ() -> None:
    conversation = (
        said("user", "a"),
        said("assistant", called("functions.Bash:0")),
        answered("functions.Bash:0", "1"),
        said("assistant", called("functions_Bash_0")),
        answered("functions_Bash_0", "2"),
        said("assistant", called("functions.Bash:0")),
        answered("functions.Bash:0", "3"),
    )
    turns = messages(*conversation)
    ids = [block["id"] for turn in turns for block in turn["content"] if block["type"] == "tool_use"]
    assert ids[1] == "functions_Bash_0"
    assert len(set(ids)) == 3
    assert [block["tool_use_id"] for turn in turns for block in turn["content"] if block["type"] == "tool_result"] == ids
    assert [block["id"] for turn in messages(*conversation[:3]) for block in turn["content"] if "id" in block] == ids[:1]


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ("", {}),
        ("null", {}),
        ('{"a":1}', {"a": 1}),
        ('{"a":', {"_raw": '{"a":'}),
        ("[1]", {"_raw": "[1]"}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, taken: dict[str, Any]) -> None:
    conversation = (said("user", "a"), said("assistant", called("c", arguments=arguments)), answered("c", "b"))
    assert messages(*conversation)[1]["content"][0]["input"] == taken


def test_long_integers_in_arguments_stay_what_they_are() -> None:
    from proxy.dialects.anthropic import egress

    big = 2**100
    chat = a_chat(messages=(said("user", "a"), said("assistant", called("c", arguments=f'{{"id":{big}}}')), answered("c", "b")))
    body = egress.build_chat(chat, to("anthropic")).body or b""
    assert b'"input":{"id":%d}' % big in body


def test_tools_that_were_called_are_named_though_none_may_be_called_any_more() -> None:
    body = built(messages=(said("user", "a"), said("assistant", called("c", "answer_in_json_")), answered("c", "b")))
    assert body["tools"] == [{"name": "answer_in_json__", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


# Thoughts


def test_thoughts_that_nobody_signed_go_back_to_servers_of_other_makers() -> None:
    thoughts = (ReasoningPart("nobody's"), ReasoningPart("Gemini's", "sig", "gemini"))
    turn = messages(said("user", "a"), said("assistant", *thoughts, called("c")), answered("c", "b"), reasoning="high")[1]["content"]
    assert turn[0] == {"type": "thinking", "thinking": "nobody's", "signature": ""}
    assert [block["type"] for block in turn] == ["thinking", "tool_use"]


def test_thoughts_go_back_only_where_they_came_from_and_first() -> None:
    conversation = (
        said("user", "a"),
        said(
            "assistant",
            ReasoningPart("nobody's"),
            ReasoningPart("Gemini's", "sig", "gemini"),
            "so",
            ReasoningPart("mine", "sig==", "anthropic"),
            ReasoningPart("", "data", "anthropic", redacted=True),
            called("c"),
        ),
        answered("c", "b"),
    )
    assert messages(*conversation, profile="claude-4")[1]["content"][:3] == [
        {"type": "thinking", "thinking": "mine", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "data"},
        text("so"),
    ]


def test_a_model_that_chooses_when_to_think_may_have_spoken_before() -> None:
    turn = said("assistant", "so", ReasoningPart("mine", "sig==", "anthropic"), called("c"))
    conversation = (said("user", "a"), turn, answered("c", "b"))
    assert [block["type"] for block in messages(*conversation, profile=NEWEST)[1]["content"]] == ["text", "thinking", "tool_use"]


def test_thoughts_of_a_turn_stay_away_where_the_place_of_one_is_not_known() -> None:
    thoughts = ReasoningPart("one", "s1", "anthropic"), ReasoningPart("two", "s2", "anthropic", is_loose=True)
    conversation = (said("user", "a"), said("assistant", *thoughts, called("c")), answered("c", "b"))
    body = built(to("claude-4").profile, messages=conversation, reasoning="high")
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]
    assert "thinking" not in body


def test_thoughts_since_the_users_last_words_stay_away_where_they_were_called_modified() -> None:
    thought = ReasoningPart("mine", "s1", "anthropic")
    conversation = (
        *(
            said("user", "a"),
            said("assistant", thought, called("c")),
            answered("c", "b"),
            said("assistant", thought, "so"),
            said("user", "d"),
        ),
        *(said("assistant", thought, called("e")), answered("e", "f"), said("assistant", thought, "g", called("h")), answered("h", "i")),
    )
    profile = replace(to("claude-4").profile, latest_thoughts=False)
    turns = [turn["content"] for turn in built(profile, messages=conversation)["messages"] if turn["role"] == "assistant"]
    assert [[block["type"] for block in turn] for turn in turns] == [
        ["thinking", "tool_use"],
        ["thinking", "text"],
        ["tool_use"],
        ["text", "tool_use"],
    ]


def test_thoughts_between_calls_keep_their_places() -> None:
    mine = ReasoningPart("one", "s1", "anthropic"), ReasoningPart("two", "s2", "anthropic")
    conversation = (said("user", "a"), said("assistant", mine[0], called("c"), mine[1], called("d")), answered("c"), answered("d"))
    assert [block["type"] for block in messages(*conversation)[1]["content"]] == ["thinking", "tool_use", "thinking", "tool_use"]


# Prefill


def test_the_model_goes_on_with_its_last_words_without_the_space_behind_them() -> None:
    assert messages(said("user", "a"), said("assistant", "Once \n"))[-1] == {"role": "assistant", "content": [text("Once")]}


def test_the_user_asks_for_the_rest_where_the_model_does_not_go_on_by_itself() -> None:
    turns = messages(said("user", "a"), said("assistant", "Once "), profile=NEWEST)
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [text("Once")]
    assert "Go on" in turns[2]["content"][0]["text"]


def test_the_user_answers_a_turn_that_ends_in_a_thought() -> None:
    turns = messages(said("user", "a"), said("assistant", ReasoningPart("hm", "sig", "anthropic")))
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]


# What is shown


def test_what_only_users_can_show_is_left_out_of_the_models_turns() -> None:
    assert messages(said("user", "a"), said("assistant", PNG, "b"), said("user", "c"))[1]["content"] == [text("b")]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (PNG, PNG_BLOCK),
        (ImagePart(url="https://a.example/b.png"), {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}),
        (
            FilePart("application/pdf", "JVBERi0=", name="a.pdf"),
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}, "title": "a.pdf"},
        ),
        (
            FilePart("text/markdown", base64.b64encode("# Ø".encode()).decode()),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Ø"}},
        ),
        (FilePart(url="https://a.example/b.pdf"), {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}}),
        (FilePart("image/png", "iVBORw0KGgo="), PNG_BLOCK),
    ],
)
def test_pictures_and_documents_are_shown(part: Any, block: dict[str, Any]) -> None:
    assert messages(said("user", "look", part))[0]["content"] == [text("look"), block]


@pytest.mark.parametrize(
    "part",
    [
        ImagePart("image/bmp", "Qk0="),
        ImagePart("", "AAAA"),
        AudioPart("wav", "UklGRg=="),
        FilePart("application/zip", "UEsDBA=="),
        FilePart("text/plain", "/w=="),
    ],
)
def test_what_claude_cannot_look_at_is_refused(part: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        messages(said("user", part))
    assert refusal.value.param == "messages"


def test_marks_of_what_to_cache_stay_at_their_places() -> None:
    hint = {"type": "ephemeral", "ttl": "1h"}
    marked = TextPart("a", hint)
    body = built(
        messages=(said("system", marked), said("user", marked, ImagePart("image/png", "iVBORw0KGgo=", cache_hint=hint))),
        tools=(WEATHER.__class__("f", cache_hint=hint),),
    )
    places = [body["system"][0], *body["messages"][0]["content"], body["tools"][0]]
    assert [place["cache_control"] for place in places] == [hint] * 4


# By chance

IDS = st.sampled_from(["a", "b", "a.b", "a_b", "0", "ø", "x" * 200])
WORDS = st.sampled_from(["", " ", "hello", "\n", "so "])
PARTS = st.one_of(
    WORDS.map(TextPart),
    st.builds(ReasoningPart, WORDS, st.sampled_from(["", "sig"]), st.sampled_from(["", "anthropic", "gemini"]), st.booleans()),
    st.builds(called, IDS, st.sampled_from(["f", "g_h"]), st.sampled_from(["", "{}", '{"a":1}', "{"])),
    WORDS.map(RefusalPart),
)
MESSAGES = st.one_of(
    st.builds(said, st.sampled_from(["system", "developer", "user"]), WORDS),
    st.lists(PARTS, max_size=4).map(lambda parts: Message("assistant", tuple(parts))),
    st.builds(answered, IDS, WORDS, st.just(PNG), is_error=st.booleans()),
)
PROFILE = st.sampled_from(["anthropic", "claude-3", "claude-4", "claude-4.5", "claude-4.6", "claude-4.7", "claude-5", "claude-5.1-thinker"])


@given(
    st.lists(MESSAGES, max_size=8),
    PROFILE,
    st.sampled_from([None, "off", "on", "low", "max"]),
    st.sampled_from([None, "auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}]),
    st.booleans(),
)
def test_any_conversation_is_one_that_anthropic_takes(
    conversation: list[Message], profile: str, reasoning: Any, choice: Any, with_tools: bool
) -> None:
    tools = (WEATHER,) if with_tools else ()
    body = built(profile, messages=tuple(conversation), reasoning=reasoning, tool_choice=choice, tools=tools)
    judge(body)
    spoken = "".join(part.text for message in conversation for part in message.parts if isinstance(part, TextPart | RefusalPart))
    carried = str(body["messages"]) + str(body.get("system"))
    assert ("hello" in spoken) <= ("hello" in carried)
