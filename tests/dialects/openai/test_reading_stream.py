from __future__ import annotations

import orjson
import pytest

from proxy.canonical.completion import Usage
from proxy.canonical.events import ChatEvent, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.dialects.openai.reading import stream_reader
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.dialects.openai.records import DONE, a_route, a_stream, error_of, finish_of, ids, read, read_whole, record, said, sse, text


def usages_of(events: list[ChatEvent]) -> list[Usage]:
    return [event.usage for event in events if isinstance(event, UsageSeen)]


# Heads


def test_a_plain_stream_becomes_events() -> None:
    stream = sse(record({"role": "assistant", "content": ""}), text("He"), text("llo"), record({}, "stop"), DONE)
    assert read(stream) == [
        Started("r1", "m", 7),
        *(PartOpened("text"), PartDelta("He"), PartDelta("llo"), PartClosed()),
        Finished("stop", "stop"),
    ]


def test_the_answer_begins_with_its_first_word() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(sse(record({"role": "assistant", "content": ""}))) == [], "an error may still come, and get a status"
    assert reader.feed(sse(text("a"))) == [Started("r1", "m", 7), PartOpened("text"), PartDelta("a")]


def test_azure_begins_with_a_record_without_id_and_choices() -> None:
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
    assert read(a_stream(first, text("a")))[0] == Started("r1", "m", 7)


def test_azure_sends_choices_without_delta() -> None:
    offsets = {**record(), "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 44}}]}
    assert said(read(a_stream(text("a"), offsets, text("b")))) == [("text", "ab")]


def test_an_answer_without_id_gets_one() -> None:
    events = read(a_stream({"choices": [{"delta": {"content": "a"}}]}, finish=None).replace(b'"id":"r1",', b""))
    assert isinstance(events[0], Started)
    assert events[0].id == "chatcmpl-new1"


def test_a_float_and_a_later_id_are_no_trouble() -> None:
    events = read(a_stream({**text("a"), "created": 7.9, "id": None}, {**text("b"), "id": "late"}))
    assert events[0] == Started("chatcmpl-new1", "m", 7)


@pytest.mark.parametrize(
    "choices", [[{"index": 1, "delta": {"content": "x"}}], [{"index": 1, "delta": {"content": "x"}, "finish_reason": "length"}]]
)
def test_only_the_first_choice_is_read(choices: list[object]) -> None:
    events = read(a_stream(text("a"), {**record(), "choices": choices}, {**text("b"), "choices": [*choices, *text("b")["choices"]]}))
    assert (said(events), finish_of(events).finish_reason) == ([("text", "ab")], "stop")


# Parts


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


# Log probabilities


def with_logprobs(delta: dict[str, object], *tokens: str) -> dict[str, object]:
    items = [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in tokens]
    return {**record(), "choices": [{"index": 0, "delta": delta, "logprobs": {"content": items}}]}


def tokens_of(events: list[ChatEvent]) -> list[tuple[str, list[str]]]:
    deltas = [event for event in events if isinstance(event, PartDelta)]
    return [(delta.text, [item["token"] for item in delta.logprobs or ()]) for delta in deltas]


def test_log_probabilities_go_with_their_text() -> None:
    stream = a_stream(with_logprobs({"content": "a"}, "a"), text("b"), with_logprobs({"content": "cd"}, "c", "d"))
    assert tokens_of(read(stream)) == [("a", ["a"]), ("b", []), ("cd", ["c", "d"])]


def test_tokens_that_are_a_part_of_a_character_are_kept() -> None:
    stream = sse(with_logprobs({"content": ""}, "\\xf0\\x9f"), with_logprobs({"content": "😀"}, "\\x98\\x80"))
    told = [("", ["\\xf0\\x9f"]), ("😀", ["\\x98\\x80"])]
    assert tokens_of(read(a_stream(text("a"), stream))) == [("a", []), *told]
    assert tokens_of(read(a_stream(stream), route=a_route(think_tags=False))) == told
    thought = sse(record({"reasoning": "a"}), with_logprobs({"content": ""}, "x"), record({"reasoning": "b"}))
    assert said(read(a_stream(thought))) == [("reasoning", "ab")]


def test_log_probabilities_of_reasoning_go_with_it() -> None:
    assert tokens_of(read(a_stream(with_logprobs({"reasoning": "a"}, "a"), with_logprobs({"content": "b"}, "b")))) == [
        ("a", ["a"]),
        ("b", ["b"]),
    ]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(["a", "b", "c"], [("ab", ["a", "b"]), ("c", ["c"])]), (["c"], [("ab", []), ("c", ["c"])]), (["x"], [("ab", []), ("c", [])])],
)
def test_log_probabilities_of_two_parts_are_never_misaligned(tokens: list[str], expected: object) -> None:
    message = {"role": "assistant", "reasoning": "ab", "content": "c"}
    items = [{"token": token, "logprob": -1.0} for token in tokens]
    body = {"choices": [{"index": 0, "message": message, "logprobs": {"content": items}, "finish_reason": "stop"}]}
    assert tokens_of(read_whole(body)) == expected


