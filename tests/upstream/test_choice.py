"""The policies, without a network: chance comes from a seed."""

from __future__ import annotations

import math
import random
import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.upstream.choice import POLICIES, Choice, LeastInFlight, PrefixAffinity, WeightedRoundRobin, in_order
from tests.upstream.replicas import FakeReplica, some_replicas

KEYS = [b"key %d" % number for number in range(2000)]


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> Choice:
    return POLICIES[request.param](random.Random(1).random)


def homes(choice: Choice, replicas: Sequence[FakeReplica]) -> dict[bytes, str]:
    """Where each key goes while nothing is in flight."""
    return {key: choice.choose(replicas, key).id for key in KEYS}


def test_the_only_candidate_is_chosen(policy: Choice) -> None:
    (only,) = some_replicas(7)
    assert policy.choose([only], b"key") is only


@given(in_flight=st.lists(st.integers(0, 50), min_size=1, max_size=8), key=st.binary(max_size=8), seed=st.integers(0, 99))
def test_each_candidate_stands_in_the_order_once(in_flight: list[int], key: bytes, seed: int) -> None:
    replicas = some_replicas(*in_flight)
    for choice in (LeastInFlight(random.Random(seed).random), WeightedRoundRobin(), PrefixAffinity(random.Random(seed).random)):
        order = list(in_order(choice, replicas, key))
        assert sorted(order, key=lambda replica: replica.id) == replicas


def test_the_order_is_made_as_far_as_it_is_asked_for() -> None:
    choice = WeightedRoundRobin()
    first, second = some_replicas(0, 0)
    assert next(in_order(choice, [first, second])) is first
    assert choice.choose([first, second]) is second


def test_the_less_busy_of_two_is_chosen() -> None:
    choice = LeastInFlight(random.Random(1).random)
    busy, free = some_replicas(3, 2)
    assert {choice.choose([busy, free]).id for _ in range(50)} == {free.id}


def test_the_busiest_of_several_is_never_chosen_the_least_busy_most_often() -> None:
    choice = LeastInFlight(random.Random(1).random)
    replicas = some_replicas(5, 1, 9, 2)
    chosen = Counter(choice.choose(replicas).others for _ in range(4000))
    assert chosen[9] == 0
    assert chosen[1] == pytest.approx(2000, rel=0.1)  # In half of the pairs.


def test_equals_are_chosen_equally_often() -> None:
    choice = LeastInFlight(random.Random(1).random)
    replicas = some_replicas(0, 0, 0)
    chosen = Counter(choice.choose(replicas).id for _ in range(3000))
    assert all(count == pytest.approx(1000, rel=0.12) for count in chosen.values())
    assert len(chosen) == 3


def test_in_flight_counts_by_weight() -> None:
    choice = LeastInFlight(random.Random(1).random)
    light, heavy = some_replicas(2, 5, weights=(1, 4))
    assert choice.choose([light, heavy]) is heavy
    heavy.others = 12
    assert choice.choose([light, heavy]) is light


def test_least_in_flight_fills_replicas_by_weight() -> None:
    choice = LeastInFlight(random.Random(1).random)
    replicas = some_replicas(0, 0, 0, weights=(1, 2, 5))
    for _ in range(800):
        choice.choose(replicas).others += 1
    assert [replica.others for replica in replicas] == pytest.approx([100, 200, 500], rel=0.05)


def test_of_two_that_are_idle_each_gets_its_share() -> None:
    choice = LeastInFlight(random.Random(1).random)
    light, heavy = some_replicas(0, 0, weights=(1, 3))
    chosen = Counter(choice.choose([light, heavy]).id for _ in range(4000))
    assert chosen[heavy.id] == pytest.approx(3000, rel=0.05)


def test_chance_at_its_ends_chooses_somebody() -> None:
    replicas = some_replicas(0, 0, 0, weights=(0.1, 0.2, 0.3))
    for chance in (0.0, 1.0 - 2**-53):
        choice = LeastInFlight(lambda chance=chance: chance)
        assert choice.choose(replicas) in replicas


def test_weights_5_1_1_are_smooth_in_turn() -> None:
    """The example of nginx's own change message: a a b a c a a."""
    choice = WeightedRoundRobin()
    a, b, c = some_replicas(0, 0, 0, weights=(5, 1, 1))
    names = {a.id: "a", b.id: "b", c.id: "c"}
    assert "".join(names[choice.choose([a, b, c]).id] for _ in range(14)) == "aabacaa" * 2


