"""Who is next."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.fair_queue import FairQueue


def a_queue(*items: str) -> FairQueue[str]:
    """A queue of items whose first letter is their client."""
    queue = FairQueue[str]()
    for item in items:
        queue.add(item[0], item)
    return queue


def served(queue: FairQueue[str]) -> list[str]:
    """The items as they are served, one by one."""
    order = []
    while queue:
        item = next(queue.in_turn())
        queue.serve(item[0], item)
        order.append(item)
    return order


def test_clients_are_served_in_turn_and_each_in_its_order() -> None:
    queue = a_queue("a1", "a2", "a3", "b1", "c1", "b2")
    assert list(queue.in_turn()) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert served(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_was_served_waits_for_all_others() -> None:
    queue = a_queue("a1", "a2", "b1")
    queue.serve("a", "a1")
    queue.add("c", "c1")
    assert list(queue.in_turn()) == ["b1", "a2", "c1"]


def test_who_leaves_is_not_served_and_costs_its_client_no_turn() -> None:
    queue = a_queue("a1", "a2", "b1")
    assert queue.remove("a", "a1")
    assert not queue.remove("a", "a1")
    assert not queue.remove("z", "z1")
    assert list(queue.in_turn()) == ["a2", "b1"]
    assert len(queue) == 2


def test_the_longest_line_is_known() -> None:
    queue = a_queue("a1", "b1", "b2", "b3", "c1", "c2")
    assert queue.last_of_the_longest_line() == "b3"
    assert [queue.line_of(client) for client in "abcd"] == [1, 3, 2, 0]


@given(clients=st.lists(st.sampled_from("abcd"), max_size=30))
def test_nobody_is_lost_and_nobody_is_served_twice_before_another_once(clients: list[str]) -> None:
    items = [f"{client}{number}" for number, client in enumerate(clients)]
    order = served(a_queue(*items))
    assert sorted(order) == sorted(items)
    for client in set(clients):
        places = [place for place, item in enumerate(order) if item[0] == client]
        assert [order[place] for place in places] == [item for item in items if item[0] == client]
        for before, after in pairwise(places):
            between = [item[0] for item in order[before + 1 : after]]
            assert len(between) == len(set(between))
