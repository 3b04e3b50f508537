"""What is counted and when, and what becomes of a decision."""

from dataclasses import replace

import pytest

from consensus.calls.accounts import Transfer
from consensus.calls.governance import (
    ChangeParam,
    ChangeProtocol,
    Declare,
)
from consensus.calls.staking import UnstakeRoot
from consensus.ledger.calls import process_call
from consensus.ledger.dues import process_agenda
from consensus.ledger.events import (
    ProposalEnacted,
    ProposalFailed,
    ProposalPassed,
    ProposalRejected,
)
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.records import (
    ROOT,
    Hotkey,
    get_network,
    put_hotkey,
)
from consensus.ledger.stake.shares import deposit
from consensus.ledger.state import Draft, State
from consensus.ledger.supply import check_invariants
from consensus.ledger.voting.governance import SWEPT_MAX
from consensus.ledger.voting.proposals import (
    UPGRADES_MAX,
    MotionState,
    Upgrade,
    get_governance,
    get_proposal,
    get_protocol,
    list_upgrades,
    put_ballot,
    put_governance,
    scan_ballots,
)
from consensus.quantities import (
    I64,
    U32,
    Amount,
    Height,
    LongText,
    PublicKey,
    Ratio16,
    ShortText,
)
from tests.builders import (
    TAO,
    admit,
    advance,
    apply,
    do,
    key_of,
    make_state,
    make_transaction,
)
from tests.consensus.ledger.votes import (
    FIRST,
    PARAMS,
    funded,
    make_propose,
    proposed,
    standing,
    vote,
)

# -- counting -------------------------------------------------------------------------------------


def test_a_majority_with_a_quorum_passes_and_takes_effect_after_its_notice() -> None:
    state = vote(proposed(), "hot0", "hot1")
    applied = apply(advance(state, 7))
    assert applied.state.height == 8
    (event,) = applied.events
    assert isinstance(event, ProposalPassed)
    assert (event.proposal, event.no, event.effect_at) == (FIRST, 0, 12)
    assert event.yes >= 2_000 * TAO
    state = advance(applied.state, 10)
    assert get_network(state).params.fee_base == PARAMS.fee_base
    applied = apply(state)
    assert ProposalEnacted(FIRST, LongText("fee_base = 20000")) in applied.events
    state = applied.state
    assert get_network(state).params == replace(PARAMS, fee_base=Amount(20_000))
    assert get_network(state).chain_id == get_network(make_state(params=PARAMS)).chain_id
    assert standing(state) is MotionState.ENACTED
    fee = do(state, "alice", Transfer(key_of("bob"), Amount(1))).receipts[0].fee
    assert fee > 20_000
    check_invariants(state)


def test_a_later_height_that_was_asked_for_is_kept() -> None:
    state = vote(proposed(activation=20), "hot0", "hot1")
    state = advance(state, 18)
    assert get_proposal(state, FIRST).effect_at == 20
    assert get_network(state).params.fee_base == PARAMS.fee_base
    assert get_network(advance(state, 19)).params.fee_base == 20_000


@pytest.mark.parametrize(
    ("yes", "no", "quorum_ppm"),
    [
        ((), (), 0),
        (("hot2",), (), 500_000),
        (("hot0",), ("hot1", "hot2"), 200_000),
        ((), ("hot0", "hot1"), 200_000),
    ],
)
def test_a_minority_or_too_few_are_rejected(
    yes: tuple[str, ...], no: tuple[str, ...], quorum_ppm: int
) -> None:
    state = vote(proposed(quorum_ppm=U32(quorum_ppm)), *yes)
    state = vote(state, *no, yes=False)
    applied = apply(advance(state, 7))
    assert isinstance(applied.events[0], ProposalRejected)
    state = advance(applied.state, 20)
    assert standing(state) is MotionState.REJECTED
    assert get_network(state).params.fee_base == PARAMS.fee_base


def test_exactly_half_is_no_majority() -> None:
    draft = Draft(proposed(), Height(8))
    for name, is_yes in (("one", True), ("two", False)):
        key = key_of(name)
        put_hotkey(draft, key, Hotkey(key_of("bob"), Ratio16(0), Height(0), key))
        deposit(draft, ROOT, key, key_of("bob"), 5_000 * TAO)
        put_ballot(draft, FIRST, key, is_yes=is_yes)
    (event,) = process_agenda(draft)
    assert isinstance(event, ProposalRejected)
    assert event.yes == event.no == 5_000 * TAO


def test_stake_counts_as_it_is_at_the_tally() -> None:
    state = vote(proposed(), "hot0")
    state = vote(state, "hot2", yes=False)
    state = do(state, "cold0", UnstakeRoot(key_of("hot0"), Amount(900 * TAO))).state
    (event,) = apply(advance(state, 7)).events
    assert isinstance(event, ProposalRejected)
    assert event.yes < 200 * TAO


