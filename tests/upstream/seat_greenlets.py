"""Scenes of seats that need gevent's patches, and so a process of their own. Prints what it saw in each, as JSON."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import random  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import orjson  # noqa: E402

from proxy.errors import Overloaded  # noqa: E402
from proxy.upstream.choice import LeastInFlight, WeightedRoundRobin  # noqa: E402
from proxy.upstream.seats import Seats  # noqa: E402
from tests.upstream.replicas import FakeReplica, some_replicas  # noqa: E402


class Left(BaseException):
    """The client left."""


def some_seats(*, per_replica: int = 1, queue: int = 10, wait_s: float = 10) -> Seats[FakeReplica]:
    return Seats(WeightedRoundRobin(), per_replica=per_replica, queue=queue, queue_wait_s=wait_s, clock=time.monotonic)


def in_hub(call: Callable[..., object], *args: object) -> None:
    """Calls it in the hub, as a watcher of a socket does."""
    gevent.get_hub().loop.run_callback(call, *args)


class Client:
    """A greenlet that takes a seat and holds it until told to go on."""

    def __init__(self, seats: Seats[FakeReplica], replicas: list[FakeReplica], name: str, log: list[str]) -> None:
        self.go_on = gevent.event.Event()
        self._seats, self._replicas, self._name, self._log = seats, replicas, name, log
        self.greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        try:
            with self._seats.take(lambda: self._replicas, client_key=self._name):
                self._log.append(f"{self._name} seated")
                self.go_on.wait()
        except BaseException as error:  # noqa: BLE001
            self._log.append(f"{self._name} {type(error).__name__}")


def leave_while_waiting() -> dict[str, Any]:
    """b leaves the queue by an exception; a's seat goes to c."""
    seats, replicas, log = some_seats(), some_replicas(0), list[str]()
    a, b, c = (Client(seats, replicas, name, log) for name in "abc")
    gevent.sleep(0)
    waiting = [seats.waiting]
    in_hub(b.greenlet.throw, Left)
    b.greenlet.join(1)
    waiting.append(seats.waiting)
    a.go_on.set()
    a.greenlet.join(1)
    gevent.sleep(0)
    c.go_on.set()
    c.greenlet.join(1)
    return {"log": log, "waiting": waiting, "in_flight": replicas[0].in_flight}


def leave_when_just_seated() -> dict[str, Any]:
    """b is thrown out after it was handed a's seat, and before it ran; the seat goes on to c."""
    seats, replicas, log = some_seats(), some_replicas(0), list[str]()
    a, b, c = (Client(seats, replicas, name, log) for name in "abc")
    gevent.sleep(0)
    in_hub(b.greenlet.throw, Left)
    for seat in list(replicas[0].seats):
        seat.release()  # b has it now, and hears of it after what is thrown.
    handed_on = seats.waiting
    b.greenlet.join(1)
    gevent.sleep(0)
    for each in (a, c):
        each.go_on.set()
        each.greenlet.join(1)
    return {"log": log, "waiting": [handed_on, seats.waiting], "in_flight": replicas[0].in_flight}


def worker_ends() -> dict[str, Any]:
    """GreenletExit, which is how gunicorn ends what is left."""
    seats, replicas, log = some_seats(), some_replicas(0), list[str]()
    clients = [Client(seats, replicas, name, log) for name in "ab"]
    gevent.sleep(0)
    gevent.killall([each.greenlet for each in clients[::-1]], timeout=1)
    return {"log": log, "waiting": [seats.waiting], "in_flight": replicas[0].in_flight}


def give_back_in_the_hub() -> dict[str, Any]:
    """A seat is given back where nothing may wait."""
    seats, replicas, log = some_seats(), some_replicas(0), list[str]()
    seat = seats.take(lambda: replicas)
    b = Client(seats, replicas, "b", log)
    gevent.sleep(0)
    in_hub(seat.release)
    gevent.sleep(0.01)
    b.go_on.set()
    b.greenlet.join(1)
    return {"log": log, "in_flight": replicas[0].in_flight}


def wait_in_vain() -> dict[str, Any]:
    """Others go on while one waits, which ends in time."""
    seats, replicas, ticks = some_seats(wait_s=0.1), some_replicas(0), 0
    seats.take(lambda: replicas)
    waiter = gevent.spawn(lambda: seats.take(lambda: replicas))
    began_s = time.monotonic()
    while not waiter.dead and ticks < 1000:
        gevent.sleep(0.005)
        ticks += 1
    return {"error": type(waiter.exception).__name__, "ticks": ticks, "took_s": time.monotonic() - began_s, "waiting": seats.waiting}


def give_back_in_a_thread() -> dict[str, Any]:
    """A real thread gives a seat back to a greenlet of another."""
    seats, replicas, log = some_seats(), some_replicas(0), list[str]()
    seat = seats.take(lambda: replicas)
    b = Client(seats, replicas, "b", log)
    gevent.sleep(0)
    gevent.get_hub().threadpool.apply(seat.release)
    gevent.sleep(0.05)
    b.go_on.set()
    b.greenlet.join(1)
    return {"log": log, "in_flight": replicas[0].in_flight, "native": monkey.get_original("threading", "Thread") is not threading.Thread}


def rush() -> dict[str, Any]:
    """A thousand clients on three replicas, of whom a third leaves at any moment, and some are refused."""
    seats = Seats[FakeReplica](LeastInFlight(random.Random(1).random), per_replica=4, queue=600, queue_wait_s=0.5, clock=time.monotonic)
    chance, replicas, ends, too_many = random.Random(2), some_replicas(0, 0, 0), Counter[str](), list[str]()

    def ask(number: int) -> None:
        try:
            with seats.take(lambda: replicas, client_key=str(number % 7)) as seat:
                if seat.replica.in_flight > 4:
                    too_many.append(seat.replica.id)
                gevent.sleep(chance.random() * 0.01)
            ends["served"] += 1
        except Overloaded:
            ends["refused"] += 1
        except Left:
            ends["left"] += 1

    clients = [gevent.spawn(ask, number) for number in range(1000)]
    for client in chance.sample(clients, 300):
        gevent.sleep(0.0005)
        in_hub(client.throw, Left)
    gevent.joinall(clients, 20)
    sums = {"told": sum(ends.values()), "kinds": sorted(ends), "too_many": too_many}
    return {**sums, "waiting": seats.waiting, "in_flight": [replica.in_flight for replica in replicas]}


SCENES = (
    leave_while_waiting,
    leave_when_just_seated,
    worker_ends,
    give_back_in_the_hub,
    wait_in_vain,
    give_back_in_a_thread,
    rush,
)

if __name__ == "__main__":
    print(orjson.dumps({scene.__name__: scene() for scene in SCENES}).decode())  # noqa: T201
