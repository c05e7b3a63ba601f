"""Work that may take longer than whoever wants it can wait: it is begun here and now, and may go on beside.

Under gevent a helper does it, a greenlet that is kept and used again: it begins without a turn of the loop, and most often ends with a
switch back. That costs 4 us, where a greenlet that is made for each work costs 30. Elsewhere a thread does it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any, Generic, Protocol, TypeVar, cast

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# So many helpers are kept when they have nothing to do; each holds some 20 kB.
_KEPT_HELPERS = 64
_NO_TIME_S = 1e-9


class Errand(Protocol[T_co]):
    """Work under way, or done. Whoever no longer wants it must say so by `abandon`, which may be called at any time, and more than once."""

    @property
    def is_done(self) -> bool: ...

    def done_within(self, seconds: float) -> bool:
        """Whether the work ends within that time. What is raised in whoever waits here, because its client left, also ends the work."""

    def result(self) -> T_co:
        """What the work returned, or raises what it raised. To be asked for once, when it is done."""

    def abandon(self) -> None:
        """Ends the work as soon as possible, and lets go of what it brought, unless that was asked for."""


def signs_until_done(errand: Errand[Any], every_s: float, sign: Callable[[], bytes]) -> Iterator[bytes]:
    """A sign of life at once, and again and again until the work is done."""
    yield sign()
    while not errand.done_within(every_s):
        yield sign()


class Errands:
    """Begins errands: with helpers where gevent is at work, with threads elsewhere."""

    def __init__(self) -> None:
        self._helpers: _Helpers | None = None

    def begin(self, work: Callable[[], T], let_go: Callable[[T], object], wait_s: float) -> Errand[T]:
        """`work` as an errand, after having waited for it.

        Args:
            let_go: closes what `work` returned, when nobody wants it any more.
            wait_s: for so long; 0 for as long as it takes.

        Raises:
            BaseException: what `work` raises, where nobody waits for it with an eye on the clock.
        """
        if not wait_s:
            return _DoneErrand(work(), let_go)
        monkey = sys.modules.get("gevent.monkey")
        errand: _HelperErrand[T] | _ThreadErrand[T]
        if monkey is None or not monkey.is_module_patched("socket"):
            errand = _ThreadErrand(work, let_go)
        else:
            errand = _HelperErrand(work, let_go, self._helpers_of(sys.modules["gevent"].get_hub()))
        errand.done_within(wait_s)
        return errand

    def begin_beside(self, work: Callable[[], None]) -> Errand[None]:
        """`work` as an errand that nobody waits for yet, and that brings nothing."""
        return self.begin(work, _nothing_to_let_go, _NO_TIME_S)

    def _helpers_of(self, hub: Any) -> _Helpers:
        if self._helpers is None or self._helpers.hub is not hub:
            self._helpers = _Helpers(hub)
        return self._helpers


def _nothing_to_let_go(_: object) -> None:
    """For work whose result is nothing."""


class _Helpers:
    """The helpers of one thread. `hub` is its gevent hub."""

    def __init__(self, hub: Any) -> None:
        # By name: whoever runs without gevent need not have it.
        greenlets = sys.modules["greenlet"]
        self.hub = hub
        self.current: Callable[[], Any] = greenlets.getcurrent
        self._new: Callable[..., Any] = greenlets.greenlet
        self._idle: list[Any] = []

    def take(self) -> Any:
        """A helper, to be switched to with its errand."""
        return self._idle.pop() if self._idle else self._new(self._help, self.hub)

    def _help(self, errand: _HelperErrand[Any] | None) -> None:
        """The life of a helper: one errand after the other. Whoever waits for one goes on at its end; when nobody does, the hub does."""
        me = self.current()
        while errand is not None:
            errand.context.run(errand.run)
            successor = errand.waiting or self.hub
            # What an idle helper knows would stay in memory.
            errand = None
            if len(self._idle) >= _KEPT_HELPERS:
                me.parent = successor
                return
            self._idle.append(me)
            errand = successor.switch()


class _Outcome(Generic[T]):
    """What became of an errand's work."""

    __slots__ = ("_error", "_let_go", "_result")

    def __init__(self, let_go: Callable[[T], object]) -> None:
        self._let_go = let_go
        self._result: T | None = None
        self._error: BaseException | None = None

    def result(self) -> T:
        """See `Errand`."""
        result, error = self._result, self._error
        self._result = self._error = None
        if error is not None:
            raise error
        return cast(T, result)

    def _find_out(self, work: Callable[[], T]) -> None:
        try:
            self._result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised in whoever asks for the result
            self._error = error

    def _drop(self) -> None:
        result, self._result, self._error = self._result, None, None
        if result is not None:
            self._let_go(result)


