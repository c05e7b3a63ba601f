"""What records of all APIs are made of: texts and calls in pieces, and marks of where an answer breaks off."""

from __future__ import annotations

import json
from typing import Any

from tests.pairs.scenes import Call, Scene
from tests.pairs.told import Turn

Json = dict[str, Any]


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def cut_text(scene: Scene) -> list[tuple[str, bool]]:
    """The text in two pieces, and whether each comes too late in an answer that breaks off."""
    begin, rest = halves(scene.text)
    return [(piece, late) for piece, late in ((begin, scene.broken == "thoughts"), (rest, scene.broken in ("text", "thoughts"))) if piece]


def cut_thoughts(scene: Scene) -> list[tuple[str, bool]]:
    """The thoughts in the same way."""
    begin, rest = halves(scene.thoughts)
    return [(begin, False), (rest, True)] if scene.broken == "thoughts" else [(scene.thoughts, False)] if scene.thoughts else []


def is_late(scene: Scene, call: Call, *, begun: bool = False) -> bool:
    """Whether the answer breaks off before the call, or before the second half of one that has begun."""
    return call == scene.calls[-1] and (scene.broken == "between calls" or (begun and scene.broken == "call"))


def has_arguments(call: Call, scene: Scene) -> bool:
    """Whether the answer does not end before the arguments of this call."""
    return scene.broken != "arguments" or call in scene.whole_calls


def said_of(call: Call, scene: Scene) -> tuple[str, ...]:
    """The arguments in two pieces, or the first of them, or nothing, where the answer ends by itself in the midst of the call."""
    begin, rest = halves(call.written if has_arguments(call, scene) else "")
    return (begin, rest) if call in scene.whole_calls else (begin,)


def marked_late(record: Json, late: bool = True) -> Json:
    return {**record, "_late": True} if late else record


def late_call(record: Json, scene: Scene, call: Call) -> Json:
    """The record of a call that is never in two of them: one that breaks off in the midst of the call is torn itself."""
    is_torn = scene.broken == "call" and call == scene.calls[-1]
    return {**record, "_late": True, "_torn": True} if is_torn else marked_late(record, is_late(scene, call))


def bare(record: Json) -> Json:
    return {key: value for key, value in record.items() if key not in ("_late", "_torn")}


def sse_data(record: Json) -> bytes:
    return b"data: " + json.dumps(bare(record)).encode() + b"\n\n"


def result_turn(call: str, text: str) -> Turn:
    return ("failed", call, text.removeprefix("Error: ")) if text.startswith("Error: ") else ("result", call, text)


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
