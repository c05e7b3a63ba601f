"""`GatewayMaster`: gunicorn's master, which stops, reloads and replaces workers without losing a request.

gunicorn offers no place for a master of one's own: `take_over` turns the one that is starting into ours. It imports no HTTP client and no
app; neither does anything below it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gunicorn import sock
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from proxy.gateway_config import GatewayConfig
from proxy.gunicorn_conf import config_in_force, folder_in_memory, put_in_force, refusal
from proxy.run_file import Notice, RunFile, process_namespace
from proxy.web import draining

# While workers come and go the master looks more often than once a second.
_LOOK_EVERY_S = 0.1
# A worker that is not up after so long will not come.
_STARTS_WITHIN_S = 60.0
_START_AGAIN_AFTER_S = 5.0


def take_over(server: Any, drain_delay_s: float) -> None:
    """Makes gunicorn's master ours, or tells ours a new delay. One whose workers are of another class stays as it is."""
    if not hasattr(server.worker_class, "led"):
        return
    if not isinstance(server, GatewayMaster):
        server.worker_class.led = True
        server.__class__ = GatewayMaster
    server.drain_delay_s = drain_delay_s


@dataclass(frozen=True, slots=True)
class _Before:
    """What a reload that fails puts back.

    Attributes:
        old_up_to_age: workers up to this age are of a configuration before this one.
    """

    app: dict[str, Any]
    config: GatewayConfig | None
    listeners: list[Any]
    num_workers: int
    old_up_to_age: int


@dataclass(frozen=True, slots=True)
class _Reload:
    """A new configuration whose workers are starting."""

    before: _Before
    until_s: float


class _Refused(Exception):
    """The new configuration is not taken; says why."""


