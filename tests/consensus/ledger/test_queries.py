"""What one can ask is what the state says."""

import pytest

from consensus.ledger.queries import (
    account,
    beacon_mix,
    explain,
    list_subnets,
    metagraph,
    nonce,
    supply,
)
from consensus.quantities import NetUid, Uid
from consensus.refusals import UnknownSubnet
from tests.builders import SUBNET, TAO, advance, key_of, make_state


def test_a_key_that_was_never_used_owns_nothing() -> None:
    view = account(make_state(), key_of("stranger"))
    assert (view.free, view.nonce, view.stakes, view.unbonding) == (0, 0, (), ())
    assert view.owner is None
    assert nonce(make_state(), key_of("stranger")) == 0


def test_a_hotkey_knows_its_owner_and_its_neurons() -> None:
    view = account(make_state(), key_of("hot2"))
    assert view.owner == key_of("cold2")
    assert view.neurons == ((SUBNET, Uid(2)),)


def test_every_column_of_a_metagraph_has_one_entry_per_uid() -> None:
    graph = metagraph(make_state(), SUBNET)
    columns = [
        *(graph.uids, graph.hotkeys, graph.coldkeys, graph.takes, graph.stake, graph.permits),
        *(graph.active, graph.consensus, graph.incentive, graph.dividends, graph.emission),
        *(graph.validator_trust, graph.registered_block, graph.active_block, graph.served),
        graph.commit_block,
    ]
    assert {len(column) for column in columns} == {4}
    assert graph.coldkeys[1] == key_of("cold1")
    assert graph.stake[0] == 773_094_113 * 1_000 * TAO >> 32


def test_a_subnet_that_is_not_there_is_unknown() -> None:
    with pytest.raises(UnknownSubnet):
        metagraph(make_state(), NetUid(9))
    with pytest.raises(UnknownSubnet):
        explain(make_state(), NetUid(9), Uid(0))
    assert list_subnets(make_state(subnets=())) == ()


def test_the_mix_changes_with_every_block() -> None:
    state = make_state()
    mixes = {beacon_mix(advance(state, height)) for height in range(5)}
    assert len(mixes) == 5


def test_supply_is_accounted_for_in_every_coin() -> None:
    state = advance(make_state(), 12)
    for netuid in (NetUid(0), SUBNET):
        assert supply(state, netuid).accounted == supply(state, netuid).issued > 0