def test_legacy_log_probabilities_become_items() -> None:
    logprobs = {
        "tokens": ["<s>", "é"],
        "token_logprobs": [None, -0.25],
        "top_logprobs": [None, {"é": -0.25, "e": -2}],
        "text_offset": [0, 0],
    }
    events = read(sse({"choices": [{"index": 0, "text": "é", "logprobs": logprobs, "finish_reason": "stop"}]}, DONE))
    top = [{"token": "é", "logprob": -0.25, "bytes": [195, 169]}, {"token": "e", "logprob": -2, "bytes": [101]}]
    assert events[2] == PartDelta("é", [{"token": "é", "logprob": -0.25, "bytes": [195, 169], "top_logprobs": top}])


# Usage


def test_usage_after_the_finish_is_read() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
    events = read(sse(text("a"), record({}, "stop"), {"id": "r1", "choices": [], "usage": usage}, DONE))
    assert events[-3:] == [UsageSeen(Usage(9, 8)), PartClosed(), Finished("stop", "stop")]


def test_usage_in_every_record_is_no_end_and_the_last_counts() -> None:
    stream = sse(*({**text("a"), "usage": {"prompt_tokens": 9, "completion_tokens": n}} for n in (1, 2, 2)), record({}, "stop"), DONE)
    events = read(stream)
    assert (said(events), usages_of(events)) == ([("text", "aaa")], [Usage(9, 1), Usage(9, 2)])


def test_usage_before_the_first_word_waits_for_it() -> None:
    events = read(a_stream({**record({"role": "assistant"}), "usage": {"prompt_tokens": 9, "completion_tokens": 0}}, text("a")))
    assert events[:2] == [Started("r1", "m", 7), UsageSeen(Usage(9, 0))]


def test_usage_without_choices_is_read() -> None:
    assert usages_of(read(a_stream(text("a"), {"usage": {"prompt_tokens": 1}}))) == [Usage(1)]


def test_usage_is_found_in_odd_places() -> None:
    groq = {**record({}, "stop"), "x_groq": {"id": "q", "usage": {"prompt_tokens": 5}}}
    assert usages_of(read(sse(text("a"), groq, DONE))) == [Usage(5)]
    moonshot = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 6}}]}
    assert usages_of(read(sse(text("a"), moonshot, DONE))) == [Usage(6)]


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 1.0, "completion_tokens": "2"}, Usage(1, 2)),
        ({"prompt_tokens": None, "completion_tokens": 3}, Usage(None, 3)),
        ({"prompt_tokens": "x", "completion_tokens": True, "total_tokens": 4}, None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": 2**64 - 1, "completion_tokens": "1e25", "prompt_cache_hit_tokens": 1e300}, None),
        ({"prompt_tokens": 2**53, "completion_tokens": 2**53 - 1}, Usage(None, 2**53 - 1)),
        ({}, None),
        ("9", None),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2}}, Usage(9, None, 4, 2)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cache_creation_tokens": 3}}, Usage(9, None, None, 3)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 7}, Usage(9, None, 7)),
        ({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}, Usage(None, 9, None, None, 5)),
        ({"prompt_tokens": 0, "prompt_tokens_details": None, "completion_tokens_details": 7}, Usage(0)),
    ],
)
def test_counts_of_all_kinds_are_read_and_none_is_made_up(raw: object, usage: Usage | None) -> None:
    assert usages_of(read(a_stream({**text("a"), "usage": raw}))) == ([] if usage is None else [usage])


