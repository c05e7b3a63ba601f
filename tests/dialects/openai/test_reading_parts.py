"""Parts of answers of OpenAI-style servers: text, reasoning and refusals, in all the shapes that servers give them."""

from __future__ import annotations

import pytest

from tests.dialects.openai.records import DONE, a_route, a_stream, read, record, said, sse, text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_a_part_of_its_own(name: str) -> None:
    stream = a_stream(record({name: "pl"}), record({name: "an", "content": None}), record({"content": "ok", name: None}), text("ay"))
    assert said(read(stream)) == [("reasoning", "plan"), ("text", "okay")]


def test_reasoning_under_both_names_is_not_doubled() -> None:
    both = [record({"reasoning": word, "reasoning_content": word}) for word in ("a", "b")]
    assert said(read(a_stream(*both))) == [("reasoning", "ab")]


def test_reasoning_and_text_of_one_record_keep_apart() -> None:
    assert said(read(a_stream(record({"content": "b", "reasoning": "a"}), text("c"), record({"reasoning": "d"})))) == [
        ("reasoning", "a"),
        ("text", "bc"),
        ("reasoning", "d"),
    ]


def test_mistral_sends_content_as_typed_parts() -> None:
    thinking = record({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]})
    both = record(
        {"content": [{"type": "thinking", "thinking": "c"}, {"type": "text", "text": "d"}, {"type": "reference", "reference_ids": [1]}]}
    )
    assert said(read(a_stream(thinking, both, text("e"), record({"content": [{"type": "refusal", "refusal": "f"}, "g"]})))) == [
        *(("reasoning", "abc"), ("text", "de"), ("refusal", "f"), ("text", "g")),
    ]


def test_a_refusal_is_a_part_of_its_own() -> None:
    assert said(read(a_stream(record({"refusal": ""}), record({"refusal": "no"}), record({"refusal": "!"})))) == [("refusal", "no!")]


def test_a_repeated_role_and_null_fields_change_nothing() -> None:
    delta = {"role": "assistant", "tool_calls": None, "function_call": None, "refusal": None, "reasoning": None}
    assert said(read(a_stream(*(record({**delta, "content": word}) for word in ("a", "", "b"))))) == [("text", "ab")]


@pytest.mark.parametrize("content", [7, True, {"text": "a"}, [[]], [None], [{"text": 7}]])
def test_content_of_no_known_shape_does_no_harm(content: object) -> None:
    assert said(read(a_stream(text("x"), record({"content": content})))) in ([("text", "x")], [("text", "xa")])


def test_a_whole_message_in_a_record_is_read_when_nothing_was_said() -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "all"}, "finish_reason": "stop"}]}
    assert said(read(sse(whole, DONE))) == [("text", "all")]
    assert said(read(sse(text("all"), whole, DONE))) == [("text", "all")]


def test_legacy_completions_are_read() -> None:
    pieces = [
        {"id": "cmpl-1", "object": "text_completion", "choices": [{"index": 0, "text": word, "finish_reason": None}]} for word in ("a", "b")
    ]
    assert said(read(sse(*pieces, {"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}, DONE))) == [("text", "ab")]


def test_tags_in_an_answer_to_a_plain_prompt_stay() -> None:
    piece = {"choices": [{"index": 0, "text": "<think>a</think>b", "finish_reason": "stop"}]}
    assert said(read(sse(piece, DONE))) == [("text", "<think>a</think>b")]


def test_think_tags_are_split_off_unless_the_profile_says_no() -> None:
    stream = a_stream(text("<th"), text("ink>a</thi"), text("nk>\n\nb"))
    assert said(read(stream)) == [("reasoning", "a"), ("text", "b")]
    assert said(read(stream, route=a_route(think_tags=False))) == [("text", "<think>a</think>\n\nb")]


def test_think_tags_stay_when_the_server_sends_reasoning_itself() -> None:
    assert said(read(a_stream(record({"reasoning": "r"}), text("<think>a</think>b")))) == [
        ("reasoning", "r"),
        ("text", "<think>a</think>b"),
    ]
