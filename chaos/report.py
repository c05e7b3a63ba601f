"""Writes what a run found: the JSON, and the tables in `docs/reliability.md`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from benchmarks.report import with_results
from chaos.programs import ROOT
from chaos.tables import all_tables

DOCUMENT = ROOT / "docs/reliability.md"
RESULTS = ROOT / "docs/reliability/results.json"


def keep(content: Mapping[str, Any]) -> None:
    """Keeps a run as the one that the document speaks of."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    write_document()


def write_document() -> None:
    """Writes the tables of the kept run anew."""
    DOCUMENT.write_text(with_results(DOCUMENT.read_text(), all_tables(orjson.loads(RESULTS.read_bytes())), ()))
