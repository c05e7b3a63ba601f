"""Who of a fleet is left alone, and who is told of it."""

from __future__ import annotations

import pytest
import requests

from proxy.errors import UpstreamRefused
from proxy.upstream.cooldown import CoolDown, CoolDowns
from proxy.upstream.faults import refusal_of
from proxy.upstream.fleet import Fleet
from proxy.upstream.journey import Journey
from proxy.upstream.verdicts import judged
from proxy.wire.messages import UpstreamCall
from tests.upstream.conftest import Clock, read_error
from tests.upstream.fleets import a_replica

Told = list[tuple[str, CoolDown | None]]


class Blaming:
    """A fleet that lists `known`, and what others are told of it."""

    def __init__(self, session: requests.Session, clock: Clock, size: int) -> None:
        addresses = [f"http://127.0.0.1:{port}/v1" for port in range(1, size + 1)]
        self.replicas = [a_replica(address, address, session=session, read_error=read_error, clock=clock) for address in addresses]
        self.cooldowns = CoolDowns(clock)
        self.told: Told = []
        self.cooldowns.on_change = lambda replica, model, rest: self.told.append((model, rest))
        self.fleet = Fleet(self.replicas, self.cooldowns, cooldown_s=5.0, is_listed=lambda model: model == "known")

    def refuse(self, model: str, status: int, told: int | None = None, *, can_go_elsewhere: bool = False) -> None:
        """Lets the first replica refuse a call to the model."""
        code = "model_not_found" if status == 404 and told is None else None
        error = UpstreamRefused("no", status=status if told is None else told, upstream_status=status, code=code)
        journey = Journey("boxes", UpstreamCall("", model=model, can_go_elsewhere=can_go_elsewhere), None, is_once=False)
        journey.replica = self.replicas[0]
        self.fleet.blame(judged(refusal_of(error, {}), model, retry_sent=True), error, journey)

    @property
    def cooling(self) -> list[str]:
        return [each.model for each in self.cooldowns.all()]


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 429])
def test_one_replica_is_never_left_alone_and_no_model_of_it(session: requests.Session, clock: Clock, status: int) -> None:
    blaming = Blaming(session, clock, 1)
    blaming.refuse("known", status)
    blaming.refuse("invented", status)
    assert (blaming.cooling, blaming.told) == ([], [])


@pytest.mark.parametrize(("size", "cooling"), [(1, []), (2, ["known"])])
@pytest.mark.parametrize("status", [404, 405])
def test_who_lacks_a_url_is_left_alone_where_a_replica_may_have_it(
    session: requests.Session, clock: Clock, status: int, size: int, cooling: list[str]
) -> None:
    """A lone one serves what it has, whoever else could be asked."""
    blaming = Blaming(session, clock, size)
    blaming.refuse("known", status, 502, can_go_elsewhere=True)
    assert blaming.cooling == cooling


@pytest.mark.parametrize("status", [404, 405])
def test_that_one_has_no_model_which_nobody_lists_is_not_told(session: requests.Session, clock: Clock, status: int) -> None:
    """There is no end of names that clients can invent."""
    blaming = Blaming(session, clock, 2)
    blaming.refuse("invented", status)
    assert (blaming.cooling, blaming.told) == (["invented"], [])
    clock.now_s += 6
    blaming.cooldowns.begin_trial(blaming.replicas[0].id, "invented")
    blaming.fleet.answered(blaming.replicas[0], "invented", ended=True, sent_s=clock.now_s)
    assert (blaming.cooling, blaming.told) == ([], [])


@pytest.mark.parametrize(("model", "status"), [("known", 404), ("known", 429), ("invented", 429)])
def test_all_else_is_told(session: requests.Session, clock: Clock, model: str, status: int) -> None:
    blaming = Blaming(session, clock, 2)
    blaming.refuse(model, status)
    assert blaming.cooling == [name for name, _ in blaming.told] == [model]
