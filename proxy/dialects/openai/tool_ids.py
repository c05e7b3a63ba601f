"""Ids of tool calls for servers that take only nine letters or digits. Pure.

Source: https://github.com/nearai/ironclaw/issues/1241 (Mistral's error text).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from proxy.canonical.request import Message, ToolCallPart, ToolResultPart

_LEGAL = re.compile(r"[A-Za-z0-9]{9}")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def nine_letter_ids(messages: Sequence[Message]) -> dict[str, str]:
    """Every id in the conversation -> a legal one; equal for equal ids, distinct for distinct ones.

    A new id hangs on the old one alone, so that it stays the same in every request that repeats the conversation, and legal ones stay
    what they are: the upstream's prompt cache goes on to match.
    """
    old = dict.fromkeys(_ids(messages))
    legal = {call_id: call_id for call_id in old if _LEGAL.fullmatch(call_id)}
    taken = set(legal)
    for call_id in old:
        if call_id not in legal:
            legal[call_id] = next(new for new in _candidates(call_id) if new not in taken)
            taken.add(legal[call_id])
    return legal


def _ids(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                yield part.id
            elif isinstance(part, ToolResultPart):
                yield part.call_id


def _candidates(call_id: str) -> Iterator[str]:
    attempt = 0
    while True:
        digest = hashlib.blake2b(f"{attempt}\n{call_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = int.from_bytes(digest)
        yield "".join(_BASE62[number // 62**place % 62] for place in range(9))
        attempt += 1
