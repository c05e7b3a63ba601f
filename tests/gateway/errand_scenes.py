"""Errands under gevent's patches, which need a process of their own. `python errand_scenes.py` prints what was seen, as JSON."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import contextvars  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402

from proxy.gateway.errands import Errands  # noqa: E402


class Left(BaseException):
    """The client left."""


def a_rest(seconds: float) -> Callable[[], str]:
    def work() -> str:
        gevent.sleep(seconds)
        return "rested"

    return work


def quick() -> dict[str, Any]:
    """Work that ends in time, with and without a turn of the loop; one helper does it all."""
    errands, dropped = Errands(), list[str]()
    seen = [errands.begin(work, dropped.append, 5).result() for work in (lambda: "at once", a_rest(0.01), a_rest(0))]
    helpers = errands._helpers
    assert helpers is not None
    return {"seen": seen, "helpers": len(helpers._idle), "dropped": dropped}


def raising() -> dict[str, Any]:
    """What the work raises is raised in whoever asks for the result, and the helper serves on."""
    errands = Errands()

    def fail() -> str:
        gevent.sleep(0)
        raise ValueError("no")

    errand = errands.begin(fail, print, 5)
    try:
        errand.result()
        told = "nothing"
    except ValueError as error:
        told = str(error)
    return {"told": told, "next": errands.begin(a_rest(0), print, 5).result()}


def late() -> dict[str, Any]:
    """Work that takes longer goes on while others wait for it in steps, and while they do not."""
    errands, waits = Errands(), 0
    errand = errands.begin(a_rest(0.2), print, 0.02)
    was_done = errand.is_done
    while not errand.done_within(0.05):
        waits += 1
    other = errands.begin(a_rest(0.05), print, 0.01)
    gevent.sleep(0.1)  # it ends while nobody waits
    return {"was_done": was_done, "waits": waits, "result": errand.result(), "other": other.is_done and other.result()}


def abandoned() -> dict[str, Any]:
    """Work that nobody wants any more is ended where it waits; what it held is let go; its helper serves on."""
    errands, ends = Errands(), list[str]()

    def work() -> str:
        try:
            gevent.sleep(30)
        finally:
            ends.append("ended")
        return "done"

    began_s = time.monotonic()
    errand = errands.begin(work, ends.append, 0.01)
    errand.abandon()
    errand.abandon()
    gevent.sleep(0.01)
    return {"ends": ends, "took_s": time.monotonic() - began_s, "next": errands.begin(a_rest(0.01), print, 5).result()}


def abandoned_when_done() -> dict[str, Any]:
    """A result that nobody asked for is let go, once; one that was asked for is its owner's."""
    errands, dropped = Errands(), list[str]()
    unwanted = errands.begin(a_rest(0.01), dropped.append, 5)
    unwanted.abandon()
    unwanted.abandon()
    wanted = errands.begin(a_rest(0.01), dropped.append, 5)
    wanted.result()
    wanted.abandon()
    late = errands.begin(a_rest(0.03), dropped.append, 0.01)
    gevent.sleep(0.05)
    late.abandon()
    return {"dropped": dropped}


def ended_before_it_could_be_stopped() -> dict[str, Any]:
    """Work that ends by itself between being abandoned and being stopped is let go, and its helper's next work is left alone."""
    errands, dropped, go_on = Errands(), list[str](), Event()

    def work() -> str:
        go_on.wait()
        return "too late"

    errand = errands.begin(work, dropped.append, 0.01)
    go_on.set()  # the helper goes on in the loop's next turn, and so does its end
    errand.abandon()
    following = errands.begin(a_rest(0.05), print, 5).result()
    return {"dropped": dropped, "following": following}


def left() -> dict[str, Any]:
    """What is thrown at whoever waits, at first or later, ends the work too."""
    errands, seen = Errands(), list[str]()

    def ask(first_wait_s: float) -> None:
        def work() -> str:
            try:
                gevent.sleep(30)
            finally:
                seen.append("work ended")
            return "done"

        try:
            errands.begin(work, print, first_wait_s).done_within(30)
        except Left:
            seen.append("asker left")

    for first_wait_s in (30, 0.01):
        asker = gevent.spawn(ask, first_wait_s)
        gevent.sleep(0.05)
        gevent.get_hub().loop.run_callback(asker.throw, Left())
        gevent.sleep(0.01)
    return {"seen": seen}


def many() -> dict[str, Any]:
    """Many at once get each their own result, and no more helpers stay than are kept."""
    errands = Errands()

    def ask(number: int) -> int:
        def work() -> int:
            gevent.sleep(0.001 * (number % 7))
            return number

        errand = errands.begin(work, print, 0.003)
        while not errand.done_within(0.002):
            pass
        return errand.result()

    askers = [gevent.spawn(ask, number) for number in range(500)]
    gevent.joinall(askers)
    helpers = errands._helpers
    assert helpers is not None
    return {"right": [asker.value for asker in askers] == list(range(500)), "idle": len(helpers._idle)}


def context() -> dict[str, Any]:
    """Work sees the context of whoever began it, and leaves none of its own."""
    errands, word = Errands(), contextvars.ContextVar("word", default="none")
    seen = []
    for said in ("one", "two"):
        word.set(said)
        seen.append(errands.begin(lambda: (gevent.sleep(0), word.get())[1], print, 5).result())
    return {"seen": seen}


SCENES = (quick, raising, late, abandoned, abandoned_when_done, ended_before_it_could_be_stopped, left, many, context)

sys.stdout.write(json.dumps({scene.__name__: gevent.spawn(scene).get(timeout=20) for scene in SCENES}))
