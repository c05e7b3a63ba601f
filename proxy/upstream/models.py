"""`ModelList`: the models of one upstream, from a cache that is renewed behind the requests that read it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from proxy.canonical.catalog import ModelCard
from proxy.errors import UpstreamError, UpstreamRefused
from proxy.upstream.model_changes import ModelChanges, changes_seen_here

# An upstream that failed to list is not asked again before so long.
PAUSE_AFTER_FAILURE_S = 2.0
# Whoever comes so soon after a list was asked for may wait for it.
_JUST_NOW_S = 1.0
# The statuses of servers that have no list.
_NO_LIST = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class _Listing:
    """One fetched list and its index. `folded` knows each name in lower case, with and without `:latest`."""

    cards: tuple[ModelCard, ...] = ()
    exact: dict[str, ModelCard] = field(default_factory=dict)
    folded: dict[str, ModelCard] = field(default_factory=dict)


def ignore_fetched(_: bool) -> None:
    """For those who do not want to know."""


class ModelList:
    """What the upstream lists.

    Args:
        fetch: asks the upstream. Raises `UpstreamError`.
        ttl_s: a list that is older is renewed; until then the old one serves.
        clock: seconds that never go back.
        spawn: runs a function beside the request.
        on_fetched: is told of each fetch whether it brought a list, or the word that there is none.
        changes: when the upstream got other models, whoever told it to; by `clock`.

    Attributes:
        known: the list as it was fetched last; `None` before that, and when the upstream has none.
        lists: `False` once the upstream said that it has no list; true until then.
        last_error: why the last fetch failed, `None` when it did not.
    """

    def __init__(
        self,
        fetch: Callable[[], list[ModelCard]],
        ttl_s: float,
        clock: Callable[[], float],
        spawn: Callable[[Callable[[], None]], object],
        on_fetched: Callable[[bool], None] = ignore_fetched,
        changes: ModelChanges | None = None,
    ) -> None:
        self.known: tuple[ModelCard, ...] | None = None
        self.lists = True
        self.last_error: UpstreamError | None = None
        self._fetch = fetch
        self._ttl_s = ttl_s
        self._clock = clock
        self._spawn = spawn
        self._on_fetched = on_fetched
        self._changes = changes or changes_seen_here()
        self._turn = threading.Lock()
        self._listing: _Listing | None = None
        self._fetched_s = 0.0
        self._due_s = self._asked_s = float("-inf")
        self._heard_s = 0.0  # When the last question began that has ended, however it did.
        self._was_asked = False

    @property
    def count(self) -> int:
        """How many models are listed."""
        return len(self._listing.cards) if self._listing else 0

    @property
    def age_s(self) -> float | None:
        """Seconds since the list was fetched; `None` when it never was."""
        return None if self._listing is None else self._clock() - self._fetched_s

    @property
    def is_stale(self) -> bool:
        """Whether the last fetch failed, so that what is known, if anything is, may not be so any more."""
        return self.last_error is not None

    @property
    def is_on_its_way(self) -> bool:
        """Whether it was asked for just now, and has not come."""
        return self._turn.locked() and self._clock() - self._asked_s < _JUST_NOW_S

    @property
    def is_outdated(self) -> bool:
        """Whether the upstream got other models, and was not asked since, or has not answered yet."""
        return self._heard_s < self._changes.last_s

    def cards(self) -> Sequence[ModelCard]:
        """All models, in the upstream's order; `()` when it cannot list. Waits for the upstream only until the first list is there.

        Raises:
            UpstreamError: there is no list yet, and none to be had.
        """
        if self._listing is None:
            self._fetch_first()
        else:
            self._renew_when_due()
        return self._listing.cards if self._listing else ()

    def ensure_known(self) -> bool:
        """Sees to it that the upstream was asked once; waits for that, but only once, and raises nothing. Renews an old list behind the
        caller: `False` where the old one is of before the upstream got other models.
        """
        if self._was_asked:
            return self._renew_when_due()
        with suppress(UpstreamError):
            self._fetch_first()
        return True

    def renew(self) -> None:
        """Asks the upstream now: it was told to have other models, and all who know its list shall hear of it. Raises nothing."""
        self._changes.note(self._clock())
        with self._turn:
            if self.is_outdated:
                self._renew()

    def await_changes(self, within_s: float) -> None:
        """Waits for the list of an upstream that got other models, until it has been silent for so long: one that hangs is waited for no
        longer by who comes later. Raises nothing: what is known serves where nothing comes.
        """
        while self.is_outdated:
            self._begin_renewal()
            left_s = max(self._asked_s, self._changes.last_s) + within_s - self._clock()
            if left_s <= 0 or not self._turn.acquire(timeout=left_s):
                return
            self._turn.release()

    def learn(self, cards: Sequence[ModelCard], fetched_s: float) -> None:
        """Takes over a list that somebody else has fetched, at that time by the clock, unless there is a newer one."""
        if self._listing is not None and fetched_s <= self._fetched_s:
            return
        self._take(cards, fetched_s)
        if self._due_s > self._clock():
            self.last_error = None
            self._on_fetched(True)

    def note_failure(self, error: UpstreamError) -> None:
        """Notes that the list was asked for in vain, be it because the upstream has none."""
        self._was_asked = True
        if _has_no_list(error) and not self.count:
            self._note_fetched((), lists=False)
            return
        self.last_error, self._due_s = error, self._clock() + PAUSE_AFTER_FAILURE_S
        self._on_fetched(False)

    def by_name(self, name: str) -> ModelCard | None:
        """The model of that name, or of that name in other case, or with or without `:latest`. Asks nobody."""
        listing = self._listing
        if listing is None:
            return None
        return listing.exact.get(name) or listing.folded.get(name.lower())

    def _fetch_first(self) -> None:
        """Fetches, one caller at a time. Those who waited find the list, or the same failure."""
        with self._turn:
            if self._listing is not None:
                return
            if self.last_error is not None and self._clock() < self._due_s:
                raise self.last_error.with_traceback(None)
            self._renew()
        if self._listing is None and self.last_error is not None:
            raise self.last_error.with_traceback(None)

    def _renew_when_due(self) -> bool:
        is_outdated = self.is_outdated
        if is_outdated or self._clock() >= self._due_s:
            self._begin_renewal()
        return not is_outdated

    def _begin_renewal(self) -> None:
        """Asks beside the caller, if no question is under way."""
        if not self._turn.acquire(blocking=False):
            return
        self._asked_s = self._clock()
        try:
            self._spawn(self._renew_and_pass_on)
        except BaseException:
            self._turn.release()
            raise

    def _renew_and_pass_on(self) -> None:
        try:
            self._renew()
        finally:
            self._turn.release()

    def _renew(self) -> None:
        """Asks, and asks again where the upstream got other models meanwhile: its answer may have been of before."""
        self._ask()
        while self.is_outdated:
            self._ask()

    def _ask(self) -> None:
        self._asked_s = asked_s = self._clock()
        self._due_s = asked_s + PAUSE_AFTER_FAILURE_S
        try:
            cards = self._fetch()
        except UpstreamError as error:
            self.note_failure(error)
        else:
            self._note_fetched(cards)
        finally:
            self._heard_s = asked_s

    def _note_fetched(self, cards: Sequence[ModelCard], *, lists: bool = True) -> None:
        self._take(cards, self._clock(), lists=lists)
        self.last_error = None
        self._on_fetched(True)

    def _take(self, cards: Sequence[ModelCard], fetched_s: float, *, lists: bool = True) -> None:
        self._was_asked = True
        self._listing, self.lists = _index(cards), lists
        self.known = self._listing.cards if lists else None
        self._fetched_s = fetched_s
        self._due_s = fetched_s + self._ttl_s


def _has_no_list(error: UpstreamError) -> bool:
    return isinstance(error, UpstreamRefused) and error.upstream_status in _NO_LIST


def _index(cards: Sequence[ModelCard]) -> _Listing:
    exact = {card.id: card for card in reversed(cards)}
    folded = {card.id.lower(): card for card in reversed(cards)}
    for card in cards:
        name = card.id.lower()
        folded.setdefault(name.removesuffix(":latest") if name.endswith(":latest") else f"{name}:latest", card)
    return _Listing(tuple(cards), exact, folded)
