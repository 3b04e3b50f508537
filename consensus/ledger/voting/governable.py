"""The network parameters that votes can change, and how far: one table.

The bounds are hard: no vote leads out of them, so a captured vote can't issue at will, shut
governance itself, or break what the law assumes. Whoever needs more must change the law, that
is the software (`ChangeProtocol`).

Not governable (`FIXED`): what nodes read once from the genesis when they start (the agreement
machine's times and the length of an era), and the sizes that the wire is built for.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from consensus.params import Q32, Params
from consensus.quantities import RAO_PER_TAO
from consensus.refusals import InvalidProposal, OutOfBounds, UnknownName

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class VoteBounds:
    """The lowest and the highest value a vote can give."""

    low: int
    high: int


GOVERNABLE: Mapping[str, VoteBounds] = {
    # money
    "block_reward": VoteBounds(0, 2 * RAO_PER_TAO),
    "security_share": VoteBounds(0, 32_767),
    "owner_share": VoteBounds(0, 32_767),
    "miner_share": VoteBounds(0, 65_535),
    "fee_base": VoteBounds(100, RAO_PER_TAO),
    "fee_per_byte": VoteBounds(1, _MILLION),
    "validity_blocks_max": VoteBounds(16, 100_000),
    # stake
    "tao_weight": VoteBounds(0, Q32),
    "stake_min": VoteBounds(1_000, 1_000 * RAO_PER_TAO),
    "unbonding_blocks": VoteBounds(10, 5_000_000),
    "take_max": VoteBounds(0, 32_767),
    "take_raise_blocks": VoteBounds(0, 5_000_000),
    # weights
    "kappa": VoteBounds(21_845, 52_428),
    "commit_interval_blocks": VoteBounds(1, 1_000),
    "forfeit_slash_ppm": VoteBounds(0, 100_000),
    "forfeit_window_epochs": VoteBounds(1, 1_000),
    # eras
    "validators_max": VoteBounds(4, 1_024),
    "era_churn_ppm": VoteBounds(10_000, 333_333),
    # subnets
    "subnets_max": VoteBounds(1, 1_024),
    "subnet_lock_min": VoteBounds(_MILLION, _MILLION * RAO_PER_TAO),
    "subnet_lock_blocks": VoteBounds(1, 5_000_000),
    "subnet_start_blocks": VoteBounds(0, _MILLION),
    "subnet_immunity_blocks": VoteBounds(0, 10_000_000),
    "dissolve_notice_epochs": VoteBounds(1, 1_000),
    "bootstrap_share": VoteBounds(0, 32_767),
    "bootstrap_blocks": VoteBounds(0, 5_000_000),
    "demand_share": VoteBounds(0, 32_767),
    "average_half_life_blocks": VoteBounds(100, 5_000_000),
    "swap_fee_ppm": VoteBounds(0, 50_000),
    "children_delay_blocks": VoteBounds(0, _MILLION),
    # payments
    "payment_burn_ppm": VoteBounds(10_000, 500_000),
    "dispute_blocks": VoteBounds(1, _MILLION),
    "channel_blocks_max": VoteBounds(10, 10_000_000),
    # keys
    "hotkey_swap_fee": VoteBounds(0, 1_000 * RAO_PER_TAO),
    "coldkey_swap_blocks": VoteBounds(1, _MILLION),
    # governance
    "proposal_fee": VoteBounds(0, 1_000 * RAO_PER_TAO),
    "voting_blocks": VoteBounds(100, 500_000),
    "enactment_blocks": VoteBounds(100, 500_000),
    "quorum_ppm": VoteBounds(50_000, 500_000),
}
"""Every parameter that votes can change, with its hard bounds."""

FIXED = frozenset(
    {
        "new_subnet",
        "block_ms",
        "delta_ms",
        "clock_drift_ms",
        "era_blocks",
        "block_bytes_max",
        "transaction_bytes_max",
        "weights_bytes_max",
    }
)
"""Every parameter that only another protocol version can change."""

_RELATIONS: Mapping[str, Callable[[Mapping[str, int]], bool]] = {
    "owner_share + miner_share <= 65535": lambda p: p["owner_share"] + p["miner_share"] <= 65_535,  # noqa: PLR2004 - one, as Ratio16
}
"""What must hold between parameters that votes can change; `Params` asserts the same."""


def change_param(params: Params, name: str, value: int) -> Params:
    """Return `params` with one of them changed.

    Raises:
        CallError: UnknownName, OutOfBounds, InvalidProposal (it breaks a relation to another).
    """
    bounds = GOVERNABLE.get(name)
    if bounds is None:
        raise UnknownName(f"{name!r} is not a parameter that votes can change")
    if not bounds.low <= value <= bounds.high:
        raise OutOfBounds(f"{name} = {value}; {bounds.low} to {bounds.high} are allowed")
    values: dict[str, int] = asdict(params) | {name: value}
    for words, holds in _RELATIONS.items():
        if not holds(values):
            raise InvalidProposal(f"{name} = {value} breaks {words}")
    return replace(params, **{name: value})
