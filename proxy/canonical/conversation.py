"""Messages in the order that upstreams insist on, whatever order a client sent them in. Pure.

Behind a turn that calls tools stand the results of its calls, all of them and in their order, and then the rest. A call without a result
gets one that says so; a result that nothing called for becomes something that the user said: upstreams refuse a conversation with either.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.canonical.call_ledger import CallLedger
from proxy.canonical.request import Message, Part, TextPart, ToolCallPart, ToolResultPart

_NO_RESULT = (TextPart("(no result)"),)


class Conversation:
    """The messages read so far, every tool call with an id of its own and every tool result with the id of its call.

    While a turn's results may still come, it is kept open: its parts, its results, and the messages that came after it.

    Args:
        pairs_by_place: whether a result without a known id belongs to the first open call of its tool, or else to the first open call.
    """

    def __init__(self, *, pairs_by_place: bool) -> None:
        self._pairs_by_place = pairs_by_place
        self._messages: list[Message] = []
        self._ledger = CallLedger()
        self._turn: list[Part] = []
        self._results: dict[str, ToolResultPart] = {}  # by the ids of their calls
        self._after: list[Message] = []

    def add(self, message: Message) -> None:
        """Takes a message that neither calls tools nor answers calls."""
        self._after.append(message)

    def add_assistant(self, message: Message) -> None:
        """Takes a turn of the model. The ids of its calls are the client's, or `""`."""
        calls = any(isinstance(part, ToolCallPart) for part in message.parts)
        # Calls of one turn may come in several messages; upstreams want them in one, their results behind it.
        goes_on = self._turn and not self._results and not self._after
        if calls and not goes_on:
            self._close_turn()
        if calls or goes_on:
            self._turn += [self._entered(part) if isinstance(part, ToolCallPart) else part for part in message.parts]
        else:
            self._after.append(message)

    def add_result(self, result: ToolResultPart) -> None:
        """Takes the answer to a call. Its id is the client's, or `""`; so is the name of its tool."""
        ledger = self._ledger
        call = ledger.answer(result.call_id, result.name) if self._pairs_by_place else ledger.answer_to(result.call_id)
        if call is None:
            self._after.append(Message("user", result.parts))
        else:
            self._results[call.id] = replace(result, call_id=call.id, name=call.name)

    def end(self) -> tuple[Message, ...]:
        """All messages, once there are no more."""
        self._close_turn()
        return tuple(self._messages)

    def _entered(self, call: ToolCallPart) -> ToolCallPart:
        call_id = self._ledger.enter(call.id, call.name, call.arguments)
        return call if call_id == call.id else replace(call, id=call_id)

    def _close_turn(self) -> None:
        """Moves the open turn to the rest, with an answer for every call."""
        if self._turn:
            self._messages.append(Message("assistant", tuple(self._turn)))
        self._messages += [Message("tool", (self._result_of(part),)) for part in self._turn if isinstance(part, ToolCallPart)]
        self._messages += self._after
        self._turn, self._results, self._after = [], {}, []
        self._ledger.begin_turn()

    def _result_of(self, call: ToolCallPart) -> ToolResultPart:
        return self._results.get(call.id) or ToolResultPart(call.id, call.name, _NO_RESULT, is_error=True)
