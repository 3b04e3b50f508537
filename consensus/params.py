"""The chain's constants with units, as one frozen Params whose relations are asserted.

`Params` belong to a network and come from its genesis (a network file); `Hyperparameters` belong to
one subnet. Amounts are in rao, times in milliseconds or blocks, proportions as u16 over 65535
unless the name says otherwise. The genesis hash, and so the chain id, covers every field.
"""

from dataclasses import dataclass

from consensus.types import RAO_PER_TAO, U16, U32, U64, Amount, Ratio16

Q32 = 1 << 32
"""One, as a Q32 fixed-point share."""
SUPPLY_CAP = 21_000_000 * RAO_PER_TAO
"""Most rao that can ever be issued; alpha of each subnet has the same cap."""


@dataclass(frozen=True, slots=True)
class Params:
    """What every node of one network must agree on. Defaults are the public network's."""

    # agreement (agreement.md 2.6)
    block_ms: U32 = U32(12_000)
    """Shortest time between two blocks."""
    delta_ms: U32 = U32(1_000)
    """Assumed bound on message delay; propose timer 2x, advance timer 3x."""
    clock_drift_ms: U32 = U32(500)
    """How far ahead of our clock a block may be before our vote waits."""
    block_bytes_max: U32 = U32(256 * 1024)
    """Largest encoded transaction list of a block."""
    # money (ledger.md 1, 2)
    block_reward: Amount = Amount(RAO_PER_TAO)
    """Emission per block before the first halving: 1 TAO per 12 s of block time."""
    security_share: Ratio16 = Ratio16(6_554)
    """Part of the emission earned by the proposer and its root delegators: 10 %."""
    owner_share: Ratio16 = Ratio16(11_796)
    """Part of a subnet's alpha emission for its owner: 18 %."""
    miner_share: Ratio16 = Ratio16(26_869)
    """Part of a subnet's alpha emission for miners: 41 %; validators get the rest."""
    fee_base: Amount = Amount(10_000)
    """Fee of any paid call; burned."""
    fee_per_byte: Amount = Amount(100)
    """Fee per byte of the encoded transaction; burned."""
    transaction_bytes_max: U32 = U32(16 * 1024)
    weights_bytes_max: U32 = U32(64 * 1024)
    """Size cap of a RevealWeights transaction; all others have `transaction_bytes_max`."""
    validity_blocks_max: U32 = U32(1_024)
    """How far ahead `valid_until` may lie, so that mempools can forget."""
    # stake (ledger.md 7)
    tao_weight: U64 = U64(773_094_113)
    """What root stake counts in a subnet, Q32: 0.18."""
    stake_min: Amount = Amount(2_000_000)
    """Smallest stake: 0.002 TAO."""
    unbonding_blocks: U32 = U32(151_200)
    """How long unstaked root TAO stays slashable: 21 days of 12 s."""
    take_max: Ratio16 = Ratio16(11_796)
    """Highest and default take of a delegate: 18 %."""
    take_raise_blocks: U32 = U32(216_000)
    """Least time between two raises of a take: 30 days of 12 s."""
    # weights (agreement.md 3a)
    kappa: Ratio16 = Ratio16(32_767)
    """Share of stake that must support a weight for it to count: one half."""
    commit_interval_blocks: U32 = U32(20)
    """Least distance between two commits of one hotkey in one subnet."""
    forfeit_slash_ppm: U32 = U32(1_000)
    """Part of the root stake burned at the first withheld reveal: 0.1 %, doubling per forfeit."""
    forfeit_window_epochs: U16 = U16(16)
    """Within how many epochs forfeits double."""

    def __post_init__(self) -> None:
        """Assert the relations between the constants."""
        assert self.owner_share + self.miner_share <= Ratio16(65_535)
        assert self.block_bytes_max >= self.weights_bytes_max >= self.transaction_bytes_max
        assert self.block_ms > 0
        assert self.delta_ms > 0
        assert self.tao_weight <= Q32


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """One subnet's rules (ledger.md 3). Defaults are a new subnet's."""

    tempo: U16 = U16(360)
    """Blocks per epoch."""
    reveal_blocks: U16 = U16(20)
    """R: reveals of epoch e are accepted in the first R blocks of e + 1; the epoch step is at R."""
    activity_cutoff: U32 = U32(5_000)
    """Blocks after its last valid reveal at which a validator stops counting."""
    max_uids: U16 = U16(256)
    max_validators: U16 = U16(64)
    min_allowed_weights: U16 = U16(1)
    max_weight: Ratio16 = Ratio16(65_535)
    """Largest share of a row's sum for one miner."""
    immunity_blocks: U32 = U32(8_280)
    """How long a new neuron can't be replaced while others can."""
    bonds_moving_average: U32 = U32(900_000)
    """Part of the old bond kept each epoch, in millionths."""
    bonds_penalty: Ratio16 = Ratio16(65_535)
    liquid_alpha: bool = False
    alpha_low: Ratio16 = Ratio16(45_875)
    alpha_high: Ratio16 = Ratio16(58_982)
    alpha_steepness: U16 = U16(1_000)
    """Steepness of the liquid-alpha sigmoid, in hundredths; at most 1,000."""
    stake_threshold: Amount = Amount(0)
    """Stake weight below it counts as zero, in rao."""
    min_burn: Amount = Amount(500_000)
    max_burn: Amount = Amount(100 * RAO_PER_TAO)
    burn_half_life: U16 = U16(360)
    """Blocks in which the registration price halves."""
    burn_increase_ppm: U32 = U32(1_260_000)
    """What one registration multiplies the price by, in millionths: 1.26."""
    serving_rate_limit: U32 = U32(50)
    """Least blocks between two Serve calls of one hotkey."""
    scorer_version: U64 = U64(1)
    """Version of the evaluation code whose rows count."""

    def __post_init__(self) -> None:
        """Assert the relations between the hyperparameters."""
        assert self.tempo > 0
        assert 0 < self.reveal_blocks <= max(1, self.tempo // 4)
        assert self.immunity_blocks >= (self.reveal_blocks + 2)
        assert self.min_burn <= self.max_burn
        assert self.alpha_low <= self.alpha_high
        assert self.alpha_steepness <= U16(1_000)
        assert self.bonds_moving_average <= U32(1_000_000)
        assert 0 < self.max_validators <= self.max_uids
