"""Relayed streams of Ollama servers: bytes untouched, their cost and their end."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.canonical.affinity import NO_KEY
from proxy.canonical.affinity import affinity_key as key_of_request
from proxy.canonical.completion import Usage
from proxy.dialect import RelayEndpoint
from proxy.dialects.ollama import relays
from proxy.dialects.ollama.parsing import parse_chat, parse_generate
from proxy.dialects.ollama.relay import LineRelay, ProgressRelay, begins, usage_of
from proxy.errors import UpstreamBroken, UpstreamRefused
from tests.dialects.ollama.upstream_lines import BEGUN, chat_line, done, line

STREAM = chat_line("Grüße ") + chat_line("👋\u2028") + done(context=list(range(3000)))
PULL = b'{"status":"pulling manifest"}\n{"status":"pulling 0a","total":5,"completed":5}\n{"status":"success"}\n'


def relayed(*chunks: bytes, reader: LineRelay | None = None) -> tuple[bytes, LineRelay]:
    """What the client gets, and the reader at the end."""
    reader = reader or LineRelay()
    data = b"".join([reader.feed(chunk) for chunk in chunks])
    return data + reader.close(), reader


@given(st.lists(st.integers(0, len(STREAM)), max_size=8), st.booleans())
def test_bytes_are_handed_on_untouched_however_they_came(places: list[int], ends: bool) -> None:
    stream = STREAM if ends else STREAM[:-1]
    cuts = [0, *sorted(places), len(stream)]

    data, reader = relayed(*[stream[begin:end] for begin, end in pairwise(cuts)])

    assert data == stream
    assert (reader.usage, reader.finish_reason, reader.failure) == (Usage(12, 5), "stop", None)


@given(st.integers(0, len(STREAM) - 2))
def test_a_cut_stream_is_told_after_whole_lines(end: int) -> None:
    reader = LineRelay()
    data = reader.feed(STREAM[:end])

    with pytest.raises(UpstreamBroken, match="before it was complete"):
        reader.close()
    assert data == b"" or data.endswith(b"\n")
    told = orjson.loads(reader.render_failure(UpstreamBroken("cut")))
    assert told == {"error": "cut"}


def test_an_error_that_the_server_told_is_handed_on_and_known() -> None:
    stream = chat_line("x") + b'{"error":"the runner is gone"}\n'
    data, reader = relayed(stream)

    assert data == stream
    assert isinstance(reader.failure, UpstreamRefused)
    assert reader.failure.message == "the runner is gone"


def test_an_end_without_done_is_an_end_where_a_reason_is_given() -> None:
    assert relayed(line({**BEGUN, "done_reason": "length"}))[1].finish_reason == "length"


def test_blank_lines_after_the_end_do_no_harm() -> None:
    assert relayed(STREAM, b"\r\n", b"\n")[0] == STREAM + b"\r\n\n"


def test_silence_gives_nothing() -> None:
    assert LineRelay().feed(b"") == b""


@pytest.mark.parametrize("said", [{"message": {"role": "assistant", "content": "a", "thinking": "b"}}, {"response": "a", "thinking": "b"}])
def test_a_sign_of_life_is_a_line_without_a_word_of_the_same_answer(said: dict[str, Any]) -> None:
    reader = LineRelay()
    reader.feed(line({"model": "m", "created_at": "now", **said, "done": False}) + b'{"model":"half')
    wordless = {"message": {"role": "assistant", "content": ""}} if "message" in said else {"response": ""}
    assert reader.sign_of_life() == line({"model": "m", "created_at": "now", **wordless, "done": False})


@pytest.mark.parametrize("known", [{}, {"model": None, "created_at": 7}, {"model": "", "created_at": "1970-01-01T00:00:00Z"}])
def test_a_sign_of_life_after_a_line_of_no_model_and_no_time_is_of_none(known: dict[str, Any]) -> None:
    reader = LineRelay()
    reader.feed(line({**known, "message": {"content": "a"}}))
    assert reader.sign_of_life() == relays.CHAT.keep_alive


def test_a_sign_of_life_after_half_a_character_is_a_line_all_the_same() -> None:
    reader = LineRelay()
    reader.feed(b'{"model":"\\ud83d","message":{"tool_calls":[{"function":{"arguments":{"id":' + b"9" * 30 + b"}}}]}}\n")
    assert orjson.loads(reader.sign_of_life())["model"] == "\ufffd"


@pytest.mark.parametrize("said", [b"", b'{"mod', STREAM, b'{"error":"gone"}\n', b"7\n", b'{"message":{},"done_reason":"stop"}\n'])
def test_there_is_no_sign_of_life_before_an_answer_nor_behind_its_end(said: bytes) -> None:
    reader = LineRelay()
    reader.feed(said)
    assert reader.sign_of_life() == b""


def test_work_on_models_knows_no_sign_of_life() -> None:
    reader = ProgressRelay()
    reader.feed(b'{"status":"pulling manifest"}\n')
    assert reader.sign_of_life() == b""


def test_work_on_models_ends_with_success() -> None:
    assert relayed(PULL, reader=ProgressRelay())[0] == PULL
    with pytest.raises(UpstreamBroken):
        relayed(PULL[:40], reader=ProgressRelay())
    with pytest.raises(UpstreamBroken):
        relayed(b'{"status":"pulling manifest"}\n', reader=ProgressRelay())
    _, reader = relayed(b'{"status":"pulling manifest"}\n{"error":"pull model manifest: file does not exist"}\n', reader=ProgressRelay())
    assert reader.failure is not None


@pytest.mark.parametrize("end", [b'{"status":"success"}\n', b'{"error":"no room"}\n', b'{"status": "success"}'])
def test_the_end_of_work_on_models_waits_for_the_end_of_the_stream(end: bytes) -> None:
    reader, begin = ProgressRelay(), b'{"status":"pulling \\"success\\""}\n'
    assert [reader.feed(piece) for piece in (begin[:9], begin[9:] + end[:4], end[4:], b"")] == [b"", begin, b"", b""]
    assert reader.close() == end


def test_what_follows_an_end_of_work_on_models_is_not_lost() -> None:
    reader = ProgressRelay()
    assert reader.feed(b'{"status":"success"}\n') == b""
    assert reader.feed(b'{"status":"more"}\n') == b'{"status":"success"}\n{"status":"more"}\n'
    with pytest.raises(UpstreamBroken):
        reader.close()


def test_a_stream_begins_with_its_first_record() -> None:
    assert not begins(b"")
    assert not begins(b"\r\n\n")
    assert begins(b"\n" + chat_line())
    assert begins(line({**BEGUN, "response": "x"}))


@pytest.mark.parametrize(
    ("head", "words"),
    [(b"<html>\n", "web page"), (b"data: {}\n\n", "event stream"), (b'{"choices":[]}\n', "no part of an answer"), (b"oops\n", "no JSON")],
)
def test_what_is_no_stream_has_not_begun(head: bytes, words: str) -> None:
    with pytest.raises(UpstreamBroken, match=words):
        begins(head)


def test_an_error_in_the_first_line_is_one() -> None:
    with pytest.raises(UpstreamRefused, match="busy"):
        begins(b'{"error":"busy"}\n')


def test_a_whole_answer_tells_its_cost_behind_its_context() -> None:
    body = orjson.dumps({"response": '"eval_count":7', "context": list(range(5000)), "prompt_eval_count": 3, "eval_count": 4})

    assert usage_of(body) == Usage(3, 4)
    assert usage_of(b'{"embedding":[1.0]}') == Usage()


@pytest.mark.parametrize("endpoint", [relays.CHAT, relays.GENERATE])
def test_signs_of_life_are_lines_without_a_word(endpoint: RelayEndpoint) -> None:
    record = orjson.loads(endpoint.keep_alive)

    assert endpoint.keep_alive.endswith(b"\n")
    assert endpoint.keep_alive.count(b"\n") == 1
    assert record["done"] is False
    assert record.get("response") == "" or record["message"] == {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    ("endpoint", "payload", "wanted"),
    [
        (relays.CHAT, {"messages": [{}]}, True),
        (relays.CHAT, {"messages": [{}], "stream": None}, True),
        (relays.CHAT, {"messages": [{}], "stream": False}, False),
        (relays.CHAT, {"Messages": [{}], "Stream": False}, False),
        (relays.CHAT, {"messages": []}, False),
        (relays.CHAT, {}, False),
        (relays.GENERATE, {"prompt": "x"}, True),
        (relays.GENERATE, {"prompt": ""}, False),
        (relays.EMBED, {"input": "x"}, False),
    ],
)
def test_absence_means_a_stream_unless_nothing_is_asked(endpoint: RelayEndpoint, payload: dict[str, Any], wanted: bool) -> None:
    assert endpoint.wants_stream(payload) is wanted


def test_the_model_is_found_in_any_case() -> None:
    assert relays.CHAT.model_key({"Model": "x"}) == "Model"
    assert relays.CHAT.model_key({"MODEL": "x", "model": "y"}) == "model"
    assert relays.CHAT.model_key({"Model": None}) == "model"


@pytest.mark.parametrize(
    "payload",
    [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief"}, {"role": "User", "content": "Hi", "images": ["iVBORw0KGgo="]}],
        },
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
    ],
)
def test_a_relayed_chat_goes_where_a_translated_one_goes(payload: dict[str, Any]) -> None:
    assert relays.CHAT.affinity_key(payload, "m") == key_of_request(parse_chat(payload), "m")


@pytest.mark.parametrize("more", [{}, {"system": "Be brief"}, {"raw": True}, {"images": ["iVBORw0KGgo="]}])
def test_a_relayed_generate_goes_where_a_translated_one_goes(more: dict[str, Any]) -> None:
    payload = {"model": "m", "prompt": "Hi", **more}

    assert relays.GENERATE.affinity_key(payload, "m") == key_of_request(parse_generate(payload), "m")


@pytest.mark.parametrize(
    ("endpoint", "payload"),
    [(relays.CHAT, {"messages": "x"}), (relays.GENERATE, {}), (relays.EMBED, {"input": "x"})],
)
def test_what_continues_nothing_goes_anywhere(endpoint: RelayEndpoint, payload: dict[str, Any]) -> None:
    assert endpoint.affinity_key(payload, "m") == NO_KEY


def test_messages_that_are_none_have_a_key_all_the_same() -> None:
    assert relays.CHAT.affinity_key({"messages": ["x", {"role": "user", "content": 5, "images": [1]}]}, "m")
