"""`ModelLists`: sees to it that the lists of all upstreams are known, as far as that can be had without waiting for one that is slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from proxy.errors import ModelNotFound, ProxyError, UpstreamError, UpstreamUnavailable
from proxy.gateway.lacks import Lack, called, most_telling
from proxy.gateway.together import Spawn, any_of
from proxy.routing.names import without_latest
from proxy.upstream.lists_by_key import ListsByKey
from proxy.upstream.models import ModelList

# The first request of a worker waits so long for first lists, be there one or several, and the first one after an upstream got other models
# for its list. What comes later is used from then on.
_FIRST_LISTS_S = 1.0
# A name that no known list has waits longer for the others: they may have it, and the default upstream has it not. So does who wants to see
# a list where there is but one.
UNLISTED_NAME_S = 5.0
_ASK_AGAIN_S = 1.0
_CAME_LATE = "the list of models that has this one came only while it was looked for elsewhere; ask again"
_NONE: Mapping[ModelList, ListsByKey] = MappingProxyType({})
_NAMELESS: Mapping[ModelList, str] = MappingProxyType({})


class ModelLists:
    """The lists of all upstreams.

    Args:
        lists: one for each upstream.
        spawn: runs a function beside the request.
        clock: seconds that never go back.
        by_key: those of them that are asked for with the key of the client who wants to know, and with no other.
        names: of their upstreams, where there are several and messages must say which one is meant.
    """

    def __init__(
        self,
        lists: Sequence[ModelList],
        spawn: Spawn,
        clock: Callable[[], float],
        by_key: Mapping[ModelList, ListsByKey] = _NONE,
        names: Mapping[ModelList, str] = _NAMELESS,
    ) -> None:
        self._lists = tuple(lists)
        self._own = tuple(models for models in lists if models not in by_key)
        self._by_key = by_key
        self._names = names
        self._spawn = spawn
        self._clock = clock
        self._pending = set(self._own)
        self._began_s: float | None = None
        self._lock = threading.Lock()
        self._all_told = threading.Event()

    @property
    def differ_by_key(self) -> bool:
        """Whether it depends on the client's key what some upstream lists."""
        return bool(self._by_key)

    @property
    def has_pending(self) -> bool:
        """Whether some upstream was not yet heard for the first time, neither with a list nor with an error."""
        return bool(self._pending)

    def ensure_known(self, secret: str = "") -> None:
        """Sees to it that every upstream was asked once, and again since it got other models; renews lists behind the request that are
        merely old. Raises nothing.

        Args:
            secret: the key of the client who asks, `""` for none.
        """
        untold = [lists for models, lists in self._by_key.items() if not is_told(models)]
        self._begin_with(secret, untold)
        if self._pending:
            self._await_first(_FIRST_LISTS_S)
        outdated: list[ModelList] = []
        for models in self._own:
            if models not in self._pending and not models.ensure_known():
                outdated.append(models)  # noqa: PERF401 - it is empty nearly always, and a comprehension is a call
        if self._by_key:
            self._await_with(secret, untold, _FIRST_LISTS_S, if_failing_s=0.0)
            self._await_changes_with(secret, _FIRST_LISTS_S)
            self._begin_with(secret, [lists for lists in self._by_key.values() if lists.is_old])
        for models in outdated:
            models.await_changes(_FIRST_LISTS_S)

    def await_all(self, within_s: float | None = UNLISTED_NAME_S) -> None:
        """Waits for those that are pending; `None` for as long as it takes."""
        if self._pending:
            self._await_first(within_s)
        elif self._began_s is None:
            self.ensure_known()

    def lacks(self, secret: str = "") -> Mapping[ModelList, Lack]:
        """Those lists that are not known to who comes with that key, though they may be had, and why."""
        return {models: self._lack(models, secret) for models in self._lists if not self.is_told(models, secret)}

    def await_renewed(self, secret: str = "") -> bool:
        """Waits a moment for lists that could not be had, and were asked for again just now, and for longer for those that the client's key
        was not shown yet, and those of upstreams that got other models; for none that hangs. Whether one has come.
        """
        is_renewed = self.await_changes(secret)
        coming = [models for models in self._own if not is_told(models) and models.is_on_its_way]
        if coming:
            is_renewed |= any_of([partial(_can_tell, models) for models in coming], self._spawn, _ASK_AGAIN_S)
        untold = [lists for lists in self._by_key.values() if not lists.has_told(secret)]
        self._begin_with(secret, untold)
        self._await_with(secret, untold, UNLISTED_NAME_S, if_failing_s=_ASK_AGAIN_S)
        return any(lists.has_told(secret) for lists in untold) or is_renewed

    def await_changes(self, secret: str = "") -> bool:
        """Waits for the lists of upstreams that got other models, and were not heard since; for none that hangs. Whether one has come."""
        own = [models for models in self._own if models.is_outdated]
        for models in own:
            models.await_changes(UNLISTED_NAME_S)
        of_key = self._await_changes_with(secret, UNLISTED_NAME_S)
        return not all(models.is_outdated for models in own) or not all(lists.is_outdated(secret) for lists in of_key)

    def _await_changes_with(self, secret: str, within_s: float) -> Sequence[ListsByKey]:
        """Waits for the lists that the upstreams that got other models show to the key. Those that were waited for."""
        outdated = [lists for lists in self._by_key.values() if lists.is_outdated(secret)]
        self._begin_with(secret, outdated)
        for lists in outdated:
            lists.await_answer(secret, within_s)
        return outdated

    def ensure_any(self, secret: str = "") -> None:
        """Sees to it that there is something to show to who comes with that key.

        Raises:
            UpstreamError: no upstream's list is known, and none can be had now.
        """
        self.ensure_known(secret)
        if self._by_key:
            within_s = UNLISTED_NAME_S if len(self._lists) == 1 else _FIRST_LISTS_S
            self._begin_with(secret, self._by_key.values())
            if_failing_s = 0.0 if self._is_any_told(secret) else within_s
            self._await_with(secret, self._by_key.values(), within_s, if_failing_s=if_failing_s)
        if not (self._is_any_told(secret) or self._comes_late() or self._is_any_told_again()):
            lacks = list(self.lacks(secret).values())
            if lacks:  # A list may have come meanwhile.
                raise most_telling(lacks).told()

    def is_told(self, models: ModelList, secret: str) -> bool:
        """Whether the upstream's list is known, as it is shown to the key, or is known not to exist."""
        by_key = self._by_key.get(models)
        return is_told(models) if by_key is None else by_key.has_told(secret)

    def is_awaited(self, models: ModelList) -> bool:
        """Whether nothing came yet of the question that is asked without a client's key."""
        by_key = self._by_key.get(models)
        return not self.is_told(models, "") and (models.last_error if by_key is None else by_key.error("")) is None

    def ensure_told(self, models: ModelList, secret: str) -> None:
        """Raises why the list is not known to who comes with that key, if it is not."""
        if not self.is_told(models, secret):
            raise self._lack(models, secret).told()

    def error_of_name(self, model: str, secret: str, besides: ModelList | None = None) -> ProxyError:
        """What is true of `model`, which no list has that is known to who comes with that key.

        Args:
            besides: the list of an upstream that was asked for it.
        """
        if self._came_late(model, secret, besides):
            return UpstreamUnavailable(_CAME_LATE, code="model_list_unknown", retry_after_s=1)
        lacks = [lack for models, lack in self.lacks(secret).items() if models is not besides]
        return most_telling(lacks).told_of(model) if lacks else ModelNotFound(model)

    def _came_late(self, model: str, secret: str, besides: ModelList | None) -> bool:
        """Whether the model is on a list that was shown to the key only now, when it was looked for elsewhere."""
        bare = without_latest(model.strip())
        return any(models is not besides and models.lists and lists.shows(secret, bare) for models, lists in self._by_key.items())

    def _lack(self, models: ModelList, secret: str) -> Lack:
        by_key, name = self._by_key.get(models), self._names.get(models, "")
        error = None if by_key is None else by_key.error(secret)
        error = error or models.last_error or UpstreamUnavailable(f"{called(name)} has not told its models yet; ask again", retry_after_s=1)
        return Lack(name, error.with_traceback(None), is_by_key=by_key is not None, has_key=bool(secret))

    def _is_any_told(self, secret: str = "") -> bool:
        return any(self.is_told(models, secret) for models in self._lists)

    def _comes_late(self) -> bool:
        """Whether the one list that there is comes after some more waiting."""
        if len(self._lists) > 1 or not self._pending:
            return False
        self._await_first(UNLISTED_NAME_S)
        return self._is_any_told()

    def _is_any_told_again(self) -> bool:
        """Whether some upstream tells its models when it is asked again."""
        if len(self._lists) == 1:
            return not self._pending and self._tells_any(UNLISTED_NAME_S)
        return self._tells_any(_ASK_AGAIN_S)

    def _tells_any(self, within_s: float) -> bool:
        return bool(self._own) and any_of([partial(_can_tell, models) for models in self._own], self._spawn, within_s)

    def _begin_with(self, secret: str, lists: Iterable[ListsByKey]) -> None:
        for each in lists:
            each.begin(secret, self._spawn)

    def _await_with(self, secret: str, lists: Iterable[ListsByKey], within_s: float, *, if_failing_s: float) -> None:
        """Waits for those lists that the key was not shown, all of them at once."""
        for each in lists:
            if not each.has_told(secret):
                each.await_answer(secret, if_failing_s if each.fails else within_s)

    def _await_first(self, within_s: float | None) -> None:
        """Waits so long, from when the first lists were asked for."""
        with self._lock:
            if self._began_s is None:
                self._began_s = self._clock()
                for models in self._own:
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
