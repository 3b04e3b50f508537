"""Votes on what the network becomes: no key can change a rule alone.

A hotkey with root stake proposes for a fee, which it pays itself: a key that lies on a server must
not be able to spend its owner's coldkey. Hotkeys vote; each vote counts with all root stake behind
the hotkey when votes are counted. That is done at one height for all ballots, so no stake counts
twice, wherever it goes. A proposal passes with more than half of the voted stake and a quorum of
all; it takes effect at the height it names, or when the time to prepare is over.

Bounds. At most `OPEN_MAX` proposals are open, one of each hotkey, and who proposes has 1/1024 of
all root stake: it takes a sixteenth of it to fill all places. A ballot needs 1/4096, so a tally
reads about as many at most, and never more than `BALLOTS_MAX`; one tally is done per block.
Smaller stakes vote through the hotkey they are delegated to.

What was decided is checked again when its height comes: a change that another one has made
impossible fails, and says so. A parameter holds from the block `effect_at` on, or a few blocks
later if the agenda is full; a protocol version from exactly that block on (`get_protocol`).

Source: `docs/spec/ledger.md` 11.
"""

from dataclasses import replace
from itertools import islice
from typing import assert_never

from consensus.calls.governance import (
    CastVote,
    Change,
    ChangeParam,
    ChangeProtocol,
    Declare,
    Propose,
)
from consensus.errors import CallError
from consensus.ledger import agenda
from consensus.ledger.accounts import withdraw
from consensus.ledger.agenda import Errand
from consensus.ledger.events import (
    LedgerEvent,
    ProposalEnacted,
    ProposalFailed,
    ProposalOpened,
    ProposalPassed,
    ProposalRejected,
)
from consensus.ledger.keys import u32
from consensus.ledger.records import (
    ROOT,
    destroy,
    get_hotkey,
    get_network,
    get_pool,
    put_network,
)
from consensus.ledger.state import Draft, Total
from consensus.ledger.texts import check_printable
from consensus.ledger.voting.governable import change_param
from consensus.ledger.voting.proposals import (
    OPEN_MAX,
    UPGRADES_MAX,
    Governance,
    Motion,
    MotionState,
    OpenVote,
    Upgrade,
    count_votes,
    describe_change,
    find_ballot,
    find_proposal,
    get_governance,
    get_proposal,
    put_ballot,
    put_governance,
    put_proposal,
    scan_ballots,
)
from consensus.quantities import U32, Amount, Height, PublicKey, ShortText
from consensus.refusals import (
    GovernanceFull,
    InvalidProposal,
    NoRootStake,
    RateLimited,
    VotingClosed,
)

PROPOSER_PART = 1_024
"""A hotkey may propose with 1/1024 of all root stake behind it."""
BALLOTS_MAX = 4_096
"""Ballots of one proposal; also, a hotkey may vote with 1/4096 of all root stake behind it."""
SWEPT_MAX = 512
"""Counted ballots that one block deletes."""
ACTIVATION_AHEAD_MAX = 2_628_000
"""How far ahead a proposal's height may lie: a year of 12 s blocks."""
NOTICE_MIN = 2
"""Blocks, at least, between a tally and the effect, whatever `enactment_blocks` says."""
_PPM = 1_000_000


# -- calls ----------------------------------------------------------------------------------------


