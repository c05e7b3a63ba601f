"""The results as tables in Markdown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.company import what_others_showed
from benchmarks.gap import Step, floors, what_is_missing
from benchmarks.mood import told_of, whole
from benchmarks.plan import Ratio
from benchmarks.results import Results
from benchmarks.targets import remarks_on_targets, verdicts
from benchmarks.titles import DIRECT, TITLES

Row = Callable[[Results, str, str], Sequence[str]]

_SHOWN_FUNCTIONS = 10
# What stands below a table whose figures are no medians of rounds.
_SAMPLED = {
    "held": "One sample of each; percentiles are those of 30 newcomers.",
    "memory": "One sample of each.",
    "large": "Of memory one sample, the most that three pictures in a row took; of processor the median of three rounds.",
}
_MET = {True: "yes", False: "**no**", None: ""}


def all_tables(results: Results) -> str:
    """Everything that the run found, with headings."""
    parts = [
        *_about(results),
        "### Targets",
        _table(("what", "target", "measured", "met"), ((row.what, row.target, row.measured, _MET[row.met]) for row in verdicts(results))),
    ]
    parts += remarks_on_targets(results)
    parts += what_is_missing(results)
    parts += what_others_showed(results)
    for section, heading, head, row in _SECTIONS:
        parts += _section(results, section, heading, head, row)
    parts += _floors(results)
    parts += _growth(results)
    parts += _profile(results)
    return "\n\n".join(parts)


def _about(results: Results) -> list[str]:
    run, machine = results.content["run"], results.content["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    hardware = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}"
    others = ", ".join(f"{name} {version}" for name, version in machine.get("others", {}).items())
    return [
        f"A {run['kind']} run of {run['seconds'] / 60:.0f} minutes on {run['started'][:10]}{_code(machine)}.",
        *_by_other_code(results),
        _mood(machine, results.content.get("quietness", {})),
        f"{hardware}, Python {machine['python']}, {machine['nginx']}, {machine['wrk']}, {packages}.",
        *([f"The programs of others: {others}."] if others else []),
        *(f"**{section} was not measured**: {reason}" for section, reason in results.content.get("failed", {}).items()),
    ]


def _code(machine: Mapping[str, Any]) -> str:
    """Which code was measured."""
    if not machine.get("commit"):
        return ", of a commit that was not noted"
    return f", of commit {machine['commit']}{' with changes' if machine['changes'] else ''}"


def _by_other_code(results: Results) -> Iterator[str]:
    """In what a run did less than this page describes, when it was made by code from before that."""
    window_s = results.connections_window_s(1000)
    if results.contenders("stream") and not results.asked_again and window_s is not None:
        yield (
            "The tables are written anew from that run by later code: it asked nobody again for too few answers, and counted "
            f"1,000 connections for {window_s:g} s."
        )


def _mood(machine: Mapping[str, Any], quietness: Mapping[str, Mapping[str, float]]) -> str:
    """How quiet the machine was, before and during the run."""
    told = f"Load average before it {machine['load_average_before']}"
    if not quietness:
        return f"{told}; what others took of the processors meanwhile was not noted."
    return (
        f"{told}, after it {machine['load_average_after']}, which counts the run itself. While it measured, {told_of(whole(quietness))}; "
        f"section by section:\n\n{_table(('section', *quietness), _moods(quietness))}"
    )


def _moods(quietness: Mapping[str, Mapping[str, float]]) -> Iterator[Sequence[str]]:
    for who, called in (("others", "others, of a core"), ("stolen", "other machines, of a core")):
        yield called, *(f"{found[who]:.2f}" for found in quietness.values())


def _section(results: Results, section: str, heading: str, head: Sequence[str], row: Row) -> list[str]:
    names = results.contenders(section)
    if not names:
        return []
    parts = [f"### {heading}", _table(head, ((TITLES[name], *row(results, section, name)) for name in names))]
    if section in _SAMPLED:
        parts.append(_SAMPLED[section])
    if problems := results.problems(section):
        parts.append("\n".join(f"* {TITLES[name]}: {problem}" for name, problem in problems.items()))
    return parts


def _throughput_row(results: Results, section: str, name: str) -> Sequence[str]:
    return (
        _number(results.median(section, name, "requests_per_s")),
        _times(results.ratio(section, name, "requests_per_s")),
        _us(results.median(section, name, "cpu_us_per_request")),
        _times(results.ratio(section, name, "cpu_us_per_request")),
        _us(results.median(section, name, "p50_us")),
        _us(results.median(section, name, "p99_us")),
    )


def _paced_row(results: Results, section: str, name: str) -> Sequence[str]:
    return (
        _us(results.median(section, name, "cpu_us_per_token")),
        _times(results.ratio(section, name, "cpu_us_per_token")),
        _us(results.median(section, name, "lag_p50_us")),
        _us(results.median(section, name, "lag_p99_us")),
        _number(results.median(section, name, "tokens_per_s")),
    )


def _first_token_row(results: Results, section: str, name: str) -> Sequence[str]:
    added = "" if name == DIRECT else _us(results.added_first_token_us(name))
    times = "" if name == DIRECT else _times(results.added_first_token_ratio(name))
    return _us(results.median(section, name, "total_p50_us")), _us(results.median(section, name, "total_p99_us")), added, times


def _held_row(results: Results, section: str, name: str) -> Sequence[str]:
    kib, p50, p99, lost = (results.figure(section, name, key) for key in ("kib_each", "newcomer_p50_ms", "newcomer_p99_ms", "lost"))
    return f"{kib:.1f} KiB", f"{p50:.1f} ms", f"{p99:.1f} ms", f"{lost:.0f}"


def _memory_row(results: Results, section: str, name: str) -> Sequence[str]:
    sizes = [f"{results.figure(section, name, key):.1f} MiB" for key in ("start_mib", "loaded_mib", "streaming_mib")]
    return [*sizes, f"{results.figure(section, name, 'idle_share'):.1%}"]


def _start_row(results: Results, section: str, name: str) -> Sequence[str]:
    units = (("seconds", "s"), ("cpu_s", "s"), ("mib", "MiB"))
    return [f"{results.median(section, name, metric):.2f} {unit}" for metric, unit in units]


def _large_row(results: Results, section: str, name: str) -> Sequence[str]:
    extra = results.figure(section, name, "extra_memory_of_request")
    return f"{extra:.1f} x the request", *(_us(results.figure(section, name, f"cpu_us_for_{kibibytes}_kib")) for kibibytes in (256, 1024))


def _floors(results: Results) -> Iterator[str]:
    """What stands between the bare floor and the gateway, a table for each way."""
    for heading, steps, remark in floors(results):
        yield f"### From the floor to the gateway: {heading}"
        yield _table(("what", "time per answer", "added, within rounds"), (_floor_row(step) for step in steps))
        if remark:
            yield remark


def _floor_row(step: Step) -> Sequence[str]:
    added = step.added_us
    return step.what, _us(step.time_us), "" if added is None else f"{_us(added.value)} ({added.low:.0f} to {added.high:.0f})"


def _growth(results: Results) -> Iterator[str]:
    found = [(what, results.grown(what)) for what in ("connections", "models", "messages")]
    rows = [
        (f"{number} {what}", _us(cost_us), _times(results.growth(what, number, min(costs))))
        for what, costs in found
        for number, cost_us in sorted(costs.items())
    ]
    if not rows:
        return
    yield "### Growth"
    yield _table(("with", "processor per request", "x the first of its kind"), rows)
    told = "A growth is the median of the ratios within the rounds, and so are its verdicts; medians may come from different rounds."
    yield f"{told}{_counted_for(results)}"
    numbers = sorted(results.grown("messages"))
    steps = [(few, many, cost) for few, many in pairwise(numbers) if (cost := results.per_message(few, many)) is not None]
    if steps:
        steeper = results.steepening("messages", *numbers[:3]) if len(numbers) > 2 else None
        told = [(f"from {few} to {many} messages", _spread(cost), "") for few, many, cost in steps]
        told[-1] = (*told[-1][:2], _times(steeper))
        yield _table(("one more message", "processor, us", "x the first step"), told)


def _counted_for(results: Results) -> str:
    """For how long the most connections were asked: what is begun when that is over costs, and is not counted."""
    numbers = results.grown("connections")
    if not numbers:
        return ""
    window_s = results.connections_window_s(max(numbers))
    told = "for a time that was not noted" if window_s is None else f"for {window_s:g} s"
    return f" {max(numbers)} connections were asked {told} in each round."


def _profile(results: Results) -> Iterator[str]:
    for way in results.contenders("profile"):
        cpu_us = results.figure("profile", way, "cpu_us_per_request")
        yield f"### Where the time goes: {way}"
        yield f"{cpu_us:.0f} us of processor per answer."
        layers = results.figure("profile", way, "layers").items()
        yield _table(("layer", "share", "time"), ((layer, f"{share:.0%}", _us(share * cpu_us)) for layer, share in layers))
        functions = results.figure("profile", way, "functions")[:_SHOWN_FUNCTIONS]
        yield _table(
            ("function", "itself", "with all that it calls"),
            ((f"`{one['function']}`", _us(one["own"] * cpu_us), _us(one["whole"] * cpu_us)) for one in functions),
        )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(found: Ratio | None) -> str:
    return "" if found is None else f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g})"


def _spread(found: Ratio) -> str:
    return f"{found.value:.1f} ({found.low:.1f} to {found.high:.1f})"


def _us(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f} us" if abs(value) < 10_000 else f"{value / 1000:.1f} ms"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


_THROUGHPUT = ("who", "answers/s", "x bare", "processor per answer", "x bare", "p50", "p99")
_SECTIONS: Sequence[tuple[str, str, Sequence[str], Row]] = (
    ("chat", "Chat, answered whole", _THROUGHPUT, _throughput_row),
    ("stream", "Chat, a stream of 200 records in one burst", _THROUGHPUT, _throughput_row),
    ("tools", "Chat, answered by a tool call", _THROUGHPUT, _throughput_row),
    ("embeddings", "Embeddings, two texts", _THROUGHPUT, _throughput_row),
    ("paced", "Paced streams", ("who", "processor per token", "x bare", "lag p50", "lag p99", "tokens/s"), _paced_row),
    ("first_token", "First token, new connection", ("who", "p50", "p99", "added", "x bare"), _first_token_row),
    ("held", "Held streams", ("who", "memory of each", "newcomer p50", "newcomer p99", "lost"), _held_row),
    ("memory", "Memory of a worker", ("who", "at the start", "under load", "streaming", "processor when idle then"), _memory_row),
    ("start", "Start", ("who", "to the first answer", "processor", "memory"), _start_row),
    ("large", "Large requests and records", ("who", "10 MiB picture, extra memory", "256 KiB record", "1 MiB record"), _large_row),
)
