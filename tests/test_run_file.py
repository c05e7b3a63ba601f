from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.cli.masters import Master, latest_notice, running_masters
from proxy.run_file import Notice, RunFile, process_namespace

# Locks do not hold against the process that has them: the master of these tests is another one.
A_MASTER = """
import os, sys
from pathlib import Path
from proxy.run_file import Notice, RunFile, process_namespace

notice = Notice(os.getpid(), process_namespace(), ("http://127.0.0.1:11434",))
file = RunFile(Path(sys.argv[1]), notice)
print("there", flush=True)
sys.stdin.readline()
file.say(Notice(os.getpid(), process_namespace(), (), 1, 1, ("no",)))
print("said", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", A_MASTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        hear(running)
        yield running
        running.kill()


def hear(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline()


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_master_is_found_and_its_latest_notice_read_while_it_lives(process: subprocess.Popen[str], tmp_path: Path) -> None:
    (master,) = running_masters(tmp_path)
    assert master.notice == Notice(process.pid, process_namespace(), ("http://127.0.0.1:11434",))
    assert [master.listens_at(port) for port in (11434, 1434, 1143)] == [True, False, False]
    go_on(process)
    hear(process)
    assert latest_notice(master) == Notice(process.pid, process_namespace(), (), 1, 1, ("no",))
    process.kill()
    process.wait()
    assert list(running_masters(tmp_path)) == []
    assert latest_notice(master) is None


def test_file_of_a_master_belongs_to_its_user_alone(process: subprocess.Popen[str], tmp_path: Path) -> None:
    (file,) = tmp_path.iterdir()
    assert file.name.startswith(f"ollama-openai-proxy.{process.pid}.")
    assert file.stat().st_mode & 0o777 == 0o600


def test_file_goes_with_its_master(tmp_path: Path) -> None:
    notice = Notice(1, "", ())
    file = RunFile(tmp_path, notice)
    file.say(replace(notice, addresses=("a",)))
    (path,) = tmp_path.iterdir()
    assert Notice.read(path.read_bytes()) == replace(notice, addresses=("a",))
    file.remove()
    assert list(tmp_path.iterdir()) == []
    assert latest_notice(Master(path, notice)) is None


def test_answers_are_remembered_for_who_has_not_read_them_yet() -> None:
    notice = Notice(1, "", ())
    for refusal in ("", "no", ""):
        notice = replace(notice, asked=notice.asked + 1).with_answer(refusal)
    assert [notice.refusal_of(request) for request in (1, 2, 3)] == ["", "no", ""]
    for _ in range(100):
        notice = replace(notice, asked=notice.asked + 1).with_answer("later")
    assert (notice.refusal_of(2), notice.refusal_of(103)) == (None, "later")
    assert len(notice.refusals) < 10


@pytest.mark.parametrize("text", [b"", b'{"pid": 1', b"[]", b"{}", b'{"pid": 1, "namespace": "", "addresses": [], "other": 1}'])
def test_anything_else_in_a_file_is_no_notice(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no notice"):
        Notice.read(text)


def test_file_that_is_locked_but_holds_something_else_is_passed_over(process: subprocess.Popen[str], tmp_path: Path) -> None:
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"{")
    assert list(running_masters(tmp_path)) == []


@pytest.mark.parametrize("change", [{"namespace": "pid:[1]"}, {"pid": 2**22 + 1}])
def test_process_of_another_container_and_one_that_is_not_there_are_passed_over(
    process: subprocess.Popen[str], tmp_path: Path, change: dict[str, object]
) -> None:
    (file,) = tmp_path.iterdir()
    notice = Notice.read(file.read_bytes())
    changed = {"pid": notice.pid, "namespace": notice.namespace, "addresses": [], **change}
    file.write_text(str(changed).replace("'", '"'))
    assert list(running_masters(tmp_path)) == []


def test_link_to_a_file_is_not_followed(process: subprocess.Popen[str], tmp_path: Path) -> None:
    (file,) = tmp_path.iterdir()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / file.name).symlink_to(file)
    assert list(running_masters(folder)) == []
