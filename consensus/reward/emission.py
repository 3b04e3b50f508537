"""How much is issued at a height and how it is divided.

Issuance halves whenever half of what was left has been issued: with k = floor(log2(cap / (cap -
issued))), a block issues reward / 2^k. TAO and the alpha of each subnet follow the same rule. Every
division below is by largest remainder, so the parts sum to the whole to the last rao.

Source: `docs/spec/ledger.md` 2; subtensor `coinbase/block_emission.rs`.
"""

from dataclasses import dataclass

from consensus.fixed import split_largest_remainder
from consensus.params import SUPPLY_CAP, Params
from consensus.quantities import U16_MAX, Amount
from consensus.reward.epoch import EpochTerms


@dataclass(frozen=True, slots=True)
class BlockShares:
    """A block's TAO emission: `security` for the proposer, the rest for subnets; rao."""

    security: Amount
    subnets: Amount


@dataclass(frozen=True, slots=True)
class SubnetShares:
    """A subnet's alpha emission of one block, 18/41/41 by default; alpha rao."""

    owner: Amount
    miners: Amount
    validators: Amount


@dataclass(frozen=True, slots=True)
class Payout:
    """What one epoch pays per uid, and what nobody earned; alpha rao."""

    miners: list[int]
    validators: list[int]
    recycled: int


def compute_block_emission(issued: int, block_reward: int) -> Amount:
    """Return the emission of one block, in rao, when `issued` rao exist already; rounded down.

    Zero at the cap. Compared in integers: k is the largest with (cap - issued) * 2^k <= cap.
    """
    left = SUPPLY_CAP - issued
    if left <= 0:
        return Amount(0)
    k = (SUPPLY_CAP // left).bit_length() - 1
    return Amount(min(block_reward >> k, left))


def split_block_emission(emission: int, params: Params) -> BlockShares:
    """Divide a block's TAO emission between its proposer and the subnets."""
    weights = (params.security_share, U16_MAX - params.security_share)
    security, subnets = split_largest_remainder(emission, weights)
    return BlockShares(Amount(security), Amount(subnets))


def split_subnet_emission(emission: int, params: Params) -> SubnetShares:
    """Divide a subnet's alpha emission of one block between owner, miners and validators."""
    rest = U16_MAX - params.owner_share - params.miner_share
    weights = (params.owner_share, params.miner_share, rest)
    owner, miners, validators = split_largest_remainder(emission, weights)
    return SubnetShares(Amount(owner), Amount(miners), Amount(validators))


def divide(terms: EpochTerms, miner_pot: int, validator_pot: int) -> Payout:
    """Divide an epoch's two pots among the uids.

    Miners by incentive; validators by dividends, else by active stake, else by stake
    (`terms.validator_basis`). A pot that nobody has a claim on is recycled, not paid.
    """
    miners, miners_left = _split_or_keep(miner_pot, terms.incentive)
    validators, validators_left = _split_or_keep(validator_pot, terms.validator_basis)
    return Payout(miners, validators, miners_left + validators_left)


def split_take(amount: int, take: int) -> tuple[int, int]:
    """Divide a validator's reward: what its owner takes first (`take` over 65535), and the rest."""
    owner, rest = split_largest_remainder(amount, (take, U16_MAX - take))
    return owner, rest


def split_dividend(
    amount: int, alpha_stake: int, root_stake: int, tao_weight: int
) -> tuple[int, int]:
    """Divide a validator's dividend into what its alpha earned and what its root stake earned.

    Stakes in rao of their coin, `tao_weight` Q32; in proportion to their stake weight
    (`docs/spec/ledger.md` 7), ties to the alpha. Without stake all of it is the alpha's.
    """
    weights = (alpha_stake << 32, root_stake * tao_weight)
    alpha, root = split_largest_remainder(amount, weights if any(weights) else (1, 0))
    return alpha, root


def _split_or_keep(pot: int, weights: list[int]) -> tuple[list[int], int]:
    if not any(weights):
        return [0] * len(weights), pot
    return split_largest_remainder(pot, weights), 0
