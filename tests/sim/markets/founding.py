"""How a simulated market begins: stakes, neurons, rules, pools."""

from dataclasses import dataclass
from random import Random

from consensus.ledger.genesis import (
    Genesis,
    GenesisAccount,
    GenesisNeuron,
    GenesisStake,
    GenesisSubnet,
    GenesisValidator,
)
from consensus.params import Hyperparameters, Params
from consensus.quantities import (
    RAO_PER_TAO,
    U16,
    U32,
    Amount,
    NetUid,
    PublicKey,
    ShortText,
    TaskParams,
    TimeMs,
)
from consensus.types import ValidatorEntry
from tests.builders import beacon_chain, key_of

TAO = RAO_PER_TAO
MARKET = NetUid(1)
RIVAL = NetUid(2)
TEMPO = 8
REVEAL_BLOCKS = 2
BLOCK_REWARD = Amount(45 * TAO)
"""One simulated block issues what 45 of the public network do: 8 blocks pay an epoch of 360."""
STAKE_SKEW = 0.8
"""Sigma of the log-normal root stakes: a few large and many small."""
ROOT_STAKE = 1_000_000
ALPHA_STAKE = 500_000
"""What the validators hold in all, in coins."""
POCKET = 20_000
"""Free TAO of the one outsider."""
OUTSIDER = "outsider"
OWNER = 7
"""The validator whose coldkey owns the subnet."""


@dataclass(frozen=True, slots=True)
class Size:
    """How big a market is and how long it runs."""

    validators: int = 64
    miners: int = 192
    epochs: int = 50


def draw_stakes(rng: Random, count: int) -> list[int]:
    """Return the validators' root stakes in rao, a few large and many small."""
    drawn = [rng.lognormvariate(0, STAKE_SKEW) for _ in range(count)]
    return [round(ROOT_STAKE * TAO * each / sum(drawn)) for each in drawn]


def make_params() -> Params:
    """Return the public network's constants, an epoch in 8 blocks."""
    return Params(
        block_ms=U32(1_000),
        block_reward=BLOCK_REWARD,
        commit_interval_blocks=U32(2),
        unbonding_blocks=U32(200),
        era_blocks=U32(0),
        block_bytes_max=U32(8 << 20),
        channel_blocks_max=U32(10_000),
        dispute_blocks=U32(8),
    )


def build_arena(size: Size, seed: int, stakes: list[int]) -> Genesis:
    """Return the genesis of one market."""
    hyper = Hyperparameters(
        tempo=U16(TEMPO),
        reveal_blocks=U16(REVEAL_BLOCKS),
        max_uids=U16(size.validators + size.miners),
        max_validators=U16(size.validators),
        immunity_blocks=U32(3 * TEMPO),
        activity_cutoff=U32(3 * TEMPO),
        serving_rate_limit=U32(1),
    )
    neurons = [GenesisNeuron(key_of(f"hot{i}"), key_of(f"cold{i}")) for i in range(size.validators)]
    neurons += [
        GenesisNeuron(key_of(f"miner{i}"), key_of(f"minercold{i}")) for i in range(size.miners)
    ]
    owner = (key_of(f"hot{OWNER}"),) if size.validators > OWNER else ()
    pool = (Amount(50_000 * TAO), Amount(1_000_000 * TAO))
    return Genesis(
        network=ShortText(f"arena-{seed}"),
        params=make_params(),
        time_ms=TimeMs(1_000_000),
        accounts=_accounts(size),
        validators=tuple(_validator(i, stake) for i, stake in enumerate(stakes)),
        hotkeys=(),
        stakes=tuple(
            GenesisStake(MARKET, key_of(f"hot{i}"), key_of(f"cold{i}"), _alpha(stake))
            for i, stake in enumerate(stakes)
        ),
        subnets=(
            GenesisSubnet(
                MARKET,
                ShortText("text"),
                TaskParams(b""),
                owner,
                hyper,
                tuple(neurons),
                pool_tao=pool[0],
                pool_alpha=pool[1],
            ),
            GenesisSubnet(
                RIVAL,
                ShortText("text"),
                TaskParams(b""),
                (),
                hyper,
                (),
                pool_tao=pool[0],
                pool_alpha=pool[1],
            ),
        ),
    )


def _alpha(root_stake: int) -> Amount:
    return Amount(root_stake * ALPHA_STAKE // ROOT_STAKE)


def _accounts(size: Size) -> tuple[GenesisAccount, ...]:
    names = [f"cold{i}" for i in range(size.validators)]
    names += [f"minercold{i}" for i in range(size.miners)]
    names.append("miner0")  # redeems vouchers, which costs fees
    small = tuple(GenesisAccount(key_of(name), Amount(100 * TAO)) for name in names)
    return (GenesisAccount(key_of(OUTSIDER), Amount(POCKET * TAO)), *small)


def _validator(index: int, stake: int) -> GenesisValidator:
    entry = ValidatorEntry(
        PublicKey(key_of(f"consensus{index}")), key_of(f"hot{index}"), Amount(stake)
    )
    return GenesisValidator(entry, key_of(f"cold{index}"), beacon_chain(index)[0])
