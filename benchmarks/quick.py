"""What was lost or won since the recorded run, as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.mood import told_of, was_busy, whole

_HEAD = ("against the bare pass-through", "recorded", "now", "", "sees losses")
_WORDS = (
    "LOST and won mean that each of the two runs has its median outside of the other's rounds. That may be the code, and it may be the\n"
    "machine, which is not as it was: measure the recorded code beside it before you believe it. A loss below the share in the last\n"
    "column is not seen."
)
_WITHIN = "within the spread"
_CANNOT_TELL = "cannot tell: the machine was busy"
_WAS_BUSY = "Other programs took too much to call anything lost or won: measure again when they have ended."


def comparison(
    recorded: Mapping[str, Mapping[str, Any]],
    now: Mapping[str, Mapping[str, Any]],
    quietness: Mapping[str, Mapping[str, float]],
    recorded_quietness: Mapping[str, Mapping[str, float]],
) -> str:
    """A table of all ratios of `now` beside the recorded ones, and what others took of the machine meanwhile, by section."""
    is_busy = bool(quietness) and was_busy(whole(quietness))
    rows = [_HEAD, *(_row(name, recorded.get(name), found, is_busy=is_busy) for name, found in now.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    mood = f"While it measured, {told_of(whole(quietness))}.\n" if quietness else ""
    return f"{table}\n\n{mood}{_mood_of_recorded(quietness, recorded_quietness)}{_WAS_BUSY if is_busy else _WORDS}"


def lost_or_won(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What the change is called. It is none while the ratio of one run stays between the lowest and the highest of the other's rounds."""
    if recorded["low"] <= now["value"] <= recorded["high"] or now["low"] <= recorded["value"] <= now["high"]:
        return _WITHIN
    change = now["value"] / recorded["value"] - 1
    won = (change > 0) == (now["better"] == "higher")
    return f"{'won' if won else 'LOST'} {abs(change):.0%}"


def smallest_seen_loss(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    """How much worse, as a share of what is recorded, `now` would have to be to be called lost, with rounds that differ as they do."""
    if now["better"] == "higher":
        return float(1 - min(recorded["low"] / recorded["value"], now["value"] / now["high"]))
    return float(max(recorded["high"] / recorded["value"], now["value"] / now["low"]) - 1)


def _row(name: str, recorded: Mapping[str, Any] | None, now: Mapping[str, Any], *, is_busy: bool) -> tuple[str, ...]:
    if recorded is None:
        return name, "", _with_spread(now), "not recorded", ""
    told = lost_or_won(recorded, now)
    if is_busy:
        return name, _with_spread(recorded), _with_spread(now), told if told == _WITHIN else _CANNOT_TELL, ""
    return name, _with_spread(recorded), _with_spread(now), told, f"above {smallest_seen_loss(recorded, now):.0%}"


def _mood_of_recorded(sections: Iterable[str], recorded: Mapping[str, Mapping[str, float]]) -> str:
    """In which of the sections the machine was busy when they were recorded, as a line; `""` when in none."""
    busy = [f"{name} ({recorded[name]['others']:.2f} of a core)" for name in sections if name in recorded and was_busy(recorded[name])]
    return f"Other programs kept the machine busy when these were recorded: {', '.join(busy)}.\n" if busy else ""


def _with_spread(found: Mapping[str, Any]) -> str:
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"
