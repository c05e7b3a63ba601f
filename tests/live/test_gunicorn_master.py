"""The gunicorn master: what it imports, how it ends, what it leaves behind, and what it does with wrong settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil
import pytest
import requests

from tests.live.master import COMMAND, ROOT, Master, clean_environment, running, wait_until

FOREIGN = ("requests", "urllib3", "flask", "werkzeug")
UPSTREAM = {"OPENAI_API_BASE_URL": "http://127.0.0.1:9/v1"}
WSGI = (sys.executable, "-m", "gunicorn", "wsgi:app")

# gunicorn calls `pre_fork` in the master before each worker. What the hook finds imported is what the worker starts with.
TELL_IMPORTS = f"""
def pre_fork(server, worker):
    import sys
    server.log.info("imported: %s", [name for name in {FOREIGN!r} if name in sys.modules])
"""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Master]:
    with running([*COMMAND, "demo"], {"HOME": str(tmp_path)}, tmp_path) as master:
        master.await_answer()
        yield master


def serve_that_tells(tmp_path: Path) -> list[str]:
    """`serve`, with the hook as gunicorn's default."""
    program = f"{TELL_IMPORTS}\nimport gunicorn.config\ngunicorn.config.Prefork.pre_fork = staticmethod(pre_fork)\n"
    program += "gunicorn.config.Prefork.default = staticmethod(pre_fork)\nfrom proxy.cli import main\nmain(['serve'])\n"
    return [sys.executable, "-c", program]


def gunicorn_that_tells(tmp_path: Path) -> list[str]:
    """`gunicorn wsgi:app`, with the hook added to the project's own configuration."""
    config = tmp_path / "telling.py"
    config.write_text((ROOT / "gunicorn.conf.py").read_text() + TELL_IMPORTS)
    return [*WSGI, "--config", str(config)]


@pytest.mark.parametrize("start", [serve_that_tells, gunicorn_that_tells])
def test_the_master_imports_neither_requests_nor_urllib3_not_even_after_a_worker_died(start: object, tmp_path: Path) -> None:
    arguments = serve_that_tells(tmp_path) if start is serve_that_tells else gunicorn_that_tells(tmp_path)
    with running(arguments, UPSTREAM, ROOT) as master:
        master.await_answer()
        os.kill(master.workers()[0], signal.SIGKILL)
        master.await_message("imported: []", times=2)
        master.await_message("Booting worker", times=2)
        master.await_answer()
        assert [message for message in master.messages() if message.startswith("imported: ") and message != "imported: []"] == []
        assert requests.get(f"{master.address}/metrics", timeout=5).status_code == 200


def test_serve_leaves_nothing_behind_and_writes_only_json(demo: Master, tmp_path: Path) -> None:
    assert requests.get(demo.address, timeout=5).text == "Ollama is running"
    assert demo.stop() == 0
    assert list(tmp_path.iterdir()) == []
    assert all({"time", "level", "message"} <= record.keys() for record in demo.records())
    assert demo.errors == [f"This is a demo: scripts answer, not models. Ollama's API is at {demo.address}, OpenAI's at {demo.address}/v1."]


def count_to(number: int, master: Master, records: list[dict[str, object]]) -> None:
    body = {"model": "demo-chat", "messages": [{"role": "user", "content": f"count to {number}"}]}
    with requests.post(f"{master.address}/api/chat", json=body, stream=True, timeout=30) as answer:
        for line in answer.iter_lines(chunk_size=1):
            records.append(orjson.loads(line))  # noqa: PERF401 - one by one, so that the test can look on


def test_an_open_stream_is_finished_before_a_stop(demo: Master) -> None:
    records: list[dict[str, object]] = []
    client = threading.Thread(target=count_to, args=(100, demo, records))
    client.start()
    wait_until(lambda: len(records) > 3, lambda: demo.lines)
    assert demo.stop() == 0
    client.join(timeout=10)
    assert records[-1]["done"] is True
    assert records[-1]["done_reason"] == "stop"


def test_a_stream_that_outlasts_the_graceful_timeout_is_not_ended_as_if_it_were_complete(tmp_path: Path) -> None:
    with running([*COMMAND, "demo"], {"GRACEFUL_TIMEOUT": "3"}, tmp_path) as master:
        master.await_answer()
        records: list[dict[str, object]] = []
        errors: list[Exception] = []

        def client() -> None:
            try:
                count_to(5000, master, records)
            except requests.RequestException as error:
                errors.append(error)

        thread = threading.Thread(target=client)
        thread.start()
        wait_until(lambda: len(records) > 3, lambda: master.lines)
        assert master.stop() == 0
        thread.join(timeout=10)
        assert errors or "error" in records[-1]
        assert not any(record.get("done") for record in records)


