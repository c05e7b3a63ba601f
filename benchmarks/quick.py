"""What was lost or won since the recorded run, as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = ("against the bare pass-through", "recorded", "now", "rounds", "")


def comparison(recorded: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of all ratios of `now` beside the recorded ones."""
    rows = [_HEAD, *(_row(name, recorded.get(name), found) for name, found in now.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def lost_or_won(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What the change is called. A recorded ratio between the lowest and the highest of this run's rounds is no change."""
    if now["low"] <= recorded["value"] <= now["high"]:
        return "the same, as far as this run can tell"
    change = now["value"] / recorded["value"] - 1
    won = (change > 0) == (now["better"] == "higher")
    return f"{'won' if won else 'LOST'} {abs(change):.0%}"


def _row(name: str, recorded: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[str, ...]:
    rounds = f"{now['low']:.2f} to {now['high']:.2f}"
    if recorded is None:
        return name, "", f"{now['value']:.2f}", rounds, "not recorded"
    return name, f"{recorded['value']:.2f}", f"{now['value']:.2f}", rounds, lost_or_won(recorded, now)


def missing(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The recorded ratios that this run has not measured."""
    return (name for name in recorded if name not in now)
