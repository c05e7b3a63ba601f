"""The `input` of a request to `/v1/responses` -> canonical messages. Pure.

What the model said in one turn comes in several items: its thoughts, its words, each of its calls. Here they are one turn again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from proxy.canonical.conversation import Conversation
from proxy.canonical.opaque_words import Opaque, read_opaque_word
from proxy.canonical.request import Message, Part, ReasoningPart, RefusalPart, Role, TextPart, ToolCallPart, ToolResultPart
from proxy.dialects.openai.asking.content import (
    ContentPart,
    PartReader,
    read_audio,
    read_content,
    read_detail,
    read_refusal,
    read_text,
    required_content,
)
from proxy.dialects.openai.asking.media import attachment, picture
from proxy.dialects.openai.asking.messages import read_signature
from proxy.dialects.openai.asking.row import Row, missing, rows_of, unsupported, wrong_value
from proxy.dialects.openai.responses.tools import spaced_name

_PLAIN_ROLES: Final[dict[str, Role]] = {"user": "user", "system": "system", "developer": "developer"}
_ROLES = (*_PLAIN_ROLES, "assistant")


def read_input(row: Row) -> tuple[Message, ...]:
    """The conversation that `instructions` and `input` make, in the order that upstreams insist on. Raises `InvalidRequest`."""
    conversation = Conversation(pairs_by_place=False)
    if instructions := row.text("instructions"):
        conversation.add(Message("system", (TextPart(instructions),)))
    given = row.get("input")
    if type(given) is str and given:
        conversation.add(Message("user", (TextPart(given),)))
    elif given:
        _add_items(rows_of(row.items("input"), "input"), conversation)
    messages = conversation.end()
    if not given or not messages:
        raise missing("input")
    return messages


def _add_items(items: list[Row], conversation: Conversation) -> None:
    turn: list[Part] = []
    for item in items:
        said = _said_by_the_model(item)
        if said is not None:
            turn += said
            continue
        _end_turn(turn, conversation)
        if _kind(item) == "function_call_output":
            conversation.add_result(_result(item))
        else:
            conversation.add(_message(item))
    _end_turn(turn, conversation)


def _end_turn(turn: list[Part], conversation: Conversation) -> None:
    if turn:
        conversation.add_assistant(Message("assistant", tuple(turn)))
        turn.clear()


def _kind(item: Row) -> str:
    return item.text("type") or "message"


def _said_by_the_model(item: Row) -> tuple[Part, ...] | None:
    """The parts of an item that the model made, `None` when it did not make it."""
    read = _OF_THE_MODEL.get(_kind(item))
    if read is not None:
        return read(item)
    return _content(item) if _kind(item) == "message" and item.get("role") == "assistant" else None


def _message(item: Row) -> Message:
    if _kind(item) != "message":
        raise unsupported(item.place("type"), f"is '{_kind(item)[:40]}', which only OpenAI's own models and servers understand")
    role = item.required_text("role")
    if role not in _PLAIN_ROLES:
        raise wrong_value(item.place("role"), role, _ROLES)
    return Message(_PLAIN_ROLES[role], required_content(item, RESPONSE_PARTS))


def _content(item: Row) -> tuple[ContentPart, ...]:
    return read_content(item.get("content"), item.place("content"), RESPONSE_PARTS)


def _call(item: Row) -> tuple[Part, ...]:
    signature = read_signature(item)
    call = ToolCallPart(
        item.required_text("call_id"),
        spaced_name(item.text("namespace"), item.required_text("name")),
        item.text("arguments"),
        signature.opaque,
        signature.origin,
    )
    return (call,)


def _result(item: Row) -> ToolResultPart:
    if item.get("output") is None:
        raise missing(item.place("output"))
    parts = read_content(item.get("output"), item.place("output"), RESPONSE_PARTS)
    shown = tuple(TextPart(part.text) if isinstance(part, RefusalPart | ReasoningPart) else part for part in parts)
    return ToolResultPart(item.required_text("call_id"), "", shown)


def _reasoning(item: Row) -> tuple[Part, ...]:
    """What the model thought. Whose the encrypted content is, it says itself; if it does not, it is OpenAI's."""
    words = [part.text("text") for part in item.rows("content") or item.rows("summary")]
    encrypted = item.text("encrypted_content")
    state = Opaque() if not encrypted else read_opaque_word(encrypted) or Opaque(encrypted, "openai")
    text = "" if state.redacted else "\n\n".join(filter(None, words))
    return (ReasoningPart(text, *state),) if text or state.opaque else ()


def _search(item: Row) -> tuple[Part, ...]:
    """Nothing: what a search of the web brought, the words behind it tell."""
    return ()


_OF_THE_MODEL: Final[Mapping[str, Callable[[Row], tuple[Part, ...]]]] = {
    "function_call": _call,
    "reasoning": _reasoning,
    "web_search_call": _search,
}


def _image(row: Row) -> ContentPart:
    _refuse_file_id(row)
    return picture(row.required_text("image_url"), row.place("image_url"), detail=read_detail(row))


def _file(row: Row) -> ContentPart:
    _refuse_file_id(row)
    name = "file_url" if row.text("file_url") else "file_data"
    return attachment(row.required_text(name), row.text("filename"), row.place(name))


def _refuse_file_id(row: Row) -> None:
    if row.text("file_id"):
        raise unsupported(row.place("file_id"), "names a file that is stored elsewhere; send its content")


RESPONSE_PARTS: Final[Mapping[str, PartReader]] = {
    "input_text": read_text,
    "output_text": read_text,
    "text": read_text,
    "input_image": _image,
    "input_file": _file,
    "input_audio": read_audio,
    "refusal": read_refusal,
}
"""The parts of items, whoever made them."""
