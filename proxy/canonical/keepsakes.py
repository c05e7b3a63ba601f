"""What a model said beside its tool calls, and wants to see again with them: thoughts and signatures, of which most clients know nothing.

It is kept by the call, which comes back with the call's result. A call is known by its id, its name and its arguments: ids are the
upstreams' choice, and one's must not bring back another's thoughts. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from proxy.canonical.request import ChatRequest, Message, Part, ReasoningPart, ToolCallPart

# Some servers number their calls, which tells none from another client's.
_SHORTEST_ID = 9

Find = Callable[[Sequence[str]], Sequence[bytes | None]]


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What belongs to one call: the thoughts before it, and its own signature."""

    reasoning: tuple[ReasoningPart, ...] = ()
    opaque: str = ""
    origin: str = ""


def keepsakes_of(parts: Iterable[object]) -> Iterator[tuple[str, bytes]]:
    """What is to be kept of an answer, by the keys of its calls."""
    reasoning: list[ReasoningPart] = []
    for part in parts:
        if isinstance(part, ReasoningPart):
            reasoning.append(part)
        elif isinstance(part, ToolCallPart):
            key = _key(part)
            if key and (reasoning or part.opaque):
                yield key, _written(Keepsake(tuple(reasoning), part.opaque, part.origin))
            reasoning.clear()


def with_keepsakes(request: ChatRequest, find: Find) -> ChatRequest:
    """`request` with what was kept of the calls in it, where the client did not bring it along.

    Args:
        find: what is kept by the keys, one for each.
    """
    lacking = {key: None for message in request.messages for call in _lacking(message) if (key := _key(call))}
    if not lacking:
        return request
    kept = {key: _read(found) for key, found in zip(lacking, find(tuple(lacking)), strict=True) if found is not None}
    if not kept:
        return request
    return replace(request, messages=tuple(_restored(message, kept) for message in request.messages))


def _lacking(message: Message) -> Iterator[ToolCallPart]:
    if message.role == "assistant":
        yield from (part for part in message.parts if isinstance(part, ToolCallPart) and not part.opaque)


def _restored(message: Message, kept: dict[str, Keepsake]) -> Message:
    parts: list[Part] = []
    before: list[Part] = []
    changed = False
    for part in message.parts:
        keepsake = kept.get(_key(part)) if isinstance(part, ToolCallPart) and message.role == "assistant" and not part.opaque else None
        if keepsake is None or not isinstance(part, ToolCallPart):
            before.append(part)
            continue
        changed = True
        parts += _with_thoughts(before, keepsake.reasoning)
        parts.append(replace(part, opaque=keepsake.opaque, origin=keepsake.origin))
        before = []
    return replace(message, parts=(*parts, *before)) if changed else message


def _with_thoughts(parts: list[Part], reasoning: tuple[ReasoningPart, ...]) -> list[Part]:
    """The parts before a call, with the thoughts that the model had; those that the client signed or hid for it are better known."""
    thoughts = [part for part in parts if isinstance(part, ReasoningPart)]
    if not reasoning or any(thought.opaque for thought in thoughts):
        return parts
    return [*reasoning, *(part for part in parts if not isinstance(part, ReasoningPart))]


def _key(call: ToolCallPart) -> str:
    """The key of a call; `""` where its id tells it from no other."""
    if len(call.id) < _SHORTEST_ID:
        return ""
    try:
        # Clients write arguments anew, in spaces and orders of their own.
        arguments = orjson.dumps(orjson.loads(call.arguments), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        arguments = call.arguments.encode("utf-8", "replace")
    return hashlib.sha256(b"\0".join((call.id.encode(), call.name.encode(), arguments))).hexdigest()


def _written(keepsake: Keepsake) -> bytes:
    reasoning = [[part.text, part.opaque, part.origin, part.redacted] for part in keepsake.reasoning]
    return orjson.dumps([reasoning, keepsake.opaque, keepsake.origin])


def _read(text: bytes) -> Keepsake:
    reasoning: list[list[Any]]
    reasoning, opaque, origin = orjson.loads(text)
    return Keepsake(tuple(ReasoningPart(*part) for part in reasoning), opaque, origin)
