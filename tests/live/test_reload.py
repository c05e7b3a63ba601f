"""`reload`, and what a running gateway does with a configuration that cannot be used."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.live.master import COMMAND, ROOT, Master, a_free_port, answers, clean_environment, running, wait_until
from tests.live.test_gunicorn_master import UPSTREAM, WSGI, metrics_folders

KINDS = {"serve": (*COMMAND, "serve"), "gunicorn": WSGI}


def run_reload(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command, as an operator would run it on the same machine."""
    everything = {**clean_environment(), **(environ or {})}
    command = [*COMMAND, "reload", *arguments]
    return subprocess.run(command, env=everything, capture_output=True, text=True, timeout=90, check=False)


def reload(master: Master) -> subprocess.CompletedProcess[str]:
    return run_reload("--pid", str(master.process.pid))


@contextmanager
def reloading(master: Master) -> Iterator[subprocess.Popen[str]]:
    """The command, still waiting for what the master says."""
    command = [*COMMAND, "reload", "--pid", str(master.process.pid)]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def version(master: Master) -> str:
    return str(requests.get(f"{master.address}/api/version", timeout=5).json()["version"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory of a gateway: its settings, and the files that gunicorn reads there."""
    (tmp_path / ".env").write_text("OLLAMA_VERSION=0.11.1\n")
    for name in ("wsgi.py", "gunicorn.conf.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_reload_says_when_all_workers_have_the_new_configuration(kind: str, folder: Path) -> None:
    with running(KINDS[kind], {**UPSTREAM, "WEB_CONCURRENCY": "2"}, folder) as master:
        master.await_answer()
        (folder / ".env").write_text("OLLAMA_VERSION=0.22.2\n")
        told = reload(master)
        assert told.stdout == f"The new configuration is in force at {master.address} (pid {master.process.pid}).\n"
        assert (told.returncode, told.stderr) == (0, "")
        master.await_message("is not needed any more", times=2)
        wait_until(lambda: len(master.workers()) == 2, lambda: master.lines)
        assert {version(master) for _ in range(8)} == {"0.22.2"}


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_configuration_is_refused_before_any_worker_starts(kind: str, folder: Path) -> None:
    with running(KINDS[kind], UPSTREAM, folder) as master:
        master.await_answer()
        workers = master.workers()
        (folder / ".env").write_text("OLLAMA_VERSION=latest\n")
        told = reload(master)
        assert told.returncode == 1
        assert told.stderr.startswith("Error: The old configuration stays in force: OLLAMA_VERSION must be three numbers")
        assert master.workers() == workers
        assert version(master) == "0.11.1"

        (folder / ".env").write_text("OLLAMA_VERSION=0.22.2\n")
        assert reload(master).returncode == 0


def test_workers_that_cannot_start_leave_everything_as_it_was(folder: Path) -> None:
    """An upgrade gone wrong, for example: the configuration is right, but the program is not."""
    with running(WSGI, UPSTREAM, folder) as master:
        master.await_answer()
        workers = master.workers()
        program = (folder / "wsgi.py").read_text()
        (folder / "wsgi.py").write_text("raise RuntimeError('half an upgrade')\n")
        (folder / ".env").write_text("OLLAMA_VERSION=0.22.2\n")
        told = reload(master)
        assert (told.returncode, told.stderr) == (1, "Error: The old configuration stays in force: Worker failed to boot.\n")
        master.await_message("Exception in worker process")
        assert master.workers() == workers
        assert version(master) == "0.11.1"

        (folder / "wsgi.py").write_text(program)
        (folder / ".env").write_text("OLLAMA_VERSION=0.11.1\n")
        os.kill(workers[0], 9)
        master.await_answer()
        assert version(master) == "0.11.1"
        assert reload(master).returncode == 0


def test_reload_that_another_one_overtakes_is_refused_and_the_other_is_not(folder: Path) -> None:
    with running(WSGI, UPSTREAM, folder) as master:
        master.await_answer()
        waiting = f"\nimport pathlib, time\nwhile not pathlib.Path({str(folder / 'go')!r}).exists():\n    time.sleep(0.05)\n"
        (folder / "wsgi.py").write_text((folder / "wsgi.py").read_text() + waiting)
        with reloading(master) as first:
            wait_until(lambda: len(master.workers()) == 2, lambda: master.lines)
            (folder / ".env").write_text("OLLAMA_VERSION=0.22.2\n")
            with reloading(master) as second:
                told = first.communicate(timeout=60)
                assert (first.returncode, told) == (1, ("", "Error: The old configuration stays in force: another one was asked for\n"))
                assert second.poll() is None
                (folder / "go").touch()
                said, error = second.communicate(timeout=60)
                assert (second.returncode, error) == (0, "")
                assert said.startswith("The new configuration is in force at ")
        assert version(master) == "0.22.2"


def test_faulty_file_of_gunicorns_does_not_end_the_server(folder: Path) -> None:
    with running(WSGI, UPSTREAM, folder) as master:
        master.await_answer()
        (folder / "gunicorn.conf.py").write_text("workers = (\n")
        told = reload(master)
        assert told.returncode == 1
        assert told.stderr.startswith("Error: The old configuration stays in force: gunicorn cannot use its options")
        assert answers(master.address)


def test_new_address_is_listened_at_while_requests_at_the_old_one_are_finished(folder: Path) -> None:
    ports = [a_free_port(), a_free_port()]
    old, new = (f"http://127.0.0.1:{port}" for port in ports)
    (folder / ".env").write_text(f"PROXY_PORT={ports[0]}\n")
    with running(KINDS["serve"], {**UPSTREAM, "PROXY_PORT": "", "BODY_TIMEOUT": "120"}, folder) as master:
        wait_until(lambda: answers(old), lambda: master.lines)
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=30) as begun:
            begun.sendall(b"POST /api/experimental/web_fetch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
            (folder / ".env").write_text(f"PROXY_PORT={ports[1]}\n")
            told = reload(master)
            assert (told.returncode, new in told.stdout) == (0, True)
            assert answers(new)
            begun.sendall(b"}")
            assert begun.recv(64).startswith(b"HTTP/1.1 501 ")
        wait_until(lambda: not answers(old), lambda: master.lines)
        assert answers(new)


def test_address_that_is_taken_is_refused(folder: Path) -> None:
    """The one that the gateway has itself, with another host, is taken too."""
    with running(KINDS["serve"], {**UPSTREAM, "PROXY_HOST": ""}, folder) as master:
        master.await_answer()
        (folder / ".env").write_text("PROXY_HOST=127.0.0.1\n")
        told = reload(master)
        assert (told.returncode, "for that it must be started anew" in told.stderr) == (1, True)
        assert answers(master.address)


def test_metrics_that_are_switched_on_by_a_reload_are_those_of_all_workers(folder: Path) -> None:
    (folder / ".env").write_text("ENABLE_METRICS=false\n")
    with running(KINDS["serve"], UPSTREAM, folder) as master:
        master.await_answer()
        assert requests.get(f"{master.address}/metrics", timeout=5).status_code == 404
        (folder / ".env").write_text("ENABLE_METRICS=true\n")
        assert reload(master).returncode == 0
        assert requests.get(f"{master.address}/metrics", timeout=5).status_code == 200
        wait_until(lambda: len(master.workers()) == 1, lambda: master.lines)
        os.kill(master.workers()[0], 9)
        master.await_answer()
        (metrics,) = metrics_folders(master)
        assert master.stop() == 0
        assert not metrics.exists()


def test_gateway_is_found_by_its_port_among_several(tmp_path: Path) -> None:
    with running(KINDS["serve"], UPSTREAM, tmp_path) as first, running(KINDS["serve"], UPSTREAM, tmp_path) as second:
        first.await_answer()
        second.await_answer()
        told = run_reload(environ={"PROXY_PORT": second.address.rpartition(":")[2]})
        assert told.returncode == 0
        assert f"(pid {second.process.pid})" in told.stdout
        told = run_reload(environ={"PROXY_PORT": str(a_free_port())})
        assert told.returncode == 1
        assert "--pid must say which gateway is meant" in told.stderr
        assert f"{first.process.pid}  {first.address}" in told.stderr


def test_process_that_is_no_gateway_is_not_sent_a_signal(tmp_path: Path) -> None:
    """SIGHUP would end it."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        told = run_reload("--pid", str(stranger.pid))
        assert told.returncode == 1
        assert stranger.poll() is None
        stranger.kill()
