"""The epoch step pays its pots to the rao, and every reward can be taken apart afterwards."""

from dataclasses import replace

from consensus.ledger.earnings.epochs import process_epoch_step
from consensus.ledger.earnings.history import find_record
from consensus.ledger.events import EpochClosed
from consensus.ledger.queries import account, explain, metagraph, supply
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import get_subnet
from consensus.ledger.supply import check_invariants
from consensus.quantities import U16, U16_MAX, Amount, NetUid, Uid
from consensus.reward.backing import compute_weight
from consensus.reward.yuma import run_epoch
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    key_of,
    make_hyper,
    make_params,
    make_state,
    make_subnet,
    play_epoch,
)

ROWS = {"hot0": {2: 65_535, 3: 20_000}, "hot1": {2: 65_535, 3: 30_000}}


def test_genesis_gives_permits_to_the_largest_stakes() -> None:
    assert metagraph(make_state(), SUBNET).permits == (True, True, False, False)


def test_the_first_step_is_at_the_end_of_the_first_reveal_window() -> None:
    state = advance(make_state(), 9)
    assert metagraph(state, SUBNET).market.stepped_at == 0
    applied = apply(state)
    assert metagraph(applied.state, SUBNET).market.stepped_at == 10
    assert [type(event) for event in applied.events] == [EpochClosed]


def test_an_epoch_pays_miners_by_weight_and_validators_by_dividends() -> None:
    state = play_epoch(make_state(), ROWS)
    graph = metagraph(state, SUBNET)
    assert graph.emission[2] > graph.emission[3] > 0
    assert graph.emission[0] > 0
    assert graph.emission[1] > 0
    pots = 10 * TAO * (U16_MAX - 11_796) // U16_MAX
    assert abs(sum(graph.emission) - pots) < 20
    assert graph.market.miner_pot == graph.market.validator_pot == 0
    held = supply(state, SUBNET)
    assert held.staked == graph.emission[2] + graph.emission[3] == held.issued - held.pooled
    check_invariants(state)


def test_without_incentive_the_miners_pot_is_recycled_and_the_validators_is_not() -> None:
    state = advance(make_state(), 9)
    applied = apply(state)
    closed = applied.events[0]
    assert isinstance(closed, EpochClosed)
    assert closed.miners == 0
    assert closed.recycled > 0
    assert closed.validators > 0
    assert supply(applied.state, SUBNET).burned == closed.recycled
    check_invariants(applied.state)


def test_the_owners_share_is_minted_only_for_an_owner() -> None:
    owned = make_state(subnets=(make_subnet(owner=(key_of("hot3"),)),))
    without = play_epoch(make_state(), ROWS)
    with_owner = play_epoch(owned, ROWS)
    extra = supply(with_owner, SUBNET).issued - supply(without, SUBNET).issued
    assert abs(extra - 10 * TAO * 11_796 // U16_MAX) < 20
    stakes = account(with_owner, key_of("cold3")).stakes
    alpha = next(stake for stake in stakes if stake.netuid == SUBNET)
    assert abs(alpha.amount - metagraph(with_owner, SUBNET).emission[3] - extra) <= 20
    check_invariants(with_owner)


def test_explain_adds_up_to_what_was_paid() -> None:
    state = play_epoch(make_state(), ROWS)
    graph = metagraph(state, SUBNET)
    for uid in range(4):
        view = explain(state, SUBNET, Uid(uid))
        assert view is not None
        parts = view.explanation
        assert view.epoch == 0
        assert view.hotkey == graph.hotkeys[uid]
        assert parts.emission == graph.emission[uid]
        assert sum(vote.amount for vote in parts.votes) == parts.miner_emission
        assert sum(bond.amount for bond in parts.bonds) == parts.validator_emission
        whole = parts.owner + parts.delegators + parts.sold + parts.lenders
        assert whole == parts.alpha_part + parts.root_part == parts.validator_emission


def test_explain_stays_right_when_later_rows_and_stakes_differ() -> None:
    state = play_epoch(make_state(), ROWS)
    before = explain(state, SUBNET, Uid(2))
    later = advance(state, 17)
    assert explain(later, SUBNET, Uid(2)) == before
    assert explain(advance(later, 18), SUBNET, Uid(2)) != before


def test_there_is_nothing_to_explain_before_the_first_step_or_beyond_the_uids() -> None:
    state = make_state()
    assert explain(state, SUBNET, Uid(0)) is None
    assert explain(advance(state, 10), SUBNET, Uid(4)) is None


def test_the_record_gives_back_what_the_law_read() -> None:
    state = play_epoch(make_state(), ROWS)
    state = play_epoch(advance(state, 15), ROWS)
    record = find_record(state, SUBNET)
    assert record is not None
    graph = metagraph(state, SUBNET)
    assert tuple(run_epoch(record.inputs).incentive) == graph.incentive
    assert record.inputs.bonds.uids == (0, 1)
    assert record.epoch == 2
    assert record.inputs.last_epoch_block == 18
    assert record.hotkeys == list(graph.hotkeys)
    assert [compute_weight(support.backings) for support in record.supports] == record.inputs.stake


def test_a_subnet_that_has_not_started_has_no_epochs() -> None:
    draft = Draft(advance(make_state(), 9))
    subnet = replace(get_subnet(draft, SUBNET), is_started=False)
    assert process_epoch_step(draft, make_params(), SUBNET, subnet) == []
    assert draft.changes == {}


def test_two_subnets_step_on_their_own_tempo() -> None:
    other = make_subnet(netuid=NetUid(2), hyper=make_hyper(tempo=U16(12), reveal_blocks=U16(3)))
    state = advance(make_state(subnets=(make_subnet(), other)), 14)
    assert metagraph(state, SUBNET).market.stepped_at == 10
    assert metagraph(state, NetUid(2)).market.stepped_at == 0
    assert metagraph(advance(state, 15), NetUid(2)).market.stepped_at == 15


def test_alpha_emission_stops_at_the_cap() -> None:
    state = make_state()
    graph = metagraph(advance(state, 1), SUBNET)
    assert graph.supply.issued - graph.supply.pooled == graph.supply.pending
    assert graph.supply == replace(graph.supply, free=Amount(0), staked=Amount(0))
