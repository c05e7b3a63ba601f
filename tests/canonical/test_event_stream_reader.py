"""What holds for all readers of event streams, whatever their records say."""

from __future__ import annotations

import orjson
import pytest

from proxy.canonical.event_stream_reader import EventStreamReader, Unreadable
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartDelta
from proxy.errors import UpstreamBroken
from proxy.wire.sse import MAX_EVENT_BYTES, SseEvent


class Telling(EventStreamReader):
    """Tells each record as a piece of text; one that is `"end"` says why, `"over"` ends the answer."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        super().__init__(has_arguments=True)
        self._said = False

    @property
    def _has_said_why(self) -> bool:
        return self._said

    def _read(self, records: list[SseEvent], events: list[ChatEvent]) -> None:
        for record in records:
            try:
                payload = orjson.loads(record.data)
            except ValueError:
                payload = self._mended(record.data)
            events.append(PartDelta(str(payload)))
            self._said = self._said or payload == "end"
            self._over = payload == "over"

    def _take_body(self, body: bytes, events: list[ChatEvent]) -> None:
        try:
            events.append(PartDelta(f"whole {self._mended(body)}"))
            self._said = True
        except Unreadable:
            self._read_as_stream(body, events)

    def _end(self, events: list[ChatEvent]) -> None:
        if not self._said:
            raise UpstreamBroken("cut")
        events.append(Finished("stop"))


def told(*chunks: bytes) -> list[str]:
    """The texts, and how it ended."""
    reader = Telling()
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()
    assert (reader.feed(b"data: 1\n\n"), reader.close()) == ([], [])
    return [word_of(event) for event in events]


def word_of(event: ChatEvent) -> str:
    if isinstance(event, PartDelta):
        return event.text
    return event.error.message if isinstance(event, Failed) else type(event).__name__


def test_records_are_told_however_they_are_cut() -> None:
    stream = b'\xef\xbb\xbf\r\n\ndata: 1\n\ndata: "end"\n\n'
    assert told(stream) == ["1", "end", "Finished"]
    assert told(*(bytes([byte]) for byte in stream)) == ["1", "end", "Finished"]


def test_what_begins_as_json_is_read_as_a_whole_at_the_end() -> None:
    assert told(b" ", b"[1,", b"2]") == ["whole [1, 2]", "Finished"]


def test_what_begins_as_json_and_is_none_is_read_as_a_stream() -> None:
    assert told(b'{"a":1}\n\ndata: "end"\n\n') == ["{'a': 1}", "end", "Finished"]


@pytest.mark.parametrize("chunks", [[], [b" \r\n"], [b"\xef\xbb\xbf", b"\n"]])
def test_nothing_is_an_empty_answer(chunks: list[bytes]) -> None:
    assert told(*chunks) == ["the upstream's answer is empty"]


def test_a_web_page_is_told_at_once() -> None:
    assert ["check the base URL" in word for word in told(b"\n<html>")] == [True]


@pytest.mark.parametrize("last", [b'data: "end"', b'data: "end"\n', b'"end"\n\ndata: "end"'])
def test_a_last_record_needs_no_blank_line(last: bytes) -> None:
    assert told(b"data: 1\n\n", last)[-2:] == ["end", "Finished"]


def test_a_last_record_that_was_cut_says_nothing() -> None:
    assert told(b"data: 1\n\n", b'data: "en') == ["1", "cut"]
    assert told(b'data: "end"\n\n', b'data: "ov') == ["end", "Finished"]


def test_half_a_record_does_not_hide_the_one_behind_it() -> None:
    assert told(b'data: 1\n\ndata: {"a":\n{"error":2}') == ["1", "{'error': 2}", "cut"]


def test_nothing_is_read_behind_the_end() -> None:
    assert told(b'data: 1\n\ndata: "over"\n{"error":2}') == ["1", "over"]


def test_a_whole_record_that_is_no_json_is_told() -> None:
    (words,) = told(b"data: nonsense\n\n")
    assert words.startswith("the upstream sent an event that is no JSON")


def test_what_is_too_much_was_not_cut() -> None:
    deep = b"[" * 100_000
    for stream in (b"data: 1\n\ndata: " + deep + b"\n\n", b"data: 1\n\ndata: " + deep):
        assert told(stream)[-1].startswith("the upstream sent an event that is nested too deeply")
    assert told(deep)[-1].startswith("the upstream sent an answer that is nested too deeply")


def test_an_answer_has_a_limit() -> None:
    assert ["more than" in word for word in told(b"[", b" " * MAX_EVENT_BYTES)] == [True]


def test_silence_is_the_end_once_the_server_has_said_why() -> None:
    reader = Telling()
    assert (reader.feed(b"data: 1\n\n"), reader.feed(b"")) == ([PartDelta("1")], [KeepAlive()])
    assert (reader.feed(b'data: "end"\n\n'), reader.feed(b"")) == ([PartDelta("end")], [Finished("stop")])
