"""Content blocks of one answer -> parts, one at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.canonical.events import ChatEvent, PartClosed, PartDelta, PartKind, PartOpened
from proxy.canonical.opaque_words import ANTHROPIC
from proxy.dialects.anthropic.tool_names import ANSWER_TOOL, own_name
from proxy.errors import UpstreamBroken
from proxy.wire.exact_json import dumps_exact

Block = dict[str, Any]

_DELTA_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
# Some servers forget to say that a block begins; these tell by themselves what it is.
_STARTED_BY = {"text_delta": "text", "thinking_delta": "thinking"}


class Parts:
    """The parts of one answer. Methods append to the list of events that they are given.

    Attributes:
        calls: how many tool calls were told of.
        has_words: whether text was told.
    """

    __slots__ = (
        *("_begun", "_blank_call", "_call", "_given", "_ids", "_index", "_is_skipped", "_kind", "_new_id", "_signature"),
        *("calls", "has_words"),
    )

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._index: int | None = None  # of the block that is open
        self._begun: set[int] = set()
        self._kind: PartKind | None = None  # of the part that is open, as it was told
        self._is_skipped = False
        self._call: Block | None = None  # the open block, if it is a call that was not told yet
        self._blank_call: Block | None = None  # a call that was closed without arguments, and not told yet
        self._given = ""  # arguments that came with the call, not as fragments of it
        self._signature = ""
        self._ids: set[str] = set()
        self.calls = 0
        self.has_words = False

    def start(self, index: int, block: Block, events: list[ChatEvent]) -> None:
        """A block begins. One that was not closed before, is now.

        Raises:
            UpstreamBroken: it is a call without a name, or with arguments that can't be written.
        """
        self.stop(events)
        self.tell_blank_call(events)
        self._index = index
        self._begun.add(index)
        kind = block.get("type")
        if kind == "text":
            self._open(PartOpened("text"), events)
            self._add(_word(block.get("text")), events)
        elif kind == "thinking":
            self._open(PartOpened("reasoning"), events)
            self._signature = _word(block.get("signature"))
            self._add(_word(block.get("thinking")), events)
        elif kind == "redacted_thinking":
            data = _word(block.get("data"))
            events += (PartOpened("reasoning"), PartClosed(data, ANTHROPIC, redacted=True) if data else PartClosed())
            self._is_skipped = True
        elif kind == "tool_use":
            self._start_call(block)
        else:
            # What a server's own tools do and find; citations of compacted conversations. No client called for it.
            self._is_skipped = True

    def add(self, index: int | None, delta: Block, events: list[ChatEvent]) -> None:
        """More of a block: the open one, where no index says which.

        Raises:
            UpstreamBroken: of a block that is closed, or never began.
        """
        kind = delta.get("type")
        if not isinstance(kind, str):
            return
        if index is not None and index != self._index:
            if index in self._begun or kind not in _STARTED_BY:
                raise UpstreamBroken("the upstream sent more of a part of its answer that is not open")
            self.start(index, {"type": _STARTED_BY[kind]}, events)
        if self._is_skipped:
            return
        if kind == "signature_delta":
            self._signature += _word(delta.get("signature"))
        elif kind in _DELTA_TEXTS:
            self._add(_word(delta.get(_DELTA_TEXTS[kind])), events)

    def stop(self, events: list[ChatEvent]) -> None:
        """The open block ends, if there is one."""
        if self._call is not None:
            self._stop_call(events)
        elif self._kind is not None:
            events.append(PartClosed(self._signature, ANTHROPIC) if self._signature and self._kind == "reasoning" else PartClosed())
        self._kind = self._index = None
        self._is_skipped = False
        self._signature = ""

    def tell_blank_call(self, events: list[ChatEvent]) -> None:
        """Tells of a call without arguments, now that it is known that the model had none to add."""
        if self._blank_call is not None:
            self._call, self._blank_call = self._blank_call, None
            self._tell_call(events)
            events += (PartDelta("{}"), PartClosed())
            self._kind = None

    def drop_blank_call(self) -> None:
        """Forgets a call without arguments, because the model was cut off before it could write them: `{}` would make it one to be run."""
        self._blank_call = None

    def refuse(self, words: str, events: list[ChatEvent]) -> None:
        """Tells why nothing was said."""
        events += (PartOpened("refusal"), PartDelta(words), PartClosed())

    def _open(self, opened: PartOpened, events: list[ChatEvent]) -> None:
        self._kind = opened.kind
        events.append(opened)

    def _add(self, text: str, events: list[ChatEvent]) -> None:
        if not text:
            return
        if self._call is not None:
            self._tell_call(events)
        if self._kind is None:
            raise UpstreamBroken("the upstream sent more of a part of its answer that is not open")
        self.has_words = self.has_words or self._kind == "text"
        events.append(PartDelta(text))

    def _start_call(self, block: Block) -> None:
        """A call is told with the first character of its arguments. Some servers send them whole, with the call."""
        if not _word(block.get("name")):
            raise UpstreamBroken("the upstream sent a tool call without a name")
        self._call = block
        given = block.get("input")
        try:
            self._given = given if isinstance(given, str) else dumps_exact(given).decode() if given else ""
        except TypeError as error:
            raise UpstreamBroken(f"the upstream sent arguments of a tool call that can't be written as JSON: {error}") from error

    def _stop_call(self, events: list[ChatEvent]) -> None:
        if self._given:
            given, self._given = self._given, ""
            self._tell_call(events)
            events += (PartDelta(given), PartClosed())
        else:
            self._blank_call, self._call = self._call, None

    def _tell_call(self, events: list[ChatEvent]) -> None:
        """Opens the part of a call; of the one that stands for an answer in a certain form, a text."""
        block, self._call, self._given = self._call or {}, None, ""
        name = _word(block.get("name"))
        if name == ANSWER_TOOL:
            self._open(PartOpened("text"), events)
            return
        self.calls += 1
        self._open(PartOpened("tool_call", self._issue_id(_word(block.get("id"))), own_name(name)), events)

    def _issue_id(self, upstream_id: str) -> str:
        """The server's id if it can tell this call from all others, else a new one."""
        issued = upstream_id if upstream_id and upstream_id not in self._ids else f"toolu_{self._new_id()}"
        self._ids.add(issued)
        return issued


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