def test_a_late_tally_still_counts_one_proposal_per_block() -> None:
    state = proposed()
    state = do(state, "hot1", make_propose(activation=50)).state
    draft = Draft(advance(state, 7), Height(9))
    assert len(process_agenda(draft)) == 1
    assert (standing(draft, 0), standing(draft, 1)) == (MotionState.REJECTED, MotionState.OPEN)


def test_counted_ballots_are_deleted_a_bounded_number_at_a_time() -> None:
    draft = Draft(funded(), Height(1))
    process_call(draft, key_of("hot0"), make_propose())
    for number in range(SWEPT_MAX + 5):
        put_ballot(draft, FIRST, PublicKey(number.to_bytes(32, "big")), is_yes=True)
    state = advance(draft.freeze(), 7)
    left = [len(list(scan_ballots(advance(state, height), FIRST))) for height in (7, 8, 9)]
    assert left == [SWEPT_MAX + 5, 5, 0]


# -- what comes of it -----------------------------------------------------------------------------


def test_a_change_that_another_made_impossible_fails_visibly() -> None:
    """Both shares could be raised when they were proposed; together they exceed all there is."""
    first = ChangeParam(ShortText("owner_share"), I64(30_000))
    second = ChangeParam(ShortText("miner_share"), I64(50_000))
    state = do(proposed(first), "hot1", make_propose(second, 4)).state
    state = vote(state, "hot0", "hot1")
    state = vote(state, "hot0", "hot1", number=1)
    state = advance(state, 11)
    assert standing(state) is MotionState.ENACTED
    applied = apply(state)
    event = applied.events[-1]
    assert isinstance(event, ProposalFailed)
    assert "owner_share + miner_share <= 65535" in event.reason
    assert standing(applied.state, 1) is MotionState.FAILED
    params = get_network(applied.state).params
    assert (params.owner_share, params.miner_share) == (30_000, PARAMS.miner_share)


def test_a_declaration_is_accepted_and_changes_nothing_else() -> None:
    state = advance(vote(proposed(Declare(LongText("We exist."))), "hot0", "hot1"), 12)
    assert standing(state) is MotionState.ENACTED
    assert get_network(state).params == PARAMS


def test_a_pool_of_transactions_outlives_a_change_of_the_fee() -> None:
    state = advance(vote(proposed(), "hot0", "hot1"), 10)
    pool = Mempool()
    admit(pool, state, make_transaction(state, "alice"))
    state = apply(state).state
    assert get_network(state).params.fee_base == 20_000
    body = build_body(state, pool)
    assert apply(state, *body).receipts[0].fee > 20_000
    poor = make_state(params=PARAMS)
    assert build_body(poor, Mempool()) == ()


# -- protocol versions ----------------------------------------------------------------------------


def _decided(*versions: int) -> State:
    """Return the state after block 10, at which votes for protocol versions are counted."""
    state = funded()
    for at, version in enumerate(versions):
        state = do(state, f"hot{at}", make_propose(ChangeProtocol(U32(version)), 99)).state
    for at, _ in enumerate(versions):
        state = vote(state, "hot0", "hot1", number=at)
    return advance(state, 10)


def test_a_version_is_announced_at_the_tally_and_needed_from_its_height_on() -> None:
    state = _decided(2)
    assert list_upgrades(state) == (Upgrade(U32(2), Height(99)),)
    assert get_protocol(state, Height(98)) == 1
    assert get_protocol(state, Height(99)) == 2
    state = advance(state, 98)
    assert get_governance(state).version == 2
    assert list_upgrades(state) == ()
    assert get_protocol(state, Height(99)) == 2


def test_a_network_starts_with_the_first_version() -> None:
    assert get_protocol(make_state(), Height(2**64 - 1)) == 1
    assert list_upgrades(make_state()) == ()


def test_a_version_that_a_higher_one_overtook_fails() -> None:
    state = advance(_decided(3, 2), 98)
    assert get_governance(state).version == 3
    assert (standing(state, 0), standing(state, 1)) == (MotionState.ENACTED, MotionState.FAILED)
    assert list_upgrades(state) == ()


def test_only_so_many_versions_are_on_their_way() -> None:
    draft = Draft(vote(proposed(ChangeProtocol(U32(40))), "hot0", "hot1"), Height(8))
    waiting = tuple(Upgrade(U32(at + 2), Height(99)) for at in range(UPGRADES_MAX))
    put_governance(draft, replace(get_governance(draft), upgrades=waiting))
    (event,) = process_agenda(draft)
    assert isinstance(event, ProposalFailed)
    assert list_upgrades(draft) == waiting
