"""The scenarios: what is done to whom, and what must come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from chaos import lifecycle
from chaos.asking import Lists, asked_for_lists
from chaos.expectations import ALL_ILL, ONE_ILL, Expectation, was_asked_to_come_again, went_down_with_its_worker
from chaos.faults import Fault, Mode
from chaos.plan import Plan
from chaos.replicas import ReplicaBox
from chaos.stage import Stage
from chaos.subjects import GATEWAY, PLAIN, Config

Act = Callable[[Stage], Awaitable[None]]
Blow = Callable[[ReplicaBox], None]


def _usual_rate(plan: Plan) -> float:
    return plan.rate


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to suffer. `only_gateway` says that it means nothing for other subjects."""

    name: str
    title: str
    act: Act
    expectation: Expectation
    config: Config = PLAIN
    rate: Callable[[Plan], float] = _usual_rate
    only_gateway: bool = False


def _ill(names: Sequence[str], strike: Blow, heal: Blow = ReplicaBox.recover) -> Act:
    """Strikes the replicas after a calm, heals them after a while, and waits for their return."""

    async def act(stage: Stage) -> None:
        # Lists that are known are those that can still be told later.
        async with asked_for_lists(stage.subjects[0]):
            await asyncio.sleep(stage.plan.calm_s)
        stage.struck()
        await _each(strike, stage, names)
        async with asked_for_lists(stage.subjects[0]) as lists:
            await asyncio.sleep(stage.plan.ill_s)
        await _each(heal, stage, names)
        stage.healed()
        if stage.subject is GATEWAY:
            _note_lists(stage, lists)
        await stage.await_return(names)

    return act


def _note_lists(stage: Stage, lists: Lists) -> None:
    """An ill replica delays no list of models, and takes no model from it."""
    stage.record.notes["slowest list of models"] = lists.slowest_s
    if lists.slowest_s > _LIST_WITHIN_S:
        stage.record.problems.append(f"a list of models took {lists.slowest_s:.1f} s")
    if lists.without:
        stage.record.problems.append(f"{lists.without} of {lists.asked} lists of models lacked the model")


async def _each(blow: Blow, stage: Stage, names: Sequence[str]) -> None:
    await asyncio.gather(*(asyncio.to_thread(blow, stage.replicas[name]) for name in names))


def _told(mode: Mode) -> Blow:
    return lambda box: box.behave(mode)


def _one(name: str, title: str, fault: Fault, *, chats_only: bool = False, expectation: Expectation = ONE_ILL) -> Scenario:
    return Scenario(name, title, _ill(("b",), _told(Mode((fault,), chats_only=chats_only))), expectation)


async def _many(stage: Stage) -> None:
    """A tenth of all answers goes wrong, on every replica, until enough have been asked for."""
    stage.struck()
    for seed, box in enumerate(stage.replicas.values()):
        await asyncio.to_thread(box.behave, Mode(_RANDOM_FAULTS, share=0.1, seed=seed, chats_only=True))
    await stage.await_requests(stage.plan.many)
    await _each(ReplicaBox.recover, stage, tuple(stage.replicas))
    stage.healed()


async def _crowd(stage: Stage) -> None:
    """More clients than the replicas may serve."""
    stage.struck()
    await asyncio.sleep(stage.plan.calm_s + stage.plan.ill_s)
    stage.healed()


def _crowd_rate(plan: Plan) -> float:
    return plan.rate * 2


