"""Canonical messages -> Gemini's contents, in the order that it insists on. Pure.

It wants the user to begin, and behind a turn with calls the results of all of them, as many as there were calls.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import groupby, takewhile
from typing import Any, Final

import orjson

from proxy.canonical.request import Message, Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.gemini.media import Json, Media, media_json, name_of
from proxy.dialects.gemini.names import wire_name
from proxy.profiles import Profile
from proxy.wire.exact_json import has_long_numbers, loads_exact

ORIGIN: Final = "gemini"
"""Whose signatures are understood here."""

# What stands for a signature that was lost, in base64 as all signatures are.
# Source: https://ai.google.dev/gemini-api/docs/thought-signatures, "skip_thought_signature_validator".
NO_SIGNATURE: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

_SYSTEM: Final = ("system", "developer")
_BLANK: Final[Json] = {"text": " "}  # An empty text is refused, and so is a turn without parts.
_NO_RESULT: Final = {"error": "(no result)"}


def contents_json(messages: Sequence[Message], profile: Profile) -> tuple[list[Json], list[Json]]:
    """What the system says before anybody else, as parts; and the conversation. What it says later, the user says in its place."""
    opening = list(takewhile(lambda message: message.role in _SYSTEM, messages))
    system = [{"text": part.text} for message in opening for part in message.parts if isinstance(part, TextPart) and part.text]
    contents: list[Json] = []
    if system and not profile.system:
        _add_turn(contents, "user", system)
        system = []
    calls: Sequence[ToolCallPart] = ()
    for is_model, group in groupby(messages[len(opening) :], key=lambda message: message.role == "assistant"):
        turn = list(group)
        if is_model:
            calls = [part for message in turn for part in message.parts if isinstance(part, ToolCallPart)]
            _add_turn(contents, "model", _model_parts((part for message in turn for part in _words_first(message.parts)), profile))
        else:
            _add_others(contents, turn, calls, profile)
            calls = ()
    if calls:
        _add_others(contents, (), calls, profile)
    if not contents or contents[0]["role"] != "user":
        contents.insert(0, {"role": "user", "parts": [_BLANK]})
    return system, contents


def _add_turn(contents: list[Json], role: str, parts: list[Json]) -> None:
    contents.append({"role": role, "parts": parts or [_BLANK]})


def _add_others(contents: list[Json], messages: Sequence[Message], calls: Sequence[ToolCallPart], profile: Profile) -> None:
    """The turns between two of the model: first the results of its calls, then what else was said, apart from them: results that have words
    beside them are refused, or the words are not heard.

    Source: https://github.com/langchain-ai/langchainjs/pull/11477
    """
    results: defaultdict[str, deque[ToolResultPart]] = defaultdict(deque)
    for given in _results(messages):
        results[given.call_id].append(given)
    answers: list[Json] = []
    behind: list[Json] = []
    for call in calls:
        result = results[call.id].popleft() if results[call.id] else None
        answers.append(_answer(call, result, behind, profile))
    if answers:
        _add_turn(contents, "user", answers)
    for waiting in results.values():
        for orphan in waiting:
            behind += ({"text": f"Result of {orphan.name or 'a tool'}:"}, *_spoken(orphan.parts, profile))
    said = [part for message in messages if message.role != "tool" for part in _spoken(message.parts, profile)]
    if behind or said or len(messages) > sum(message.role == "tool" for message in messages):
        _add_turn(contents, "user", behind + said)


def _results(messages: Iterable[Message]) -> Iterable[ToolResultPart]:
    return (part for message in messages for part in message.parts if isinstance(part, ToolResultPart))


def _spoken(parts: Iterable[Part], profile: Profile) -> list[Json]:
    built: list[Json] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            if part.text:
                built.append({"text": part.text})
        elif isinstance(part, Media):
            if name := name_of(part):
                built.append({"text": name})
            built.append(media_json(part, profile))
    return built


def _model_parts(parts: Iterable[Part], profile: Profile) -> list[Json]:
    """A turn of the model. The first of its calls must be signed, where any has to be."""
    built: list[Json] = []
    called = False
    for part in parts:
        if isinstance(part, ToolCallPart):
            signature = _signature(part) or ("" if called or not profile.must_echo_reasoning else NO_SIGNATURE)
            call = {"functionCall": _with_id(part.id, {"name": wire_name(part.name), "args": _arguments(part.arguments)})}
            built.append(call | {"thoughtSignature": signature} if signature else call)
            called = True
        elif isinstance(part, ReasoningPart):
            if not part.is_loose:  # It would be taken for what another part is signed with.
                _add_thought(built, part)
        else:
            built += _spoken((part,), profile)
    return built


def _words_first(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts with signatures that stand alone behind the words that they sign: OpenAI's clients keep them with the thoughts, which come
    first.
    """
    start = next((place for place, part in enumerate(parts) if isinstance(part, TextPart) and part.text), 0)
    before = parts[:start]
    bare = [part for part in before if _is_bare(part)]
    if not bare or any(isinstance(part, ToolCallPart) for part in before):
        return parts
    words = list(takewhile(lambda part: isinstance(part, TextPart), parts[start:]))
    return [*(part for part in before if not _is_bare(part)), *words, *bare, *parts[start + len(words) :]]


