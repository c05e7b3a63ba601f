"""The gateways that run on this machine, as far as this user may tell them what to do."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from proxy.run_file import PREFIX, SUFFIX, Notice, process_namespace


@dataclass(frozen=True, slots=True)
class Master:
    """A running master: its file, and what it says there."""

    file: Path
    notice: Notice

    def listens_at(self, port: int) -> bool:
        """Whether one of its addresses has this port."""
        return any(re.search(rf":{port}$", address) for address in self.notice.addresses)


def running_masters(folder: Path) -> Iterator[Master]:
    """The living ones whose files are in `folder`. Other users' files only root can read, and believes them about their own processes."""
    for file in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
        with suppress(OSError, ValueError):
            notice = _notice_of_a_living(file)
            if notice is not None and notice.namespace == process_namespace():
                yield Master(file, notice)


def latest_notice(master: Master) -> Notice | None:
    """What the master says now; `None` when it is gone. Raises `ValueError` while it is writing."""
    try:
        return _notice_of_a_living(master.file)
    except OSError:
        return None


def _notice_of_a_living(file: Path) -> Notice | None:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not _is_locked(descriptor):
            return None
        notice = Notice.read(os.read(descriptor, 1024 * 1024))
        return notice if _owns(os.fstat(descriptor).st_uid, notice.pid) else None
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Whether the process that made the file lives."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _owns(user: int, pid: int) -> bool:
    """Whether the process belongs to the user who wrote down its number: a signal may end a process that does not expect it."""
    try:
        return bool(psutil.Process(pid).uids().real == user)
    except psutil.Error:
        return False
