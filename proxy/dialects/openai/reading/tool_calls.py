"""Fragments of tool calls -> the calls they belong to. Pure.

Servers agree on little here: `index` may be missing, start at 1 or be 0 for every call; ids and names are sent once, with each fragment or
not at all; arguments come as fragments, whole, or as an object. A wrong guess runs a tool with the wrong arguments, so what cannot be told
apart for certain is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from proxy.canonical.events import ChatEvent
from proxy.dialects.openai.reading.parts import PartQueue, ToolCall
from proxy.errors import UpstreamBroken


class ToolCallSlots:
    """The calls of one answer, by the slots under which the server sends them.

    Args:
        queue: where the calls take their turn.
        new_id: makes what tells one id from another.
    """

    __slots__ = ("_by_id", "_by_index", "_by_index_and_id", "_ids", "_latest", "_new_id", "_queue")

    def __init__(self, queue: PartQueue, new_id: Callable[[], str]) -> None:
        self._queue = queue
        self._new_id = new_id
        self._by_index: dict[int, ToolCall] = {}
        self._by_id: dict[str, ToolCall] = {}
        self._by_index_and_id: dict[tuple[int, str], ToolCall] = {}
        self._latest: ToolCall | None = None
        self._ids: set[str] = set()

    def take(self, entries: Sequence[object], events: list[ChatEvent], *, whole: bool = False) -> None:
        """Adds the entries of a delta's `tool_calls`, or the `whole` calls of a message.

        Raises:
            UpstreamBroken: a fragment belongs to no call that can be told for certain.
        """
        for entry in entries:
            if isinstance(entry, dict):
                self._take_one(entry, events, whole=whole)

    def _take_one(self, entry: dict[str, Any], events: list[ChatEvent], *, whole: bool) -> None:
        function = entry.get("function")
        function = function if isinstance(function, dict) else {}
        index, call_id, name = _index(entry), _word(entry.get("id")), _word(function.get("name"))
        fragment = arguments_text(function.get("arguments"))
        call = None if whole else self._find(index, call_id)
        if call is None and not (call_id or name or fragment):
            return
        if call is None or _begins_another(call, call_id, name, fragment):
            call = self._begin(index)
        elif _repeats(call, fragment):
            fragment = ""
        self._name(call, index, call_id, name)
        if "extra_content" in entry and (signature := _google_signature(entry)):
            call.opaque, call.origin = signature, "gemini"
        if fragment:
            if call.closed and fragment.strip():
                raise UpstreamBroken(f"the upstream sent more arguments for the tool call {call.name} after they were complete")
            call.add_arguments(fragment)
        if not call.closed:
            self._queue.tell(events)

    def _find(self, index: int | None, call_id: str) -> ToolCall | None:
        """The call that a fragment continues, going by its index, else by its id, else the latest."""
        if index is None:
            return self._by_id.get(call_id) if call_id else self._latest
        call = self._by_index.get(index)
        if call is not None and call_id and call.upstream_id and call.upstream_id != call_id:
            return self._by_index_and_id.get((index, call_id))
        return call

    def _begin(self, index: int | None) -> ToolCall:
        call = ToolCall(self._issue_id, index)
        self._queue.begin(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _name(self, call: ToolCall, index: int | None, call_id: str, name: str) -> None:
        self._latest = call
        if call_id and not call.upstream_id:
            call.upstream_id = call_id
            self._by_id[call_id] = call
            if index is not None:
                self._by_index_and_id[index, call_id] = call
        if name and not call.has_arguments:
            call.name = _grown_name(call.name, name)
        elif name and not call.name:
            call.name = name

    def _issue_id(self, upstream_id: str) -> str:
        """The server's id if it can tell this call from all others, else a new one. TGI gives every call the id "0"."""
        good = upstream_id and upstream_id not in self._ids and not (upstream_id.isdigit() and len(upstream_id) < 3)
        issued = upstream_id if good else f"call_{self._new_id()}"
        self._ids.add(issued)
        return issued


def _begins_another(call: ToolCall, call_id: str, name: str, fragment: str) -> bool:
    """Whether a fragment in the slot of `call` belongs to a new call: servers without a counter send every call under index 0.

    Source: ollama/ollama#15457, ollama/ollama#16212, su-kaka/gcli2api#406.
    """
    same_id = call_id != "" and call_id == call.upstream_id
    fresh = fragment.lstrip().startswith("{")
    if same_id or not (name or fresh) or not call.has_whole_arguments():
        return False
    if not fresh:
        return name not in ("", call.name) and call.name != ""
    if name or call_id:
        return True
    raise UpstreamBroken(f"the upstream sent arguments of a second tool call without its name, after those of {call.name}")


def _repeats(call: ToolCall, fragment: str) -> bool:
    """Whether `fragment`, sent under the id of `call`, says once more what was said: some servers end a call by sending all of it again."""
    if not fragment.lstrip().startswith("{") or not call.has_whole_arguments():
        return False
    if fragment == call.arguments:
        return True
    raise UpstreamBroken(f"the upstream sent arguments of a second tool call under the id of the first, {call.name}")


def _grown_name(name: str, more: str) -> str:
    """A name after another fragment of it. Most servers send it once, or the same again; a few send the rest, or all of it so far."""
    if more.startswith(name):
        return more
    return name if name.startswith(more) else name + more


def arguments_text(arguments: object) -> str:
    """Arguments as JSON text, as OpenAI has them; some servers send the object itself.

    Raises:
        UpstreamBroken: the object is nested too deeply to be written.
    """
    if isinstance(arguments, str):
        return arguments
    try:
        return "" if arguments is None else orjson.dumps(arguments).decode()
    except orjson.JSONEncodeError as error:
        raise UpstreamBroken(f"the upstream sent arguments of a tool call that can't be written as JSON: {error}") from error


def _index(entry: dict[str, Any]) -> int | None:
    index = entry.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _google_signature(entry: dict[str, Any]) -> str:
    """The signature with which Gemini 3 knows its calls again, where Google's OpenAI-style door tells it.

    Source: https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    extra = entry["extra_content"]
    google = extra.get("google") if isinstance(extra, dict) else None
    return _word(google.get("thought_signature")) if isinstance(google, dict) else ""


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
