"""Canonical messages and tools -> those of Chat Completions, in the form that a profile's server takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from proxy.canonical.request import Message, ReasoningPart, TextPart, Tool, ToolCallPart, ToolResultPart
from proxy.dialects.openai.content import Json, Media, content_json, label, media_json
from proxy.dialects.openai.strictness import is_strict
from proxy.dialects.openai.thought_details import ORIGIN, together
from proxy.dialects.openai.tool_ids import nine_letter_ids
from proxy.profiles import Profile

__all__ = ["Json", "add_instruction", "messages_json", "tools_json"]

# Servers that insist on the thinking of earlier turns refuse an empty text; clients may have dropped what there was.
# Source: https://github.com/NousResearch/hermes-agent/pull/18263
_FORGOTTEN_THINKING = " "

# What stands between the texts of one message; a model wrote its own in one piece.
_BETWEEN = {"system": "\n\n", "developer": "\n\n", "user": "\n"}


def messages_json(messages: Sequence[Message], profile: Profile) -> list[Json]:
    """The conversation. What tools have shown comes as a user's message behind the last of their results: those can only be text."""
    ids = nine_letter_ids(messages) if profile.tool_ids == "alnum9" else {}
    built: list[Json] = []
    shown: list[Media] = []
    for message in messages:
        if message.role == "tool":
            built += [_tool_message(part, ids, shown, profile) for part in message.parts if isinstance(part, ToolResultPart)]
            continue
        if shown:
            built.append(_shown_message(shown, profile))
            shown = []
        if message.role == "assistant":
            built += _assistant_message(message, profile, ids)
        else:
            built.append(_plain_message(message, profile))
    if shown:
        built.append(_shown_message(shown, profile))
    return built


def tools_json(tools: Iterable[Tool], profile: Profile) -> list[Json]:
    """The functions that the model may call; their schemas as they came, with marks of what to cache where the server knows such marks."""
    return [_tool(tool, profile) for tool in tools]


def add_instruction(messages: list[Json], text: str) -> None:
    """Lets the system say `text`, behind what it says already."""
    first = messages[0] if messages else None
    if first is not None and first["role"] == "system" and isinstance(first["content"], str):
        first["content"] = f"{first['content']}\n\n{text}".lstrip()
    elif first is not None and first["role"] == "system":
        first["content"].append({"type": "text", "text": text})
    else:
        messages.insert(0, {"role": "system", "content": text})


def _plain_message(message: Message, profile: Profile) -> Json:
    # Only OpenAI knows developers, and it reads a system message as one where it has to.
    role = "system" if message.role == "developer" else message.role
    built: Json = {"role": role, "content": content_json(message.parts, _BETWEEN[message.role], profile)}
    if message.name and profile.message_names:
        built["name"] = message.name
    return built


def _assistant_message(message: Message, profile: Profile, ids: dict[str, str]) -> list[Json]:
    """One message, or none for a turn without words and calls that the server would refuse."""
    parts = message.parts
    built: Json = {"role": "assistant"}
    content = content_json(parts, "", profile)
    # Most turns are words and nothing else.
    calls = [_tool_call(part, ids, profile) for part in parts if isinstance(part, ToolCallPart)] if len(parts) > 1 or not content else []
    if content or profile.no_content == "empty" or (not calls and profile.no_content == "null"):
        built["content"] = content
    elif not calls:
        return []
    elif profile.no_content == "null":
        built["content"] = None
    if message.name and profile.message_names:
        built["name"] = message.name
    if profile.echo_reasoning and (calls or profile.must_echo_reasoning):
        _echo_reasoning(built, message, profile)
    if profile.signatures == "details" and calls:
        _echo_details(built, message)
    if calls:
        built["tool_calls"] = calls
    return [built]


def _echo_reasoning(built: Json, message: Message, profile: Profile) -> None:
    thinking = "".join(part.text for part in message.parts if isinstance(part, ReasoningPart))
    if thinking or profile.must_echo_reasoning:
        built[profile.echo_reasoning] = thinking or _FORGOTTEN_THINKING


def _echo_details(built: Json, message: Message) -> None:
    """Details of thoughts in place of their text, where there are some: they hold it too, and the model knows them again."""
    details = together(part.opaque for part in message.parts if isinstance(part, ReasoningPart) and part.origin == ORIGIN)
    if details:
        built["reasoning_details"] = details
        built.pop("reasoning", None)


def _tool_call(call: ToolCallPart, ids: dict[str, str], profile: Profile) -> Json:
    built: Json = {
        "id": ids.get(call.id, call.id),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }
    if call.opaque and call.origin == "gemini" and profile.signatures == "google":
        # Gemini 3 refuses its own calls without it. Source: https://ai.google.dev/gemini-api/docs/thought-signatures
        built["extra_content"] = {"google": {"thought_signature": call.opaque}}
    return built


def _tool_message(result: ToolResultPart, ids: dict[str, str], shown: list[Media], profile: Profile) -> Json:
    texts = []
    for part in result.parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        else:
            shown.append(part)
            texts.append(label(part, len(shown)))
    text = "\n".join(texts)
    said = f"Error: {text}" if result.is_error else text
    marked = result.cache_hint if profile.cache_hints else None
    return {
        "role": "tool",
        "tool_call_id": ids.get(result.call_id, result.call_id),
        "content": [{"type": "text", "text": said, "cache_control": marked}] if marked else said,
    }


def _shown_message(shown: Sequence[Media], profile: Profile) -> Json:
    content: list[Json] = []
    for number, part in enumerate(shown, 1):
        content += ({"type": "text", "text": label(part, number)}, media_json(part, profile))
    return {"role": "user", "content": content}


def _tool(tool: Tool, profile: Profile) -> Json:
    built: Json = {"type": "function", "function": _function(tool, profile)}
    return built | {"cache_control": tool.cache_hint} if tool.cache_hint and profile.cache_hints else built


def _function(tool: Tool, profile: Profile) -> Json:
    built: Json = {"name": tool.name}
    if tool.description:
        built["description"] = tool.description
    # A function without arguments: some servers insist on the schema that says so.
    built["parameters"] = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    if tool.strict is not None and not (tool.strict and tool.may_loosen and not _may_be_strict(built["parameters"], profile)):
        built["strict"] = tool.strict
    return built


def _may_be_strict(schema: Mapping[str, Any], profile: Profile) -> bool:
    return profile.strict_schema and (profile.strict_tools == "any" or is_strict(schema))
