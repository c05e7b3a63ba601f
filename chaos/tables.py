"""The results as tables in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HEAD = (
    "one of three replicas, or what else",
    "requests",
    "lost",
    "wrong ends",
    "told",
    "refused",
    "left after",
    "back after",
    "first byte p50",
    "p99",
    "asked per request",
)


# What the others have to tell of is in the JSON.
_WITH_NOTES = ("sigterm", "sighup", "redis")


def all_tables(content: Mapping[str, Any]) -> str:
    """Everything that a run found."""
    run, machine = content["run"], content["machine"]
    outcomes: Sequence[Mapping[str, Any]] = content["scenarios"]
    met = sum(not each["problems"] for each in outcomes)
    head = (
        f"A {run['kind']} run of {run['seconds'] / 60:.0f} minutes on {run['started'][:10]}, {run['rate']:g} requests per second. "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}."
    )
    parts = [
        head,
        f"{met} of {len(outcomes)} scenarios are as they must be.",
        _table(_HEAD, [_row(each) for each in outcomes]),
        *_flatness(outcomes),
        *_notes(outcomes),
        *_problems(outcomes),
    ]
    return "\n\n".join(parts)


def line(each: Mapping[str, Any]) -> str:
    """One scenario, for those who wait."""
    figures = each["figures"]
    counts = ", ".join(f"{figures[name]} {name}" for name in ("requests", "complete", "told", "refused", "excused", "lost", "wrong"))
    times = f"left {_seconds(figures['left_s'])}, back {_seconds(figures['back_s'])}"
    return f"{counts}; {times}: {'; '.join(each['problems']) or 'as it must be'}"


def _row(each: Mapping[str, Any]) -> Sequence[str]:
    figures = each["figures"]
    return (
        each["title"] + ("" if not each["problems"] else " **(!)**"),
        f"{figures['requests']:,}",
        _nought(figures["lost"]),
        _nought(figures["wrong"]),
        str(figures["told"]),
        str(figures["refused"]),
        _seconds(figures["left_s"]),
        _seconds(figures["back_s"]),
        _added(figures["calm_p50_ms"], figures["ill_p50_ms"]),
        _added(figures["calm_p99_ms"], figures["ill_p99_ms"]),
        "" if figures["attempts_per_request"] is None else f"{figures['attempts_per_request']:.2f}",
    )


def _flatness(outcomes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in outcomes:
        grown = each["figures"]["growth"]
        if each["name"] == "random" and grown is not None:
            yield (
                f"Over the {each['figures']['requests']:,} requests with random faults, no worker grew more than from "
                f"{grown['descriptors_before']:.0f} to {grown['descriptors_after']:.0f} file descriptors, and from "
                f"{grown['memory_before_bytes'] / 2**20:.1f} to {grown['memory_after_bytes'] / 2**20:.1f} MiB."
            )


def _notes(outcomes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    lines = [
        f"* {each['title']}: "
        + ", ".join(f"{what} {value:.1f} s" if isinstance(value, float) else f"{what} {value}" for what, value in each["notes"].items())
        for each in outcomes
        if each["notes"] and each["name"] in _WITH_NOTES
    ]
    if lines:
        yield "\n".join(lines)


def _problems(outcomes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    lines = [f"* {each['title']}: {problem}" for each in outcomes for problem in each["problems"]]
    if lines:
        yield "**(!)** What is not as it must be:"
        yield "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _nought(number: int) -> str:
    return "0" if number == 0 else f"**{number}**"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _added(calm_ms: float | None, ill_ms: float | None) -> str:
    """What came on top, and of what."""
    if ill_ms is None:
        return ""
    return f"{ill_ms:.0f} ms" if calm_ms is None else f"{calm_ms:.0f} {ill_ms - calm_ms:+.0f} ms"
