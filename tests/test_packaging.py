"""The wheel, installed on its own, in an empty folder that cannot be written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import requests

from tests.fake_upstream import FakeUpstream, json_answer
from tests.live.master import ROOT, a_free_port, clean_environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the sources, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "proxy", copy / "proxy", ignore=shutil.ignore_patterns("__pycache__"))
    _run([sys.executable, "-m", "uv", "build", "--wheel", "--quiet", "--out-dir", str(copy / "dist"), str(copy)])
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in an environment that holds the wheel and what it depends on."""
    home = tmp_path_factory.mktemp("installed")
    _run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(home)])
    _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(home / "bin/python"), str(wheel)])
    return home / "bin/ollama-openai-proxy"


@pytest.fixture
def empty_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be made; at the end it is still empty."""
    folder = tmp_path / "empty"
    folder.mkdir(mode=0o555)
    yield folder
    assert list(folder.iterdir()) == []


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr


def without_rights(command: Sequence[str | Path]) -> list[str]:
    """The command, without the right of root to write everywhere."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 and shutil.which("setpriv") else []
    return [*drop, *map(str, command)]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Only what a service manager would give: no PYTHONPATH, and a home that cannot be written."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **settings}


def ask(program: Path, folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = without_rights([program, *arguments])
    return subprocess.run(command, cwd=folder, env=environment(folder, **settings), capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"proxy", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    assert {"proxy/py.typed", "proxy/gunicorn_conf.py", "proxy/cli/__init__.py", "proxy/demo/app.py"} <= set(names)


def test_the_folder_cannot_be_written_in_these_tests(empty_folder: Path) -> None:
    attempt = subprocess.run(without_rights(["touch", empty_folder / "x"]), capture_output=True, text=True, check=False)
    assert attempt.returncode != 0


@pytest.mark.parametrize("arguments", [["version"], ["config"], ["config", "--example"], ["--help"]])
def test_the_installed_commands_answer(program: Path, empty_folder: Path, arguments: list[str]) -> None:
    done = ask(program, empty_folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_installed_check_asks_the_upstream(program: Path, empty_folder: Path) -> None:
    with FakeUpstream() as upstream:
        upstream.on("/models", json_answer({"error": {"message": "wrong key"}}, 401))
        done = ask(program, empty_folder, "check", OPENAI_API_BASE_URL=upstream.base_url)
    assert done.returncode == 1
    assert done.stderr == ""
    assert "wrong key" in done.stdout


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_the_installed_server_serves_and_stops(program: Path, empty_folder: Path, command: str) -> None:
    port = a_free_port()
    settings = {"PROXY_PORT": str(port), "PROXY_HOST": "127.0.0.1", "OPENAI_API_BASE_URL": "http://127.0.0.1:9/v1", "WEB_CONCURRENCY": "2"}
    process = subprocess.Popen(
        without_rights([program, command]),
        cwd=empty_folder,
        env=environment(empty_folder, **settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert _text_of(f"http://127.0.0.1:{port}/", process) == "Ollama is running"
        assert requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).status_code == 200
        if command == "demo":
            body = {"model": "demo-chat", "prompt": "hello", "stream": False}
            assert requests.post(f"http://127.0.0.1:{port}/api/generate", json=body, timeout=10).json()["done"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)


def _text_of(url: str, process: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            return requests.get(url, timeout=5).text
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
    raise AssertionError(f"it does not serve; status {process.poll()}")
