"""Ties the tool results of a conversation to their calls. Pure.

Upstreams want an id on every call and on its result, and the ids of a conversation to differ. Ollama's clients drop the ids of calls, of
results or of both, and some servers give every call the same id; so ids are made up where they lack or come again, and results find their
calls by id, by tool name or by position.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from dataclasses import dataclass

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARS = 8
_ANY = ("", "")


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that waits for its result: the id it goes by upstream, its tool."""

    id: str
    name: str


class CallLedger:
    """The calls of one conversation, read from its start: the ids given so far, and the latest turn's calls without a result."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._seen: Counter[tuple[str, str]] = Counter()
        self.begin_turn()

    def begin_turn(self) -> None:
        """A new assistant turn: results that follow belong to its calls only."""
        self._open: dict[str, OpenCall] = {}
        self._waiting: defaultdict[tuple[str, str], deque[OpenCall]] = defaultdict(deque)

    def enter(self, client_id: str, name: str, arguments: str) -> str:
        """Notes a call and returns its id: the client's own where it is new to the conversation, else one made of what the call says.

        The made-up id hangs on the call's name, its arguments and how often just this call came before; so it is the same in every later
        request that repeats the conversation, and the upstream's prompt cache goes on to match.
        """
        call_id = client_id if client_id and client_id not in self._ids else self._made_up(name, arguments)
        self._ids.add(call_id)
        call = self._open[call_id] = OpenCall(call_id, name)
        for queue in (("id", client_id or call_id), ("name", name), _ANY):
            self._waiting[queue].append(call)
        return call_id

    def answer(self, client_id: str, name: str) -> OpenCall | None:
        """The call that a result answers: the one with its id, else the first of its tool, else the first; `None` when none is open."""
        for queue in (("id", client_id), ("name", name), _ANY):
            waiting = self._waiting.get(queue)
            while waiting:
                call = waiting.popleft()
                if self._open.pop(call.id, None):
                    return call
        return None

    def answer_to(self, client_id: str) -> OpenCall | None:
        """The open call with that id, `None` when there is none."""
        waiting = self._waiting.get(("id", client_id))
        call = waiting.popleft() if waiting else None
        return self._open.pop(call.id, None) if call else None

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
