"""The scenarios in which the gateway itself, its workers, or its Redis are stopped, reloaded or killed under load."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from chaos.asking import get, listed_models
from chaos.faults import WELL, Fault, Mode
from chaos.programs import Victim
from chaos.redis_box import RedisBox
from chaos.stage import Stage
from chaos.subjects import GRACEFUL_S, WORKERS, config_file

_ASKING_EVERY_S = 0.1
_READY_SAYS_NO_WITHIN_S = 0.5
_LISTENS_FOR_S = 0.8
# New workers start while the old ones serve, and on two cores everybody else runs too.
_RELOADED_WITHIN_S = 20.0
# Both workers must know the new configuration: so many answers in a row are not one worker's by chance.
_ANSWERS_IN_A_ROW = 8
_CONNECTIONS_AFTER_S = 5.0


async def told_to_end(stage: Stage) -> None:
    """SIGTERM to one of two gateways. Clients are sent where /ready says 200, as a load balancer would."""
    first = stage.subjects[0]
    await stage.add_subject()
    async with _balanced(stage):
        await asyncio.sleep(stage.plan.calm_s)
        first.send(signal.SIGTERM)
        stage.struck()
        listened_s, said_no_s = await asyncio.gather(_listens_for(first), _until_not_ready(first))
        status = await asyncio.to_thread(first.await_end, GRACEFUL_S + 2)
        stage.record.notes |= {
            "/ready says no after": said_no_s,
            "listens for": listened_s,
            "ended after": time.monotonic() - stage.record.marks.struck_s,
            "exit status": "none" if status is None else status,
        }
        stage.healed()
        await asyncio.sleep(stage.plan.after_s)
    if said_no_s > _READY_SAYS_NO_WITHIN_S:
        stage.record.problems.append(f"/ready said no after {said_no_s:.1f} s only")
    if listened_s < _LISTENS_FOR_S:
        stage.record.problems.append(f"the listeners closed after {listened_s:.1f} s already")
    if status != 0:
        stage.record.problems.append(f"the exit status is {status}")


async def reloaded(stage: Stage) -> None:
    """SIGHUP with a new alias in the file; then with a file that is wrong, which must change nothing."""
    subject, file = stage.subjects[0], config_file(stage.folders[0])
    await asyncio.sleep(stage.plan.calm_s)
    file.write_text(replace(stage.config, aliases=("renamed",)).to_toml(stage.base_urls))
    subject.send(signal.SIGHUP)
    stage.struck()
    if not await stage.until(lambda: _all_know(subject, "renamed"), _RELOADED_WITHIN_S):
        stage.record.problems.append(f"the new configuration was not in force after {_RELOADED_WITHIN_S:g} s")
    stage.record.notes["in force after"] = time.monotonic() - stage.record.marks.struck_s
    file.write_text("[upstreams.boxes]\nbase_url = 7\nno_such_key = true\n")
    subject.send(signal.SIGHUP)
    await asyncio.sleep(stage.plan.ill_s)
    if not await asyncio.to_thread(_all_know, subject, "renamed"):
        stage.record.problems.append("a wrong file took the right configuration away")
    if b"no_such_key" not in subject.log.read_bytes():
        stage.record.problems.append("the log does not say what is wrong with the file")
    stage.healed()


async def workers_replaced(stage: Stage) -> None:
    """SIGTERM to each worker; the next one's turn comes when the master has started another in its place."""
    subject = stage.subjects[0]
    await asyncio.sleep(stage.plan.calm_s)
    stage.struck()
    for worker in subject.workers():
        worker.terminate()
        if not await stage.until(lambda gone=worker.pid: _is_replaced(subject, gone), GRACEFUL_S + _RELOADED_WITHIN_S):  # type: ignore[misc]
            stage.record.problems.append("a worker was not replaced")
    await asyncio.sleep(stage.plan.after_s)
    stage.healed()


async def worker_killed(stage: Stage) -> None:
    """Kills one of the workers."""
    await asyncio.sleep(stage.plan.calm_s)
    stage.struck()
    stage.subjects[0].workers()[0].kill()
    await asyncio.sleep(stage.plan.ill_s)
    stage.healed()


async def redis_killed(stage: Stage) -> None:
    """Kills the Redis that the workers share; while it is away, a replica falls ill and recovers."""
    redis = RedisBox(stage.folder)
    await asyncio.to_thread(redis.start)
    try:
        await _with_redis(stage, redis)
        await asyncio.sleep(stage.plan.calm_s)
        connections = await asyncio.to_thread(redis.clients) or 0
        stage.record.notes["connections to Redis before"] = connections
        redis.kill()
        stage.struck()
        await asyncio.to_thread(stage.replicas["b"].behave, Mode((Fault("status", 500),)))
        await asyncio.sleep(stage.plan.ill_s)
        await asyncio.to_thread(redis.start)
        await asyncio.to_thread(stage.replicas["b"].behave, WELL)
        stage.healed()
        await stage.await_return(["b"])
        if not await stage.until(lambda: bool(redis.clients()), _CONNECTIONS_AFTER_S):
            stage.record.problems.append("nobody came back to Redis")
    finally:
        redis.kill()
    if not connections:
        stage.record.problems.append("nobody was connected to Redis")


async def _with_redis(stage: Stage, redis: RedisBox) -> None:
    """Lets a gateway that knows of the Redis take the place of the first."""
    stage.config = replace(stage.config, env={"REDIS_URL": redis.url})
    second = await stage.add_subject()
    stage.address = lambda: second.url


@asynccontextmanager
async def _balanced(stage: Stage) -> AsyncIterator[None]:
    """Sends clients to the first subject that is ready, while this lasts."""
    ready = {subject.url: True for subject in stage.subjects}

    async def look(subject: Victim) -> None:
        while True:
            ready[subject.url] = await asyncio.to_thread(_is_ready, subject)
            await asyncio.sleep(_ASKING_EVERY_S)

    looking = [asyncio.create_task(look(subject)) for subject in stage.subjects]
    stage.address = lambda: next((url for url, is_ready in ready.items() if is_ready), stage.subjects[-1].url)
    try:
        yield
    finally:
        for task in looking:
            task.cancel()
        stage.address = lambda: stage.subjects[-1].url


async def _until_not_ready(subject: Victim) -> float:
    """How long it takes until /ready says no, in an answer."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < GRACEFUL_S:
        if (await asyncio.to_thread(get, subject, "/ready"))[0] == 503:
            break
        await asyncio.sleep(_ASKING_EVERY_S / 2)
    return time.monotonic() - began_s


async def _listens_for(subject: Victim) -> float:
    """How long it still takes new connections."""
    began_s = time.monotonic()
    place = urlsplit(subject.url)
    while time.monotonic() - began_s < GRACEFUL_S:
        try:
            _, writer = await asyncio.open_connection(place.hostname, place.port)
        except OSError:
            break
        writer.close()
        await asyncio.sleep(_ASKING_EVERY_S / 2)
    return time.monotonic() - began_s


def _is_replaced(subject: Victim, pid: int) -> bool:
    """Whether the worker is gone, and there are as many as there were."""
    alive = [worker.pid for worker in subject.workers()]
    return pid not in alive and len(alive) == WORKERS


def _is_ready(subject: Victim) -> bool:
    return get(subject, "/ready")[0] == 200


def _all_know(subject: Victim, model: str) -> bool:
    """Whether all workers list the model, as far as one can tell from outside."""
    return all(model in listed_models(subject, "/v1/models") for _ in range(_ANSWERS_IN_A_ROW))
