"""What the answer must look like. Pure."""

from __future__ import annotations

from proxy.canonical.request import ResponseFormat
from proxy.dialects.openai.asking.row import Row, missing

_KINDS = ("text", "json_object", "json_schema")


def read_format(row: Row, about: str = "") -> ResponseFormat | None:
    """The format that `row` demands, `None` for free text. Raises `InvalidRequest`.

    Args:
        about: the member that holds name and schema, `""` where they stand beside the type.
    """
    kind = row.word("type", _KINDS)
    if kind == "json_object":
        return ResponseFormat("json")
    if kind != "json_schema":
        return None
    wanted = row.row(about) if about else row
    schema = wanted.mapping("schema")
    if schema is None:
        raise missing(wanted.place("schema"))
    return ResponseFormat("json_schema", schema, wanted.text("name") or "response", wanted.flag("strict"))
