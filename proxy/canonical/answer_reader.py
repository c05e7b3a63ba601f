"""What all readers of answers share: nothing is read after the end, and a fault of the upstream is the last event. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod

from proxy.canonical.events import ChatEvent, Failed, KeepAlive
from proxy.canonical.think_tags import ThinkTagSplitter
from proxy.errors import UpstreamError


class AnswerReader(ABC):
    """Reads one answer, stream or whole; see `proxy.dialect.StreamReader`.

    Args:
        split_think_tags: whether thinking that the model wrote between tags becomes reasoning.
    """

    __slots__ = ("_over", "_splitter")

    def __init__(self, *, split_think_tags: bool = False) -> None:
        self._over = False
        self._splitter = ThinkTagSplitter() if split_think_tags else None

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """The events that `chunk` completes.

        An empty chunk, which stands for silence, gives a `KeepAlive`; but the end of the answer when the server has said why it stopped and
        then goes on to say nothing: some leave out the terminator and keep the connection.
        """
        if self._over:
            return []
        if not chunk:
            return self.close() if self._has_said_why else [KeepAlive()]
        events: list[ChatEvent] = []
        try:
            self._take(chunk, events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    def close(self) -> list[ChatEvent]:
        """The events that the end of the bytes completes. An answer that does not say why it ended was cut."""
        if self._over:
            return []
        events: list[ChatEvent] = []
        try:
            self._take_end(events)
        except UpstreamError as error:
            self._fail(error, events)
        return events if self._splitter is None else self._split(events, self._splitter)

    @property
    @abstractmethod
    def _has_said_why(self) -> bool:
        """Whether the server has said why the answer ends, and may now be silent for good."""

    @property
    def _is_plain(self) -> bool:
        """Whether the answer goes on with a text, without a chat's template: tags in it are the model's own words."""
        return False

    @abstractmethod
    def _take(self, chunk: bytes, events: list[ChatEvent]) -> None:
        """Adds the events that `chunk`, which is not empty, completes. Raises `UpstreamError`."""

    @abstractmethod
    def _take_end(self, events: list[ChatEvent]) -> None:
        """Adds the events that the end of the bytes completes. Raises `UpstreamError`."""

    def _fail(self, error: UpstreamError, events: list[ChatEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _split(self, events: list[ChatEvent], splitter: ThinkTagSplitter) -> list[ChatEvent]:
        events = [*splitter.close(), *events] if self._is_plain else splitter.feed(events)
        if splitter.done:
            self._splitter = None
        return events