def process_propose(draft: Draft, signer: PublicKey, call: Propose) -> ProposalOpened:
    """Put a change to the vote for the fee, which the signing hotkey pays and which is burned.

    Raises:
        CallError: NoRootStake, InvalidProposal, UnknownName, OutOfBounds, NotPrintable,
            RateLimited (its last one is open), GovernanceFull, NotEnoughFunds.
    """
    vault = _get_voter(draft, signer, PROPOSER_PART)
    governance, params = get_governance(draft), get_network(draft).params
    last = draft.height + ACTIVATION_AHEAD_MAX
    if not draft.height < call.activation <= last:
        raise InvalidProposal(f"at {call.activation}; after {draft.height}, at most {last}")
    _check_change(draft, governance, call.change)
    mine = [vote.number for vote in governance.votes if vote.vault == vault]
    if mine:
        raise RateLimited(f"proposal {mine[0]} of this hotkey is still open")
    if len(governance.votes) >= OPEN_MAX:
        raise GovernanceFull(f"{OPEN_MAX} proposals are open")
    withdraw(draft, signer, params.proposal_fee)
    destroy(draft, ROOT, params.proposal_fee)
    number = governance.next_number
    closes_at = Height(draft.height + params.voting_blocks)
    none, never = Amount(0), Height(0)
    proposal = Motion(
        hotkey=signer,
        change=call.change,
        activation=call.activation,
        opened_at=draft.height,
        closes_at=closes_at,
        ballots=U32(0),
        standing=MotionState.OPEN,
        yes=none,
        no=none,
        stake=none,
        effect_at=never,
    )
    put_proposal(draft, number, proposal)
    votes = (*governance.votes, OpenVote(number, vault))
    put_governance(draft, replace(governance, next_number=U32(number + 1), votes=votes))
    agenda.add(draft, closes_at, Errand.TALLY, u32(number))
    return ProposalOpened(number, signer, describe_change(call.change), closes_at)


def process_vote(draft: Draft, signer: PublicKey, call: CastVote) -> None:
    """Write a hotkey's vote, in place of the one it cast before.

    Raises:
        CallError: UnknownProposal, VotingClosed, NoRootStake, GovernanceFull.
    """
    proposal = get_proposal(draft, call.proposal)
    if proposal.standing is not MotionState.OPEN or draft.height > proposal.closes_at:
        raise VotingClosed(f"proposal {call.proposal} was open until {proposal.closes_at}")
    vault = _get_voter(draft, signer, BALLOTS_MAX)
    if find_ballot(draft, call.proposal, vault) is None:
        if proposal.ballots >= BALLOTS_MAX:
            raise GovernanceFull(f"{BALLOTS_MAX} ballots are cast on proposal {call.proposal}")
        counted = replace(proposal, ballots=U32(proposal.ballots + 1))
        put_proposal(draft, call.proposal, counted)
    put_ballot(draft, call.proposal, vault, is_yes=call.is_yes)


# -- what falls due -------------------------------------------------------------------------------


def process_tally(draft: Draft, subject: bytes) -> list[LedgerEvent]:
    """Count the votes of a proposal, or delete some of those that are counted.

    A block counts one proposal and deletes one batch; what it has no room for waits for the next.
    """
    number = U32(int.from_bytes(subject, "big"))
    proposal, governance = find_proposal(draft, number), get_governance(draft)
    if proposal is None:
        return []
    is_open = proposal.standing is MotionState.OPEN
    if draft.height == (governance.tallied_at if is_open else governance.swept_at):
        _come_again(draft, subject)
        return []
    if not is_open:
        put_governance(draft, replace(governance, swept_at=draft.height))
        _sweep(draft, number)
        return []
    votes = tuple(vote for vote in governance.votes if vote.number != number)
    put_governance(draft, replace(governance, votes=votes, tallied_at=draft.height))
    _come_again(draft, subject)
    return [_decide(draft, number, proposal)]


def process_enactment(draft: Draft, subject: bytes) -> list[LedgerEvent]:
    """Do what was decided, or say that it can't be done any more."""
    number = U32(int.from_bytes(subject, "big"))
    proposal = find_proposal(draft, number)
    if proposal is None or proposal.standing is not MotionState.PASSED:
        return []
    try:
        _enact(draft, proposal)
    except CallError as error:
        put_proposal(draft, number, replace(proposal, standing=MotionState.FAILED))
        return [ProposalFailed(number, _shorten(error))]
    put_proposal(draft, number, replace(proposal, standing=MotionState.ENACTED))
    return [ProposalEnacted(number, describe_change(proposal.change))]


# -- the parts ------------------------------------------------------------------------------------