def metrics_folders(master: Master) -> set[Path]:
    """Where the workers of this master keep their counters."""
    environ = Path(f"/proc/{master.workers()[0]}/environ")
    assert environ.exists()
    maps = Path(f"/proc/{master.workers()[0]}/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]).parent for line in maps if line.endswith(".db")}


def test_the_folder_of_the_metrics_is_removed_at_the_end(demo: Master) -> None:
    (folder,) = metrics_folders(demo)
    assert folder.is_dir()
    assert f"-{demo.process.pid}-" in folder.name
    demo.stop()
    assert not folder.exists()


def test_a_folder_that_the_operator_names_is_emptied_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"from yesterday")
    (folder / "notes.txt").write_text("not ours")
    with running([*COMMAND, "demo"], {"PROMETHEUS_MULTIPROC_DIR": str(folder)}, tmp_path) as master:
        master.await_answer()
        assert not (folder / "counter_1.db").exists()
        assert metrics_folders(master) == {folder}
        master.stop()
    assert (folder / "notes.txt").exists()


def test_what_a_dead_worker_had_under_way_is_taken_out_of_the_metrics(demo: Master) -> None:
    (folder,) = metrics_folders(demo)
    (worker,) = demo.workers()
    assert list(folder.glob(f"gauge_live*_{worker}.db"))
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not list(folder.glob(f"gauge_live*_{worker}.db")), lambda: demo.lines)
    assert list(folder.glob(f"counter_{worker}.db"))


def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    with running([*COMMAND, "demo"], {"ENABLE_METRICS": "false"}, tmp_path) as master:
        master.await_answer()
        assert metrics_folders(master) == set()
        assert requests.get(f"{master.address}/metrics", timeout=5).status_code == 404
        assert master.stop() == 0


