"""What a model said beside its tool calls, and wants to see again with them: thoughts and signatures, of which most clients know nothing.

It is kept by the call, which comes back with the call's result, and by the place where the call stands: nobody is given what was thought of
anything but the client's own words. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, Part, ReasoningPart, ToolCallPart
from proxy.canonical.trail import Trail

Find = Callable[[Sequence[str]], Sequence[bytes | None]]


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What belongs to one call: the thoughts before it, and its own signature."""

    reasoning: tuple[ReasoningPart, ...] = ()
    opaque: str = ""
    origin: str = ""


class Keeping:
    """Finds what is to be kept of an answer while it comes.

    Args:
        request: what is answered. It is read when there is something to keep.
    """

    __slots__ = ("_calls", "_reasoning", "_request", "_trail")

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._trail: Trail | None = None
        self._reasoning: list[ReasoningPart] = []
        self._calls: list[ToolCallPart] = []  # those that the trail has not come to yet

    def take(self, part: object) -> tuple[str, bytes] | None:
        """The key and what is to be kept by it, where this part of the answer is a call with which something is."""
        if isinstance(part, ReasoningPart):
            self._reasoning.append(part)
        if not isinstance(part, ToolCallPart):
            return None
        self._calls.append(part)
        if not self._reasoning and not part.opaque:
            return None
        keepsake = Keepsake(tuple(self._reasoning), part.opaque, part.origin)
        self._reasoning.clear()
        return self._key_of_latest(), _written(keepsake)

    def _key_of_latest(self) -> str:
        if self._trail is None:
            self._trail = Trail(self._request.model)
            self._trail.follow(self._request.messages)
        *_, key = map(self._trail.key_of, self._calls)
        self._calls.clear()
        return key


def with_keepsakes(request: ChatRequest, find: Find) -> ChatRequest:
    """`request` with what was kept of the calls in it, where the client did not bring it along.

    Args:
        find: what is kept by the keys, one for each.
    """
    if not any(_lacks(part) for message in request.messages for part in message.parts):
        return request
    keys = Trail(request.model).follow(request.messages)
    lacking = [key for message, own in zip(request.messages, keys, strict=True) for call, key in _keyed(message, own) if _lacks(call)]
    kept = {key: _read(found) for key, found in zip(lacking, find(lacking), strict=True) if found is not None}
    if not kept:
        return request
    messages = (_restored(message, own, kept) for message, own in zip(request.messages, keys, strict=True))
    return replace(request, messages=tuple(messages))


def _lacks(part: Part) -> bool:
    return isinstance(part, ToolCallPart) and not part.opaque


def _keyed(message: Message, keys: Sequence[str]) -> Iterator[tuple[ToolCallPart, str]]:
    return zip((part for part in message.parts if isinstance(part, ToolCallPart)), keys, strict=True)


def _restored(message: Message, keys: Sequence[str], kept: dict[str, Keepsake]) -> Message:
    if kept.keys().isdisjoint(keys):
        return message
    parts: list[Part] = []
    before: list[Part] = []
    of_calls = iter(keys)
    for part in message.parts:
        if not isinstance(part, ToolCallPart):
            before.append(part)
            continue
        keepsake = kept.get(next(of_calls))
        if keepsake is None:
            parts += [*before, part]
        else:
            parts += [*_with_thoughts(before, keepsake.reasoning), replace(part, opaque=keepsake.opaque, origin=keepsake.origin)]
        before = []
    return replace(message, parts=(*parts, *before))


def _with_thoughts(parts: list[Part], reasoning: tuple[ReasoningPart, ...]) -> list[Part]:
    """The parts before a call, with the thoughts that the model had; those that the client signed or hid for it are better known."""
    thoughts = [part for part in parts if isinstance(part, ReasoningPart)]
    if not reasoning or any(thought.opaque for thought in thoughts):
        return parts
    return [*reasoning, *(part for part in parts if not isinstance(part, ReasoningPart))]


def _written(keepsake: Keepsake) -> bytes:
    reasoning = [[part.text, part.opaque, part.origin, part.redacted] for part in keepsake.reasoning]
    return orjson.dumps([reasoning, keepsake.opaque, keepsake.origin])


def _read(text: bytes) -> Keepsake:
    reasoning: list[list[Any]]
    reasoning, opaque, origin = orjson.loads(text)
    return Keepsake(tuple(ReasoningPart(*part) for part in reasoning), opaque, origin)
