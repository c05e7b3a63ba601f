"""JSON schemas as Gemini's newer models take them: as they came, but for what stands beside a `$ref`. Pure.

Source: google-genai 3.4.0, `types.py`, GenerateContentConfig.response_json_schema: a node with `$ref` may hold nothing else but keys that
begin with `$`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tidied(schema: Mapping[str, Any]) -> Any:
    """`schema` itself where nothing has to go."""
    return _tidied(schema) if _has_crowded_reference(schema) else schema


def _has_crowded_reference(value: Any) -> bool:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            if _is_crowded(node):
                return True
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return False


def _is_crowded(node: Mapping[str, Any]) -> bool:
    return isinstance(node.get("$ref"), str) and not all(key.startswith("$") for key in node)


def _tidied(value: Any) -> Any:
    if isinstance(value, Mapping):
        node = {key: item for key, item in value.items() if key.startswith("$")} if _is_crowded(value) else value
        return {key: _tidied(item) for key, item in node.items()}
    return [_tidied(item) for item in value] if isinstance(value, list) else value
