"""Canonical messages -> what the system says, and turns of user and model by turns, each call answered in the turn after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from proxy.canonical.conversation import Conversation
from proxy.canonical.request import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from proxy.dialects.anthropic.building.blocks import (
    Json,
    said,
    shown_block,
    text_block,
    thinking_block,
    tool_result_block,
    tool_use_block,
)
from proxy.dialects.anthropic.tool_ids import legal_id
from proxy.profiles import Profile

# What a turn of the user says that must be there and has nothing to say.
_NOTHING_SAID: Final = {"type": "text", "text": "."}
_GO_ON: Final = "Go on with your last message from exactly where it ends. Repeat nothing of it, and say nothing before its next word."
_SHOWN = (ImagePart, AudioPart, FilePart)
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


@dataclass(slots=True)
class Turns:
    """A conversation.

    Attributes:
        system: the blocks of what the system said at the beginning.
        messages: the rest. The first is the user's, and no two of the same role stand together.
        prefill: whether the model is to go on with words of its own.
        called: the names of all tools that the model called.
    """

    system: list[Json] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    prefill: bool = False
    called: dict[str, None] = field(default_factory=dict)

    @property
    def ends_in_unthought_calls(self) -> bool:
        """Whether the model is in the midst of calling tools, and its thoughts before that are not known."""
        last_turn = next((message for message in reversed(self.messages) if message["role"] == "assistant"), None)
        if last_turn is None or not _answers_calls(self.messages[-1]):
            return False
        return last_turn["content"][0]["type"] not in _THOUGHTS


def turns_of(messages: Sequence[Message], profile: Profile) -> Turns:
    """The conversation.

    Raises:
        InvalidRequest: it holds what such servers have no place for.
    """
    leading = next((place for place, message in enumerate(messages) if message.role not in ("system", "developer")), len(messages))
    ordered = _ordered(messages[leading:])
    ids = {part.id: legal_id(part.id) for message in ordered for part in message.parts if isinstance(part, ToolCallPart)}
    building = _Building(profile, ids)
    for message in ordered:
        building.add(message)
    turns = building.end()
    turns.system = said([text_block(part.text, part.cache_hint) for part in _texts(messages[:leading])])
    return turns


def _ordered(messages: Iterable[Message]) -> tuple[Message, ...]:
    conversation = Conversation(pairs_by_place=False)
    for message in messages:
        if message.role == "assistant":
            conversation.add_assistant(message)
        elif message.role == "tool":
            for part in message.parts:
                if isinstance(part, ToolResultPart):
                    conversation.add_result(part)
        else:
            conversation.add(message)
    return conversation.end()


def _texts(messages: Iterable[Message]) -> list[TextPart]:
    return [part for message in messages for part in message.parts if isinstance(part, TextPart)]


class _Building:
    """Builds the turns of one conversation.

    Args:
        ids: the legal id of every call.
    """

    def __init__(self, profile: Profile, ids: dict[str, str]) -> None:
        self._profile = profile
        self._ids = ids
        self._turns = Turns()
        self._behind: list[Json] = []  # what is to stand behind the results of the last turn's calls

    def add(self, message: Message) -> None:
        match message.role:
            case "assistant":
                self._add_assistant(message)
            case "tool":
                self._add_results(message)
            case "user":
                self._let_go()
                self._add("user", _user_blocks(message.parts))
            case _:
                self._add_system(message)

    def end(self) -> Turns:
        turns = self._turns
        self._let_go()
        if not turns.messages:
            self._add("user", [])
        if not self._profile.latest_thoughts:
            _forget_latest_thoughts(turns.messages)
        last = turns.messages[-1]
        if last["role"] == "assistant":
            self._end_in_own_words(last)
        return turns

    def _add(self, role: str, blocks: list[Json]) -> None:
        messages = self._turns.messages
        if role == "user" and messages and messages[-1]["role"] == "system":
            self._add("user", _quoted(messages.pop()["content"]))
        if not messages and role != "user":
            messages.append({"role": "user", "content": [dict(_NOTHING_SAID)]})
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        content = messages[-1]["content"]
        if content == [_NOTHING_SAID] and blocks:
            content.clear()
        content += blocks
        if not content:
            content.append(dict(_NOTHING_SAID))

    def _let_go(self) -> None:
        """Adds what was held until all results were there."""
        if self._behind:
            behind, self._behind = self._behind, []
            self._add("user", behind)

    def _add_assistant(self, message: Message) -> None:
        """Adds a turn of the model; one that says nothing is none."""
        blocks = self._assistant_blocks(message)
        if blocks:
            self._let_go()
            self._add("assistant", blocks)

    def _assistant_blocks(self, message: Message) -> list[Json]:
        blocks: list[Json | None] = []
        # One that stood elsewhere is refused, and so are the others without it.
        knows_places = not any(isinstance(part, ReasoningPart) and part.is_loose for part in message.parts)
        for part in message.parts:
            match part:
                case TextPart():
                    blocks.append(text_block(part.text, part.cache_hint))
                case RefusalPart():
                    blocks.append(text_block(part.text))
                case ReasoningPart():
                    if knows_places:
                        blocks.append(thinking_block(part, takes_unsigned=self._profile.unsigned_thoughts))
                case ToolCallPart():
                    self._turns.called[part.name] = None
                    blocks.append(tool_use_block(part, self._ids[part.id]))
                case _:  # What only users can show.
                    continue
        return said(blocks) if self._profile.reasoning == "adaptive" else _thoughts_first(said(blocks))

    def _add_results(self, message: Message) -> None:
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        self._add("user", [tool_result_block(part, self._ids[part.call_id], self._behind) for part in results])

    def _add_system(self, message: Message) -> None:
        """Adds what the system says in the middle: as itself where it may speak there, else as the user quoting it.

        It may where the user spoke before it, and the model speaks next: "role 'system' must precede an 'assistant' message or end the
        array".

        Source: https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages, "Limitations", and
        https://github.com/anthropics/claude-code/issues/73821.
        """
        texts = said([text_block(part.text, part.cache_hint) for part in _texts([message])])
        if not texts:
            return
        self._let_go()
        messages = self._turns.messages
        if self._profile.system_turns and messages and messages[-1]["role"] != "assistant":
            self._add("system", texts)
        else:
            self._add("user", _quoted(texts))

    def _end_in_own_words(self, last: Json) -> None:
        """Lets the model go on with its last words. Space at their end is refused."""
        block = last["content"][-1]
        if block["type"] != "text":
            self._add("user", [])
            return
        block["text"] = block["text"].rstrip()
        self._turns.prefill = True
        if self._profile.prefill == "reworded":
            self._turns.prefill = False
            self._add("user", [{"type": "text", "text": _GO_ON}])


def _quoted(blocks: Iterable[Json]) -> list[Json]:
    """What the system says, in the user's mouth."""
    return [{**block, "text": f"<system>\n{block['text']}\n</system>"} for block in blocks]


