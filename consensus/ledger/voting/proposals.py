"""What the state holds about governance: proposals, ballots, and the protocol's versions.

A ballot stands under the vault of the hotkey that cast it, so a swapped hotkey has one vote and not
two. Proposals stay for good; ballots go once they are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Annotated, assert_never

from consensus import codec
from consensus.calls.governance import Change, ChangeParam, ChangeProtocol, Declare
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_pool, get_vault_hotkey
from consensus.ledger.state import Draft, Reading, Total, get_totals
from consensus.quantities import (
    U32,
    Amount,
    CountMax,
    Height,
    LongText,
    PublicKey,
)
from consensus.refusals import UnknownProposal

FIRST_PROTOCOL = U32(1)
"""The version of the law that a network starts with."""
OPEN_MAX = 64
"""Proposals voted on at a time; people have to read them."""
UPGRADES_MAX = 16
"""Protocol versions on their way at a time."""
_VAULT_AT = 5


class MotionState(IntEnum):
    """How far a proposal has come."""

    OPEN = 0
    """Votes are cast, or wait to be counted."""
    PASSED = 1
    """Won; it waits for its height."""
    REJECTED = 2
    ENACTED = 3
    FAILED = 4
    """Won, and something else has made it impossible meanwhile."""


@dataclass(frozen=True, slots=True)
class Motion:
    """What is or was put to the vote; stakes in rao, as of the tally."""

    hotkey: PublicKey
    """Who proposed it."""
    change: Change
    activation: Height
    """The height asked for."""
    opened_at: Height
    closes_at: Height
    """The last block with votes; they are counted at its end."""
    ballots: U32
    standing: MotionState
    yes: Amount
    no: Amount
    stake: Amount
    """All root stake."""
    effect_at: Height
    """Once passed: the first block under it."""


@dataclass(frozen=True, slots=True)
class OpenVote:
    """The number of a proposal that is voted on, and whose it is."""

    number: U32
    vault: PublicKey


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A protocol version, and the first block it is needed for."""

    version: U32
    height: Height


@dataclass(frozen=True, slots=True)
class Governance:
    """What concerns all proposals."""

    next_number: U32
    version: U32
    """Of the protocol, as of the last block."""
    upgrades: Annotated[tuple[Upgrade, ...], CountMax(UPGRADES_MAX)]
    """Decided, and not in force yet."""
    votes: Annotated[tuple[OpenVote, ...], CountMax(OPEN_MAX)]
    tallied_at: Height
    """When votes were counted last: once a block, so no block has to count all."""
    swept_at: Height
    """When ballots were deleted last."""


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal under its number; while votes are cast, `yes`, `no`, `stake` are those of now."""

    number: U32
    proposal: Motion


# -- reading and writing --------------------------------------------------------------------------


def get_governance(view: Reading) -> Governance:
    """Return what concerns all proposals."""
    data = view.get(keys.of(Family.GOVERNANCE))
    if data is None:
        never = Height(0)
        return Governance(U32(0), FIRST_PROTOCOL, (), (), never, never)
    return codec.decode(Governance, data)


def put_governance(draft: Draft, governance: Governance) -> None:
    """Write what concerns all proposals."""
    draft.put(keys.of(Family.GOVERNANCE), codec.encode(governance))


def find_proposal(view: Reading, number: U32) -> Motion | None:
    """Return a proposal as it is stored, or None."""
    data = view.get(keys.of(Family.PROPOSAL, keys.u32(number)))
    return None if data is None else codec.decode(Motion, data)


def get_proposal(view: Reading, number: U32) -> Motion:
    """Return a proposal as it is stored.

    Raises:
        UnknownProposal: there is none.
    """
    proposal = find_proposal(view, number)
    if proposal is None:
        raise UnknownProposal(f"there is no proposal {number}")
    return proposal


def put_proposal(draft: Draft, number: U32, proposal: Motion) -> None:
    """Write a proposal."""
    draft.put(keys.of(Family.PROPOSAL, keys.u32(number)), codec.encode(proposal))


def find_ballot(view: Reading, number: U32, vault: PublicKey) -> bool | None:
    """Return what the hotkey of a vault voted, or None."""
    data = view.get(keys.of(Family.BALLOT, keys.u32(number), vault))
    return None if data is None else bool(data[0])


def put_ballot(draft: Draft, number: U32, vault: PublicKey, *, is_yes: bool) -> None:
    """Write what the hotkey of a vault votes."""
    draft.put(keys.of(Family.BALLOT, keys.u32(number), vault), bytes((is_yes,)))


def scan_ballots(view: Reading, number: U32) -> Iterator[tuple[bytes, PublicKey, bool]]:
    """Yield key, vault and vote of each ballot of a proposal, by vault."""
    for key, data in view.scan(keys.of(Family.BALLOT, keys.u32(number))):
        yield key, PublicKey(key[_VAULT_AT:]), bool(data[0])


def count_votes(view: Reading, number: U32) -> tuple[Amount, Amount]:
    """Return the root stake behind yes and behind no as it is now, rao."""
    sums = [0, 0]
    for _, vault, is_yes in scan_ballots(view, number):
        sums[is_yes] += get_pool(view, ROOT, get_vault_hotkey(view, vault)).amount
    return Amount(sums[True]), Amount(sums[False])


# -- queries --------------------------------------------------------------------------------------


def get_protocol(view: Reading, height: Height) -> U32:
    """Return the protocol version that the block at `height`, or any after the state, needs."""
    governance = get_governance(view)
    due = [upgrade.version for upgrade in governance.upgrades if upgrade.height <= height]
    return max([governance.version, *due])


def list_upgrades(view: Reading) -> tuple[Upgrade, ...]:
    """Return the protocol versions that are decided and not in force yet, by height."""
    upgrades = get_governance(view).upgrades
    return tuple(sorted(upgrades, key=lambda upgrade: (upgrade.height, upgrade.version)))


def view_proposal(view: Reading, number: U32) -> ProposalView | None:
    """Return a proposal, with the votes as they stand while it is open; None if there is none."""
    proposal = find_proposal(view, number)
    if proposal is None:
        return None
    if proposal.standing is MotionState.OPEN:
        yes, no = count_votes(view, number)
        stake = Amount(get_totals(view, ROOT)[Total.STAKED])
        proposal = replace(proposal, yes=yes, no=no, stake=stake)
    return ProposalView(number, proposal)


def list_proposals(view: Reading, before: U32 | None, count: int) -> tuple[ProposalView, ...]:
    """Return at most `count` proposals, newest first; those numbered below `before`, if given.

    The ballots of each open one are counted: 0.2 s for 4,096 of them from disk.
    """
    end = get_governance(view).next_number
    end = end if before is None else min(end, before)
    numbers = range(end - 1, max(-1, end - 1 - count), -1)
    found = (view_proposal(view, U32(number)) for number in numbers)
    return tuple(each for each in found if each is not None)


def describe_change(change: Change) -> LongText:
    """Return what a change would do, in words."""
    match change:
        case ChangeParam():
            return LongText(f"{change.name} = {change.value}")
        case ChangeProtocol():
            return LongText(f"protocol {change.version}")
        case Declare():
            return change.text
        case _:
            assert_never(change)