@pytest.mark.parametrize(("told", "created"), [("7", 7), (7.5, 7), (2**64 - 1, 0), (1e300, 0), (-1, 0), (True, 0), ({}, 0)])
def test_a_time_that_cannot_be_is_not_known(told: object, created: int) -> None:
    assert read(a_stream({**text("a"), "created": told}))[0] == Started("r1", "m", created)
    body = {"id": "r1", "created": told, "model": "m", "usage": {"prompt_tokens": 1}}
    assert read_whole({**body, "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]})[0] == Started("r1", "m", created)


# Ends


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *(
            (word, "stop")
            for word in ("stop", "eos", "eos_token", "end_turn", "complete", "stop_sequence", "STOP", "pause_turn", "whatever")
        ),
        *((word, "length") for word in ("length", "max_tokens", "model_length", "MAX_TOKENS", "max_new_tokens", "length_limit")),
        *((word, "content_filter") for word in ("content_filter", "sensitive", "SAFETY", "refusal", "output_filtered")),
        *((word, "stop") for word in ("tool_calls", "function_call", "tool_use", "tool_stop")),
    ],
)
def test_every_servers_word_becomes_one_of_four(word: str, reason: str) -> None:
    assert finish_of(read(a_stream(text("a"), finish=word))) == Finished(reason, word)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["error", "abort", "insufficient_system_resource", "malformed_function_call", "engine_error"])
def test_an_error_is_no_finish(word: str) -> None:
    error = error_of(read(sse(text("a"), record({"content": "b"}, word), DONE)))
    assert (error.status, error.kind) == (502, "upstream_refused")
    assert word in error.message


@pytest.mark.parametrize(
    ("word", "native", "is_models_own"),
    [
        ("malformed_function_call", None, True),
        ("error", "MALFORMED_FUNCTION_CALL", True),
        ("error", "UNEXPECTED_TOOL_CALL", True),
        ("error", "ERROR", False),
        ("error", 7, False),
        ("engine_error", None, False),
    ],
)
def test_what_the_model_did_is_told_from_what_its_server_did(word: str, native: object, is_models_own: bool) -> None:
    last = record({}, word)
    last["choices"][0]["native_finish_reason"] = native
    error = error_of(read(sse(text("a"), last, DONE)))
    assert isinstance(error, UpstreamRefused)
    assert error.is_models_own is is_models_own


@pytest.mark.parametrize("word", [None, ""])
def test_a_terminator_without_a_reason_is_a_stop(word: str | None) -> None:
    assert finish_of(read(a_stream(text("a"), finish=word))) == Finished("stop", "")


def test_an_empty_reason_in_the_middle_is_none() -> None:
    assert said(read(a_stream(record({"content": "a"}, ""), record({"content": "b"}, "")))) == [("text", "ab")]


def test_a_reason_without_a_terminator_is_a_success() -> None:
    assert finish_of(read(sse(text("a"), record({}, "length")))).finish_reason == "length"


def test_the_last_record_may_lack_its_blank_line_or_be_cut_after_the_reason() -> None:
    assert finish_of(read(sse(text("a"), record({}, "stop")).rstrip())).finish_reason == "stop"
    assert finish_of(read(sse(text("a"), record({}, "stop")) + b'data: {"choices":[],"usa')).finish_reason == "stop"


def test_content_finish_and_usage_in_one_record_are_all_read() -> None:
    events = read(sse({**record({"content": "a"}, "length"), "usage": {"prompt_tokens": 1}}, DONE))
    assert (said(events), usages_of(events), finish_of(events).finish_reason) == ([("text", "a")], [Usage(1)], "length")


