"""A computer that the client lets the model use, as models other than Claude are told of it. Pure.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool, and the types of the package `anthropic`, read
November 2026.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.dialects.anthropic.parsing.client_tools import Json, Known
from proxy.dialects.anthropic.parsing.rows import Row

_KIND: Final = re.compile(r"computer_([0-9]{8})")

# The versions, by their dates, and what each has beside what the one before it has.
_SECOND: Final = "20250124"
_THIRD: Final = "20251124"

_ACTIONS: Final[tuple[str, ...]] = (
    *("screenshot", "cursor_position", "mouse_move"),
    *("left_click", "right_click", "middle_click", "double_click", "left_click_drag"),
    *("key", "type"),
)
_ACTIONS_OF_SECOND: Final = ("triple_click", "left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait")


def computer_tool(kind: str, row: Row) -> Known | None:
    """The tool of the type `kind` (`computer_20250124`) that `row` describes; `None` when it is no computer.

    Raises:
        InvalidRequest: for a screen without a size.
    """
    found = _KIND.fullmatch(kind)
    if found is None:
        return None
    version = found[1]
    zooms = version >= _THIRD and bool(row.flag("enable_zoom"))
    actions, properties = _ACTIONS, {"coordinate": _COORDINATE, "text": _TEXT}
    if version >= _SECOND:
        actions, properties = (*actions, *_ACTIONS_OF_SECOND), {**properties, **_OF_SECOND}
    if zooms:
        actions, properties = (*actions, "zoom"), {**properties, "region": _REGION}
    action = {"type": "string", "enum": list(actions), "description": "What to do."}
    return Known(_description(row), {"type": "object", "properties": {"action": action, **properties}, "required": ["action"]})


def _description(row: Row) -> str:
    width, height = _pixels(row, "display_width_px"), _pixels(row, "display_height_px")
    number = row.whole_number("display_number", 0)
    screen = "The screen" if number is None else f"The screen (X11 display :{number})"
    return (
        "Uses a computer by its mouse, its keyboard and pictures of its screen. "
        f"{screen} is {width} pixels wide and {height} pixels high. "
        "Look at a screenshot before you click, and at another one to see what it did."
    )


def _pixels(row: Row, field: str) -> int:
    pixels = row.whole_number(field, 1)
    if pixels is None:
        raise row.refuse(field, "Field required")
    return pixels


def _numbers(description: str) -> Json:
    return {"type": "array", "items": {"type": "integer"}, "description": description}


_COORDINATE: Final = _numbers("Where to point, as [x, y]: pixels from the left edge and from the top edge of the screen.")
_REGION: Final = _numbers("For `zoom`: the part of the screen to look at closely, as [x0, y0, x1, y1].")
_TEXT: Final[Json] = {
    "type": "string",
    "description": "For `type`: what to type. For `key` and `hold_key`: the keys, such as `Return` or `ctrl+s`. "
    "For clicks and `scroll`: keys to hold down meanwhile.",
}
_OF_SECOND: Final[Json] = {
    "start_coordinate": _numbers("For `left_click_drag`: where to begin, as [x, y]; `coordinate` is where to end."),
    "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"], "description": "For `scroll`."},
    "scroll_amount": {"type": "integer", "description": "For `scroll`: how many clicks of the wheel."},
    "duration": {"type": "number", "description": "For `hold_key` and `wait`: how many seconds."},
}