class GatewayMaster(Arbiter):  # type: ignore[misc]
    """Replaces each worker only when another one serves in its place, and stops serving only after it has said so.

    Attributes:
        drain_delay_s: how long the listeners stay open after SIGTERM.
    """

    drain_delay_s: float
    _ends_at_s = math.inf
    _spawns_at_s = -math.inf
    _old_up_to_age = 0
    _is_changing = True
    _reload: _Reload | None = None
    _owes_answer = False
    _run_file: RunFile | None = None
    _notice: Notice | None = None

    # How it stops.

    def handle_term(self) -> None:
        """SIGTERM: says that the end is near, and ends after the delay. A second one ends it now."""
        if self._ends_at_s == math.inf and self._delay_s() > 0:
            self.log.info("Stopping in %g s: until then /ready says 503, and all that comes is served", self._delay_s())
            self._ends_at_s = time.monotonic() + self._delay_s()
            draining.begin()
        else:
            super().handle_term()

    def _delay_s(self) -> float:
        """None when another master serves on the same sockets (SIGUSR2): nobody has to look for another gateway."""
        return 0 if self.reexec_pid or self.master_pid else self.drain_delay_s

    def stop(self, graceful: bool = True) -> None:
        """Closes the listeners and stops the workers, those too that cannot hear a signal yet."""
        draining.end()
        super().stop(graceful)

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stops, and ends the process."""
        try:
            super().halt(reason, exit_status)
        finally:
            if self._run_file is not None:
                self._run_file.remove()

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """As gunicorn's, but for no longer than there is time."""
        if self._is_changing:
            timeout = min(timeout, _LOOK_EVERY_S)
        return super().wait_for_signals(max(min(timeout, self._ends_at_s - time.monotonic()), 0))

    # How workers come and go.

    def manage_workers(self) -> None:
        """Starts workers where some are missing, and dismisses those in whose place others serve."""
        if time.monotonic() >= self._ends_at_s:
            raise StopIteration
        self._open_run_file()
        staff = {worker for worker in self.WORKERS.values() if not worker.slate.is_dismissed}
        current = {worker for worker in staff if worker.age > self._old_up_to_age}
        # Just before the end nobody is worth replacing: service managers send SIGTERM to all processes at once.
        lasting = current if draining.has_begun() else {worker for worker in current if not worker.slate.retires}
        if time.monotonic() >= self._spawns_at_s:
            for _ in range(self.num_workers - len(lasting)):
                self.spawn_worker()
        ready = sorted((worker for worker in current if worker.slate.is_ready), key=lambda worker: (worker in lasting, worker.age))
        if len(ready) >= self.num_workers:
            starting = lasting.difference(ready)
            self._dismiss(staff.difference(ready[len(ready) - self.num_workers :], starting))
            self._commit()
        elif self._reload is not None and time.monotonic() > self._reload.until_s:
            self._give_up(f"the new workers were not up after {_STARTS_WITHIN_S:g} s")
        self._tell_when_in_force()
        self._is_changing = lasting != staff or len(ready) < self.num_workers or self._owes_answer

    def _dismiss(self, workers: Iterable[Any]) -> None:
        for worker in workers:
            self.log.info("Worker (pid:%s) is not needed any more, and leaves when its connections are done", worker.pid)
            worker.slate.dismiss()

    def reap_workers(self) -> None:
        """Clears up after workers that ended. One that could not even start ends the server only if no other one serves."""
        while True:
            try:
                return super().reap_workers()  # type: ignore[no-any-return]
            except HaltServer as error:
                self._do_without(error)

    def _do_without(self, error: HaltServer) -> None:
        if self._reload is not None:
            self._give_up(error.reason)
        elif not draining.has_ended() and not any(worker.slate.is_ready for worker in self.WORKERS.values()):
            raise error
        self._spawns_at_s = time.monotonic() + _START_AGAIN_AFTER_S

    # How it takes a new configuration.

    def handle_hup(self) -> None:
        """SIGHUP: reads the configuration anew. If nothing is wrong with it, workers that have it take the place of those that have not."""
        if draining.has_begun():
            self.log.warning("The gateway is stopping, and reads no new configuration")
            return
        self._finish_with_the_last()
        if self._notice is not None:
            self._say(replace(self._notice, asked=self._notice.asked + 1))
        before = _Before(dict(vars(self.app)), config_in_force(), self.LISTENERS, self.num_workers, self._old_up_to_age)
        try:
            self._read_anew(before)
        except _Refused as why:
            self._put_back(before)
            self._answer(str(why))
        else:
            self._old_up_to_age = self.worker_age
            self._spawns_at_s, self._is_changing = -math.inf, True
            self._reload = _Reload(before, time.monotonic() + _STARTS_WITHIN_S)

    def _finish_with_the_last(self) -> None:
        """Answers who asked for the reload that is under way, before there is a new one to answer for."""
        if self._reload is not None:
            self._give_up("another one was asked for")
        elif self._owes_answer:
            self._tell_in_force()

    def _read_anew(self, before: _Before) -> None:
        """Raises `_Refused` when something is wrong, and the log says what; then anything may have changed."""
        address = self.cfg.address
        try:
            self.app.reload()
            if reason := refusal():
                raise _Refused(reason)
            self.setup(self.app)
            self.log.reopen_files()
            if self.cfg.address != address:
                self.LISTENERS = self._further_listeners(before)
            self.cfg.on_reload(self)
        except _Refused:
            raise
        except (Exception, SystemExit) as error:
            raise self._refused(f"gunicorn cannot use its options ({error!r})") from error

    def _further_listeners(self, before: _Before) -> list[Any]:
        """New ones, while the old ones are open: whoever waits there is served still."""
        try:
            listeners: list[Any] = sock.create_sockets(self.cfg, self.log)
        except SystemExit:
            old, new = (", ".join(map(str, places)) for places in (before.listeners, self.cfg.address))
            raise self._refused(f"it cannot listen at {new} as long as it listens at {old}; for that it must be started anew") from None
        return listeners

    def _put_back(self, before: _Before) -> None:
        _close(listener for listener in self.LISTENERS if listener not in before.listeners)
        self.app.__dict__.update(before.app)
        put_in_force(before.config)
        self.setup(self.app)
        self.LISTENERS, self.num_workers, self._old_up_to_age = before.listeners, before.num_workers, before.old_up_to_age
        self.cfg.on_reload(self)

    def _give_up(self, reason: str) -> None:
        """Puts the old configuration back, and lets those go who were started with the new one."""
        if self._reload is None:
            return
        recruits = [worker for worker in self.WORKERS.values() if worker.age > self._old_up_to_age]
        self._put_back(self._reload.before)
        self._reload = None
        self._dismiss(recruits)
        self._answer(str(self._refused(reason)))

    def _refused(self, reason: str) -> _Refused:
        self.log.error("The reload changes nothing: %s", reason)
        return _Refused(reason)

    def _commit(self) -> None:
        """Leaves the old configuration behind: all who serve it are dismissed."""
        if self._reload is not None:
            _close(listener for listener in self._reload.before.listeners if listener not in self.LISTENERS)
            self._reload = None
            self._owes_answer = True

    def _tell_when_in_force(self) -> None:
        """The new configuration is in force once all who take connections have it."""
        if self._owes_answer and all(worker.slate.has_closed for worker in self.WORKERS.values() if worker.slate.is_dismissed):
            self._tell_in_force()

    def _tell_in_force(self) -> None:
        self._owes_answer = False
        self.log.info("The new configuration is in force")
        self._answer("")

    # What `reload` reads.

    def _open_run_file(self) -> None:
        if self._notice is not None:
            return
        self._notice = Notice(os.getpid(), process_namespace(), tuple(map(str, self.LISTENERS)))
        try:
            self._run_file = RunFile(Path(folder_in_memory()), self._notice)
        except OSError as error:
            self.log.warning("The command `reload` will not find this gateway: %s", error)

    def _answer(self, why_not: str) -> None:
        if self._notice is not None:
            self._say(replace(self._notice.with_answer(why_not), addresses=tuple(map(str, self.LISTENERS))))

    def _say(self, notice: Notice) -> None:
        self._notice = notice
        if self._run_file is not None:
            self._run_file.say(notice)


def _close(listeners: Iterable[Any]) -> None:
    for listener in listeners:
        listener.close()
