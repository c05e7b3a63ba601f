"""`WarmUp`: lets a replica load its models before somebody waits for them, and touches them so that it keeps them.

There is no request of OpenAI's API that loads a model; the smallest one that uses it does. Each call below is tried in turn until the
replica takes one: not all models chat. It takes no seat, or those who come meanwhile would be refused for as long as a model loads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from proxy.errors import UpstreamError
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.replica import Replica
from proxy.upstream.verdicts import OF_KEYS
from proxy.wire.messages import UpstreamCall

_AGAIN_AFTER_S = 10.0
_MAX_ANSWER_BYTES = 4 * 1024 * 1024

RestS = Callable[[Replica, str], float]

_log = logging.getLogger("proxy.upstream")


class WarmUp:
    """Keeps the models of one replica warm.

    Args:
        calls: by model, what uses it and costs little.
        interval_s: after which all are touched again; 0 for never.
        rest_s: for how long the replica is not to be asked for a model, because it rests, or has enough to do; 0 when it may be now.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        upstream: str,
        replica: Replica,
        calls: Mapping[str, Sequence[UpstreamCall]],
        *,
        interval_s: float,
        rest_s: RestS,
        clock: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._replica = replica
        self._calls = calls
        self._interval_s = interval_s
        self._rest_s = rest_s
        self._clock = clock
        self._due_s = dict.fromkeys(calls, float("-inf"))
        self._loaded: set[str] = set()
        self._life = 0

    def forget(self) -> None:
        """The replica may have been started anew: it has to load everything again, what is being loaded now included."""
        self._life += 1
        self._due_s = dict.fromkeys(self._calls, float("-inf"))
        self._loaded.clear()

    def touch(self) -> float | None:
        """Uses the models that are due. The seconds until there is something to do again; `None` when there never is."""
        for model, due_s in tuple(self._due_s.items()):
            if due_s <= self._clock() and not self._replica.suspicion:
                life = self._life
                rest_s = self._rest_s(self._replica, self._calls[model][0].model)
                pause_s = min(rest_s, _AGAIN_AFTER_S) if rest_s else self._pause_s(self._trouble_with(model, life), model)
                if life == self._life:
                    self._due_s[model] = self._clock() + pause_s
        next_s = min(self._due_s.values())
        if next_s == float("inf"):
            return None
        return max(next_s - self._clock(), _AGAIN_AFTER_S if self._replica.suspicion else 0.0)

    def _pause_s(self, trouble: Fault | None, model: str) -> float:
        """How long the model is left alone after that."""
        if trouble is None:
            return self._interval_s or float("inf")
        is_final = _is_about_the_call(trouble)
        told = "a model cannot be loaded" if is_final else "a model could not be loaded; it is tried again"
        _log.warning(told, extra={**self._about(model), "error": trouble.error.message})
        return float("inf") if is_final else max(_AGAIN_AFTER_S, trouble.error.retry_after_s or 0.0)

    def _trouble_with(self, model: str, life: int) -> Fault | None:
        began_s, trouble = self._clock(), None
        for call in self._calls[model]:
            trouble = self._answer_to(call)
            if trouble is None or not _is_about_the_call(trouble):
                break
        if trouble is None and model not in self._loaded and life == self._life:
            self._loaded.add(model)
            _log.info("a model is loaded", extra={**self._about(model), "took_s": round(self._clock() - began_s, 3)})
        return trouble

    def _about(self, model: str) -> dict[str, str]:
        return {"upstream": self._upstream, "replica": self._replica.label, "upstream_model": model}

    def _answer_to(self, call: UpstreamCall) -> Fault | None:
        """What went wrong with a call, `None` for nothing."""
        outcome = self._replica.line.exchange(call, self._replica.keys.pick().place)
        if isinstance(outcome, Fault):
            return outcome
        try:
            outcome.read(_MAX_ANSWER_BYTES)
        except UpstreamError as error:
            return Fault(error, Verdict.NOTHING)
        finally:
            outcome.close()
        return None


def _is_about_the_call(trouble: Fault) -> bool:
    """Whether the replica is well, and lets us in, but does not do this with this model."""
    return trouble.verdict is Verdict.REFUSED and trouble.error.status not in OF_KEYS
