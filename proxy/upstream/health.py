"""What is known of an upstream from the calls that were made to it. Asks nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from proxy.upstream.breaker import Breakers
from proxy.upstream.faults import Fault, Verdict

HealthState = Literal["unknown", "up", "down"]


class UpstreamHealth:
    """The last answer and the last failure. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered_s: float | None = None
        self._failed_s: float | None = None
        self._last_error = ""
        self._is_reachable: bool | None = None

    def note(self, fault: Fault | None) -> None:
        """Notes how an attempt ended; `None` says well."""
        if fault is not None:
            self._failed_s, self._last_error = self._clock(), fault.error.message
        if fault is None or fault.verdict in (Verdict.REFUSED, Verdict.MODEL_ILL):
            self._answered_s, self._is_reachable = self._clock(), True
        elif fault.verdict is Verdict.UNREACHABLE:
            self._is_reachable = False

    def summary(self, breakers: Breakers) -> dict[str, Any]:
        """For `/health`: `state` is `unknown`, `up` or `down`; ages are in seconds, `None` for never."""
        states = breakers.states()
        return {
            "state": self._state(states.pop("")),
            "last_answer_age_s": self._age_s(self._answered_s),
            "last_failure_age_s": self._age_s(self._failed_s),
            "last_error": self._last_error,
            "ill_models": states,
            "cooling_models_s": {model: round(rest_s, 1) for model, rest_s in breakers.cooling().items()},
        }

    def _state(self, way: str) -> HealthState:
        if self._is_reachable is None:
            return "unknown"
        return "up" if self._is_reachable and way != "open" else "down"

    def _age_s(self, moment_s: float | None) -> float | None:
        return None if moment_s is None else round(self._clock() - moment_s, 3)
