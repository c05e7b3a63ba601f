"""Reads `thinking` and `output_config`: how hard to think, and what the answer must look like. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from proxy.canonical.request import Effort, ResponseFormat
from proxy.dialects.anthropic.parsing.rows import Row

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_KINDS: Final = ("enabled", "adaptive", "between_tools", "disabled")
_LEAST_BUDGET = 1024


class Thinking(NamedTuple):
    """How hard to think, with how many tokens at most, and whether the client wants no text of it. See `ChatRequest`."""

    effort: Effort | None = None
    budget: int | None = None
    is_hidden: bool = False


def read_thinking(request: Row) -> Thinking:
    """What the client says of thinking. An effort of its own counts more than a budget, and less than that it wants none."""
    effort = _effort(request)
    row = request.row("thinking")
    if row is None:
        return Thinking(effort)
    is_hidden = row.text_or("display", "") == "omitted"
    match row.text("type"):
        case "disabled":
            return Thinking("off")
        case "adaptive":
            return Thinking(effort or "on", None, is_hidden)
        case "between_tools":
            # The least that models have which do not stop thinking altogether.
            return Thinking(effort or "minimal", None, is_hidden)
        case "enabled":
            budget = row.whole_number("budget_tokens", _LEAST_BUDGET)
            if budget is None:
                raise row.refuse("budget_tokens", "Field required")
            return Thinking(effort or "on", budget, is_hidden)
        case kind:
            expected = ", ".join(f"'{known}'" for known in _KINDS)
            raise row.refuse("type", f"Input tag {kind[:40]!r} does not match any of the expected tags: {expected}")


def read_format(request: Row) -> ResponseFormat | None:
    """What the answer must look like; `None` for free text."""
    config = request.row("output_config")
    row = (config.row("format") if config is not None else None) or request.row("output_format")
    if row is None:
        return None
    kind = row.text("type")
    if kind != "json_schema":
        raise row.refuse("type", f"Input should be 'json_schema', not {kind[:40]!r}")
    schema = row.members("schema")
    if schema is None:
        raise row.refuse("schema", "Field required")
    return ResponseFormat("json_schema", schema)


def _effort(request: Row) -> Effort | None:
    config = request.row("output_config")
    word = config.text_or("effort", "") if config is not None else ""
    if config is not None and word and word not in _EFFORTS:
        raise config.refuse("effort", "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    return cast(Effort, word) if word else None
