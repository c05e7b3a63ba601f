"""What one kind of server accepts, renames or refuses: data, no logic. How a profile is chosen and learnt is `routing.py`'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

ReasoningStyle = Literal["none", "effort", "template", "openrouter", "thinking_switch", "groq"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What an OpenAI-compatible server takes. Immutable: a lesson learnt from a refusal is a new profile.

    Attributes:
        name: word for logs, metrics and the setting `UPSTREAM_PROFILE`.
        params: canonical sampling parameter -> the name that goes on the wire; a parameter that is not a key is not sent.
        max_tokens: wire name of the token limit.
        stop_limit: how many stop sequences the server takes (0: none, `None`: any number); the rest is cut off here.
        reasoning: how thinking is switched on, off and graded.
        json_mode: what `format: "json"` becomes.
        json_schema: whether `response_format` may carry a schema.
        stream_options: whether usage can be asked for in streams.
        tools, logprobs, dimensions: whether the server takes them at all.
        tool_ids: `alnum9` for servers that take only nine letters or digits.
        echo_reasoning: the field in which earlier thinking is sent back, `""` to leave it out.
        think_tags: whether `<think>` tags at the start of the content are split off.
        dropped: wire names that must not be sent, learnt from refusals.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stop_limit: int | None = 4
    reasoning: ReasoningStyle = "none"
    json_mode: Literal["json_object", "json_schema"] = "json_object"
    json_schema: bool = True
    stream_options: bool = True
    tools: bool = True
    logprobs: bool = True
    dimensions: bool = True
    tool_ids: Literal["any", "alnum9"] = "any"
    echo_reasoning: Literal["", "reasoning_content", "reasoning"] = ""
    think_tags: bool = True
    dropped: frozenset[str] = frozenset()
