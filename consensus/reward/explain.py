"""Take one neuron's reward apart: each validator's weight, clip, bond and take.

A miner's pay is the sum of what each validator's clipped weight, times its stake, moved to it; a
validator's is the sum of what its bonds held of each miner's incentive. Both are split here by
largest remainder over exactly those products, so that the parts add up to the pay to the rao.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from consensus.fixed import div, mul, split_largest_remainder
from consensus.reward.backing import Backing, BackingPart, split_dividends
from consensus.reward.emission import divide
from consensus.reward.epoch import EpochTrace
from consensus.reward.rows import get_cell


class Basis(StrEnum):
    """What the validators' pot was split by."""

    DIVIDENDS = "dividends"
    ACTIVE_STAKE = "active stake"
    STAKE = "stake"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class VotePart:
    """What one validator's weight did for the neuron; shares are Q32."""

    validator: int
    weight: int
    """As revealed, u16; 0 if it did not count."""
    weight_share: int
    """The weight's share of its row."""
    counted: int
    """What consensus left of it."""
    clip: int
    """What consensus cut off: weight_share - counted."""
    stake: int
    """The validator's share of stake in force."""
    contribution: int
    """stake x counted: its part of the neuron's incentive, before scaling."""
    amount: int
    """Its part of the neuron's miner emission, alpha rao."""


@dataclass(frozen=True, slots=True)
class BondPart:
    """What the neuron's bond in one miner earned it; shares are Q32."""

    miner: int
    bond: int
    bond_share: int
    """The bond's share of all bonds in that miner."""
    incentive: int
    """The miner's incentive."""
    contribution: int
    """bond_share x incentive."""
    amount: int
    """Its part of the neuron's validator emission, alpha rao."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One neuron's reward of one epoch. Amounts are alpha rao, shares Q32.

    The votes add up to `miner_emission`, and the bonds to `validator_emission` if `basis` is
    dividends (otherwise it was paid for stake alone, without bonds); `emission` is both emissions.

    `alpha_part` and `root_part` add up to `validator_emission`; so do `owner`, `delegators`, `sold`
    and `lenders`, each a sum over `backings`.
    """

    uid: int
    block: int
    miner_pot: int
    validator_pot: int
    consensus: int
    incentive: int
    dividends: int
    stake_share: int
    active_stake: int
    basis: Basis
    votes: tuple[VotePart, ...]
    bonds: tuple[BondPart, ...]
    take: int
    """What the hotkey's owner keeps of what others' stake earned, over 65535."""
    alpha_part: int
    """What of the validator's emission alpha earned, its own and lent."""
    root_part: int
    """What TAO at root earned."""
    backings: tuple[BackingPart, ...]
    """Its own stake's part, then that of each hotkey that lent it stake."""
    owner: int
    """The owner's takes, in alpha: of its delegators' alpha and of lent stake."""
    delegators: int
    """What raised its own alpha pool."""
    sold: int
    """What was sold for its own root pool, where the take applies to the TAO."""
    lenders: int
    """What the hotkeys that lent it stake were paid."""
    is_owned: bool
    """Whether the neuron's coldkey owns the subnet."""
    miner_burned: int
    """Share of all miner emission of this epoch that went to such neurons, Q32."""
    miner_emission: int
    validator_emission: int
    emission: int


def explain(
    trace: EpochTrace,
    pots: tuple[int, int],
    uid: int,
    backings: Sequence[Backing],
    owned: Sequence[int],
) -> Explanation:
    """Return why `uid` earned what it did.

    Args:
        trace: the epoch as `yuma.trace_epoch` ran it.
        pots: what miners and what validators had to share, alpha rao.
        uid: the neuron.
        backings: whose stake stood behind it, its own first.
        owned: the uids whose coldkey owns the subnet.
    """
    terms = trace.terms
    paid = divide(terms, *pots)
    miner_emission, validator_emission = paid.miners[uid], paid.validators[uid]
    basis = _get_basis(trace)
    parts = split_dividends(validator_emission, backings)
    own, lent = parts[0], parts[1:]
    return Explanation(
        uid=uid,
        block=trace.epoch.block,
        miner_pot=pots[0],
        validator_pot=pots[1],
        consensus=terms.consensus[uid],
        incentive=terms.incentive[uid],
        dividends=terms.dividends[uid],
        stake_share=terms.stake_share[uid],
        active_stake=terms.active_stake[uid],
        basis=basis,
        votes=_explain_votes(trace, uid, miner_emission),
        bonds=_explain_bonds(trace, uid, validator_emission) if basis is Basis.DIVIDENDS else (),
        take=backings[0].take,
        alpha_part=sum(part.alpha for part in parts),
        root_part=sum(part.root for part in parts),
        backings=parts,
        owner=own.owner + sum(part.child_take for part in parts),
        delegators=own.delegators,
        sold=own.sold,
        lenders=sum(part.owner + part.delegators + part.sold for part in lent),
        is_owned=uid in owned,
        miner_burned=div(sum(paid.miners[each] for each in owned), sum(paid.miners)),
        miner_emission=miner_emission,
        validator_emission=validator_emission,
        emission=miner_emission + validator_emission,
    )


def _get_basis(trace: EpochTrace) -> Basis:
    """Name the column that `validator_basis` was taken from: the first with an entry in it."""
    terms = trace.terms
    for basis, column in (
        (Basis.DIVIDENDS, terms.dividends),
        (Basis.ACTIVE_STAKE, terms.active_stake),
        (Basis.STAKE, terms.stake_share),
    ):
        if any(value and part for value, part in zip(column, terms.validator_basis, strict=True)):
            return basis
    return Basis.NOBODY


def _explain_votes(trace: EpochTrace, uid: int, emission: int) -> tuple[VotePart, ...]:
    """List the validators with a weight on `uid` and the part of `emission` each one gave."""
    consensus = trace.terms.consensus[uid]
    votes: list[VotePart] = []
    for validator, weight_share in zip(trace.uids, trace.weights[:, uid].tolist(), strict=True):
        if weight_share == 0:
            continue
        counted = min(weight_share, consensus)
        stake = trace.terms.active_stake[validator]
        votes.append(
            VotePart(
                validator=validator,
                weight=get_cell(trace.epoch.weights, validator, uid),
                weight_share=weight_share,
                counted=counted,
                clip=weight_share - counted,
                stake=stake,
                contribution=mul(stake, counted),
                amount=0,
            )
        )
    amounts = split_largest_remainder(emission, [vote.contribution for vote in votes])
    return tuple(replace(vote, amount=a) for vote, a in zip(votes, amounts, strict=True))


def _explain_bonds(trace: EpochTrace, uid: int, emission: int) -> tuple[BondPart, ...]:
    """List the miners `uid` holds bonds in and the part of `emission` each one brought."""
    if uid not in trace.uids:
        return ()
    row = trace.bonds[trace.uids.index(uid)]
    bonds: list[BondPart] = []
    for miner in np.flatnonzero(row).tolist():
        bond_share = div(int(row[miner]), int(trace.bond_sums[miner]))
        incentive = trace.terms.incentive[miner]
        bonds.append(
            BondPart(
                miner=miner,
                bond=int(row[miner]),
                bond_share=bond_share,
                incentive=incentive,
                contribution=mul(bond_share, incentive),
                amount=0,
            )
        )
    amounts = split_largest_remainder(emission, [bond.contribution for bond in bonds])
    return tuple(replace(bond, amount=a) for bond, a in zip(bonds, amounts, strict=True))
