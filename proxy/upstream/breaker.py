"""Circuit breakers of a replica: one for the way to it, one for each of its models that is ill.

pybreaker counts; what counts is decided here. pybreaker takes each exception for a failure or, when it is excluded, for a success. A
client that leaves is neither, and a refused request says nothing of its model: both must change nothing. So a call is let in first, and
pybreaker is told of it afterwards, when there is something to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from pybreaker import (
    STATE_CLOSED,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitMemoryStorage,
)

from proxy.errors import UpstreamError, UpstreamUnavailable
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.words import PLAIN_WORDS, Words

BreakerState = Literal["closed", "half-open", "open"]
OnChange = Callable[[str, BreakerState], None]

_MAX_ILL_MODELS = 256
_PROBE_TAKES_S = 1.0


def ignore_change(model: str, state: BreakerState) -> None:
    """For those who do not want to know."""


class Breakers:
    """The breakers of one replica. A model has one only from its first failure to its next success.

    Args:
        failures: so many in a row open a breaker.
        cooldown_s: an open breaker lets one call through, to see, after so long.
        clock: seconds, from any start, that never go back.
        on_change: is told the model (`""` for the way to the replica) and the new state of its breaker.
        words: what messages call the upstream.
    """

    def __init__(
        self,
        *,
        failures: int,
        cooldown_s: float,
        clock: Callable[[], float],
        on_change: OnChange = ignore_change,
        words: Words = PLAIN_WORDS,
    ) -> None:
        self._failures = failures
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._on_change = on_change
        self._words = words
        self._way = self._new_circuit("")
        self._models: dict[str, _Circuit] = {}

    @property
    def all_closed(self) -> bool:
        """Whether everybody is let through: then there is no need for a passage."""
        return not self._models and bool(self._way.storage.state == STATE_CLOSED)

    def admit(self, model: str, *, anyway: bool = False) -> Passage:
        """A passage for one attempt, to be used as a context.

        Args:
            anyway: makes a probe of the attempt, before the time of an open breaker is over.

        Raises:
            UpstreamUnavailable: a breaker is open, or its probe is under way.
        """
        return Passage(self, model, self._circuits_of(model), anyway)

    def blocks(self, model: str) -> bool:
        """Whether an attempt would not be let through now."""
        return any(circuit.state == "open" for circuit in self._circuits_of(model))

    def rest_s(self, model: str) -> float:
        """Seconds until an attempt may be let through, 0 when it would be now. How long a probe takes is guessed."""
        return max(circuit.rest_s() for circuit in self._circuits_of(model))

    def states(self) -> dict[str, BreakerState]:
        """The state of each breaker: `""` is the way to the upstream, the others are models. A model without an entry is well."""
        return {"": self._way.state, **{model: circuit.state for model, circuit in list(self._models.items())}}

    def settle(self, model: str, fault: Fault | None) -> None:
        """Notes how an attempt ended; `None` says well."""
        verdict = Verdict.WELL if fault is None else fault.verdict
        if verdict is Verdict.NOTHING:
            return
        if fault is not None and verdict is Verdict.UNREACHABLE:
            self._way.failed(fault.error)
            return
        self.reached()
        if fault is None:
            self.recovered(model)
        elif verdict is Verdict.MODEL_ILL and model:
            self._fell_ill(model, fault.error)

    def _fell_ill(self, model: str, error: UpstreamError) -> None:
        circuit = self._models.pop(model, None) or self._new_circuit(model)
        self._models[model] = circuit  # At the end: the first is the one that has been ill for longest without a new failure.
        circuit.failed(error)
        if len(self._models) > _MAX_ILL_MODELS:
            forgotten = next(iter(self._models))
            del self._models[forgotten]
            self._on_change(forgotten, "closed")

    def reached(self) -> None:
        """Notes that the upstream answers. What its answer says of the model is yet to be read."""
        self._way.succeeded()

    def recovered(self, model: str) -> None:
        """Notes that the model gave an answer."""
        circuit = self._models.get(model)
        if circuit is not None:
            circuit.succeeded()
            if circuit.state == "closed":
                self._models.pop(model, None)

    def _new_circuit(self, model: str) -> _Circuit:
        who = f"the model '{model}' of {self._words.upstream}" if model else self._words.upstream
        return _Circuit(model, who, self._failures, self._cooldown_s, self._clock, self._on_change)

    def _circuits_of(self, model: str) -> list[_Circuit]:
        circuit = self._models.get(model)
        return [self._way] if circuit is None else [self._way, circuit]


class Passage:
    """One attempt on its way. Left without `settle`, by a client's leaving for instance, it changes nothing."""

    def __init__(self, breakers: Breakers, model: str, circuits: list[_Circuit], anyway: bool) -> None:
        self._breakers = breakers
        self._anyway = anyway
        self._model = model
        self._circuits = circuits
        self._probed: list[_Circuit] = []

    def __enter__(self) -> Self:
        try:
            for circuit in self._circuits:
                if circuit.enter(anyway=self._anyway):
                    self._probed.append(circuit)
        except UpstreamUnavailable:
            self.leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()

    def settle(self, fault: Fault | None) -> None:
        """Notes how the attempt ended; `None` says well."""
        self._breakers.settle(self._model, fault)

    def leave(self) -> None:
        """The attempt is over."""
        for circuit in self._probed:
            circuit.leave()
        self._probed.clear()


