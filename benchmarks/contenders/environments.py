"""Python environments for the programs of others, made once with uv and kept in the user's cache, outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import CannotMeasure

_INSTALLING_S = 600


def python_of(requirement: str) -> Path:
    """The interpreter of an environment that has `requirement`; made when it is not there yet.

    Raises:
        CannotMeasure: it cannot be installed.
    """
    home = _cache() / requirement.replace("[", "-").replace("]", "").replace("==", "-")
    python, stamp = home / "bin/python", home / "installed"
    if not stamp.exists():
        shutil.rmtree(home, ignore_errors=True)
        _run("venv", "--quiet", "--python", sys.executable, str(home))
        _run("pip", "install", "--quiet", "--python", str(python), requirement)
        stamp.touch()
    return python


def package_folder(python: Path) -> Path:
    """Where the packages of an interpreter's environment lie."""
    return next(python.parents[1].glob("lib/python3.*/site-packages"))


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ollama-openai-proxy" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise CannotMeasure("uv is not installed: pip install uv")
    # uv would fetch interpreters from elsewhere.
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run([uv, *arguments], env=environment, capture_output=True, text=True, timeout=_INSTALLING_S, check=False)  # noqa: S603
    if done.returncode:
        raise CannotMeasure(f"uv {' '.join(arguments)}: {done.stderr.strip()}")
