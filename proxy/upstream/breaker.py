"""Circuit breakers of a replica: one for the way to it, one for each of its models that is ill.

pybreaker counts; what counts is decided here. pybreaker takes each exception for a failure or, when it is excluded, for a success. A
client that leaves is neither, and a refused request says nothing of its model: both must change nothing. So a call is let in first, and
pybreaker is told of it afterwards, when there is something to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from proxy.errors import UpstreamError, UpstreamUnavailable
from proxy.upstream.circuit_library import (
    STATE_CLOSED,
    STATE_HALF_OPEN,
    STATE_OPEN,
    CircuitBreaker,
    CircuitBreakerError,
    CircuitBreakerListener,
    CircuitMemoryStorage,
)
from proxy.upstream.faults import Fault, Verdict
from proxy.upstream.words import PLAIN_WORDS, Words

BreakerState = Literal["closed", "half-open", "open"]
OnChange = Callable[[str, BreakerState], None]
CircuitEvent = Literal["failed", "succeeded", "probed"]
OnEvent = Callable[[str, CircuitEvent], None]

_MAX_ILL_MODELS = 256
_PROBE_TAKES_S = 1.0
_FAILED_ELSEWHERE = "(seen by another worker)"


def ignore_change(model: str, state: BreakerState) -> None:
    """For those who do not want to know."""


def ignore_event(model: str, event: CircuitEvent) -> None:
    """For those who do not want to know."""


@dataclass(frozen=True, slots=True)
class CircuitView:
    """How a breaker stands, in pybreaker's words (an open one is open until somebody probes), and for how long it has been open."""

    state: str
    failures: int
    open_for_s: float


class Breakers:
    """The breakers of one replica. A model has one only from its first failure to its next success.

    Args:
        failures: so many in a row open a breaker.
        cooldown_s: an open breaker lets one call through, to see, after so long.
        clock: seconds, from any start, that never go back.
        on_change: is told the model (`""` for the way to the replica) and the new state of its breaker.
        words: what messages call the upstream.

    Attributes:
        on_event: is told the model (`""` for the way) and what happened, when a breaker has counted something; not what was learnt from
            others.
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
        self.on_event: OnEvent = ignore_event
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

    def refusal(self, model: str) -> UpstreamUnavailable | None:
        """What an attempt would hear that is not let through now; `None` when it would be."""
        refusals = (circuit.refusal() for circuit in self._circuits_of(model))
        return next((refusal for refusal in refusals if refusal is not None), None)

    def states(self) -> dict[str, BreakerState]:
        """The state of each breaker: `""` is the way to the upstream, the others are models. A model without an entry is well."""
        return {"": self._way.state, **{model: circuit.state for model, circuit in list(self._models.items())}}

    def settle(self, model: str, fault: Fault | None) -> None:
        """Notes how an attempt ended; `None` says well."""
        verdict = Verdict.WELL if fault is None else fault.verdict
        if verdict in (Verdict.NOTHING, Verdict.LATE):
            return
        if fault is not None and verdict is Verdict.UNREACHABLE:
            self._way.failed(fault.error)
            return
        self.reached()
        if fault is None:
            self.recovered(model)
        elif verdict is Verdict.MODEL_ILL and model:
            self._fell_ill(model, fault.error)

    def view(self, model: str) -> CircuitView:
        """How a breaker stands; one that is not there is closed."""
        circuit = self._models.get(model) if model else self._way
        return CircuitView(STATE_CLOSED, 0, 0.0) if circuit is None else circuit.view()

    def learn(self, model: str, told: CircuitView) -> None:
        """Takes over how others say that a breaker stands."""
        is_well = told.state == STATE_CLOSED and not told.failures
        if model and model not in self._models and is_well:
            return
        circuit = self._ill(model) if model else self._way
        circuit.adopt(told)
        if model and is_well:
            self._models.pop(model, None)

    def _fell_ill(self, model: str, error: UpstreamError) -> None:
        self._ill(model).failed(error)

    def _ill(self, model: str) -> _Circuit:
        """The breaker of an ill model."""
        circuit = self._models.pop(model, None) or self._new_circuit(model)
        self._models[model] = circuit  # At the end: the first is the one that has been ill for longest without a new failure.
        if len(self._models) > _MAX_ILL_MODELS:
            forgotten = next(iter(self._models))
            del self._models[forgotten]
            self._on_change(forgotten, "closed")
        return circuit

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
        return _Circuit(model, who, self._failures, self._cooldown_s, self._clock, self._on_change, self._tell)

    def _tell(self, model: str, event: CircuitEvent) -> None:
        self.on_event(model, event)

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

    def __init__(
        self,
        model: str,
        who: str,
        failures: int,
        cooldown_s: float,
        clock: Callable[[], float],
        on_change: OnChange,
        on_event: OnEvent,
    ) -> None:
        self._model = model
        self._who = who
        self._on_event = on_event
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

    def refusal(self) -> UpstreamUnavailable | None:
        """See `Breakers.refusal`."""
        rest_s = self.rest_s()
        return self._refusal(rest_s) if rest_s else None

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
        self._on_event(self._model, "probed")
        return True

    def leave(self) -> None:
        """The probe is back."""
        self._probing = False

    def failed(self, error: UpstreamError) -> None:
        """Counts a failure."""
        self._last_error = error.message
        with suppress(_Failed, CircuitBreakerError):
            self._breaker.call(_fail)
        self._on_event(self._model, "failed")

    def succeeded(self) -> None:
        """Counts a success."""
        if self.storage.counter or self.storage.state != STATE_CLOSED:
            with suppress(CircuitBreakerError):
                self._breaker.call(_succeed)
            self._on_event(self._model, "succeeded")

    def view(self) -> CircuitView:
        """See `Breakers.view`."""
        return CircuitView(self.storage.state, self.storage.counter, self.storage.open_for_s())

    def adopt(self, told: CircuitView) -> None:
        """See `Breakers.learn`."""
        with self._lock:
            if told.state == STATE_CLOSED:
                if self.storage.state != STATE_CLOSED:
                    self._breaker.close()
            elif not self._probing:
                if self.storage.state != STATE_OPEN:
                    self._breaker.open()
                self._last_error = self._last_error or _FAILED_ELSEWHERE
                is_probed = told.state == STATE_HALF_OPEN
                # Somebody else's probe is waited for as one of our own is.
                self.storage.set_open_for_s(self._cooldown_s - _PROBE_TAKES_S if is_probed else told.open_for_s)
            self.storage.set_counter(told.failures)

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

    def set_open_for_s(self, seconds: float) -> None:
        """Lets the breaker have been opened so long ago."""
        self._opened_s = self._clock() - seconds

    def set_counter(self, failures: int) -> None:
        """Lets it have seen so many failures in a row."""
        self._fail_counter = failures

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