def _is_bare(part: Part) -> bool:
    """Whether it is a signature without words of its own."""
    return isinstance(part, ReasoningPart) and not part.text and bool(_signature(part))


def _add_thought(built: list[Json], part: ReasoningPart) -> None:
    """Thoughts go back if they are signed: without a signature they are summaries for people. Without thoughts it signs the text before."""
    signature = _signature(part)
    if not signature:
        return
    if part.text:
        built.append({"text": part.text, "thought": True, "thoughtSignature": signature})
    elif built and built[-1].keys() == {"text"}:
        built[-1]["thoughtSignature"] = signature
    else:
        built.append({"text": "", "thoughtSignature": signature})


def _signature(part: ToolCallPart | ReasoningPart) -> str:
    return part.opaque if part.origin == ORIGIN else ""


def _arguments(text: str) -> Json:
    """The arguments as an object. What is none goes as a text: the call was made, and the model shall see what it wrote."""
    if not text.strip():
        return {}
    try:
        value: Any = loads_exact(text.encode()) if has_long_numbers(text.encode()) else orjson.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"_raw": text}


def _answer(call: ToolCallPart, result: ToolResultPart | None, behind: list[Json], profile: Profile) -> Json:
    """The result of `call`. What may not be shown in it is added to `behind`."""
    answer: Json = {"name": wire_name(call.name)}
    if result is None:
        return {"functionResponse": _with_id(call.id, answer | {"response": _NO_RESULT})}
    texts: list[str] = []
    shown: list[Json] = []
    for part in result.parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif profile.results_show and isinstance(part, Media) and _is_seen(media_json(part, profile)):
            shown.append(media_json(part, profile))
            if name := name_of(part):
                texts.append(name)
        else:
            label = f"[{call.name} {len(behind) // 2 + 1}] {name_of(part)}".rstrip()
            texts.append(label)
            behind += ({"text": label}, media_json(part, profile))
    answer["response"] = {"error" if result.is_error else "output": "\n".join(texts)}
    return {"functionResponse": _with_id(call.id, answer | {"parts": shown} if shown else answer)}


def _is_seen(part: Json) -> bool:
    """Whether results may hold it. Source: https://ai.google.dev/gemini-api/docs/function-calling, "Multimodal function responses"."""
    mime = part.get("inlineData", {}).get("mimeType", "")
    return mime.startswith("image/") or mime in ("application/pdf", "text/plain")


def _with_id(call_id: str, named: Json) -> Json:
    return {"id": call_id} | named if call_id else named
