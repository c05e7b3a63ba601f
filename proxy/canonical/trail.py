"""Where in a conversation the model's calls stand: keys that are digests of all that was said before them. Pure.

Most ids do not tell calls apart: they are the upstreams' choice, some number them anew in every conversation, and some clients drop them.
Only those that the gateway made itself lead to one call and no other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import orjson

from proxy.canonical.request import AudioPart, FilePart, ImagePart, Message, Part, TextPart, ToolCallPart, ToolResultPart

# What readers make where a server gives no id: 96 bits of chance, which nobody guesses.
_OURS = re.compile(r"(?:call|toolu)_[0-9a-f]{24}")


class Trail:
    """Goes along a conversation. A call has the same key in every request that repeats what was said up to it.

    What the model says and thinks is passed over: clients give it back shortened, or not at all, and it comes of all the rest.

    Args:
        model: the name by which the client asks for it; others think other thoughts of the same words.
    """

    __slots__ = ("_digest",)

    def __init__(self, model: str) -> None:
        self._digest = hashlib.sha256()
        self._add("model", model)

    def follow(self, messages: Iterable[Message]) -> list[tuple[str, ...]]:
        """The keys of the calls in each message."""
        return [self._keys(message) if message.role == "assistant" else self._pass_by(message) for message in messages]

    def key_of(self, call: ToolCallPart) -> str:
        """The key of the next call of the model's; the trail goes on behind it."""
        self._add("call", call.name)
        self._add_bytes(_arguments(call.arguments))
        return self._digest.hexdigest()

    def _keys(self, message: Message) -> tuple[str, ...]:
        return tuple([self.key_of(part) for part in message.parts if isinstance(part, ToolCallPart)])

    def _pass_by(self, message: Message) -> tuple[str, ...]:
        self._add(message.role, message.name)
        for part in message.parts:
            self._add_part(part)
        return ()

    def _add_part(self, part: Part) -> None:
        match part:
            case TextPart():
                self._add("text", part.text)
            case ToolResultPart():
                self._add("error" if part.is_error else "result", part.name)
                for shown in part.parts:
                    self._add_part(shown)
            case ImagePart():
                self._add("image", part.data or part.url)
            case AudioPart():
                self._add("audio", part.data)
            case FilePart():
                self._add("file", part.name, part.data or part.url)
            case _:
                pass

    def _add(self, *words: str) -> None:
        for word in words:
            self._add_bytes(word.encode("utf-8", "surrogatepass"))

    def _add_bytes(self, word: bytes) -> None:
        # With their lengths: no word can pass for two others.
        self._digest.update(b"%d:" % len(word))
        self._digest.update(word)


def key_by_id(model: str, call: ToolCallPart) -> str:
    """A key of the call wherever it stands, where its id is one of ours; else `""`."""
    return f"{call.id}:{Trail(model).key_of(call)}" if _OURS.fullmatch(call.id) else ""


def _arguments(text: str) -> bytes:
    """Arguments, comparable: clients write them anew, in spaces and orders of their own."""
    try:
        return orjson.dumps(orjson.loads(text if text.strip() else "{}"), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return text.encode("utf-8", "surrogatepass")
