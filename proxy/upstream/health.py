"""What is known of a replica from the calls that were made to it. Asks nobody."""

from __future__ import annotations

from collections.abc import Callable

from proxy.upstream.faults import Fault, Verdict


class ReplicaHealth:
    """The last answer and the last failure. `clock` gives seconds that never go back.

    Attributes:
        answered_s: when, by the clock, it answered last; `None` for never.
        served_s: when the last request was sent that it answered without failing; `None` for none.
        failed_s, last_error: when it failed last, and how.
        is_reachable: whether it answered when it was asked last; `None` when it was not asked yet.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.answered_s: float | None = None
        self.served_s: float | None = None
        self.failed_s: float | None = None
        self.last_error = ""
        self.is_reachable: bool | None = None

    def note(self, fault: Fault | None, sent_s: float | None = None) -> None:
        """Notes how an attempt ended; `None` says well.

        Args:
            sent_s: when it began, by the clock: an answer that comes late says how the replica was then. `None` for just now.
        """
        if fault is not None:
            self.failed_s, self.last_error = self._clock(), fault.error.message
        if fault is None or fault.verdict in (Verdict.REFUSED, Verdict.MODEL_ILL):
            self.answered_s, self.is_reachable = self._clock(), True
            if fault is None or fault.verdict is Verdict.REFUSED:
                self.served_s = self.answered_s if sent_s is None else sent_s
        elif fault.verdict is Verdict.UNREACHABLE:
            self.is_reachable = False
