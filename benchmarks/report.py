"""Writes what a full run found: the JSON, the pictures, the tables in `docs/performance.md`, and the ratios for later runs to compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.results import Results
from benchmarks.site import ROOT
from benchmarks.tables import all_tables
from benchmarks.titles import GATEWAY

DOCUMENT = ROOT / "docs/performance.md"
README = ROOT / "README.md"
FOLDER = ROOT / "docs/performance"
RESULTS = FOLDER / "results.json"
# What a run has found so far: all that is left of one that does not come to its end.
UNFINISHED = FOLDER / "unfinished.json"
RECORDED = ROOT / "benchmarks/recorded.json"
_BEGIN, _END = "<!-- results: begin -->", "<!-- results: end -->"
_CLAIM_BEGIN, _CLAIM_END = "<!-- added per token -->", "<!-- end -->"


def keep(content: Mapping[str, Any]) -> None:
    """Keeps a run as the one that the documents speak of, and that later runs are compared with."""
    write_json(RESULTS, content)
    write_document()
    UNFINISHED.unlink(missing_ok=True)


def what_is_compared(content: Mapping[str, Any]) -> dict[str, Any]:
    """What later runs are compared with, out of a whole run."""
    return {"run": content["run"], "quietness": content["quietness"], "ratios": Results(content).key_ratios()}


def keep_unfinished(content: Mapping[str, Any]) -> None:
    """Keeps what a run has found so far, beside what the documents speak of."""
    write_json(UNFINISHED, content)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Writes a file, and its folder if need be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_document() -> None:
    """Draws the pictures and writes the tables of the kept run anew, what the README says of it, and what later runs are compared with."""
    from benchmarks.plots import draw_all  # noqa: PLC0415 - matplotlib takes half a second, and only this needs it

    results = Results(orjson.loads(RESULTS.read_bytes()))
    write_json(RECORDED, what_is_compared(results.content))
    DOCUMENT.write_text(with_results(DOCUMENT.read_text(), all_tables(results), draw_all(results, FOLDER)))
    README.write_text(with_claim(README.read_text(), results))


def with_claim(readme: str, results: Results) -> str:
    """The README with what a token's median is in `results`, in whole milliseconds, rounded up; as it was when that was not measured."""
    added_us = results.added_lag_us(GATEWAY, "lag_p50_us")
    if added_us is None:
        return readme
    most_ms = max(1, math.ceil(added_us / 1000))
    claim = "Less than a millisecond" if most_ms == 1 else f"Less than {most_ms} milliseconds"
    before, begin, rest = readme.partition(_CLAIM_BEGIN)
    _, end, after = rest.partition(_CLAIM_END)
    return f"{before}{begin}[{claim}](docs/performance.md){end}{after}"


def with_results(document: str, tables: str, pictures: Sequence[str]) -> str:
    """The document with other results between its marks."""
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    shown = "\n\n".join(f"![{Path(name).stem}](performance/{name})" for name in pictures)
    return f"{before}{_BEGIN}\n\n{shown}\n\n{tables}\n\n{_END}{after}"
