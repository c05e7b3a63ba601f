"""`ModelLists`: sees to it that the lists of all upstreams are known, as far as that can be had without waiting for one that is slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from proxy.errors import UpstreamError, UpstreamUnavailable
from proxy.gateway.together import Spawn, any_of
from proxy.upstream.models import ModelList

# The first request of a worker waits so long for first lists, be there one or several. What comes later is used from then on.
_FIRST_LISTS_S = 1.0
# A name that no known list has waits longer for the others: they may have it, and the default upstream has it not. So does who wants to see
# a list where there is but one.
UNLISTED_NAME_S = 5.0
_ASK_AGAIN_S = 1.0


class ModelLists:
    """The lists of all upstreams.

    Args:
        lists: one for each upstream.
        spawn: runs a function beside the request.
        clock: seconds that never go back.
    """

    def __init__(self, lists: Sequence[ModelList], spawn: Spawn, clock: Callable[[], float]) -> None:
        self._lists = tuple(lists)
        self._spawn = spawn
        self._clock = clock
        self._pending = set(self._lists)
        self._began_s: float | None = None
        self._lock = threading.Lock()
        self._all_told = threading.Event()

    @property
    def has_pending(self) -> bool:
        """Whether some upstream was not yet heard for the first time, neither with a list nor with an error."""
        return bool(self._pending)

    def ensure_known(self) -> None:
        """Sees to it that every upstream was asked once, and renews old lists behind the request. Raises nothing."""
        if self._pending:
            self._await_first(_FIRST_LISTS_S)
        for models in self._lists:
            if models not in self._pending:
                models.ensure_known()

    def await_all(self, within_s: float | None = UNLISTED_NAME_S) -> Mapping[ModelList, UpstreamError]:
        """Waits for those that are pending; `None` for as long as it takes. Those that are not known then, and why."""
        if self._pending:
            self._await_first(within_s)
        elif self._began_s is None:
            self.ensure_known()
        return {models: self.error_of(models) for models in self._lists if not is_told(models)}

    def await_renewed(self) -> bool:
        """Waits a moment for lists that could not be had, and were asked for again just now. Whether one has come."""
        coming = [models for models in self._lists if not is_told(models) and models.is_on_its_way]
        return bool(coming) and any_of([partial(_can_tell, models) for models in coming], self._spawn, _ASK_AGAIN_S)

    def ensure_any(self) -> None:
        """Sees to it that there is something to show.

        Raises:
            UpstreamError: no upstream's list is known, and none can be had now.
        """
        self.ensure_known()
        if not (self._is_any_told() or self._comes_late() or self._is_any_told_again()):
            raise self._error()

    def error_of_unknown(self) -> UpstreamError | None:
        """Why some upstream's list is not known; `None` when all are, or need not be."""
        return next((self.error_of(models) for models in self._lists if not is_told(models)), None)

    def error_of_others(self, models: ModelList) -> UpstreamError | None:
        """Why the list of some other upstream is not known; `None` when those of all others are, or need not be."""
        return next((self.error_of(other) for other in self._lists if other is not models and not is_told(other)), None)

    def error_of(self, models: ModelList) -> UpstreamError:
        """Why the list is not known."""
        return models.last_error or UpstreamUnavailable("the upstream has not told its models yet; ask again", retry_after_s=1)

    def _is_any_told(self) -> bool:
        return any(map(is_told, self._lists))

    def _comes_late(self) -> bool:
        """Whether the one list that there is comes after some more waiting."""
        if len(self._lists) > 1 or not self._pending:
            return False
        self._await_first(UNLISTED_NAME_S)
        return self._is_any_told()

    def _is_any_told_again(self) -> bool:
        """Whether some upstream tells its models when it is asked again."""
        if len(self._lists) == 1:
            return not self._pending and any_of([partial(_can_tell, self._lists[0])], self._spawn, UNLISTED_NAME_S)
        return any_of([partial(_can_tell, models) for models in self._lists], self._spawn, _ASK_AGAIN_S)

    def _error(self) -> UpstreamError:
        return self.error_of_unknown() or UpstreamUnavailable("no upstream has told its models yet; ask again", retry_after_s=1)

    def _await_first(self, within_s: float | None) -> None:
        """Waits so long, from when the first lists were asked for."""
        with self._lock:
            if self._began_s is None:
                self._began_s = self._clock()
                for models in self._lists:
                    self._spawn(partial(self._ask_first, models))
        self._all_told.wait(None if within_s is None else max(0.0, self._began_s + within_s - self._clock()))

    def _ask_first(self, models: ModelList) -> None:
        try:
            models.ensure_known()
        finally:
            with self._lock:
                self._pending.discard(models)
                if not self._pending:
                    self._all_told.set()


def is_told(models: ModelList) -> bool:
    """Whether the upstream's list is known, or is known not to exist."""
    return models.known is not None or not models.lists


def _can_tell(models: ModelList) -> bool:
    try:
        models.cards()
    except UpstreamError:
        return False
    return True
