"""The findings as a picture, an SVG file that changes only when they do. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.simulation.findings import Finding, Findings
from benchmarks.simulation.report import TITLES

_COLOURS = ("#c9c9c9", "#888888", "#4ea5d9", "#1b6ca8", "#e0a458")


def draw(findings: Findings, file: Path) -> None:
    """Draws what each policy did in each scenario."""
    mpl.rcParams["svg.hashsalt"] = "ollama-openai-proxy"
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _bars(above, findings, lambda finding: finding.remembered * 100)
    above.set_ylabel("prompt tokens remembered, %")
    _bars(below, findings, lambda finding: finding.p95_s)
    below.set_yscale("log")
    below.set_ylim(bottom=1)
    below.set_ylabel("first token, 95 of 100, s")
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small", frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def _bars(axes: Axes, findings: Findings, value: Callable[[Finding], float]) -> None:
    policies = list(next(iter(findings.values())))
    width = 0.8 / len(policies)
    for place, (policy, colour) in enumerate(zip(policies, _COLOURS, strict=True)):
        heights = [value(by_policy[policy]) for by_policy in findings.values()]
        middles = [group + (place - (len(policies) - 1) / 2) * width for group in range(len(findings))]
        axes.bar(middles, heights, width, label=TITLES[policy].replace("`", ""), color=colour)
    axes.set_xticks(range(len(findings)), list(findings))
    axes.spines[["top", "right"]].set_visible(False)
