"""What a model said beside its tool calls, and wants to see again with them: thoughts and signatures, of which most clients know nothing.

It is kept by the call, which comes back with the call's result, and by the place where the call stands: nobody is given what was thought of
anything but the client's own words. An id that we made says as much as the place does: only who had the answer knows it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, Part, ReasoningPart, ToolCallPart
from proxy.canonical.trail import Trail, key_by_id

Find = Callable[[Sequence[Sequence[str]]], Sequence[bytes | None]]


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

    def take(self, part: object) -> Sequence[tuple[str, bytes]]:
        """The keys and what is to be kept by each, where this part of the answer is a call with which something is."""
        if isinstance(part, ReasoningPart):
            self._reasoning.append(part)
        if not isinstance(part, ToolCallPart):
            return ()
        self._calls.append(part)
        if not self._reasoning and not part.opaque:
            return ()
        written = _written(Keepsake(tuple(self._reasoning), part.opaque, part.origin))
        self._reasoning.clear()
        return [(key, written) for key in _keys(self._request.model, part, self._key_of_latest())]

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
        find: what is kept of each call, by the first of its keys that knows something.
    """
    if not any(_lacks(part) for message in request.messages for part in message.parts):
        return request
    places = Trail(request.model).follow(request.messages)
    lacking = [
        _keys(request.model, call, place)
        for message, own in zip(request.messages, places, strict=True)
        for call, place in _placed(message, own)
        if _lacks(call)
    ]
    kept = {place: _read(found) for (*_, place), found in zip(lacking, find(lacking), strict=True) if found is not None}
    if not kept:
        return request
    messages = (_restored(message, own, kept) for message, own in zip(request.messages, places, strict=True))
    return replace(request, messages=tuple(messages))


def _lacks(part: Part) -> bool:
    return isinstance(part, ToolCallPart) and not part.opaque


def _keys(model: str, call: ToolCallPart, place: str) -> tuple[str, ...]:
    """By its id, where that is ours, then by its place: a client may drop the one, or change what was said before the other."""
    by_id = key_by_id(model, call)
    return (by_id, place) if by_id else (place,)


def _placed(message: Message, keys: Sequence[str]) -> Iterator[tuple[ToolCallPart, str]]:
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
