"""The bytes around what a chunk of a stream says, and the records that are no chunks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from proxy.dialects.openai.answering.records import Record
from proxy.dialects.openai.failures import error_object
from proxy.errors import ProxyError
from proxy.wire.sse import sse_data

DONE = b"data: [DONE]\n\n"

_GOES_ON = b',"logprobs":null,"finish_reason":null}]'


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the words of every chunk of one stream.

    Attributes:
        before: up to where the words stand.
        after: what follows on them.
        tail: what follows on the choice.
        opening, closing: what stands around the words inside the choice.
        head: what stands before the choices.
    """

    before: bytes
    after: bytes
    tail: bytes = b""
    opening: bytes = b""
    closing: bytes = b""
    head: bytes = b""

    @classmethod
    def of(cls, head: Record, opening: bytes, closing: bytes, *, wants_usage: bool, choice: int = 0) -> Frame:
        """The frame of a stream whose chunks begin with the members of `head`.

        Args:
            opening, closing: what stands around the words inside the choice.
            wants_usage: whether a chunk with counts ends the stream; then all others say that they have none.
            choice: the index of the choice.
        """
        begin = b"data: " + orjson.dumps(head)[:-1] + b","
        tail = b',"usage":null}\n\n' if wants_usage else b"}\n\n"
        before = begin + b'"choices":[{"index":%d,' % choice + opening
        return cls(before, closing + _GOES_ON + tail, tail, opening, closing, begin)

    def after_with(self, logprobs: bytes) -> bytes:
        """What follows on words of which it is known how likely they were."""
        return self.closing + b',"logprobs":' + logprobs + b',"finish_reason":null}]' + self.tail

    def last(self, stop: Record, words: bytes = b"") -> bytes:
        """The chunk that says why the model stopped."""
        return self.before + words + self.closing + b',"logprobs":null,' + orjson.dumps(stop)[1:-1] + b"}]" + self.tail

    def counted(self, counts: Record) -> bytes:
        """The chunk that says how many tokens it were."""
        return self.head + b'"choices":[],"usage":' + orjson.dumps(counts) + b"}\n\n"


def error_record(error: ProxyError) -> bytes:
    """The record that tells clients that the stream failed; every one of them raises at it."""
    return sse_data(orjson.dumps({"error": error_object(error, is_translated=True)}))
