"""Ties the tool results of an Ollama conversation to their calls. Pure.

OpenAI-style servers want an id on every call and on its result. Ollama's clients drop the ids of calls, of results or of both, so ids are
made up where they lack, and results find their calls by id, by tool name or by position.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARS = 8


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that waits for its result: the id it goes by upstream, the id the client knows it by (or `""`), its tool."""

    id: str
    client_id: str
    name: str


class CallLedger:
    """The calls of one conversation, read from its start: the ids given so far, and the latest turn's calls without a result."""

    def __init__(self) -> None:
        self.unanswered: list[OpenCall] = []
        self._ids: set[str] = set()
        self._seen: Counter[tuple[str, str]] = Counter()

    def begin_turn(self) -> None:
        """A new assistant turn: results that follow belong to its calls only."""
        self.unanswered = []

    def enter(self, client_id: str, name: str, arguments: str) -> str:
        """Notes a call and returns its id: the client's own where it is new to the conversation, else one made of what the call says.

        The made-up id hangs on the call's name, its arguments and how often just this call came before; so it is the same in every later
        request that repeats the conversation, and the upstream's prompt cache goes on to match.
        """
        call_id = client_id if client_id and client_id not in self._ids else self._made_up(name, arguments)
        self._ids.add(call_id)
        self.unanswered.append(OpenCall(call_id, client_id, name))
        return call_id

    def answer(self, client_id: str, name: str) -> OpenCall | None:
        """Takes the call that a result answers off the list: the one with its id, else the first of its tool, else the first; or `None`."""
        if not self.unanswered:
            return None
        by_id = (place for place, call in enumerate(self.unanswered) if client_id and call.client_id == client_id)
        by_name = (place for place, call in enumerate(self.unanswered) if call.name == name)
        return self.unanswered.pop(next(by_id, next(by_name, 0)))

    def _made_up(self, name: str, arguments: str) -> str:
        while True:
            self._seen[name, arguments] += 1
            call_id = "call_" + _digest(f"{name}\n{arguments}\n{self._seen[name, arguments]}")
            if call_id not in self._ids:
                return call_id


def _digest(text: str) -> str:
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    digits = []
    for _ in range(_ID_CHARS):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(digits)
