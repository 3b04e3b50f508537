"""Who holds the stake, and how few of them hold most of it."""

import random
from fractions import Fraction

from consensus.calls.staking import StakeRoot
from consensus.ledger.queries import metagraph
from consensus.ledger.stake.delegates import (
    count_delegators,
    find_delegate,
    list_delegates,
    measure_concentration,
    measure_spread,
)
from consensus.params import Q32
from consensus.quantities import Amount, Uid
from tests.builders import SUBNET, TAO, do, key_of, make_state

STATE = make_state()


def test_delegates_come_by_root_stake_with_ties_by_key() -> None:
    found = list_delegates(STATE, 3)
    assert (found.count, found.stake, found.height) == (4, 3_800 * TAO, 0)
    tied = sorted((key_of("hot0"), key_of("hot1")))
    assert [delegate.hotkey for delegate in found.largest[:2]] == tied
    assert found.largest[2].stake == 900 * TAO


def test_a_delegate_shows_its_owner_take_and_neurons() -> None:
    state = do(STATE, "alice", StakeRoot(key_of("hot2"), Amount(5 * TAO))).state
    delegate = find_delegate(state, key_of("hot2"))
    assert delegate is not None
    assert delegate.owner == key_of("cold2")
    assert delegate.neurons == ((SUBNET, Uid(2)),)
    assert delegate.stake >= 905 * TAO
    assert count_delegators(state, key_of("hot2"), 10) == 2
    assert count_delegators(state, key_of("hot2"), 1) == 1
    assert find_delegate(state, key_of("nobody")) is None


def test_concentration_is_of_root_stake_and_of_each_subnet_s_validators() -> None:
    found = measure_concentration(STATE)
    assert (found.root.holders, found.root.total) == (4, 3_800 * TAO)
    ((netuid, spread),) = found.subnets
    graph = metagraph(STATE, SUBNET)
    permitted = [stake for stake, permit in zip(graph.stake, graph.permits, strict=True) if permit]
    assert netuid == SUBNET
    assert (spread.holders, spread.total) == (len(permitted), sum(permitted))


def test_equal_stakes_have_no_gini_and_one_holder_has_everything() -> None:
    assert measure_spread([5] * 10).gini == 0
    assert measure_spread([]) == measure_spread([0, 0])
    alone = measure_spread([0, 7])
    assert (alone.holders, alone.third, alone.half) == (1, 1, 1)
    assert measure_spread([0] * 99 + [1] * 99 + [10**30]).gini > Q32 * 98 // 100


def test_the_coefficients_count_whom_it_takes_to_exceed_the_part() -> None:
    spread = measure_spread([1, 1, 1, 1, 1, 1])
    assert (spread.third, spread.half) == (3, 4)  # exactly a third, or half, is not enough
    assert measure_spread([4, 1, 1, 1, 1]).half == 2
    assert measure_spread([3, 3, 3, 1]).third == 2


def test_the_gini_is_half_the_mean_difference_over_the_mean() -> None:
    rng = random.Random(1)
    for _ in range(20):
        held = [rng.randrange(1, 10**18) for _ in range(rng.randrange(1, 30))]
        differences = sum(abs(a - b) for a in held for b in held)
        exact = Fraction(differences, 2 * len(held) * sum(held))
        assert measure_spread(held).gini == exact * Q32 // 1
