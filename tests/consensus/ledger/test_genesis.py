"""A genesis that adds up builds; its name covers everything; a contradiction is told."""

from dataclasses import replace
from typing import Any

import pytest

from consensus import codec, crypto
from consensus.errors import InvalidGenesis
from consensus.ledger.genesis import (
    Genesis,
    GenesisAccount,
    GenesisHotkey,
    GenesisNeuron,
    GenesisStake,
    build_genesis,
    compute_chain_id,
    compute_first_seed,
    get_entries,
)
from consensus.ledger.queries import account, list_subnets, metagraph, supply, validator_set
from consensus.ledger.records import ROOT, get_head, get_network
from consensus.ledger.supply import check_invariants
from consensus.params import SUPPLY_CAP
from consensus.quantities import Amount, NetUid, Ratio16, ShortText, TimeMs
from tests.builders import (
    SUBNET,
    TAO,
    key_of,
    make_genesis,
    make_params,
    make_subnet,
    make_validator,
)


def test_genesis_adds_up() -> None:
    state, header = build_genesis(make_genesis())
    check_invariants(state)
    assert supply(state).issued == 1_020 * TAO + 3_800 * TAO + 1_000 * TAO
    assert header.state_root == state.root
    assert header.height == header.view == 0
    assert get_head(state).time_ms == header.time_ms
    assert list_subnets(state) == (SUBNET,)


def test_the_validator_set_is_that_of_the_list() -> None:
    genesis = make_genesis()
    state, header = build_genesis(genesis)
    assert validator_set(state) == get_entries(genesis)
    assert header.vset_hash == crypto.compute_vset_hash(get_entries(genesis))
    stake = account(state, key_of("cold2")).stakes[0]
    assert (stake.netuid, stake.amount) == (ROOT, 900 * TAO)


def test_a_genesis_survives_its_encoding() -> None:
    genesis = make_genesis()
    assert codec.decode(Genesis, codec.encode(genesis)) == genesis


@pytest.mark.parametrize(
    "fields",
    [
        {"network": ShortText("other")},
        {"time_ms": TimeMs(1)},
        {"params": make_params(kappa=1)},
        {"accounts": ()},
        {"subnets": ()},
        {"validators": (make_validator(0),)},
    ],
)
def test_the_chain_id_and_the_seed_cover_every_field(fields: dict[str, Any]) -> None:
    genesis = make_genesis()
    changed = replace(genesis, **fields)
    assert compute_chain_id(changed) != compute_chain_id(genesis)
    assert compute_first_seed(changed) != compute_first_seed(genesis)
    assert get_network(build_genesis(changed)[0]).chain_id == compute_chain_id(changed)


def test_alpha_stake_and_takes_may_be_there_from_the_start() -> None:
    hotkey = GenesisHotkey(key_of("hot0"), key_of("cold0"), Ratio16(100))
    stake = GenesisStake(SUBNET, key_of("hot3"), key_of("alice"), Amount(5_000 * TAO))
    state, _ = build_genesis(make_genesis(hotkeys=(hotkey,), stakes=(stake,)))
    check_invariants(state)
    assert account(state, key_of("hot0")).take == 100
    assert supply(state, SUBNET).issued == 5_000 * TAO + 1_000 * TAO
    assert metagraph(state, SUBNET).permits == (False, True, False, True)


_HOT = GenesisHotkey(key_of("hot0"), key_of("cold0"), Ratio16(100))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accounts": (GenesisAccount(key_of("a"), Amount(1)),) * 2}, "listed twice"),
        ({"accounts": (GenesisAccount(key_of("a"), Amount(SUPPLY_CAP)),)}, "above the cap"),
        ({"validators": (make_validator(0), make_validator(0))}, "share a consensus key"),
        ({"hotkeys": (_HOT, _HOT)}, "listed twice"),
        ({"hotkeys": (replace(_HOT, take=Ratio16(60_000)),)}, "take 60000"),
        ({"hotkeys": (replace(_HOT, coldkey=key_of("x")),)}, "NotOwner"),
        ({"subnets": (make_subnet(), make_subnet())}, "listed twice"),
        ({"subnets": (make_subnet(netuid=ROOT),)}, "is root"),
        ({"subnets": (make_subnet(owner=(key_of("x"),)),)}, "has no owner"),
        (
            {"subnets": (make_subnet(neurons=make_subnet().neurons * 2),)},
            "listed twice",
        ),
        (
            {
                "subnets": (
                    make_subnet(
                        neurons=tuple(GenesisNeuron(key_of(f"n{i}"), key_of("c")) for i in range(9))
                    ),
                )
            },
            "9 neurons",
        ),
        (
            {"stakes": (GenesisStake(NetUid(5), key_of("hot0"), key_of("a"), Amount(TAO)),)},
            "not listed",
        ),
        (
            {"stakes": (GenesisStake(ROOT, key_of("x"), key_of("a"), Amount(TAO)),)},
            "has no owner",
        ),
        ({"stakes": (GenesisStake(ROOT, key_of("hot0"), key_of("a"), Amount(1)),)}, "stake of 1"),
        (
            {
                "stakes": (
                    GenesisStake(SUBNET, key_of("hot0"), key_of("a"), Amount(SUPPLY_CAP)),
                    GenesisStake(SUBNET, key_of("hot1"), key_of("a"), Amount(TAO)),
                )
            },
            "exceed the cap",
        ),
    ],
)
def test_a_contradiction_is_told(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidGenesis, match=message):
        build_genesis(make_genesis(**fields))
