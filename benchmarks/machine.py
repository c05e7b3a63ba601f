"""The machine of a run: its two cores, the programs that it must have, and what is written down of it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PROGRAMS = ("nginx", "wrk", "taskset")
_PACKAGES = ("gunicorn", "gevent", "flask", "werkzeug", "requests", "urllib3", "marshmallow", "orjson", "prometheus-client")
# Where Debian keeps servers; the PATH of ordinary users leaves it out.
_MORE_FOLDERS = "/usr/sbin:/sbin"


class CannotMeasure(Exception):
    """Something is missing without which no figure would mean anything; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cores:
    """`subject` is for who is measured, `load` for the upstream and those who ask."""

    subject: int
    load: int


def choose_cores() -> Cores:
    """The first two cores that this process may use."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise CannotMeasure("two cores are needed: one for who is measured, one for the load")
    return Cores(allowed[0], allowed[1])


def find_program(name: str) -> str:
    """The path of a program that the benchmark runs."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_MORE_FOLDERS}")
    if found is None:
        raise CannotMeasure(f"{name} is not installed. On Debian: apt-get install nginx wrk util-linux")
    return found


def raise_file_limit(wanted: int) -> None:
    """Lets this process, and those that it starts, have `wanted` sockets open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise CannotMeasure(f"{wanted} open files are needed and {hard} are allowed: raise `ulimit -Hn`")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def describe_machine() -> dict[str, object]:
    """What a reader must know of the machine to judge figures; no name of it, and no path."""
    for program in _PROGRAMS:
        find_program(program)
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "nginx": _version_line([find_program("nginx"), "-v"]),
        "wrk": _version_line([find_program("wrk"), "-v"]),
        "packages": {name: _package_version(name) for name in ("ollama-openai-proxy", *_PACKAGES)},
        "load_average_before": round(os.getloadavg()[0], 2),
        **describe_code(_ROOT),
    }


def describe_code(root: Path) -> dict[str, object]:
    """Which `commit` is measured, and whether the files of `root` have `changes` that are in none; `""` outside of a repository."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    return {"commit": commit, "changes": bool(commit and _git(root, "status", "--porcelain", "--untracked-files=no"))}


def _git(root: Path, *arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return "" if done.returncode else done.stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine() or sys.platform)


def _version_line(command: list[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - programs of this file
    return (told.stderr + told.stdout).splitlines()[0].removeprefix("nginx version: ").partition(" Copyright")[0].strip()


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
