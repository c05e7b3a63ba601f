"""The results as pictures: SVG files that change only when the figures do. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.results import Results
from benchmarks.titles import BARE, DIRECT, GATEWAY, RELAY, TITLES

_COLOURS = {GATEWAY: "#1b6ca8", RELAY: "#4ea5d9", BARE: "#888888"}
_OTHERS = "#c9c9c9"
_WIDTH, _HEIGHT = 8.0, 3.2


def draw_all(results: Results, folder: Path) -> list[str]:
    """Draws what there are figures for; returns the names of the files."""
    mpl.rcParams["svg.hashsalt"] = "ollama-openai-proxy"
    folder.mkdir(parents=True, exist_ok=True)
    return [name for name, draw in _PICTURES.items() if _drawn(results, draw, folder / name)]


def _drawn(results: Results, draw: Callable[[Results, Axes], bool], file: Path) -> bool:
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    if not draw(results, figure.add_subplot()):
        return False
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return True


def _throughput(section: str, title: str) -> Callable[[Results, Axes], bool]:
    def draw(results: Results, axes: Axes) -> bool:
        shown = [name for name in results.contenders(section) if name != DIRECT]
        rates = {name: rate for name in shown if (rate := results.median(section, name, "requests_per_s")) is not None}
        axes.set_xscale("log")
        axes.set_xlabel("answers per second, one worker on one core (logarithmic)")
        return _bars(axes, title, rates, "{:,.0f}")

    return draw


def _paced(results: Results, axes: Axes) -> bool:
    costs = {name: cost for name in results.contenders("paced") if (cost := results.median("paced", name, "cpu_us_per_token")) is not None}
    axes.set_xscale("log")
    axes.set_xlabel("microseconds of processor per token (logarithmic)")
    return _bars(axes, "Streams at the pace of models", costs, "{:.0f}")


def _first_token(results: Results, axes: Axes) -> bool:
    shown = [name for name in results.contenders("first_token") if name != DIRECT]
    added = {name: added_us / 1000 for name in shown if (added_us := results.added_first_token_us(name)) is not None}
    axes.set_xlabel("milliseconds")
    return _bars(axes, "Added before the first token, new connection", added, "{:.2f}")


def _bars(axes: Axes, title: str, values: Mapping[str, float], form: str) -> bool:
    if not values:
        return False
    names = list(values)[::-1]
    colours = [_COLOURS.get(name, _OTHERS) for name in names]
    bars = axes.barh([TITLES[name] for name in names], [values[name] for name in names], color=colours)
    axes.bar_label(bars, [form.format(values[name]) for name in names], padding=4)
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    return True


def _profile(results: Results, axes: Axes) -> bool:
    """One bar for each way, cut into layers."""
    ways = list(reversed(results.contenders("profile")))
    layers = list(dict.fromkeys(layer for way in reversed(ways) for layer in results.figure("profile", way, "layers")))
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    left = dict.fromkeys(ways, 0.0)
    for layer, colour in zip(layers, colours, strict=False):
        times = [
            results.figure("profile", way, "layers").get(layer, 0.0) * results.figure("profile", way, "cpu_us_per_request") for way in ways
        ]
        axes.barh(ways, times, left=list(left.values()), label=layer, color=colour)
        left = {way: left[way] + time for way, time in zip(ways, times, strict=True)}
    axes.set_xlabel("microseconds of processor per answer")
    axes.set_title("Where the time goes")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    return bool(ways)


def _growth(results: Results, axes: Axes) -> bool:
    shown = False
    for what in ("connections", "models", "messages"):
        if costs := results.grown(what):
            shown = True
            axes.plot(list(costs), list(costs.values()), marker="o", label=what)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("us of processor per answer")
    axes.set_xlabel("how many")
    axes.set_title("What grows with what")
    axes.legend()
    return shown


_PICTURES: Mapping[str, Callable[[Results, Axes], bool]] = {
    "chat.svg": _throughput("chat", "Chat, answered whole"),
    "stream.svg": _throughput("stream", "Chat, a stream of 200 records in one burst"),
    "paced.svg": _paced,
    "first-token.svg": _first_token,
    "profile.svg": _profile,
    "growth.svg": _growth,
}