def _user_blocks(parts: Iterable[Part]) -> list[Json]:
    blocks: list[Json | None] = []
    for part in parts:
        if isinstance(part, TextPart):
            blocks.append(text_block(part.text, part.cache_hint))
        elif isinstance(part, _SHOWN):
            blocks.append(shown_block(part))
    return said(blocks)


def _thoughts_first(blocks: list[Json]) -> list[Json]:
    """`blocks` with a thought as the first, if there is one: a turn that thought must begin so, unless the model itself chooses when to.

    Source: https://github.com/anthropics/claude-code/issues/20698 and
    https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, "Validation changes".
    """
    if not blocks or blocks[0]["type"] in _THOUGHTS:
        return blocks
    return sorted(blocks, key=lambda block: block["type"] not in _THOUGHTS)


def _forget_latest_thoughts(messages: list[Json]) -> None:
    """Leaves out what the model thought since the user said something. A turn of nothing but thoughts stays: an empty one is refused."""
    for message in reversed(messages):
        if message["role"] == "assistant":
            message["content"] = [block for block in message["content"] if block["type"] not in _THOUGHTS] or message["content"]
        elif message["role"] == "user" and not _answers_calls(message):
            return


def _answers_calls(message: Json) -> bool:
    return any(block["type"] == "tool_result" for block in message["content"])
