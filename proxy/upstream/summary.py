"""What `/health` tells of an upstream: from memory, without asking anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from proxy.upstream.cooldown import CoolDown
from proxy.upstream.fleet import Fleet
from proxy.upstream.replica import Replica

# Clients can invent names without end.
_MOST_COOLING = 32

HealthState = Literal["unknown", "up", "degraded", "down"]


def summary(fleet: Fleet, waiting: int, clock: Callable[[], float]) -> dict[str, Any]:
    """An upstream: `state` is `unknown`, `up`, `degraded` (some replicas are down) or `down`; ages are in seconds.

    Args:
        waiting: how many requests wait for a replica.
    """
    cooling = fleet.cooldowns.all()
    of_replicas = {
        replica.label: _of_replica(replica, [each for each in cooling if each.replica == replica.id], clock) for replica in fleet.replicas
    }
    healths = [replica.health for replica in fleet.replicas]
    failed = max(healths, key=lambda health: health.failed_s or 0.0)
    return {
        "state": _joint_state([each["state"] for each in of_replicas.values()]),
        "last_answer_age_s": _age_s(max((health.answered_s for health in healths if health.answered_s is not None), default=None), clock),
        "last_failure_age_s": _age_s(failed.failed_s, clock),
        "last_error": failed.last_error,
        "ill_models": _ill_models(of_replicas.values()),
        "in_flight": sum(each["in_flight"] for each in of_replicas.values()),
        "waiting": waiting,
        "replicas": of_replicas,
    }


def _of_replica(replica: Replica, cooling: Sequence[CoolDown], clock: Callable[[], float]) -> dict[str, Any]:
    health, ill_models = replica.health, replica.breakers.states()
    way = ill_models.pop("")
    now_s = clock()
    return {
        "state": _state(replica, way),
        "breaker": way,
        "ill_models": ill_models,
        "cooling_s": {each.model: round(each.free_at_s - now_s, 1) for each in sorted(cooling, key=_rank)[:_MOST_COOLING]},
        "resting_keys_s": {name: round(rest_s, 1) for name, (rest_s, _) in replica.keys.resting().items()},
        "in_flight": replica.in_flight,
        "last_answer_age_s": _age_s(health.answered_s, clock),
        "last_failure_age_s": _age_s(health.failed_s, clock),
        "last_error": health.last_error,
    }


def _rank(cooldown: CoolDown) -> tuple[bool, bool]:
    """The replica as a whole first, names that may be nobody's last."""
    return bool(cooldown.model), cooldown.is_ours


def _ill_models(of_replicas: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The models that are ill somewhere, each with its worst state."""
    worst: dict[str, str] = {}
    for one in of_replicas:
        for model, state in one["ill_models"].items():
            worst[model] = "open" if worst.get(model) == "open" else state
    return worst


def _state(replica: Replica, way: str) -> HealthState:
    if replica.health.is_reachable is None:
        return "unknown"
    return "up" if replica.health.is_reachable and way != "open" and not replica.suspicion else "down"


def _joint_state(states: Sequence[HealthState]) -> HealthState:
    known = {state for state in states if state != "unknown"}
    if not known:
        return "unknown"
    return "degraded" if len(known) > 1 else known.pop()


def _age_s(moment_s: float | None, clock: Callable[[], float]) -> float | None:
    return None if moment_s is None else round(clock() - moment_s, 3)
