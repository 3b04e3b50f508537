"""The chain's constants with units, as one frozen Params whose relations are asserted.

`Params` belong to a network and come from its genesis (a network file); `Hyperparameters` belong to
one subnet. Amounts are in rao, times in milliseconds or blocks, proportions as u16 over 65535
unless the name says otherwise. The genesis hash, and so the chain id, covers every field.
"""

from dataclasses import dataclass

from consensus.quantities import RAO_PER_TAO, U16, U32, U64, Amount, Ratio16, Steepness

Q32 = 1 << 32
"""One, as a Q32 fixed-point share."""
SUPPLY_CAP = 21_000_000 * RAO_PER_TAO
"""Most rao that can ever be issued; alpha of each subnet has the same cap."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """One subnet's rules (docs/spec/ledger.md 3). Defaults are a new subnet's."""

    tempo: U16 = U16(360)
    """Blocks per epoch."""
    reveal_blocks: U16 = U16(20)
    """R: reveals of epoch e are accepted in at least the first R blocks of e + 1."""
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
    alpha_steepness: Steepness = Steepness(1_000)
    """Steepness of the liquid-alpha sigmoid, in hundredths."""
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
    miner_price_cap: Amount = Amount(SUPPLY_CAP)
    """Highest price a miner may announce for one query, in rao."""
    registration_open: bool = True
    """Whether neurons can register; a subnet that is closed gets no TAO."""

    def __post_init__(self) -> None:
        """Assert the relations between the hyperparameters."""
        assert self.tempo > 0, "tempo must be above 0"
        reveal_fits = 0 < self.reveal_blocks <= max(1, self.tempo // 4)
        assert reveal_fits, "reveal_blocks must be 1 to a quarter of tempo"
        immune_enough = self.immunity_blocks >= self.reveal_blocks + 2
        assert immune_enough, "immunity_blocks must be at least reveal_blocks + 2"
        assert self.min_burn <= self.max_burn, "min_burn must be at most max_burn"
        assert self.alpha_low <= self.alpha_high, "alpha_low must be at most alpha_high"
        bonds_fit = self.bonds_moving_average <= U32(1_000_000)
        assert bonds_fit, "bonds_moving_average must be at most 1000000"
        validators_fit = 0 < self.max_validators <= self.max_uids
        assert validators_fit, "max_validators must be 1 to max_uids"


@dataclass(frozen=True, slots=True)
class Params:
    """What every node of one network must agree on. Defaults are the public network's."""

    # agreement (docs/spec/agreement.md 2.6)
    block_ms: U32 = U32(12_000)
    """Shortest time between two blocks."""
    delta_ms: U32 = U32(1_000)
    """Assumed bound on message delay; propose timer 2x, advance timer 3x."""
    clock_drift_ms: U32 = U32(500)
    """How far ahead of our clock a block may be before our vote waits."""
    block_bytes_max: U32 = U32(256 * 1024)
    """Largest encoded transaction list of a block."""
    # money (docs/spec/ledger.md 1, 2)
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
    # stake (docs/spec/ledger.md 7)
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
    # weights (docs/spec/agreement.md 3)
    kappa: Ratio16 = Ratio16(32_767)
    """Share of stake that must support a weight for it to count: one half."""
    commit_interval_blocks: U32 = U32(20)
    """Least distance between two commits of one hotkey in one subnet."""
    forfeit_slash_ppm: U32 = U32(1_000)
    """Part of the root stake burned at the first withheld reveal: 0.1 %, doubling per forfeit."""
    forfeit_window_epochs: U16 = U16(16)
    """Within how many epochs forfeits double."""
    # eras (docs/spec/agreement.md 2.4)
    era_blocks: U32 = U32(360)
    """Blocks for which one validator set leads and votes; 0: the first one for ever."""
    validators_max: U16 = U16(256)
    """Hotkeys in a validator set: the largest root stakes among those with a consensus key."""
    era_churn_ppm: U32 = U32(100_000)
    """Part of the stake that may join and leave a set from one era to the next, in millionths."""
    # subnets (docs/spec/ledger.md 2, 3)
    subnets_max: U16 = U16(256)
    subnet_lock_min: Amount = Amount(1_000 * RAO_PER_TAO)
    """Floor of the lock that a new subnet costs."""
    subnet_lock_blocks: U32 = U32(100_800)
    """In which the lock cost falls from twice the last one to the floor: 14 days of 12 s."""
    subnet_start_blocks: U32 = U32(50_400)
    """How long after its creation a subnet may start: 7 days of 12 s."""
    subnet_immunity_blocks: U32 = U32(1_296_000)
    """How long a subnet can't be chosen to make way: 180 days of 12 s."""
    new_subnet: Hyperparameters = Hyperparameters()
    """The rules a new subnet starts with; its owner may change them afterwards."""
    dissolve_notice_epochs: U16 = U16(10)
    """Epochs between the notice to a subnet that must make way and its end."""
    bootstrap_share: Ratio16 = Ratio16(3_277)
    """Part of the subnets' TAO for the young ones, in equal parts: 5 %."""
    bootstrap_blocks: U32 = U32(216_000)
    """How long a subnet is young: 30 days of 12 s."""
    demand_share: Ratio16 = Ratio16(13_107)
    """Part of the rest that follows what buyers paid, not prices: 20 %."""
    average_half_life_blocks: U32 = U32(216_000)
    """Half-life of the averages of prices and of demand: 30 days of 12 s."""
    swap_fee_ppm: U32 = U32(500)
    """Part of what goes into a pool that is burned: 0.05 %."""
    children_delay_blocks: U32 = U32(7_200)
    """After which lent stake weight moves: 1 day of 12 s."""
    # payments (docs/spec/ledger.md 9)
    payment_burn_ppm: U32 = U32(100_000)
    """Part of every redeemed voucher that is burned: 10 %."""
    dispute_blocks: U32 = U32(7_200)
    """How long the payee can still redeem when the payer closes: 1 day of 12 s."""
    channel_blocks_max: U32 = U32(1_296_000)
    """How far ahead a channel's expiry may lie."""
    # keys (docs/spec/ledger.md 10)
    hotkey_swap_fee: Amount = Amount(RAO_PER_TAO)
    """Burned for replacing a hotkey."""
    coldkey_swap_blocks: U32 = U32(36_000)
    """Between announcing and doing a coldkey swap: 5 days of 12 s."""
    # governance (docs/spec/ledger.md 11)
    proposal_fee: Amount = Amount(RAO_PER_TAO)
    """Burned for a proposal, so that there are not many."""
    voting_blocks: U32 = U32(50_400)
    """7 days of 12 s."""
    enactment_blocks: U32 = U32(50_400)
    """Between the end of a vote and its effect: 7 days of 12 s."""
    quorum_ppm: U32 = U32(200_000)
    """Part of all root stake that must have voted: one fifth."""

    def __post_init__(self) -> None:
        """Assert the relations between the constants."""
        shares_fit = self.owner_share + self.miner_share <= Ratio16(65_535)
        assert shares_fit, "owner_share and miner_share must be at most 65535 together"
        sizes_fit = self.block_bytes_max >= self.weights_bytes_max >= self.transaction_bytes_max
        assert sizes_fit, (
            "block_bytes_max, weights_bytes_max and transaction_bytes_max must not ascend"
        )
        assert self.block_ms > 0, "block_ms must be above 0"
        assert self.delta_ms > 0, "delta_ms must be above 0"
        assert self.tao_weight <= Q32, "tao_weight must be at most 4294967296"
        assert 0 < self.subnets_max <= U16(4_096), "subnets_max must be 1 to 4096"
        assert self.validators_max > 0, "validators_max must be above 0"
        half_life_fits = self.average_half_life_blocks > 0
        assert half_life_fits, "average_half_life_blocks must be above 0"
        assert self.subnet_lock_blocks > 0, "subnet_lock_blocks must be above 0"
        assert self.voting_blocks > 0, "voting_blocks must be above 0"
        for name in ("era_churn_ppm", "swap_fee_ppm", "payment_burn_ppm", "quorum_ppm"):
            assert getattr(self, name) <= U32(1_000_000), f"{name} must be at most 1000000"
