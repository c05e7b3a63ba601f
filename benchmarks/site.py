"""Where a run takes place: its folder, its two cores, its upstreams."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.machine import Cores, choose_cores, raise_file_limit
from benchmarks.processes import Program, running
from benchmarks.upstreams import nginx, paced

if TYPE_CHECKING:
    from benchmarks.contenders.field import Contender

ROOT = Path(__file__).parents[1]
_OPEN_FILES = 8192


@dataclass(frozen=True, slots=True)
class Site:
    """`canned` answers at once, `paced` on a clock. Both share a core with this process, which asks those of `field`."""

    folder: Path
    cores: Cores
    canned: Program
    paced: Program
    field: Mapping[str, Contender]

    def say(self, text: str) -> None:
        """Tells whoever waits what is going on."""
        click.echo(text)


@contextmanager
def open_site(field: Mapping[str, Contender]) -> Iterator[Site]:
    """A site with its upstreams running; this process keeps to the core of the load from now on."""
    cores = choose_cores()
    raise_file_limit(_OPEN_FILES)
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="ollama-openai-proxy-benchmark-") as name:
        folder = Path(name)
        with (
            running(nginx.launch_upstream(folder), cores.load, folder) as canned,
            running(paced.launch(ROOT), cores.load, folder) as clock,
        ):
            yield Site(folder, cores, canned, clock, field)
