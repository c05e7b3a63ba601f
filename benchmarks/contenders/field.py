"""The field: everybody who is measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import own, peers
from benchmarks.processes import Launch, Program, running
from benchmarks.site import Site
from benchmarks.titles import BARE, CONSTANT, DIRECT, FLOOR, GATEWAY, LITELLM, NGINX, PEER, QUIET, QUIET_RELAY, RELAY, TITLES
from benchmarks.workloads import Dialect


@dataclass(frozen=True, slots=True)
class Contender:
    """One who is measured. `dialect` is what it is asked in; `launch` is `None` for the upstream itself."""

    name: str
    dialect: Dialect
    launch: Callable[[Path, str], Launch] | None

    @property
    def title(self) -> str:
        return TITLES[self.name]


@dataclass(frozen=True, slots=True)
class Standing:
    """A contender that serves. `url` is what a question's path is appended to."""

    contender: Contender
    url: str
    program: Program


_ALL = (
    Contender(GATEWAY, "ollama", own.launch_gateway),
    Contender(RELAY, "openai", own.launch_gateway),
    Contender(QUIET, "ollama", own.launch_quiet_gateway),
    Contender(QUIET_RELAY, "openai", own.launch_quiet_gateway),
    Contender(BARE, "openai", own.launch_bare),
    Contender(FLOOR, "openai", own.launch_floor),
    Contender(CONSTANT, "openai", own.launch_constant),
    Contender(DIRECT, "openai", None),
    Contender(NGINX, "openai", own.launch_nginx),
    Contender(PEER, "ollama", peers.launch_peer),
    Contender(LITELLM, "openai", peers.launch_litellm),
)
FIELD = {contender.name: contender for contender in _ALL}


@contextmanager
def standing(name: str, site: Site, upstream: Program, place: str) -> Iterator[Standing]:
    """The contender, serving, with `place` of `upstream` behind it."""
    contender = site.field[name]
    if contender.launch is None:
        yield Standing(contender, f"{upstream.url}/{place}", upstream)
        return
    launch = contender.launch(site.folder, f"{upstream.url}/{place}/v1")
    with running(launch, site.cores.subject, site.folder) as program:
        yield Standing(contender, program.url, program)
