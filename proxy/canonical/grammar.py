"""The grammar of a legal stream, as stated in `events.py`: a checker for tests, so that readers and renderers mean the same by it."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.canonical.events import ChatEvent, Failed, Finished, KeepAlive, OfChoice, PartClosed, PartDelta, PartOpened, Started, UsageSeen


class GrammarError(AssertionError):
    """A stream took a step that the grammar does not know."""


class Grammar:
    """Follows one stream, event by event."""

    def __init__(self) -> None:
        self._started = self._ended = False
        self._open: PartOpened | None = None
        self._call_ids: set[str] = set()

    def step(self, event: ChatEvent) -> None:
        """Goes one step.

        Raises:
            GrammarError: the step is illegal after the ones before it.
        """
        _require(not self._ended, event, "comes after the end")
        match event:
            case Started():
                _require(not self._started, event, "comes twice")
                _require(bool(event.id), event, "has no id")
                self._started = True
            case Failed():
                self._ended = True
            case KeepAlive():
                pass
            case OfChoice():
                raise GrammarError(f"{event} holds events of an answer, and is none")
            case _:
                _require(self._started, event, "comes before Started")
                self._step_inside(event)

    def _step_inside(self, event: PartOpened | PartDelta | PartClosed | UsageSeen | Finished) -> None:
        match event:
            case PartOpened():
                _require(self._open is None, event, "comes while another part is open")
                if event.kind == "tool_call":
                    self._check_call(event)
                self._open = event
            case PartDelta():
                _require(self._open is not None, event, "comes while no part is open")
            case PartClosed():
                _require(self._open is not None, event, "comes while no part is open")
                self._open = None
            case Finished():
                _require(self._open is None, event, "comes while a part is open")
                self._ended = True

    def _check_call(self, event: PartOpened) -> None:
        _require(bool(event.id and event.name), event, "lacks id or name")
        _require(event.id not in self._call_ids, event, "has the id of an earlier call")
        self._call_ids.add(event.id)

    def end(self) -> None:
        """Says that nothing more comes.

        Raises:
            GrammarError: the stream has neither finished nor failed.
        """
        if not self._ended:
            raise GrammarError("the stream ends without Finished or Failed")


def check(events: Iterable[ChatEvent]) -> None:
    """Follows a whole stream to its end.

    Raises:
        GrammarError: at the first illegal step.
    """
    grammar = Grammar()
    for event in events:
        grammar.step(event)
    grammar.end()


def _require(legal: bool, event: ChatEvent, fault: str) -> None:
    if not legal:
        raise GrammarError(f"{event} {fault}")
