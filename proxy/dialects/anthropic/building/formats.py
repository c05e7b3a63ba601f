"""The form of an answer: bound by a schema where the server can do that, else asked for as a call of a tool, else in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from proxy.canonical.format_words import in_words
from proxy.canonical.request import ChatRequest, ResponseFormat
from proxy.dialects.anthropic.building.blocks import Json
from proxy.dialects.anthropic.building.output_schema import output_schema
from proxy.dialects.anthropic.tool_names import ANSWER_TOOL
from proxy.profiles import Profile

_ABOUT = "Give your answer as the arguments of this tool."

Way = Literal["", "schema", "tool", "words"]


def format_way(request: ChatRequest, profile: Profile, *, thinks: bool) -> tuple[Way, Json | None]:
    """How the form that is wanted is brought about, and the schema for that, if one is needed; `""` when none is wanted.

    Args:
        thinks: whether the model is to think, which it can't where it must call a tool.
    """
    wanted = request.response_format
    if wanted is None:
        return "", None
    if wanted.schema is None:
        return "words", None
    schema = output_schema(wanted.schema) if profile.json_schema else None
    if schema is not None:
        return "schema", schema
    if request.tools or thinks or not profile.forced_tools or not profile.tools or not _is_of_object(wanted.schema):
        return "words", None
    return "tool", {"name": ANSWER_TOOL, "description": _ABOUT, "input_schema": dict(wanted.schema)}


def words_of(wanted: ResponseFormat, *, with_tools: bool) -> Json:
    """What the system is to say of it."""
    return {"type": "text", "text": f"{in_words(wanted, with_tools=with_tools)}\n\nPut no Markdown around it."}


def _is_of_object(schema: Mapping[str, Any]) -> bool:
    """Whether arguments of a tool can be all that the schema allows."""
    return schema.get("type") == "object" and not schema.keys() & {"anyOf", "oneOf", "allOf", "$ref"}