def _get_voter(draft: Draft, signer: PublicKey, part: int) -> PublicKey:
    """Return the vault of a hotkey with one `part` of all root stake.

    Raises:
        NoRootStake: it has less, or is not a hotkey.
    """
    record = get_hotkey(draft, signer)
    stake = 0 if record is None else get_pool(draft, ROOT, signer).amount
    least = -(-draft.get_total(ROOT, Total.STAKED) // part)
    if record is None or stake < max(least, 1):
        raise NoRootStake(f"{stake} rao behind {signer.hex()}, at least {least} are needed")
    return record.vault


def _check_change(draft: Draft, governance: Governance, change: Change) -> None:
    match change:
        case ChangeParam():
            check_printable(change.name)
            change_param(get_network(draft).params, change.name, change.value)
        case ChangeProtocol():
            if change.version <= governance.version:
                raise InvalidProposal(f"version {change.version}, {governance.version} is in force")
        case Declare():
            if not change.text:
                raise InvalidProposal("a declaration that says nothing")
            check_printable(change.text)
        case _:
            assert_never(change)


def _decide(draft: Draft, number: U32, proposal: Motion) -> LedgerEvent:
    """Count the votes, and put what was decided on the agenda."""
    params = get_network(draft).params
    yes, no = count_votes(draft, number)
    stake = Amount(draft.get_total(ROOT, Total.STAKED))
    counted = replace(proposal, yes=yes, no=no, stake=stake)
    voted = yes + no
    if 2 * yes <= voted or voted * _PPM < params.quorum_ppm * stake:
        put_proposal(draft, number, replace(counted, standing=MotionState.REJECTED))
        return ProposalRejected(number, yes, no, stake)
    notice = max(params.enactment_blocks, NOTICE_MIN)
    effect_at = Height(max(proposal.activation, draft.height + notice))
    passed = replace(counted, standing=MotionState.PASSED, effect_at=effect_at)
    if isinstance(proposal.change, ChangeProtocol):
        try:
            _announce(draft, Upgrade(proposal.change.version, effect_at))
        except InvalidProposal as error:
            put_proposal(draft, number, replace(passed, standing=MotionState.FAILED))
            return ProposalFailed(number, _shorten(error))
    put_proposal(draft, number, passed)
    agenda.add(draft, Height(effect_at - 1), Errand.ENACT, u32(number))
    return ProposalPassed(number, yes, no, stake, effect_at)


def _announce(draft: Draft, upgrade: Upgrade) -> None:
    """Let every node know from now on which version the block at a height needs."""
    governance = get_governance(draft)
    if upgrade.version <= governance.version:
        raise InvalidProposal(f"version {governance.version} is in force")
    if len(governance.upgrades) >= UPGRADES_MAX:
        raise InvalidProposal(f"{UPGRADES_MAX} versions are on their way")
    put_governance(draft, replace(governance, upgrades=(*governance.upgrades, upgrade)))


def _enact(draft: Draft, proposal: Motion) -> None:
    match proposal.change:
        case ChangeParam():
            network = get_network(draft)
            params = change_param(network.params, proposal.change.name, proposal.change.value)
            put_network(draft, replace(network, params=params))
        case ChangeProtocol():
            _switch(draft, Upgrade(proposal.change.version, proposal.effect_at))
        case Declare():
            pass  # that it was accepted is all it does
        case _:
            assert_never(proposal.change)


def _switch(draft: Draft, upgrade: Upgrade) -> None:
    """Let a version be in force; one that a higher one has overtaken is forgotten, and fails."""
    governance = get_governance(draft)
    waiting = list(governance.upgrades)
    waiting.remove(upgrade)
    version = max(governance.version, upgrade.version)
    put_governance(draft, replace(governance, version=version, upgrades=tuple(waiting)))
    if governance.version >= upgrade.version:
        raise InvalidProposal(f"version {governance.version} is in force")


def _sweep(draft: Draft, number: U32) -> None:
    """Delete some ballots of a counted proposal, and come again while there are more."""
    found = [key for key, _, _ in islice(scan_ballots(draft, number), SWEPT_MAX + 1)]
    for key in found[:SWEPT_MAX]:
        draft.delete(key)
    if len(found) > SWEPT_MAX:
        _come_again(draft, u32(number))


def _come_again(draft: Draft, subject: bytes) -> None:
    agenda.add(draft, Height(draft.height + 1), Errand.TALLY, subject)


def _shorten(error: CallError) -> ShortText:
    return ShortText(f"{type(error).__name__}: {error}"[:128])
