"""What a model said beside its tool calls, and wants to see again with them: thoughts and signatures, of which most clients know nothing.

It is kept by the call, which comes back with the call's result, and by the place where the call stands: nobody is given what was thought of
anything but the client's own words. An id that we made says as much as the place does: only who had the answer knows it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, ReasoningPart, ToolCallPart
from proxy.canonical.thought_places import Keepsake, with_thoughts_in_place
from proxy.canonical.trail import Trail, key_by_id

Find = Callable[[Sequence[Sequence[str]]], Sequence[bytes | None]]


class Keeping:
    """Finds what is to be kept of an answer while it comes.

    Args:
        request: what is answered. It is read when there is something to keep.
    """

    __slots__ = ("_calls", "_request", "_thoughts", "_trail")

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._trail: Trail | None = None
        self._thoughts: list[tuple[int, ReasoningPart]] = []
        self._calls: list[ToolCallPart] = []  # those that the trail has not come to yet

    def take(self, part: object, letters: int) -> Sequence[tuple[str, bytes]]:
        """The keys and what is to be kept by each, where this part of the answer is a call with which something is.

        Args:
            letters: how many letters of the answer's words stand before it.
        """
        if isinstance(part, ReasoningPart):
            self._thoughts.append((letters, part))
        if not isinstance(part, ToolCallPart):
            return ()
        self._calls.append(part)
        if not self._thoughts and not part.opaque:
            return ()
        written = _written(Keepsake(tuple(self._thoughts), part.opaque, part.origin, letters))
        self._thoughts.clear()
        return [(key, written) for key in _keys(self._request.model, part, self._key_of_latest())]

    def _key_of_latest(self) -> str:
        if self._trail is None:
            self._trail = Trail(self._request.model)
            self._trail.follow(self._request.messages)
        *_, key = map(self._trail.key_of, self._calls)
        self._calls.clear()
        return key


def with_keepsakes(request: ChatRequest, find: Find) -> ChatRequest:
    """`request` with what was kept of the calls in it, where the client did not bring it along, or brought it without its place.

    Args:
        find: what is kept of each call, by the first of its keys that knows something.
    """
    if not any(map(_lacks, request.messages)):
        return request
    places = Trail(request.model).follow(request.messages)
    lacking = [
        _keys(request.model, call, place)
        for message, own in zip(request.messages, places, strict=True)
        if _lacks(message)
        for call, place in _placed(message, own)
    ]
    kept = {place: _read(found) for (*_, place), found in zip(lacking, find(lacking), strict=True) if found is not None}
    if not kept:
        return request
    messages = (_restored(message, own, kept) for message, own in zip(request.messages, places, strict=True))
    return replace(request, messages=tuple(messages))


def _lacks(message: Message) -> bool:
    """Whether something may be kept of the turn's calls that the client did not bring. Few bring the place of a thought."""
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    return bool(calls) and (
        not all(call.opaque for call in calls) or any(isinstance(part, ReasoningPart) and part.opaque for part in message.parts)
    )


def _keys(model: str, call: ToolCallPart, place: str) -> tuple[str, ...]:
    """By its id, where that is ours, then by its place: a client may drop the one, or change what was said before the other."""
    by_id = key_by_id(model, call)
    return (by_id, place) if by_id else (place,)


def _placed(message: Message, keys: Sequence[str]) -> Iterator[tuple[ToolCallPart, str]]:
    return zip((part for part in message.parts if isinstance(part, ToolCallPart)), keys, strict=True)


def _restored(message: Message, keys: Sequence[str], kept: dict[str, Keepsake]) -> Message:
    if kept.keys().isdisjoint(keys):
        return message
    return replace(message, parts=with_thoughts_in_place(message.parts, [kept.get(key) for key in keys]))


def _written(keepsake: Keepsake) -> bytes:
    thoughts = [[letters, part.text, part.opaque, part.origin, part.redacted] for letters, part in keepsake.thoughts]
    return orjson.dumps([thoughts, keepsake.opaque, keepsake.origin, keepsake.letters])


def _read(text: bytes) -> Keepsake:
    thoughts: list[list[Any]]
    thoughts, opaque, origin, letters = orjson.loads(text)
    return Keepsake(tuple((place, ReasoningPart(*part)) for place, *part in thoughts), opaque, origin, letters)
