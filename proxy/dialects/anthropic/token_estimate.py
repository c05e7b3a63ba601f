"""About how many tokens a request has, for upstreams that do not count, and an answer, for those that were left before they told. Pure.

An estimate on the high side: clients ask so that they know when a conversation becomes too long. It needs no model's own list of tokens,
which few upstreams tell. In English prose and in code four letters are one token in most models; what is written in other letters has about
one token for three bytes of UTF-8, which is one for a Chinese character. Pictures cost what Claude takes for the largest; files are not
looked into, and count by their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.canonical.completion import Usage
from proxy.canonical.request import AudioPart, ChatRequest, FilePart, ImagePart, Part, ToolCallPart, ToolResultPart
from proxy.dialect import Payload, TextRequest

_LETTERS_A_TOKEN = 4
_OTHER_BYTES_A_TOKEN = 3
_TOKENS_OF_A_MESSAGE = 4
_TOKENS_OF_A_TOOL = 12
_TOKENS_OF_A_PICTURE = 1600
_FILE_BYTES_A_TOKEN = 32
_TOKENS_OF_A_LINK = 2000
_COUNTED = ("system", "messages", "tools", "mcp_servers", "output_config", "output_format")


def estimated_tokens(request: ChatRequest) -> int:
    """About how many tokens the conversation, its tools and its format have; at least 1."""
    tokens = sum(_TOKENS_OF_A_MESSAGE + sum(map(_of_part, message.parts)) for message in request.messages)
    for tool in request.tools:
        tokens += _TOKENS_OF_A_TOOL + _of_text(tool.name) + _of_text(tool.description) + _of_json(tool.parameters)
    if request.response_format is not None:
        tokens += _of_json(request.response_format.schema)
    return max(1, tokens)


def estimated_tokens_unread(payload: Payload) -> int:
    """The same of a request as it came, by its JSON, whatever its blocks and tools are; at least 1."""
    tokens, left = 0, [payload.get(key) for key in _COUNTED]
    while left:
        value = left.pop()
        if isinstance(value, str):
            tokens += _of_text(value)
        elif isinstance(value, list):
            left += value
        elif isinstance(value, dict) and not _is_shown(value):
            left += value
            left += value.values()
        elif isinstance(value, dict):
            data = value["source"].get("data")
            tokens += _TOKENS_OF_A_PICTURE if value.get("type") == "image" else _of_data(data if isinstance(data, str) else "")
    return max(1, tokens)


def with_estimates(usage: Usage, request: TextRequest, said: str) -> Usage:
    """`usage` with an estimate for each number that the upstream has not told: 0 would be no cost at all.

    Args:
        said: all that the model wrote.
    """
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None and isinstance(request, ChatRequest):
        prompt = estimated_tokens(request)
    return replace(usage, prompt_tokens=prompt, completion_tokens=_of_text(said) if completion is None else completion)


def _of_part(part: Part) -> int:
    match part:
        case ImagePart():
            return _TOKENS_OF_A_PICTURE
        case FilePart() | AudioPart():
            return _of_data(part.data)
        case ToolCallPart():
            return _TOKENS_OF_A_TOOL + _of_text(part.name) + _of_text(part.arguments)
        case ToolResultPart():
            return _TOKENS_OF_A_TOOL + sum(map(_of_part, part.parts))
        case _:
            return _of_text(part.text)


def _is_shown(block: Mapping[str, Any]) -> bool:
    """Whether it is a picture or a file, and not what that says."""
    source = block.get("source")
    return isinstance(source, dict) and source.get("type") not in ("text", "content")


def _of_data(data: str) -> int:
    return len(data) * 3 // 4 // _FILE_BYTES_A_TOKEN if data else _TOKENS_OF_A_LINK


def _of_json(value: Mapping[str, Any] | None) -> int:
    try:
        return len(orjson.dumps(value)) // _LETTERS_A_TOKEN if value else 0
    except orjson.JSONEncodeError:  # It has integers beyond 64 bits, or half a character in it.
        return _of_text(str(value))


def _of_text(text: str) -> int:
    """Rounded up: every text has a token."""
    if text.isascii():
        return -(-len(text) // _LETTERS_A_TOKEN)
    letters = len(text.encode("ascii", "ignore"))
    others = len(text.encode("utf-8", "replace")) - letters
    return -(-letters // _LETTERS_A_TOKEN) + -(-others // _OTHER_BYTES_A_TOKEN)