@pytest.mark.parametrize("arguments", [[*COMMAND, "serve"], WSGI], ids=["serve", "gunicorn"])
@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "Error: OPENAI_API_BASE_URL must say where the OpenAI-compatible server is"),
        ({**UPSTREAM, "PROXY_PORT": "http", "DEBUG": "perhaps"}, "Error: PROXY_PORT must be a whole number from 1 to 65535\nDEBUG must be"),
    ],
)
def test_wrong_settings_end_the_start_with_one_message(arguments: list[str], environ: dict[str, str], message: str) -> None:
    ended = subprocess.run(
        arguments, env={**clean_environment(), **environ}, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(message)
    assert "Traceback" not in ended.stderr


def test_a_taken_port_ends_the_start_and_leaves_no_folder(demo: Master, tmp_path: Path) -> None:
    with running([*COMMAND, "demo"], {"PROXY_PORT": demo.address.rpartition(":")[2]}, tmp_path) as second:
        assert second.process.wait(timeout=30) == 1
        second.await_message("Connection in use")
        assert list(Path("/dev/shm").glob(f"ollama-openai-proxy-{second.process.pid}-*")) == []


@pytest.mark.parametrize("kind", ["serve", "gunicorn"])
def test_a_reload_takes_new_settings_and_refuses_wrong_ones(kind: str, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text("{}")
    dotenv.write_text(f"OPENAI_API_BASE_URL=http://127.0.0.1:9/v1\nOLLAMA_VERSION=0.11.1\nMODEL_CATALOG_FILE={catalogue}\n")
    for name in ("wsgi.py", "gunicorn.conf.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    with running([*COMMAND, "serve"] if kind == "serve" else WSGI, {"GRACEFUL_TIMEOUT": "5"}, tmp_path) as master:
        master.await_answer()

        def version() -> str:
            return str(requests.get(f"{master.address}/api/version", timeout=5).json()["version"])

        assert version() == "0.11.1"
        dotenv.write_text(dotenv.read_text().replace("0.11.1", "latest"))
        master.process.send_signal(signal.SIGHUP)
        master.await_message("the old ones stay in force: OLLAMA_VERSION must be three numbers")
        os.kill(master.workers()[0], signal.SIGKILL)
        master.await_message("Booting worker", times=2)
        master.await_answer()
        assert version() == "0.11.1"

        dotenv.write_text(dotenv.read_text().replace("latest", "0.22.2"))
        catalogue.write_text('{"m": {"context_length": "long"}}')
        master.process.send_signal(signal.SIGHUP)
        master.await_message("the old ones stay in force: MODEL_CATALOG_FILE")
        os.kill(master.workers()[0], signal.SIGKILL)
        master.await_answer()
        assert version() == "0.11.1"

        catalogue.write_text('{"m": {"context_length": 4096}}')
        master.process.send_signal(signal.SIGHUP)
        wait_until(lambda: version() == "0.22.2", lambda: master.lines)
        assert master.stop() == 0


@pytest.mark.parametrize("kind", ["serve", "gunicorn"])
def test_a_reload_reads_the_configuration_file_and_its_secrets_anew_and_refuses_a_wrong_one(kind: str, tmp_path: Path) -> None:
    file, secret = tmp_path / "proxy.toml", tmp_path / "secret"
    secret.write_text("sk-first-0815\n")
    right = f'[upstreams.boxes]\nbase_url = "http://127.0.0.1:9/v1"\nkey_file = "{secret}"\n[settings]\nollama_version = "0.11.1"\n'
    file.write_text(right)
    for name in ("wsgi.py", "gunicorn.conf.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    environ = {"GRACEFUL_TIMEOUT": "5", "PROXY_CONFIG": str(file), "DEBUG": "true"}
    with running([*COMMAND, "serve"] if kind == "serve" else WSGI, environ, tmp_path) as master:
        master.await_answer()

        def version() -> str:
            return str(requests.get(f"{master.address}/api/version", timeout=5).json()["version"])

        assert version() == "0.11.1"
        file.write_text(right.replace("base_url", "base_ulr").replace("0.11.1", "0.22.2"))
        master.process.send_signal(signal.SIGHUP)
        master.await_message("the old ones stay in force: upstreams.boxes.base_ulr is unknown; did you mean base_url?")
        os.kill(master.workers()[0], signal.SIGKILL)
        master.await_message("Booting worker", times=2)
        master.await_answer()
        assert version() == "0.11.1"

        file.write_text(right.replace("0.11.1", "0.22.2"))
        secret.unlink()
        master.process.send_signal(signal.SIGHUP)
        master.await_message("the old ones stay in force: upstreams.boxes.key_file must name a file that holds a key")
        secret.write_text("sk-second-0815\n")
        master.process.send_signal(signal.SIGHUP)
        wait_until(lambda: version() == "0.22.2", lambda: master.lines)
        assert master.stop() == 0
        assert "0815" not in "".join(master.lines + master.errors)


def test_serve_is_a_demo_when_that_is_allowed_and_no_upstream_is_configured(tmp_path: Path) -> None:
    with running([*COMMAND, "serve", "--or-demo"], {}, tmp_path) as master:
        master.await_answer()
        assert master.errors[0].startswith("This is a demo")
        assert [model["name"] for model in requests.get(f"{master.address}/api/tags", timeout=5).json()["models"]]
    with running([*COMMAND, "serve", "--or-demo"], UPSTREAM, tmp_path) as master:
        master.await_answer()
        assert master.errors == []


def test_a_new_master_takes_over_with_metrics_of_its_own(tmp_path: Path) -> None:
    installed = str(Path(sys.executable).with_name("ollama-openai-proxy"))  # gunicorn starts again what it was started by: a file
    with running([installed, "serve"], {**UPSTREAM, "GRACEFUL_TIMEOUT": "5"}, tmp_path) as old:
        old.await_answer()
        (old_folder,) = metrics_folders(old)
        old.process.send_signal(signal.SIGUSR2)
        old.await_message("Starting gunicorn", times=2)
        wait_until(lambda: len(psutil.Process(old.process.pid).children(recursive=True)) == 3, lambda: old.lines)
        (new,) = (child.pid for child in psutil.Process(old.process.pid).children() if child.children())
        try:
            (new_folder,) = old_folder.parent.glob(f"ollama-openai-proxy-{new}-*")
            assert old.stop() == 0
            assert not old_folder.exists()
            assert new_folder.is_dir()
            assert requests.get(f"{old.address}/metrics", timeout=10).status_code == 200
        finally:
            os.kill(new, signal.SIGTERM)
        wait_until(lambda: not new_folder.exists(), lambda: old.lines)


def test_gunicorns_own_options_can_be_given_in_the_environment(tmp_path: Path) -> None:
    with running([*COMMAND, "demo"], {"GUNICORN_CMD_ARGS": f"--pid {tmp_path / 'pid'}"}, tmp_path) as master:
        master.await_answer()
        assert int((tmp_path / "pid").read_text()) == master.process.pid


def test_a_secret_in_the_settings_is_in_no_line_of_the_log(tmp_path: Path) -> None:
    environ = {**UPSTREAM, "OPENAI_API_KEY": "xyzzy-plugh-0815", "DEBUG": "true"}
    with running([*COMMAND, "serve"], environ, tmp_path) as master:
        master.await_answer()
        requests.post(f"{master.address}/api/chat", json={"model": "m", "messages": []}, timeout=10)
        master.stop()
        assert "xyzzy-plugh-0815" not in "".join(master.lines + master.errors)


@pytest.mark.parametrize(("workers", "times"), [("1", 0), ("2", 1)])
def test_workers_that_forget_what_a_model_wants_to_see_again_are_told_of_once(tmp_path: Path, workers: str, times: int) -> None:
    file = tmp_path / "proxy.toml"
    file.write_text('[upstreams.g]\nbase_url = "http://127.0.0.1:9"\ndialect = "gemini"\n')
    with running((*COMMAND, "serve"), {"PROXY_CONFIG": str(file), "WEB_CONCURRENCY": workers, "PYTHONPATH": str(ROOT)}, tmp_path) as master:
        master.await_answer()
        assert sum("Set REDIS_URL" in message for message in master.messages()) == times
