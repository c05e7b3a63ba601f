"""Thoughts in a conversation that only other upstreams understand: Anthropic's server refuses those that Claude did not sign. Servers of
other makers sign nothing, and want their thoughts back as they gave them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from proxy.canonical.opaque_words import read_opaque_word
from proxy.dialect import Payload
from proxy.profiles import Profile

# The member that holds the state, by the type of the block.
_STATES = {"thinking": "signature", "redacted_thinking": "data"}
_CLEARS_THOUGHTS = "clear_thinking"


_IsForeign = Callable[[object], bool]


def without_foreign_thoughts(payload: Payload, profile: Profile) -> Payload | None:
    """`payload` without the thoughts that such a server would refuse; `None` where there are none, and the client's own bytes can go on.

    What is not as it should be, the upstream shall judge.
    """
    messages, is_foreign = payload.get("messages"), partial(_is_foreign, takes_unsigned=profile.unsigned_thoughts)
    if not isinstance(messages, list) or not any(_has_foreign_thoughts(message, is_foreign) for message in messages):
        return None
    own = [kept for message in messages if (kept := _own_part(message, is_foreign)) is not None]
    rest = payload | {"messages": own}
    return _without_thinking(rest) if not profile.unsigned_thoughts and _ends_in_unthought_calls(own) else rest


def _has_foreign_thoughts(message: object, is_foreign: _IsForeign) -> bool:
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    return isinstance(content, list) and any(map(is_foreign, content))


def _is_foreign(block: object, *, takes_unsigned: bool) -> bool:
    member = _STATES.get(str(block.get("type"))) if isinstance(block, dict) else None
    if not isinstance(block, dict) or member is None:
        return False
    word = block.get(member)
    return read_opaque_word(word) is not None if isinstance(word, str) and word else not takes_unsigned


def _own_part(message: Any, is_foreign: _IsForeign) -> Any:
    """What of a message can go on; `None` for one of foreign thoughts and nothing else, since empty turns are refused."""
    if not _has_foreign_thoughts(message, is_foreign):
        return message
    content = [block for block in message["content"] if not is_foreign(block)]
    return message | {"content": content} if content else None


def _ends_in_unthought_calls(messages: list[Any]) -> bool:
    """Whether the model is in the midst of calling tools, and its thoughts before that are not there."""
    last_turn = next((message for message in reversed(messages) if _role(message) == "assistant"), None)
    if last_turn is None or "tool_result" not in _kinds(messages[-1]):
        return False
    return not {*_kinds(last_turn)[:1]} & _STATES.keys()


def _without_thinking(payload: Payload) -> Payload:
    """`payload` without a budget for thoughts, which is refused there, and without what can't be said without one.

    Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking, "Preserving thinking blocks".
    """
    thinking, management = payload.get("thinking"), payload.get("context_management")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return payload
    rest = {name: value for name, value in payload.items() if name != "thinking"}
    if isinstance(management, dict) and isinstance(management.get("edits"), list):
        edits = [edit for edit in management["edits"] if not _kind(edit).startswith(_CLEARS_THOUGHTS)]
        rest["context_management"] = management | {"edits": edits}
    return rest


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None


def _kinds(message: object) -> list[str]:
    content = message.get("content") if isinstance(message, dict) else None
    return [_kind(block) for block in content] if isinstance(content, list) else []


def _kind(block: object) -> str:
    return str(block.get("type")) if isinstance(block, dict) else ""