def test_words_after_the_reason_are_not_lost() -> None:
    assert said(read(a_stream(record({"content": "a"}, "stop"), record({"content": "b"}, "stop")))) == [("text", "ab")]


@pytest.mark.parametrize(("matched", "told"), [("END", "END"), (151645, ""), (None, ""), ("end_turn", ""), ("stop", "")])
def test_the_matched_stop_sequence_is_told(matched: object, told: str) -> None:
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": matched}]}
    assert finish_of(read(sse(text("a"), last, DONE))).stop_sequence == told


@pytest.mark.parametrize("tail", [b"", b'data: {"choices":[{"index":0,"del', b"data: [DO", b": comment", b"junk"])
def test_an_answer_that_just_stops_is_a_failure(tail: bytes) -> None:
    events = read(sse(text("hal")) + tail)
    assert said(events) == [("text", "hal")]
    assert isinstance(error_of(events), UpstreamBroken)
    assert "ended before it was complete" in error_of(events).message


def test_a_terminator_without_any_answer_is_a_failure() -> None:
    assert "without having given one" in error_of(read(DONE)).message


@pytest.mark.parametrize("stream", [b"", b"\n\n", b": comment\n\n", b"Internal Server Error"])
def test_no_answer_at_all_is_a_failure_alone(stream: bytes) -> None:
    events = read(stream) if stream else read()
    assert len(events) == 1
    assert isinstance(error_of(events), UpstreamBroken)


def test_silence_is_told_and_after_the_reason_it_is_the_end() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(text("a")))
    assert reader.feed(b"") == [KeepAlive()]
    reader.feed(sse(record({}, "stop")))
    assert reader.feed(b"") == [PartClosed(), Finished("stop", "stop")]
    assert reader.feed(sse(text("b"))) == []


# Framing


