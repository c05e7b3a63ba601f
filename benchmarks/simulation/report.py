"""The findings as tables, written between the marks of docs/operations/choice.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.simulation.findings import Finding, Findings, Plan
from benchmarks.simulation.scenarios import SCENARIOS
from benchmarks.site import ROOT

DOCUMENT = ROOT / "docs/operations/choice.md"
FOLDER = ROOT / "docs/operations/choice"
PICTURE = "policies.svg"
BOUNDS_TITLE = "### How far above its share"
_BEGIN, _END = "<!-- findings: begin -->", "<!-- findings: end -->"

TITLES: Mapping[str, str] = {
    "random": "by chance",
    "weighted_round_robin": "`weighted_round_robin`",
    "least_in_flight": "`least_in_flight`",
    "prefix_affinity": "`prefix_affinity`",
    "without_bound": "`prefix_affinity`, were it without a bound",
}

_COLUMNS: Sequence[tuple[str, Callable[[Finding], str]]] = (
    ("prompt tokens remembered", lambda finding: f"{finding.remembered:.0%}"),
    ("first token: half within", lambda finding: seconds(finding.p50_s)),
    ("95 of 100 within", lambda finding: seconds(finding.p95_s)),
    ("99 of 100 within", lambda finding: seconds(finding.p99_s)),
    ("busiest box, times the mean", lambda finding: f"{finding.busiest:.2f}"),
)


def tables(policies: Findings, bounds: Findings, plan: Plan) -> str:
    """All that was found, in Markdown."""
    about = f"Each row is {plan.seeds} runs of {plan.until_s:g} simulated seconds, of which the first tenth does not count."
    parts = [about]
    for name, by_policy in policies.items():
        rows = [(TITLES[policy], *(show(finding) for _, show in _COLUMNS)) for policy, finding in by_policy.items()]
        parts += [f"**{name}**: {SCENARIOS[name].about}", _table(("policy", *(head for head, _ in _COLUMNS)), rows)]
    return "\n\n".join([*parts, BOUNDS_TITLE, *_bounds(bounds)])


def _bounds(bounds: Findings) -> list[str]:
    heads = list(next(iter(bounds.values())))
    about = "Prompt tokens remembered, and the time to the first token that 95 of 100 requests kept, by the bound of `prefix_affinity`."
    rows = [(name, *(f"{finding.remembered:.0%}, {seconds(finding.p95_s)}" for finding in by.values())) for name, by in bounds.items()]
    return [about, _table(("", *heads), rows)]


def seconds(value: float) -> str:
    """A time, as exact as it means something."""
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def write(document: str, text: str) -> str:
    """The document with other findings between its marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n![What the policies do]({FOLDER.name}/{PICTURE})\n\n{text}\n\n{_END}{after}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
