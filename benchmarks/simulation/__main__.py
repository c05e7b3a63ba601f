"""`python -m benchmarks.simulation`: simulates everything, in some seconds, and writes it into docs/operations/choice.md."""

from __future__ import annotations

from benchmarks.simulation.findings import FULL, found
from benchmarks.simulation.plot import draw
from benchmarks.simulation.report import DOCUMENT, FOLDER, PICTURE, tables, write
from benchmarks.simulation.scenarios import BOUNDS_SHOWN, POLICIES_SHOWN


def main() -> None:
    """Simulates, draws and writes."""
    policies, bounds = found(POLICIES_SHOWN, FULL), found(BOUNDS_SHOWN, FULL)
    draw(policies, FOLDER / PICTURE)
    DOCUMENT.write_text(write(DOCUMENT.read_text(), tables(policies, bounds, FULL)))


if __name__ == "__main__":
    main()
