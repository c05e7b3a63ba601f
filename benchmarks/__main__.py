"""`python -m benchmarks`: the commands. Each stops by itself; a watchdog stops a run that does not."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import click
import orjson

from benchmarks.contenders.environments import python_of
from benchmarks.contenders.peers import LITELLM, PEER
from benchmarks.machine import CannotMeasure
from benchmarks.plan import FULL, QUICK, SECTIONS, SHORT, Plan
from benchmarks.processes import DidNotStart
from benchmarks.quick import comparison
from benchmarks.report import DOCUMENT, RECORDED, keep, keep_unfinished, write_document, write_json
from benchmarks.results import Results
from benchmarks.run import run
from benchmarks.sections.lineup import OwnAnswerWrong
from benchmarks.tables import all_tables

_LONGEST_S = {"full": 2400, "short": 900, "quick": 240}


@click.group(help="The gateway beside what users would pick instead. docs/performance.md tells how it is measured.")
def main() -> None:
    """The group of all commands."""


@main.command()
def full() -> None:
    """Measure everything (under half an hour), and write it into docs/performance.md."""
    with _bounded(FULL):
        for requirement in (PEER, LITELLM):
            python_of(requirement)
        content = run(FULL, keep_unfinished)
        keep(content)
    click.echo(f"written into {DOCUMENT.name}")
    _tell_failures(content)


@main.command()
def quick() -> None:
    """Measure the gateway and the bare pass-through (under 2 minutes); tell what was lost or won since the recorded run."""
    with _bounded(QUICK):
        content = run(QUICK, lambda _: None)
    now = Results(content).key_ratios()
    recorded = orjson.loads(RECORDED.read_bytes()) if RECORDED.exists() else {"ratios": {}, "quietness": {}}
    click.echo(f"\n{comparison(recorded['ratios'], now, content['quietness'], recorded['quietness'])}")
    if not recorded["ratios"]:
        click.echo("\nNothing is recorded yet: `make bench` does it.")
    _tell_failures(content)


@main.command()
@click.option("--only", default=",".join(SECTIONS), show_default=True, help="Comma list of sections.")
@click.option("--peers/--no-peers", default=True, help="With the programs of others, or without.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the JSON, after each section.")
def short(only: str, peers: bool, output: Path | None) -> None:
    """Measure a little of everything, to see that it can be measured; its figures mean little, and are not kept."""
    sections = tuple(only.split(","))
    if strangers := set(sections) - set(SECTIONS):
        raise click.BadParameter(f"no such section: {', '.join(sorted(strangers))}")
    with _bounded(SHORT):
        content = run(replace(SHORT, sections=sections, peers=peers), lambda found: None if output is None else write_json(output, found))
    click.echo(all_tables(Results(content)))
    _tell_failures(content)


@main.command()
def report() -> None:
    """Write docs/performance.md, and what later runs are compared with, anew from the kept run."""
    write_document()


def _tell_failures(content: Mapping[str, Any]) -> None:
    """Ends with what failed, if anything did."""
    if content["failed"]:
        raise click.ClickException("; ".join(f"{section} failed: {reason}" for section, reason in content["failed"].items()))


@contextmanager
def _bounded(plan: Plan) -> Iterator[None]:
    """Ends what runs too long, and ends in good order when it is told to: whatever was started is stopped."""

    def give_up(_: int, __: FrameType | None) -> None:
        sys.exit(f"the run took more than {_LONGEST_S[plan.kind]} s")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_LONGEST_S[plan.kind])
    try:
        yield
    except (CannotMeasure, DidNotStart, OwnAnswerWrong) as failure:
        raise click.ClickException(str(failure)) from failure
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
