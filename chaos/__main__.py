"""`python -m chaos`: the commands. Each stops by itself; a watchdog stops a run that does not."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import orjson

from benchmarks.machine import CannotMeasure
from benchmarks.processes import DidNotStart
from chaos.performance import perform_all
from chaos.plan import FULL, SHORT
from chaos.report import DOCUMENT, keep, write_document
from chaos.scenarios import BY_NAME, SCENARIOS, Scenario
from chaos.subjects import GATEWAY, SUBJECTS
from chaos.tables import all_tables

_LONGEST_S = 1200
"""What a run may take on a machine that has other things to do."""


@click.group(help="The gateway under load while everything around it fails. docs/reliability.md tells what is counted.")
def main() -> None:
    """The group of all commands."""


@main.command()
def full() -> None:
    """Perform every scenario (under 15 minutes), and write what came of it into docs/reliability.md."""
    with _bounded():
        content = perform_all(SCENARIOS, FULL, click.echo)
        keep(content)
    click.echo(f"written into {DOCUMENT.name}")
    sys.exit(any(each["problems"] for each in content["scenarios"]))


@main.command()
@click.option("--only", default="", help="Comma list of scenarios; all when left out.")
@click.option(
    "--subject", type=click.Choice(tuple(SUBJECTS)), default=GATEWAY.name, show_default=True, help="Who stands in front of the replicas."
)
@click.option("--long", is_flag=True, help="As long as in a full run.")
@click.option("--keep", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where logs and diaries stay.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the JSON.")
def short(only: str, subject: str, long: bool, folder: Path | None, output: Path | None) -> None:
    """Perform some scenarios, shortly, and tell what came of them; nothing is written into the documents."""
    chosen = _chosen(only)
    with _bounded():
        content = perform_all(chosen, FULL if long else SHORT, click.echo, SUBJECTS[subject], folder)
    if output is not None:
        output.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    click.echo(f"\n{all_tables(content)}")
    sys.exit(any(each["problems"] for each in content["scenarios"]))


@main.command()
def scenarios() -> None:
    """List the scenarios."""
    for scenario in SCENARIOS:
        click.echo(f"{scenario.name:15} {scenario.title}")


@main.command()
def report() -> None:
    """Write docs/reliability.md anew from the kept run."""
    write_document()


def _chosen(only: str) -> Sequence[Scenario]:
    names = [name for name in only.split(",") if name]
    if strangers := set(names) - set(BY_NAME):
        raise click.BadParameter(f"no such scenario: {', '.join(sorted(strangers))}")
    return [BY_NAME[name] for name in names] or SCENARIOS


@contextmanager
def _bounded() -> Iterator[None]:
    """Ends what runs too long, and ends in good order when it is told to: whatever was started is stopped."""

    def give_up(_: int, __: FrameType | None) -> None:
        raise TimeoutError(f"the run took more than {_LONGEST_S} s")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_LONGEST_S)
    try:
        yield
    except (CannotMeasure, DidNotStart, TimeoutError) as failure:
        raise click.ClickException(str(failure)) from failure
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main(prog_name="python -m chaos")
