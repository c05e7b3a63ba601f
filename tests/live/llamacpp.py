"""Starts real llama.cpp servers, each with the same model of random weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.components import require
from tests.live.master import ROOT

_PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    """A running server; `address` is without `/v1`."""

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Ends it as a crash would, and waits until it is gone."""
        self.process.kill()
        self.process.wait(_PATIENCE_S)


@contextmanager
def running_llamacpp(folder: Path) -> Iterator[LlamaCpp]:
    """A server that works in `folder`."""
    require("xllamacpp")
    require("gguf")
    from tests.live.tiny_llama import write_tiny_llama  # needs numpy and gguf

    write_tiny_llama(folder / "tiny.gguf")
    command = [sys.executable, str(ROOT / "tests/live/llamacpp_server.py"), "tiny.gguf"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://"), (folder / "log").read_text()
        yield LlamaCpp(address, server)
        if server.poll() is None:
            server.terminate()
            assert server.wait(_PATIENCE_S) == 0
