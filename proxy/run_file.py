"""The file in which a running master says where it listens and what became of its last reload. `reload` finds the master by it.

It lies in memory, belongs to the master's user alone, and is locked for as long as the master lives: one without a lock is a dead one's.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import orjson

PREFIX, SUFFIX = "ollama-openai-proxy.", ".run"

# Who asks looks often; one answer is read before so many others follow.
_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Notice:
    """What a master says of itself.

    Attributes:
        namespace: the one in which `pid` is a number of a process: containers may share memory without sharing processes.
        asked: how often it has been asked to reload.
        answered: the last of these requests that is done with.
        refusals: of the last few requests that are done with, that one at the end: why it changed nothing; empty when it did.
    """

    pid: int
    namespace: str
    addresses: tuple[str, ...]
    asked: int = 0
    answered: int = 0
    refusals: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: bytes) -> Self:
        """The notice in a file. Raises `ValueError` when it holds something else: half of one, perhaps."""
        try:
            content: Mapping[str, Any] = orjson.loads(text)
            return cls(**{**content, "addresses": tuple(content["addresses"]), "refusals": tuple(content.get("refusals", ()))})
        except (KeyError, TypeError, orjson.JSONDecodeError) as error:
            raise ValueError(f"no notice of a master: {error}") from error

    def with_answer(self, refusal: str) -> Self:
        """The notice, with an answer to the last request."""
        return replace(self, answered=self.asked, refusals=(*self.refusals, refusal)[-_REMEMBERED:])

    def refusal_of(self, request: int) -> str | None:
        """Why that request, one of those that are done with, changed nothing; empty when it did, `None` when that is forgotten."""
        place = request - self.answered - 1
        return self.refusals[place] if -len(self.refusals) <= place < 0 else None


class RunFile:
    """The file, locked, with a first notice in it. Raises `OSError` when it cannot be made."""

    def __init__(self, folder: Path, notice: Notice) -> None:
        self._descriptor, path = tempfile.mkstemp(prefix=f"{PREFIX}{notice.pid}.", suffix=SUFFIX, dir=folder)
        self._path = Path(path)
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        self.say(notice)

    def say(self, notice: Notice) -> None:
        """Replaces the notice. Who reads in between may see a mixture, which is no JSON."""
        text = orjson.dumps(asdict(notice))
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def remove(self) -> None:
        """Removes the file, and with it the lock."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def process_namespace() -> str:
    """What tells this process's numbers of processes from those of other containers; nothing where there are no containers."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