@given(weights=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_round_robin_gives_each_its_weight_in_each_round(weights: list[int]) -> None:
    choice, replicas = WeightedRoundRobin(), some_replicas(*[0] * len(weights), weights=tuple(weights))
    for _ in range(3):
        chosen = Counter(choice.choose(replicas).id for _ in range(sum(weights)))
        assert [chosen[replica.id] for replica in replicas] == weights


def test_round_robin_owes_nothing_to_who_was_out() -> None:
    choice = WeightedRoundRobin()
    replicas = some_replicas(0, 0, 0)
    for _ in range(30):
        choice.choose(replicas[:2])
    chosen = Counter(choice.choose(replicas).id for _ in range(30))
    assert all(count == pytest.approx(10, abs=1) for count in chosen.values())


def test_round_robin_loses_no_turn_with_threads() -> None:
    choice, replicas, chosen = WeightedRoundRobin(), some_replicas(0, 0, 0, weights=(2, 1, 1)), Counter[str]()

    def choose_some() -> None:
        mine = Counter(choice.choose(replicas).id for _ in range(1000))
        with lock:
            chosen.update(mine)

    lock = threading.Lock()
    threads = [threading.Thread(target=choose_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [chosen[replica.id] for replica in replicas] == [2000, 1000, 1000]


def test_only_affinity_wants_a_key() -> None:
    wanting = {name: make(random.Random(1).random).uses_affinity for name, make in POLICIES.items()}
    assert wanting == {"least_in_flight": False, "weighted_round_robin": False, "prefix_affinity": True}


def test_a_key_keeps_its_replica_in_every_worker_and_in_any_order_of_replicas() -> None:
    replicas = some_replicas(0, 0, 0, 0)
    at_first = homes(PrefixAffinity(random.Random(1).random), replicas)
    assert homes(PrefixAffinity(random.Random(2).random), replicas[::-1]) == at_first


def test_keys_are_spread_by_weight() -> None:
    choice = PrefixAffinity(random.Random(1).random, bound=100)
    replicas = some_replicas(0, 0, 0, weights=(1, 1, 2))
    spread = Counter(homes(choice, replicas).values())
    assert [spread[replica.id] for replica in replicas] == pytest.approx([500, 500, 1000], rel=0.12)


def test_keys_that_differ_in_a_bit_are_spread_too() -> None:
    """Which they are not where the hash is a checksum: its bits depend on each other."""
    choice = PrefixAffinity(random.Random(1).random)
    replicas = some_replicas(0, 0, 0, 0)
    spread = Counter(choice.choose(replicas, number.to_bytes(4, "big")).id for number in range(2000))
    assert [spread[replica.id] for replica in replicas] == pytest.approx([500] * 4, rel=0.15)


def test_a_replica_that_leaves_moves_only_its_own_keys() -> None:
    choice = PrefixAffinity(random.Random(1).random)
    replicas = some_replicas(0, 0, 0, 0)
    before, gone = homes(choice, replicas), replicas[1].id
    after = homes(choice, [replica for replica in replicas if replica.id != gone])
    moved = [key for key in KEYS if before[key] != after[key]]
    assert moved == [key for key in KEYS if before[key] == gone]
    assert len({after[key] for key in moved}) == 3


def test_a_replica_that_comes_takes_its_share_of_keys_and_moves_no_other() -> None:
    choice = PrefixAffinity(random.Random(1).random)
    replicas = some_replicas(0, 0, 0, 0, 0)
    before, after = homes(choice, replicas[:4]), homes(choice, replicas)
    moved = {key for key in KEYS if before[key] != after[key]}
    assert {after[key] for key in moved} == {replicas[4].id}
    assert len(moved) == pytest.approx(len(KEYS) / 5, rel=0.15)


def test_the_next_of_a_key_is_where_it_goes_when_its_replica_is_out() -> None:
    choice = PrefixAffinity(random.Random(1).random)
    replicas = some_replicas(0, 0, 0, 0)
    order = list(in_order(choice, replicas, b"key"))
    assert choice.choose([replica for replica in replicas if replica is not order[0]], b"key") is order[1]


def test_a_replica_beyond_its_bound_is_passed_over_for_the_next() -> None:
    choice = PrefixAffinity(random.Random(1).random, bound=1.25)
    replicas = some_replicas(0, 0, 0, 0)
    home, second, *_ = in_order(choice, replicas, b"key")
    for replica in replicas:
        replica.others = 8
    home.others = 11  # Of 36, with this one, a fourth is 9, and a fourth more 11.25: a twelfth has its place.
    assert choice.choose(replicas, b"key") is home
    home.others = 12  # Of 37 it would be 11.6: a thirteenth has none.
    assert choice.choose(replicas, b"key") is second
    home.others = 8
    assert choice.choose(replicas, b"key") is home


@given(keys=st.lists(st.sampled_from([b"hot", b"a", b"b", b"c"]), max_size=200), bound=st.floats(1.0, 3.0))
@example(keys=[b"hot"] * 8, bound=math.nextafter(1.0, 2.0))
def test_no_replica_gets_more_than_the_bound_of_its_share(keys: list[bytes], bound: float) -> None:
    choice = PrefixAffinity(random.Random(1).random, bound)
    replicas = some_replicas(0, 0, 0, weights=(1, 1, 2))
    for placed, key in enumerate(keys, 1):
        chosen = choice.choose(replicas, key)
        chosen.others += 1
        # Multiplied in another order, floats differ in their last place.
        assert chosen.others < bound * placed * chosen.weight / 4 + 1 + 1e-9


def test_without_a_key_the_less_busy_of_two_is_chosen() -> None:
    choice = PrefixAffinity(random.Random(1).random)
    replicas = some_replicas(0, 0, 0)
    assert len({choice.choose(replicas).id for _ in range(50)}) == 3
    replicas[0].others = 5
    assert replicas[0].id not in {choice.choose(replicas).id for _ in range(50)}


def test_a_choice_that_is_taken_back_was_never_made() -> None:
    choice, replicas = WeightedRoundRobin(), some_replicas(0, 0, weights=(3.0, 1.0))
    for _ in range(1000):
        choice.take_back(choice.choose(replicas), replicas)
    assert Counter(choice.choose(replicas).id for _ in range(400)) == {replicas[0].id: 300, replicas[1].id: 100}


def test_policies_insist_where_another_replica_would_not_do_as_well() -> None:
    equal, unequal = some_replicas(0, 0), some_replicas(0, 0, weights=(3.0, 1.0))
    policies = {name: make(random.Random(1).random) for name, make in POLICIES.items()}
    insisting = {name: (choice.insists(equal, b"key"), choice.insists(unequal, b"")) for name, choice in policies.items()}
    assert insisting == {"least_in_flight": (False, False), "weighted_round_robin": (False, True), "prefix_affinity": (True, False)}
