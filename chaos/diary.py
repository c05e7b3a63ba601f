"""What replicas note of each request, line by line, in a file that outlives them; and what the lines come to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import orjson

Note = Literal["began", "said", "gone"]


class Diary:
    """The writing side. Each line is one system call, so that a process that is killed leaves no half line behind."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._numbers = count()
        self._life = os.getpid()

    def asked(self, path: str, marker: str, fault: str) -> str:
        """Notes a request; what comes back names it in the notes that follow."""
        name = f"{self._life}-{next(self._numbers)}"
        self._write(name, "asked", {"path": path, "marker": marker, "fault": fault})
        return name

    def note(self, name: str, what: Note) -> None:
        """Notes that the answer began, that all of it was said, or that the other side left before."""
        self._write(name, what, {})

    def _write(self, name: str, what: str, more: dict[str, str]) -> None:
        line = orjson.dumps({"name": name, "at_s": time.monotonic(), "what": what, **more}, option=orjson.OPT_APPEND_NEWLINE)
        os.write(self._descriptor, line)


@dataclass(slots=True)
class Attempt:
    """One request that a replica met.

    Attributes:
        at_s: when; by the clock of the machine, which all its processes share.
        marker: whose request it was; `""` for lists of models and for connections that were not let speak.
        fault: what was wrong with the answer; `""` when nothing was.
        began, said: whether a good answer was begun, and whether an answer was said to its end.
        gone: whether the other side left before.
        over_s: when it was said, or was left; `None` when neither is known.
    """

    replica: str
    at_s: float
    path: str
    marker: str
    fault: str
    began: bool = False
    said: bool = False
    gone: bool = False
    over_s: float | None = None

    @property
    def is_chat(self) -> bool:
        return "/models" not in self.path


def read_attempts(replica: str, lines: Iterable[bytes]) -> list[Attempt]:
    """The attempts that a diary tells of, in their order."""
    attempts: dict[str, Attempt] = {}
    for line in lines:
        note = orjson.loads(line)
        name, what = note["name"], note["what"]
        if what == "asked":
            attempts[name] = Attempt(replica, note["at_s"], note["path"], note["marker"], note["fault"])
        else:
            setattr(attempts[name], what, True)
            if what != "began":
                attempts[name].over_s = note["at_s"]
    return list(attempts.values())
