"""Reads content blocks: each becomes parts, or nothing where it means something to Anthropic's own servers only. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from proxy.canonical.opaque_words import ANTHROPIC, Opaque, read_opaque_word
from proxy.canonical.request import (
    AudioPart,
    CacheHint,
    FilePart,
    ImagePart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.anthropic.parsing.rows import Row
from proxy.dialects.anthropic.parsing.sources import read_file, read_picture, unknown_source
from proxy.dialects.anthropic.tool_ids import own_id
from proxy.wire.exact_json import dumps_exact

Shown = TextPart | ImagePart | AudioPart | FilePart
Readers = Mapping[str, Callable[[Row], Iterator[Part]]]

# What tools left that ran on Anthropic's servers: encrypted for the most part, and told once more in the text behind it.
_OF_SERVERS = ("server_tool_use", "mcp_tool_use", "fallback")
_RESULT = "_tool_result"


def read_content(message: Row, readers: Readers) -> list[Part]:
    """The parts of a `content`: a text, or a list of blocks. Raises `InvalidRequest`."""
    content = message.raw("content")
    if type(content) is str:
        return [TextPart(content)] if content else []
    return [part for block in message.rows("content") for part in read_block(block, readers)]


def read_block(block: Row, readers: Readers, read_elsewhere: tuple[str, ...] = ()) -> Iterator[Part]:
    """The parts of one block. Raises `InvalidRequest` for one of a kind that is not among `readers`.

    Args:
        read_elsewhere: the kinds that may stand in its place, too.
    """
    kind = block.text("type")
    reader = readers.get(kind)
    if reader is not None:
        return reader(block)
    if kind in _OF_SERVERS or (kind.endswith(_RESULT) and kind != "tool_result"):
        return iter(())
    expected = ", ".join(f"'{name}'" for name in (*readers, *read_elsewhere))
    raise block.refuse("type", f"Input tag {kind[:40]!r} does not match any of the expected tags: {expected}")


def read_result(block: Row) -> ToolResultPart:
    """The answer to a call. What its tool is called, the call says."""
    shown = [part for part in read_content(block, IN_RESULTS) if isinstance(part, Shown)]
    return ToolResultPart(
        call_id=own_id(block.text("tool_use_id")),
        name="",
        parts=tuple(shown),
        is_error=block.flag("is_error") or False,
        cache_hint=block.members("cache_control"),
    )


def _text(block: Row) -> Iterator[Part]:
    text = block.text("text")
    if text:
        yield TextPart(text, block.members("cache_control"))


def _picture(block: Row) -> Iterator[Part]:
    yield read_picture(block)


def _document(block: Row) -> Iterator[Part]:
    """A file, or what it says where the client sends that: behind its title and what else is said of it."""
    source, title, context = block.needed_row("source"), block.text_or("title", ""), block.text_or("context", "")
    kind, heading = source.text("type"), _joined("\n", title, context)
    if kind in ("base64", "url"):
        if context:
            yield TextPart(context)
        yield read_file(source, kind, title, block)
    elif kind == "text":
        yield TextPart(_joined("\n\n", heading, source.text("data")), block.members("cache_control"))
    elif kind == "content":
        yield from _marked([TextPart(heading)] * bool(heading) + read_content(source, IN_DOCUMENTS), block.members("cache_control"))
    else:
        raise unknown_source(source, kind)


def _marked(parts: list[Part], cache_hint: CacheHint) -> list[Part]:
    """`parts`, of which the last has a mark for all of them."""
    last = parts[-1] if parts else None
    if cache_hint is None or not isinstance(last, TextPart | ImagePart):
        return parts
    return [*parts[:-1], replace(last, cache_hint=cache_hint)]


def _search_result(block: Row) -> Iterator[Part]:
    texts = [part.text for part in read_content(block, IN_SYSTEM) if isinstance(part, TextPart)]
    heading = _joined("\n", block.text("title"), block.text("source"))
    yield TextPart(_joined("\n\n", heading, *texts), block.members("cache_control"))


def _thinking(block: Row) -> Iterator[Part]:
    yield ReasoningPart(block.text("thinking"), *_state(block.text_or("signature", "")))


def _redacted_thinking(block: Row) -> Iterator[Part]:
    opaque, origin, _ = _state(block.text("data"))
    yield ReasoningPart("", opaque, origin, redacted=True)


def _tool_use(block: Row) -> Iterator[Part]:
    call_id, name = own_id(block.text("id")), block.text("name")
    try:
        arguments = dumps_exact(block.members("input") or {}).decode()
    except TypeError as error:
        raise block.refuse("input", f"can't be written as JSON: {error}") from None
    yield ToolCallPart(call_id, name, arguments, cache_hint=block.members("cache_control"))


def _tool_reference(block: Row) -> Iterator[Part]:
    yield TextPart(block.text("tool_name"))


def _summary(block: Row) -> Iterator[Part]:
    """What a compacted conversation said; `null` when compacting it failed."""
    summary = block.text_or("content", "")
    if summary:
        yield TextPart(summary)


def _state(word: str) -> Opaque:
    """What a client gives back to us: a signature of Claude's as it came from there, or another upstream's as we spelled it."""
    return read_opaque_word(word) or (Opaque(word, ANTHROPIC) if word else Opaque())


def _joined(between: str, *texts: str) -> str:
    return between.join(filter(None, texts))


IN_SYSTEM: Final[Readers] = {"text": _text}
IN_DOCUMENTS: Final[Readers] = {"text": _text, "image": _picture}
IN_RESULTS: Final[Readers] = {
    "text": _text,
    "image": _picture,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _tool_reference,
}
OF_USERS: Final[Readers] = {"text": _text, "image": _picture, "document": _document, "search_result": _search_result}
OF_ASSISTANTS: Final[Readers] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "tool_use": _tool_use,
    "compaction": _summary,
}
