"""What is said of those who let a command wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

_SILENCE_S = 2.0


@contextmanager
def naming_awaited(awaited: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Tells on stderr, once, whose models are waited for, when that takes long.

    Args:
        awaited: the upstreams that have not answered.
    """
    timer = threading.Timer(_SILENCE_S, _name, [awaited])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _name(awaited: Callable[[], Sequence[str]]) -> None:
    names = awaited()
    if names:
        click.echo(f"Waiting for the models of {', '.join(names)}.", err=True)
