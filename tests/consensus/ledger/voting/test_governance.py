"""Who may propose what, and who may vote, until when, how often."""

from dataclasses import replace

import pytest

from consensus.calls.governance import (
    CastVote,
    Change,
    ChangeParam,
    ChangeProtocol,
    Declare,
)
from consensus.calls.staking import StakeRoot
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.events import (
    ProposalOpened,
)
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    Hotkey,
    get_account,
    get_hotkey,
    put_hotkey,
)
from consensus.ledger.stake.shares import deposit
from consensus.ledger.state import Draft, State
from consensus.ledger.supply import check_invariants, get_supply
from consensus.ledger.voting.governance import BALLOTS_MAX
from consensus.ledger.voting.proposals import (
    OPEN_MAX,
    MotionState,
    OpenVote,
    get_governance,
    get_proposal,
    list_proposals,
    put_ballot,
    put_governance,
    put_proposal,
    scan_ballots,
    view_proposal,
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
from consensus.refusals import (
    GovernanceFull,
    InvalidProposal,
    NoRootStake,
    NotEnoughFunds,
    NotPrintable,
    OutOfBounds,
    RateLimited,
    UnknownName,
    UnknownProposal,
    VotingClosed,
)
from tests.builders import (
    TAO,
    advance,
    do,
    key_of,
    make_state,
)
from tests.consensus.ledger.votes import (
    FIRST,
    PARAM,
    PARAMS,
    funded,
    make_propose,
    proposed,
    refuse,
    vote,
)

# -- proposing ------------------------------------------------------------------------------------


def test_a_proposal_burns_its_fee_and_opens_a_vote() -> None:
    state = funded()
    applied = do(state, "hot0", make_propose())
    assert applied.events[0] == ProposalOpened(
        FIRST, key_of("hot0"), LongText("fee_base = 20000"), Height(8)
    )
    paid = get_account(state, key_of("hot0")).free - get_account(applied.state, key_of("hot0")).free
    fee = applied.receipts[0].fee
    assert paid == PARAMS.proposal_fee + fee
    assert get_supply(applied.state).burned - get_supply(state).burned == paid
    shown = view_proposal(applied.state, FIRST)
    assert shown is not None
    assert (shown.proposal.standing, shown.proposal.closes_at) == (MotionState.OPEN, 8)
    check_invariants(applied.state)


@pytest.mark.parametrize(
    ("change", "activation", "error"),
    [
        (PARAM, 2, InvalidProposal),
        (PARAM, 0, InvalidProposal),
        (PARAM, 2 + 2_628_001, InvalidProposal),
        (PARAM, 2**64 - 1, InvalidProposal),
        (ChangeParam(ShortText("fee_basis"), I64(1)), 9, UnknownName),
        (ChangeParam(ShortText(""), I64(1)), 9, UnknownName),
        (ChangeParam(ShortText("__class__"), I64(1)), 9, UnknownName),
        (ChangeParam(ShortText("fee_base\n"), I64(1_000)), 9, NotPrintable),
        (ChangeParam(ShortText("block_ms"), I64(1_000)), 9, UnknownName),
        (ChangeParam(ShortText("fee_base"), I64(99)), 9, OutOfBounds),
        (ChangeParam(ShortText("fee_base"), I64(TAO + 1)), 9, OutOfBounds),
        (ChangeParam(ShortText("fee_base"), I64(-(2**63))), 9, OutOfBounds),
        (ChangeParam(ShortText("fee_base"), I64(2**63 - 1)), 9, OutOfBounds),
        (ChangeParam(ShortText("miner_share"), I64(65_535)), 9, InvalidProposal),
        (ChangeProtocol(U32(0)), 9, InvalidProposal),
        (ChangeProtocol(U32(1)), 9, InvalidProposal),
        (Declare(LongText("")), 9, InvalidProposal),
        (Declare(LongText("two\nlines")), 9, NotPrintable),
    ],
)
def test_a_proposal_that_could_not_take_effect_is_refused(
    change: Change, activation: int, error: type[CallError]
) -> None:
    assert refuse(funded(), "hot0", make_propose(change, activation)) is error


@pytest.mark.parametrize("signer", ["alice", "cold0", "nobody"])
def test_only_hotkeys_with_root_stake_propose_and_vote(signer: str) -> None:
    assert refuse(funded(), signer, make_propose()) is NoRootStake
    assert refuse(proposed(), signer, CastVote(FIRST, is_yes=True)) is NoRootStake


def test_a_hotkey_without_the_fee_proposes_nothing() -> None:
    assert refuse(make_state(params=PARAMS), "hot0", make_propose()) is NotEnoughFunds


def test_a_hotkey_has_one_open_proposal_and_may_propose_again_after_the_tally() -> None:
    state = proposed()
    assert refuse(state, "hot0", make_propose(activation=9)) is RateLimited
    assert do(state, "hot1", make_propose(activation=9)).receipts[0].code == 0
    state = advance(state, 8)
    assert do(state, "hot0", make_propose(activation=99)).receipts[0].code == 0


def test_only_so_many_proposals_are_open() -> None:
    draft = Draft(funded())
    votes = tuple(OpenVote(U32(at), PublicKey(at.to_bytes(32, "big"))) for at in range(OPEN_MAX))
    put_governance(draft, replace(get_governance(draft), votes=votes))
    with pytest.raises(GovernanceFull):
        process_call(draft, key_of("hot0"), make_propose())
    put_governance(draft, replace(get_governance(draft), votes=votes[1:]))
    process_call(draft, key_of("hot0"), make_propose())


def _with_small_stake(state: State, part: int) -> Draft:
    """Return a draft with a hotkey "small" that has one part in `part` of all root stake."""
    draft = Draft(state)
    put_hotkey(
        draft, key_of("small"), Hotkey(key_of("bob"), Ratio16(0), Height(0), key_of("small"))
    )
    deposit(draft, ROOT, key_of("small"), key_of("bob"), 3_800 * TAO // (part - 1))
    return draft


def test_who_proposes_and_who_votes_has_its_part_of_all_stake() -> None:
    state = proposed()
    signer = key_of("small")
    with pytest.raises(NoRootStake):
        process_call(
            _with_small_stake(state, BALLOTS_MAX + 2), signer, CastVote(FIRST, is_yes=True)
        )
    draft = _with_small_stake(state, BALLOTS_MAX - 2)
    process_call(draft, signer, CastVote(FIRST, is_yes=True))
    with pytest.raises(NoRootStake):
        process_call(draft, signer, make_propose(activation=9))
    with pytest.raises(NotEnoughFunds):
        process_call(_with_small_stake(state, 1_000), signer, make_propose(activation=9))


# -- voting ---------------------------------------------------------------------------------------


def test_the_running_tally_follows_votes_and_stake() -> None:
    state = vote(proposed(), "hot0", "hot2")
    state = vote(state, "hot1", yes=False)
    shown = view_proposal(state, FIRST)
    assert shown is not None
    bonus = shown.proposal.stake - 3_800 * TAO
    assert 0 < bonus < 10 * TAO  # what proposers earned meanwhile
    assert 1_900 * TAO <= shown.proposal.yes <= 1_900 * TAO + bonus
    assert 1_000 * TAO <= shown.proposal.no <= 1_000 * TAO + bonus
    state = do(state, "alice", StakeRoot(key_of("hot1"), Amount(100 * TAO))).state
    after = view_proposal(state, FIRST)
    assert after is not None
    assert after.proposal.no >= 1_100 * TAO


def test_the_last_vote_of_a_hotkey_counts_alone() -> None:
    state = vote(proposed(), "hot0")
    state = vote(state, "hot0", yes=False)
    assert get_proposal(state, FIRST).ballots == 1
    assert [is_yes for _, _, is_yes in scan_ballots(state, FIRST)] == [False]


def test_votes_on_what_is_not_open_are_refused() -> None:
    state = proposed()
    call = CastVote(FIRST, is_yes=True)
    assert refuse(state, "hot0", replace(call, proposal=U32(7))) is UnknownProposal
    assert refuse(state, "hot0", replace(call, proposal=U32(2**32 - 1))) is UnknownProposal
    assert do(advance(state, 7), "hot0", call).receipts[0].code == 0
    assert refuse(advance(state, 8), "hot0", call) is VotingClosed


def test_votes_are_closed_even_while_the_tally_is_late() -> None:
    draft = Draft(advance(proposed(), 7), Height(9))
    with pytest.raises(VotingClosed):
        process_call(draft, key_of("hot0"), CastVote(FIRST, is_yes=True))


def test_a_swapped_hotkey_has_one_vote_and_not_two() -> None:
    state = vote(proposed(), "hot0")
    draft = Draft(state)
    record = get_hotkey(draft, key_of("hot0"))
    assert record is not None
    draft.delete(bytes((Family.HOTKEY,)) + key_of("hot0"))
    put_hotkey(draft, key_of("fresh"), record)
    draft.put(bytes((Family.VAULT,)) + record.vault, key_of("fresh"))
    with pytest.raises(NoRootStake):
        process_call(draft, key_of("hot0"), CastVote(FIRST, is_yes=True))
    process_call(draft, key_of("fresh"), CastVote(FIRST, is_yes=False))
    assert [is_yes for _, _, is_yes in scan_ballots(draft, FIRST)] == [False]


def test_no_more_ballots_are_cast_than_a_tally_can_count() -> None:
    draft = Draft(proposed())
    full = replace(get_proposal(draft, FIRST), ballots=U32(BALLOTS_MAX))
    put_proposal(draft, FIRST, full)
    with pytest.raises(GovernanceFull):
        process_call(draft, key_of("hot0"), CastVote(FIRST, is_yes=True))
    put_ballot(draft, FIRST, key_of("hot0"), is_yes=True)
    process_call(draft, key_of("hot0"), CastVote(FIRST, is_yes=False))


# -- queries --------------------------------------------------------------------------------------


def test_proposals_are_listed_newest_first() -> None:
    state = do(proposed(), "hot1", make_propose(Declare(LongText("x")), 9)).state
    assert [each.number for each in list_proposals(state, None, 9)] == [1, 0]
    assert [each.number for each in list_proposals(state, None, 1)] == [1]
    assert [each.number for each in list_proposals(state, U32(1), 9)] == [0]
    assert list_proposals(state, U32(0), 9) == ()
    assert list_proposals(make_state(), None, 9) == ()
    assert view_proposal(state, U32(2)) is None