class _Circuit:
    """One breaker of pybreaker, that lets one probe through at a time."""

    def __init__(self, model: str, who: str, failures: int, cooldown_s: float, clock: Callable[[], float], on_change: OnChange) -> None:
        self._who = who
        self._cooldown_s = cooldown_s
        self.storage = _ClockedStorage(clock)
        self._breaker = CircuitBreaker(
            fail_max=failures,
            reset_timeout=cooldown_s,
            state_storage=self.storage,
            listeners=[_Listener(model, on_change)],
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._probing = False
        self._last_error = ""

    @property
    def state(self) -> BreakerState:
        """An open breaker whose time is over counts as half-open: the next call will find it so."""
        if self.storage.state == STATE_CLOSED:
            return "closed"
        return "open" if self.storage.state == STATE_OPEN and self._still_open_s() > 0 else "half-open"

    def rest_s(self) -> float:
        """See `Breakers.rest_s`."""
        if self.storage.state == STATE_CLOSED:
            return 0.0
        rest_s = self._still_open_s() if self.storage.state == STATE_OPEN else 0.0
        return max(rest_s, _PROBE_TAKES_S if self._probing else 0.0)

    def enter(self, *, anyway: bool) -> bool:
        """Whether the call that is let in is the probe. Raises `UpstreamUnavailable` when none is let in."""
        if self.storage.state == STATE_CLOSED:
            return False
        with self._lock:
            if self.storage.state == STATE_CLOSED:
                return False
            if self.storage.state == STATE_OPEN:
                if self._still_open_s() > 0 and not anyway:
                    raise self._refusal(self._still_open_s())
                self._breaker.half_open()
            if self._probing:
                raise self._refusal(_PROBE_TAKES_S)
            self._probing = True
            return True

    def leave(self) -> None:
        """The probe is back."""
        self._probing = False

    def failed(self, error: UpstreamError) -> None:
        """Counts a failure."""
        self._last_error = error.message
        with suppress(_Failed, CircuitBreakerError):
            self._breaker.call(_fail)

    def succeeded(self) -> None:
        """Counts a success."""
        if self.storage.counter or self.storage.state != STATE_CLOSED:
            with suppress(CircuitBreakerError):
                self._breaker.call(_succeed)

    def _still_open_s(self) -> float:
        return self._cooldown_s - self.storage.open_for_s()

    def _refusal(self, rest_s: float) -> UpstreamUnavailable:
        happened = f"{self._who} failed {self.storage.counter} times in a row, last with: {self._last_error}"
        return UpstreamUnavailable(
            f"{happened}; it is asked again in {max(rest_s, 0.1):.1f} s", code="upstream_circuit_open", retry_after_s=rest_s
        )


class _ClockedStorage(CircuitMemoryStorage):
    """pybreaker's memory, with the time by a clock of ours: pybreaker itself only knows the system's, which can be set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(STATE_CLOSED)
        self._clock = clock
        self._opened_s = clock()

    def open_for_s(self) -> float:
        """Seconds since the breaker was opened."""
        return self._clock() - self._opened_s

    @property
    def opened_at(self) -> datetime:
        """A time of the system's clock that is as long ago as the breaker was opened by ours."""
        return datetime.now(UTC) - timedelta(seconds=self.open_for_s())

    @opened_at.setter
    def opened_at(self, _: datetime) -> None:
        self._opened_s = self._clock()


class _Listener(CircuitBreakerListener):
    """Tells of changes in our words."""

    def __init__(self, model: str, on_change: OnChange) -> None:
        self._model = model
        self._on_change = on_change

    def state_change(self, cb: CircuitBreaker, old_state: object, new_state: object) -> None:
        """pybreaker's call."""
        self._on_change(self._model, new_state.name)  # type: ignore[attr-defined]


class _Failed(Exception):
    """How pybreaker is told of a failure."""


def _fail() -> None:
    raise _Failed


def _succeed() -> None:
    """How pybreaker is told of a success."""
