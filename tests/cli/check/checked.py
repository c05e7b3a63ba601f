"""What `check` says, as tests read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Checked = tuple[int, dict[str, tuple[str, str]], str]
Check = Callable[..., Checked]
Several = Callable[..., tuple[int, dict[str, dict[str, tuple[str, str]]], str]]


def rows_of(output: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The table's rows; its columns begin where those of the head do."""
    head, *lines = output.split("\n\n", maxsplit=1)[0].splitlines()
    verdict, finding = head.index("VERDICT"), head.index("FINDING")
    for line in lines:
        yield line[:verdict].strip(), (line[verdict:finding].strip(), line[finding:].strip())
