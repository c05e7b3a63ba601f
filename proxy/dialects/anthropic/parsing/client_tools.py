"""Tools that Anthropic defined and clients run: Claude knows them by heart, other models are told their schemas. Pure.

Source: the pages of https://platform.claude.com/docs/en/agents-and-tools/tool-use about each of them, read November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

Json = dict[str, Any]


class Known(NamedTuple):
    """What a model is told of a tool."""

    description: str
    parameters: Json


def known_tool(kind: str) -> Known | None:
    """The tool of the type `kind` (`bash_20250124`), `None` when it is none that clients run."""
    name, _, version = kind.rpartition("_")
    return _TOOLS.get(name) if version.isdigit() else None


def _text(description: str) -> Json:
    return {"type": "string", "description": description}


def _one_of(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


def _object(required: tuple[str, ...], properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


_VIEW_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "For `view`: the first and the last line to show, counted from 1; -1 as the last one means to the end.",
}
_EDITS = {
    "old_str": _text("For `str_replace`: the text to be replaced. It must occur exactly once."),
    "new_str": _text("For `str_replace`: the text in its place."),
    "insert_line": {"type": "integer", "description": "For `insert`: the line after which the text goes, 0 for the beginning."},
    "insert_text": _text("For `insert`: the text to insert."),
    "view_range": _VIEW_RANGE,
}

_TOOLS: Final[Mapping[str, Known]] = {
    "bash": Known(
        "Runs a command in a bash session that keeps its state between calls.",
        _object(
            (),
            {
                "command": _text("The command to run. Required unless the session is restarted."),
                "restart": {"type": "boolean", "description": "Whether to restart the session instead."},
            },
        ),
    ),
    "text_editor": Known(
        "Shows, creates and edits text files, and lists directories.",
        _object(
            ("command", "path"),
            {
                "command": _one_of("view", "create", "str_replace", "insert"),
                "path": _text("The path of the file or directory."),
                "file_text": _text("For `create`: the content of the file."),
                **_EDITS,
            },
        ),
    ),
    "memory": Known(
        "Keeps notes between conversations, as files below /memories. Look there before you begin.",
        _object(
            ("command",),
            {
                "command": _one_of("view", "create", "str_replace", "insert", "delete", "rename"),
                "path": _text("The path of the file or directory, below /memories."),
                "file_text": _text("For `create`: the content of the file."),
                **_EDITS,
                "old_path": _text("For `rename`: the path as it is."),
                "new_path": _text("For `rename`: the path as it shall be."),
            },
        ),
    ),
}