_LIST_WITHIN_S = 1.0
_RANDOM_FAULTS = (
    Fault("status", 500),
    Fault("status", 503),
    Fault("status", 503, retry_after_s=1),
    Fault("status", 429, retry_after_s=1),
    Fault("status", 401),
    Fault("reset"),
    Fault("close"),
    Fault("not_http"),
    Fault("html"),
    Fault("not_json"),
    Fault("slow", wait_s=0.5),
    Fault("hang"),
    Fault("cut"),
    Fault("ends_early"),
    Fault("error_first"),
    Fault("error_mid"),
)
_SLOW = replace(ONE_ILL, leaves_within_s=None, returns_within_s=None)
_ALL = ("a", "b", "c")
_UNHARMED = Expectation()

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("killed", "killed (`kill -9`), started again later", _ill(("b",), ReplicaBox.kill, ReplicaBox.start), ONE_ILL),
    Scenario("frozen", "frozen (SIGSTOP), thawed later", _ill(("b",), ReplicaBox.freeze, ReplicaBox.thaw), ONE_ILL),
    _one("reset", "resets the connection when it has read the request", Fault("reset")),
    _one("reset-at-once", "resets each connection as soon as it is made", Fault("reset_at_once")),
    _one("close", "closes the connection when it has read the request", Fault("close")),
    _one("500", "answers 500", Fault("status", 500)),
    _one("500-chats", "answers chats with 500, and lists its models well", Fault("status", 500), chats_only=True),
    _one("503", "answers 503", Fault("status", 503)),
    _one("401", "answers 401", Fault("status", 401)),
    _one("429", "answers 429 with Retry-After: 3", Fault("status", 429, retry_after_s=3)),
    _one("not-http", "answers with bytes that are no HTTP", Fault("not_http")),
    _one("html", "answers 200 with a page of HTML", Fault("html")),
    _one("not-json", "answers 200 with broken JSON, also as SSE", Fault("not_json")),
    _one("hangs", "reads the request, and says nothing", Fault("hang")),
    _one("slow", "takes a second longer for the first byte", Fault("slow", wait_s=1), expectation=_SLOW),
    _one("cut", "closes the connection in the middle of its answer", Fault("cut")),
    _one("ends-early", "ends its streams in good form, but without a finish", Fault("ends_early")),
    _one("error-first", "answers 200, and the first event is an error", Fault("error_first")),
    _one("error-mid", "breaks its streams off with an error event", Fault("error_mid")),
    Scenario("all-503", "all answer 503", _ill(_ALL, _told(Mode((Fault("status", 503),)))), ALL_ILL),
    Scenario("all-killed", "all killed, started again later", _ill(_ALL, ReplicaBox.kill, ReplicaBox.start), ALL_ILL),
    Scenario("all-reset", "all reset the connection", _ill(_ALL, _told(Mode((Fault("reset"),)))), ALL_ILL),
    Scenario(
        "random",
        "a tenth of all answers, on every replica, has a random fault",
        _many,
        Expectation(saves_all=False, is_flat=True),
        rate=lambda plan: plan.many_rate,
    ),
    Scenario(
        "crowd",
        "more clients than replicas and queue may hold",
        _crowd,
        Expectation(refusals=frozenset({503}), refused_within_s=1.5, in_flight_at_most=4, excuse=was_asked_to_come_again),
        config=Config(limits={"in_flight": 4, "queue": 4, "queue_wait": 0.5}),
        rate=_crowd_rate,
        only_gateway=True,
    ),
    Scenario(
        "sigterm",
        "SIGTERM; clients go elsewhere when /ready says so",
        lifecycle.told_to_end,
        replace(_UNHARMED, excuse=was_asked_to_come_again),
        only_gateway=True,
    ),
    Scenario("sighup", "SIGHUP with a new configuration, and then with a wrong one", lifecycle.reloaded, _UNHARMED, only_gateway=True),
    Scenario("rolling", "each worker told to end (SIGTERM), one after the other", lifecycle.workers_replaced, _UNHARMED, only_gateway=True),
    Scenario(
        "worker-killed",
        "a worker killed (`kill -9`)",
        lifecycle.worker_killed,
        replace(_UNHARMED, excuse=went_down_with_its_worker),
        only_gateway=True,
    ),
    Scenario("redis", "Redis killed, a replica answers 500, Redis started again", lifecycle.redis_killed, ONE_ILL, only_gateway=True),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
