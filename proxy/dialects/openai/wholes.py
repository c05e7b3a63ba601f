"""Whole answers that are relayed: whether they can be any, and what they are as a stream. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.errors import UpstreamBroken, UpstreamError
from proxy.wire.lenient_json import LenientJson
from proxy.wire.refusals import misfit

_CHOICES = b'"choices"'
_SOME = re.compile(rb'"choices"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*[^ \t\r\n\]]')
_OF_MESSAGES = frozenset({"index", "message", "logprobs", "finish_reason"})
_OBJECT, _OBJECT_OF_CHUNKS = "chat.completion", "chat.completion.chunk"

Json = dict[str, Any]


def misfit_without_choices(body: bytes) -> UpstreamError | None:
    """The error for JSON that is no answer of a model: there is no choice in it."""
    place = body.find(_CHOICES)
    if place >= 0 and _SOME.match(body, place):
        return None
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None if place >= 0 else misfit(body)  # Its reader may know better.
    return None if isinstance(record, dict) and record.get("choices") else misfit(record)


def chunks_of(body: bytes, payload: Mapping[str, Any]) -> bytes:
    """The stream that says what the answer `body` says, in a chunk for what each choice is and one for how it ended.

    Nothing is made up: there are tokens counted if the client asked for that and the server did it, and a finish if there is one.

    Raises:
        UpstreamBroken: it cannot be read, or written.
    """
    record = _decoded(body)
    options = payload.get("stream_options")
    usage = record.get("usage") if isinstance(options, dict) and options.get("include_usage") is True else None
    frame = {name: value for name, value in record.items() if name not in ("choices", "usage")}
    if frame.get("object") == _OBJECT:
        frame["object"] = _OBJECT_OF_CHUNKS
    chunks = [{**frame, "choices": [part]} for choice in record["choices"] for part in _parts_of(choice)]
    if usage:
        chunks.append({**frame, "choices": [], "usage": usage})
    try:
        return b"".join([b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks]) + b"data: [DONE]\n\n"
    except orjson.JSONEncodeError as error:
        raise _unsayable() from error


def _decoded(body: bytes) -> Json:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            record = LenientJson().read(body)
        except ValueError as error:
            raise _unsayable() from error
    if not isinstance(record, dict) or not isinstance(record.get("choices"), list):
        raise _unsayable()
    return record


def _unsayable() -> UpstreamBroken:
    return UpstreamBroken("the upstream answered in one piece where a stream was asked for, and that cannot be told as one; ask again")


def _parts_of(choice: Any) -> Iterator[Any]:
    """What a choice is in a stream. That of a plain prompt is the same in both."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        yield choice
        return
    index = choice.get("index", 0)
    logprobs = {"logprobs": choice["logprobs"]} if "logprobs" in choice else {}
    yield {"index": index, "delta": _delta_of(message), **logprobs, "finish_reason": None}
    others = {name: value for name, value in choice.items() if name not in _OF_MESSAGES}
    yield {"index": index, "delta": {}, **others, "finish_reason": choice.get("finish_reason")}


def _delta_of(message: Json) -> Json:
    """The message as one delta, in which calls have a place of their own."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    placed = [{"index": place, **call} if isinstance(call, dict) else call for place, call in enumerate(calls)]
    return {**message, "tool_calls": placed}
