"""Two schemas of an object: a loose one, and the same made strict."""

from __future__ import annotations

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "required": ["b"]}
STRICT = {**SCHEMA, "required": ["b", "a"], "additionalProperties": False}
