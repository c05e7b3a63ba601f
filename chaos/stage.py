"""Where a scenario takes place: three replicas, the subject in front of them, and clients that ask all the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from benchmarks.processes import DidNotStart
from chaos.diary import Attempt
from chaos.load.steady import Asked, SteadyLoad
from chaos.plan import Plan
from chaos.programs import Victim
from chaos.replicas import NAMES, ReplicaBox
from chaos.subjects import GATEWAY, Config, Subject
from chaos.watching import Sample, watch

_LOOKING_EVERY_S = 0.2
_SAMPLES_EVERY_S = 0.5
# So long they are watched when all answers have ended: what leaks is there still, and what a crowd of requests held is not.
_REST_S = 1.5
_WORKERS_ARE_UP_WITHIN_S = 20


@dataclass(slots=True)
class Marks:
    """When what happened. `struck_s` to `healed_s` is the time in which something is wrong."""

    began_s: float = field(default_factory=time.monotonic)
    struck_s: float = 0.0
    healed_s: float = 0.0
    over_s: float = 0.0


@dataclass(slots=True)
class Record:
    """Everything that was seen of a scenario.

    Attributes:
        reported: by marker, how often the subject says that it asked its upstream.
        problems: what the scenario itself found wrong; `notes`: what else it has to tell.
    """

    marks: Marks = field(default_factory=Marks)
    asked: list[Asked] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    reported: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: dict[str, float | str] = field(default_factory=dict)


class Stage:
    """What a scenario can do, and what it knows.

    Attributes:
        subjects: those that were started, each with a folder of its own; clients ask the first, unless `address` says otherwise.
    """

    def __init__(self, subject: Subject, config: Config, plan: Plan, folder: Path, rate: float) -> None:
        self.subject = subject
        self.plan = plan
        self.folder = folder
        self.config = config
        self.record = Record()
        self.load = SteadyLoad(lambda: self.address(), subject.kinds, rate, plan.limit_s)  # noqa: PLW0108 - scenarios change the address
        self.replicas = {name: ReplicaBox(name, folder) for name in NAMES}
        self.subjects: list[Victim] = []
        self.folders: list[Path] = []
        self.address: Callable[[], str] = lambda: self.subjects[0].url

    @property
    def base_urls(self) -> list[str]:
        return [replica.base_url for replica in self.replicas.values()]

    def struck(self) -> None:
        """Something is wrong from now on."""
        self.record.marks.struck_s = time.monotonic()

    def healed(self) -> None:
        """All is well from now on, as far as the replicas are concerned."""
        self.record.marks.healed_s = time.monotonic()

    async def add_subject(self) -> Victim:
        """One more of the subject, in front of the same replicas."""
        folder = self.folder / f"subject-{len(self.subjects)}"
        folder.mkdir()
        victim = await asyncio.to_thread(Victim.start, self.subject.launch(folder, self.base_urls, self.config), folder)
        self.load.meet(victim.url)
        if self.subject is GATEWAY:
            await self._await_workers(victim)
        self.subjects.append(victim)
        self.folders.append(folder)
        return victim

    async def _await_workers(self, gateway: Victim) -> None:
        """Waits until all workers know the replicas: one that starts when all of them are gone has nothing to tell."""
        ports = {replica.port for replica in self.replicas.values()}
        if not await self.until(lambda: all(_is_connected(worker, ports) for worker in gateway.workers()), _WORKERS_ARE_UP_WITHIN_S):
            raise DidNotStart("a worker has not asked its upstream for anything")

    async def await_return(self, names: Sequence[str]) -> None:
        """Waits until each of the replicas is asked again, for as long as the plan allows."""
        await self.until(lambda: all(self._is_back(name) for name in names), self.plan.back_s)
        await asyncio.sleep(self.plan.after_s)

    async def await_requests(self, number: int) -> None:
        """Waits until so many have been answered."""
        while len(self.record.asked) < number:
            await asyncio.sleep(_LOOKING_EVERY_S)

    async def until(self, holds: Callable[[], bool], patience_s: float) -> bool:
        """Whether it holds before patience is at its end; asked in a thread of its own."""
        give_up_s = time.monotonic() + patience_s
        while not await asyncio.to_thread(holds):
            if time.monotonic() > give_up_s:
                return False
            await asyncio.sleep(_LOOKING_EVERY_S)
        return True

    def _is_back(self, name: str) -> bool:
        healed_s = self.record.marks.healed_s
        return any(
            attempt.is_chat and attempt.marker and attempt.said and attempt.at_s > healed_s for attempt in self.replicas[name].attempts()
        )

    def collect(self) -> None:
        """Puts what the others wrote into the record."""
        self.record.marks.over_s = time.monotonic()
        self.record.attempts = sorted((one for box in self.replicas.values() for one in box.attempts()), key=lambda attempt: attempt.at_s)
        for subject in self.subjects:
            self.record.reported |= reported_attempts(subject.log)


def _is_connected(worker: psutil.Process, ports: set[int]) -> bool:
    """Whether a process has a connection to one of these ports of this machine."""
    return any(connection.raddr and connection.raddr.port in ports for connection in worker.net_connections("tcp"))


def reported_attempts(log: Path) -> dict[str, int]:
    """By request id, how often the upstream was asked, as the access log tells."""
    found: dict[str, int] = {}
    for line in log.read_bytes().splitlines():
        if line.startswith(b"{") and line.endswith(b"}"):
            record = orjson.loads(line)
            if "request_id" in record and "attempts" in record:
                found[record["request_id"]] = record["attempts"]
    return found


@asynccontextmanager
async def open_stage(subject: Subject, config: Config, plan: Plan, folder: Path, rate: float) -> AsyncIterator[Stage]:
    """A stage with replicas and one subject, under load. When it is left, all answers are awaited, and `record` is complete."""
    stage = Stage(subject, config, plan, folder, rate)
    try:
        await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in stage.replicas.values()))
        await stage.add_subject()
        stage.record.asked = stage.load.asked
        stage.record.marks.began_s = time.monotonic()
        watching = asyncio.create_task(
            watch(lambda: [one for each in stage.subjects for one in each.workers()], stage.record.samples, _SAMPLES_EVERY_S)
        )
        asking = asyncio.create_task(stage.load.run())
        yield stage
        asking.cancel()
        await stage.load.finish()
        await asyncio.sleep(_REST_S)
        watching.cancel()
        stage.collect()
    finally:
        await asyncio.to_thread(_stop, [*stage.subjects, *stage.replicas.values()])


def _stop(everything: Sequence[Victim | ReplicaBox]) -> None:
    for one in everything:
        one.stop()