def test_comments_give_no_events() -> None:
    reader = stream_reader(a_route(), ids())
    assert reader.feed(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n") == []
    assert said(reader.feed(a_stream(text("a")))) == [("text", "a")]


def test_done_is_known_without_a_space_and_with_one_too_many() -> None:
    for terminator in (b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]"):
        assert finish_of(read(sse(text("a")) + terminator)).finish_reason == "stop"


def test_what_comes_after_the_terminator_is_ignored() -> None:
    assert said(read(sse(text("a"), DONE, text("b"), {"error": "late"}))) == [("text", "a")]


def test_a_byte_order_mark_and_other_fields_do_no_harm() -> None:
    assert said(read(b"\xef\xbb\xbfid: 1\nretry: 5\n" + a_stream(text("a")))) == [("text", "a")]


def test_a_record_may_have_several_data_lines() -> None:
    assert said(read(b'data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n' + DONE)) == [("text", "a")]


def test_named_events_with_answers_are_read_and_others_are_not_ours() -> None:
    named = b"event: completion\n" + sse(text("a")) + b'event: ping\ndata: {"type":"ping"}\n\n' + sse({"type": "ping"})
    assert said(read(named + a_stream())) == [("text", "a")]


def test_a_record_with_a_head_only_and_an_empty_one_do_no_harm() -> None:
    assert said(read(a_stream(text("a"), {"id": "r1", "object": "chat.completion.chunk"}, b"data:\n\ndata: \n\n", text("b")))) == [
        ("text", "ab")
    ]


@pytest.mark.parametrize("odd", [{"hello": 1}, [], 7, None, "x", {"type": "message_start"}, {"choices": None, "id": "r1"}])
def test_records_that_are_no_part_of_an_answer_break_it(odd: object) -> None:
    events = read(a_stream(text("a"), odd, text("b")))
    if isinstance(odd, dict) and "choices" in odd:
        assert said(events) == [("text", "ab")]
    else:
        assert "no part of an answer" in error_of(events).message


def test_a_record_that_is_no_json_breaks_the_answer_and_is_quoted_without_secrets() -> None:
    error = error_of(read(a_stream(text("a"), b"data: upstream key sk-secret123456 timed out\n\n")))
    assert isinstance(error, UpstreamBroken)
    assert error.message == "the upstream sent an event that is no JSON: upstream key [key] timed out"


def test_numbers_that_json_does_not_know_and_broken_bytes_are_read() -> None:
    odd = b'data: {"choices":[{"delta":{"content":"a\xff"},"logprobs":{"content":[{"token":"a","logprob":-Infinity}]}}]}\n\n'
    big = b'data: {"choices":[{"delta":{"content":"b"},"x":NaN,"y":123456789012345678901234567890,"z":1e999}]}\n\n'
    events = read(a_stream(odd, big))
    assert said(events) == [("text", "a\ufffdb")]
    orjson.dumps([event.logprobs for event in events if isinstance(event, PartDelta)])


def test_halves_of_a_character_are_joined_over_records() -> None:
    halves = [b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\ude00b", rb"\ude00")]
    assert said(read(a_stream(*halves))) == [("text", "a\U0001f600b\ufffd")]


def test_json_that_is_nested_too_deeply_is_an_error_and_no_crash() -> None:
    assert isinstance(error_of(read(sse(text("a"), b"data: " + b"[" * 100_000 + b"\n\n"))), UpstreamBroken)


def test_an_endless_record_is_an_error() -> None:
    reader = stream_reader(a_route(), ids())
    reader.feed(sse(text("a")) + b"data: ")
    events: list[ChatEvent] = []
    for _ in range(20):
        events += reader.feed(b"x" * 1_000_000)
    assert "more than" in error_of(events).message


# Whole answers


WHOLE = {
    "id": "r1",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2},
}
WHOLE_EVENTS = [
    Started("r1", "m", 7),
    PartOpened("text"),
    PartDelta("Hello"),
    UsageSeen(Usage(1, 2)),
    PartClosed(),
    Finished("stop", "stop"),
]


def test_a_whole_answer_is_read() -> None:
    assert read_whole(WHOLE) == WHOLE_EVENTS


def test_a_whole_answer_is_read_where_a_stream_was_asked_for() -> None:
    assert read(b" \r\n" + orjson.dumps(WHOLE, option=orjson.OPT_INDENT_2)) == WHOLE_EVENTS
    assert read(*(bytes([byte]) for byte in orjson.dumps(WHOLE))) == WHOLE_EVENTS


def test_a_stream_is_read_where_a_whole_answer_was_asked_for() -> None:
    assert said(read_whole(a_stream(text("a")))) == [("text", "a")]


def test_a_whole_answer_without_a_reason_is_a_stop() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": None}]}
    assert finish_of(read_whole(body)) == Finished("stop", "")


def test_choices_of_a_whole_answer_may_be_out_of_order() -> None:
    body = {"choices": [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    assert said(read_whole(body)) == [("text", "a")]


def test_a_whole_legacy_completion_is_read() -> None:
    assert said(read_whole({"object": "text_completion", "choices": [{"index": 0, "text": "<think>", "finish_reason": "stop"}]})) == [
        ("text", "<think>")
    ]


@pytest.mark.parametrize(
    "body", [b"", b"  ", b'{"choices":[{"message":{"content":"a"', b"[]", b"{}", b'{"choices":[]}', b'{"choices":null}']
)
def test_a_body_that_is_no_answer_is_a_failure(body: bytes) -> None:
    events = read_whole(body)
    assert len(events) == 1
    assert isinstance(error_of(events), UpstreamBroken)


def test_a_web_page_is_a_failure_that_says_what_to_check() -> None:
    assert (
        error_of(read_whole(b"<!DOCTYPE html><html>Welcome</html>")).message == "the upstream answered with a web page; check the base URL"
    )


def test_an_endless_body_is_an_error() -> None:
    reader = stream_reader(a_route(), ids())
    events = [event for _ in range(20) for event in reader.feed(b"[" * 1_000_000)]
    assert "more than" in error_of(events).message
