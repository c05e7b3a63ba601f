"""What streams of chats and of prompts share in OpenAI's language: which event becomes what, and how a stream begins and ends. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from proxy.canonical.completion import Completion, Usage
from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, PartClosed, PartDelta, PartOpened, Started, UsageSeen
from proxy.dialect import Stopwatch, TextRequest
from proxy.dialects.openai.answering.chunks import DONE, Frame, error_record
from proxy.dialects.openai.answering.records import Record, answer_id, created_s, usage_record
from proxy.dialects.openai.beginning import KEEP_ALIVE
from proxy.errors import ProxyError


class ChoiceStream(ABC):
    """Writes one stream. What never changes in a chunk is made once.

    Args:
        choice: which of several answers this is: then the end of the stream is somebody else's business.
        wants_usage: whether the stream shall end with token counts.

    Attributes:
        frame: what stands around the words of a chunk.
    """

    object_name: ClassVar[str]
    id_prefix: ClassVar[str]

    def __init__(self, request: TextRequest, stopwatch: Stopwatch, choice: int | None, *, wants_usage: bool) -> None:
        self._request = request
        self._choice = choice
        self._stopwatch = stopwatch
        self.wants_usage = wants_usage
        self.frame = Frame(b"", b"")
        self._usage = Usage()
        self.failure: ProxyError | None = None

    def _chunk(self, event: ChatEvent) -> bytes:
        match event:
            case PartDelta():
                return self._delta(event)
            case PartOpened():
                return self._begin_part(event)
            case PartClosed():
                return self._end_part(event)
            case UsageSeen():
                self._usage = event.usage
            case Started():
                return self._start(event)
            case KeepAlive():
                return KEEP_ALIVE
            case Failed():
                return error_record(event.error) + DONE
            case Finished():
                return self._end(self._last(event))
        return b""

    def _begin_frame(self, started: Started, before: bytes, after: bytes) -> None:
        head = head_record(self.object_name, self.id_prefix, started, self._request, self._stopwatch)
        self.frame = Frame.of(head, before, after, wants_usage=self.wants_usage, choice=self._choice or 0)

    def _end(self, last: bytes) -> bytes:
        if self._choice is not None:
            return last
        counts = usage_record(self._usage) if self.wants_usage else None
        return last + (self.frame.counted(counts) if counts else b"") + DONE

    @abstractmethod
    def _start(self, started: Started) -> bytes:
        """The chunks that the answer begins with; begins the frame."""

    @abstractmethod
    def _begin_part(self, part: PartOpened) -> bytes: ...

    @abstractmethod
    def _delta(self, delta: PartDelta) -> bytes: ...

    @abstractmethod
    def _end_part(self, closed: PartClosed) -> bytes: ...

    @abstractmethod
    def _last(self, finished: Finished) -> bytes:
        """The chunk that says why the answer ends."""


def head_record(object_name: str, id_prefix: str, told: Started | Completion, request: TextRequest, stopwatch: Stopwatch) -> Record:
    """What an answer and each of its chunks begin with."""
    return {
        "id": answer_id(told.id, id_prefix),
        "object": object_name,
        "created": created_s(told.created, stopwatch),
        "model": told.stand_in or request.model,
    }