class _DoneErrand(_Outcome[T]):
    """An errand that was done at once."""

    __slots__ = ()
    is_done = True

    def __init__(self, result: T, let_go: Callable[[T], object]) -> None:
        super().__init__(let_go)
        self._result = result

    def done_within(self, _: float) -> bool:
        """See `Errand`."""
        return True

    def abandon(self) -> None:
        """See `Errand`."""
        self._drop()


class _HelperErrand(_Outcome[T]):
    """An errand that a helper does.

    Attributes:
        context: of whoever began it.
        waiting: the greenlet that waits for it now.
    """

    __slots__ = ("_helper", "_helpers", "_is_abandoned", "_work", "context", "is_done", "waiting")

    def __init__(self, work: Callable[[], T], let_go: Callable[[T], object], helpers: _Helpers) -> None:
        super().__init__(let_go)
        self.context = copy_context()
        self.waiting: Any = None
        self._work: Callable[[], T] | None = work
        self._helpers = helpers
        self._helper: Any = None
        self.is_done = False
        self._is_abandoned = False

    def done_within(self, seconds: float) -> bool:
        """See `Errand`."""
        if self.is_done:
            return True
        helpers = self._helpers
        me = self.waiting = helpers.current()
        timer = helpers.hub.loop.timer(seconds)
        timer.start(me.switch)
        try:
            if self._helper is None:
                self._helper = helpers.take()
                self._helper.switch(self)
            else:
                helpers.hub.switch()
        except BaseException:
            self.abandon()
            raise
        finally:
            self.waiting = None
            timer.stop()
            timer.close()
        return self.is_done

    def run(self) -> None:
        """Does the work, in the helper."""
        work, self._work = self._work, None
        if work is not None:
            self._find_out(work)
        self.is_done, self._helper = True, None
        if self._is_abandoned:
            self._drop()

    def abandon(self) -> None:
        """See `Errand`. The work ends in the loop's next turn: who abandons it waits for nothing."""
        if self.is_done:
            self._drop()
        elif not self._is_abandoned:
            self._is_abandoned = True
            self._helpers.hub.loop.run_callback(self._stop)

    def _stop(self) -> None:
        """Runs in the hub. The helper may have ended the work meanwhile, and do another's."""
        if self._helper is not None:
            self._helper.throw(sys.modules["greenlet"].GreenletExit)


class _ThreadErrand(_Outcome[T]):
    """An errand that a thread does. Nobody can end its work from outside: it ends when the upstream answers, or at its timeouts."""

    __slots__ = ("_ended", "_is_abandoned", "_lock", "_work")

    def __init__(self, work: Callable[[], T], let_go: Callable[[T], object]) -> None:
        super().__init__(let_go)
        self._work: Callable[[], T] | None = work
        self._is_abandoned = False
        self._ended = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=copy_context().run, args=(self._run,), daemon=True, name="errand").start()

    @property
    def is_done(self) -> bool:
        """See `Errand`."""
        return self._ended.is_set()

    def done_within(self, seconds: float) -> bool:
        """See `Errand`."""
        try:
            return self._ended.wait(seconds)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """See `Errand`."""
        with self._lock:
            self._is_abandoned = True
            is_done = self._ended.is_set()
        if is_done:
            self._drop()

    def _run(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            self._find_out(work)
        with self._lock:
            self._ended.set()
            is_abandoned = self._is_abandoned
        if is_abandoned:
            self._drop()
