"""Scenes that need gevent's patches, and so a process of their own.

`python -m tests.upstream.greenlets <scene,scene...> <transport> <base URL> [<CA file>]` prints what it saw in each, as JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from typing import Any, cast  # noqa: E402

import gevent  # noqa: E402
import orjson  # noqa: E402
import psutil  # noqa: E402

from proxy.errors import UpstreamRefused, UpstreamUnavailable  # noqa: E402
from proxy.settings import Transport  # noqa: E402
from proxy.upstream.breaker import Breakers  # noqa: E402
from proxy.upstream.client import UpstreamClient  # noqa: E402
from proxy.upstream.reply import Timeouts, UpstreamReply  # noqa: E402
from proxy.upstream.retry import RetryPolicy  # noqa: E402
from proxy.upstream.session import make_session  # noqa: E402
from proxy.wire.messages import UpstreamCall  # noqa: E402
from tests.upstream.conftest import client_of_one_replica  # noqa: E402

TRANSPORT = cast("Transport", sys.argv[2])
BASE_URL = sys.argv[3]
CA_FILE = sys.argv[4] if len(sys.argv) > 4 else ""


class Left(BaseException):
    """The client left."""


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
    return UpstreamRefused(body.decode(), status=status)


def make_client(*, retries: int = 0, keepalive_s: float = 0, cooldown_s: float = 5, failures: int = 5) -> UpstreamClient:
    return client_of_one_replica(
        base_url=BASE_URL,
        session=make_session(pool_size=100, ca_bundle=CA_FILE, transport=TRANSPORT),
        policy=RetryPolicy(max_retries=retries),
        breakers=Breakers(failures=failures, cooldown_s=cooldown_s, clock=time.monotonic),
        read_error=read_error,
        timeouts=Timeouts(connect_s=5, first_byte_s=10, idle_s=10, keepalive_s=keepalive_s),
    )


def call(path: str, body: bytes = b"{}") -> UpstreamCall:
    return UpstreamCall(path, body, model="m")


def connections() -> int:
    """How many connections this process has."""
    return sum(each.status == psutil.CONN_ESTABLISHED for each in psutil.Process().net_connections())


def arrived(path: str) -> None:
    """Returns when the upstream has the request for `path`."""
    make_client().send(call(f"/arrived{path}")).read(100)


def thrown_into(work: Callable[[], object], ready: Callable[[], object]) -> dict[str, Any]:
    """What becomes of a greenlet that does `work` when, after `ready`, the client's leaving is thrown into it."""
    ends: list[str] = []

    def run() -> None:
        try:
            work()
            ends.append("finished")
        except Left:
            ends.append("Left")

    greenlet = gevent.spawn(run)
    ready()
    gevent.sleep(0.1)
    thrown_at = time.monotonic()
    gevent.get_hub().loop.run_callback(greenlet.throw, Left)  # From the hub, as a watcher of the client's socket does it.
    greenlet.join(5)
    return {"ends": ends, "took_s": time.monotonic() - thrown_at, "open": connections()}


def read_all(reply: UpstreamReply) -> None:
    for _ in reply.chunks():
        pass


def leave_before_the_head() -> dict[str, Any]:
    client = make_client(retries=3)
    seen = thrown_into(lambda: client.send(call("/stall")), lambda: arrived("/stall"))
    return {**seen, "next": client.send(call("/ok")).read(100).decode(), "health": client.health()}


def leave_in_the_body() -> dict[str, Any]:
    client = make_client()
    return thrown_into(lambda: read_all(client.send(call("/stream"))), lambda: arrived("/stream"))


def leave_in_the_last_body() -> dict[str, Any]:
    client = make_client()
    return thrown_into(lambda: read_all(client.send(call("/closing"))), lambda: arrived("/closing"))


def leave_in_an_error_body() -> dict[str, Any]:
    client = make_client()
    return thrown_into(lambda: client.send(call("/error")), lambda: arrived("/error"))


def leave_between_attempts() -> dict[str, Any]:
    client = make_client(retries=1)
    return thrown_into(lambda: client.send(call("/later")), lambda: arrived("/later"))


def leave_while_sending() -> dict[str, Any]:
    client = make_client()

    def connected() -> None:
        while not connections():
            gevent.sleep(0.01)

    return thrown_into(lambda: client.send(call("/stall", b"x" * 50_000_000)), connected)


def leave_as_the_probe() -> dict[str, Any]:
    client = make_client(failures=1, cooldown_s=0.1)
    with contextlib.suppress(UpstreamRefused):
        client.send(call("/fail"))
    gevent.sleep(0.12)
    seen = thrown_into(lambda: client.send(call("/stall")), lambda: arrived("/stall"))
    try:
        seen["next"] = client.send(call("/ok")).read(100).decode()
    except UpstreamUnavailable as error:
        seen["next"] = error.message
    return seen


def hear_silences() -> dict[str, Any]:
    """Four silences; then the upstream is told to go on."""
    chunks = make_client(keepalive_s=0.05).send(call("/pauses")).chunks()
    heard = [next(chunks).decode() for _ in range(5)]
    make_client().send(call("/go")).close()
    return {"before": heard, "after": b"".join(chunks).decode()}


def many_at_once() -> dict[str, Any]:
    client = make_client()
    begun = time.monotonic()
    readers = [gevent.spawn(lambda: b"".join(client.send(call("/slow")).chunks()).decode()) for _ in range(60)]
    gevent.joinall(readers, timeout=10)
    return {"bodies": sorted({reader.value for reader in readers}), "took_s": time.monotonic() - begun}


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps({scene: globals()[scene]() for scene in sys.argv[1].split(",")}).decode())
