"""One market on the real ledger: honest validators and miners, and whoever plays otherwise.

64 validators judge 192 miners for 50 epochs, block by block through `apply_block`: every commit,
reveal, payout, swap and burn is the law's own. Signatures alone are not made (the law is told that
all of them are good), nor does any node run. A second subnet without neurons competes for emission.

A miner's quality is drawn once and drifts with every epoch, so that yesterday's weights are not
today's; an honest validator measures it with noise and weighs miners in proportion. One simulated
block issues what 45 blocks of the public network issue, so that an epoch of 8 blocks pays what one
of 360 does. Whatever is random follows the seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.ledger import queries
from consensus.ledger.channels import get_channel, list_channels_of
from consensus.ledger.genesis import (
    build_genesis,
)
from consensus.ledger.records import get_network
from consensus.ledger.state import MemoryReader, State
from consensus.ledger.subnet.records import Column, get_column, get_hotkeys, get_market
from consensus.ledger.transition import apply_block
from consensus.quantities import (
    U16_MAX,
    U64,
    ZERO_HASH,
    Amount,
    Epoch,
    Hash32,
    Height,
    NetUid,
    Nonce,
    PublicKey,
    Salt,
    Signature,
    Uid,
    Weight,
)
from consensus.reward.commit_reveal import compute_digest
from consensus.types import Call, SignedTransaction, Transaction
from tests.builders import key_of, make_block
from tests.sim.markets.founding import (
    MARKET,
    TAO,
    TEMPO,
    Size,
    build_arena,
    draw_stakes,
)

COMMIT_BLOCK = 4
"""In which block of an epoch validators commit: after its step, before its end."""
NOISE = 0.1
DRIFT = 0.15
SKEW = 0.8
"""Sigmas of log-normal factors: a measurement's, an epoch's, the miners' qualities'."""
NO_SIGNATURE = Signature(bytes(64))
Weights = dict[int, float]


class Villain(Protocol):
    """One sin. What it does not override, it does as honest people do."""

    name: str

    def choose(self, arena: "Arena") -> "Party":
        """Return who plays: the identities whose profit is counted."""
        ...

    def weigh(self, arena: "Arena", validator: int) -> Weights | None:
        """Return the weights of one of its validators; None: does not commit."""
        ...

    def reveals(self, arena: "Arena", validator: int) -> bool:
        """Tell whether one of its validators opens what it committed."""
        ...

    def act(self, arena: "Arena") -> Sequence[tuple[str, Call]]:
        """Return what it sends in the next block, by signer."""
        ...


@dataclass(frozen=True, slots=True)
class Party:
    """The identities of one side: validators and miners by number, and further coldkeys."""

    validators: tuple[int, ...] = ()
    miners: tuple[int, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Arena:
    """One market in the course of one run."""

    size: Size
    seed: int
    villain: Villain
    quality: list[float] = field(init=False)
    stakes: list[int] = field(init=False)
    state: State = field(init=False)
    party: Party = field(init=False)
    answers: dict[str, float] = field(default_factory=dict[str, float])
    """Quality of hotkeys that were not there from the start."""
    _reader: MemoryReader = field(init=False)
    hotkeys: list[PublicKey] = field(init=False)
    _names: dict[PublicKey, str] = field(init=False)
    _miners: dict[str, int] = field(init=False)
    _rng: Random = field(init=False)
    _leaders: Random = field(init=False)
    """Draws who proposes each block, by root stake."""
    _rows: dict[tuple[int, int], RevealWeights] = field(init=False)

    def __post_init__(self) -> None:
        self._rng = Random(f"arena/{self.seed}")
        self._leaders = Random(f"leaders/{self.seed}")
        self.quality = [self._rng.lognormvariate(0, SKEW) for _ in range(self.size.miners)]
        self.stakes = draw_stakes(self._rng, self.size.validators)
        self.state, _ = build_genesis(build_arena(self.size, self.seed, self.stakes))
        self._reader = MemoryReader()
        self._settle_down()
        self._rows = {}
        self.party = self.villain.choose(self)
        self.hotkeys = get_hotkeys(self.state, MARKET)
        self._miners = {f"miner{miner}": miner for miner in range(self.size.miners)}
        self._names = {key_of(name): name for name in [*self._miners, *self.answers]}

    @property
    def epoch(self) -> int:
        """The epoch of the next block."""
        return (self.state.height + 1) // TEMPO

    @property
    def phase(self) -> int:
        """The place of the next block in its epoch."""
        return (self.state.height + 1) % TEMPO

    def play(self) -> None:
        """Run to the end."""
        while self.epoch < self.size.epochs + 1:
            self.step()

    def step(self) -> None:
        """Do one block."""
        if self.phase == 0:
            self._drift()
        calls: list[tuple[str, Call]] = []
        if self.phase == 0 and self.epoch:
            calls += self._reveals()
        if self.phase == COMMIT_BLOCK:
            calls += self._commits()
        calls += self.villain.act(self)
        self._apply(calls)

    def weigh_honestly(self, validator: int) -> Weights:
        """Return an honest row, by uid, of everybody who answers.

        The noise of a measurement hangs on who measures whom and when, not on what others do: two
        runs of one seed differ by the villain alone.
        """
        row: Weights = {}
        noise = Random(f"noise/{self.seed}/{self.epoch}/{validator}")
        for uid, hotkey in enumerate(self.hotkeys):
            name = self._names.get(hotkey)
            if name is not None and uid >= self.size.validators:
                quality = self.answers.get(name, 0.0)
                if name in self._miners:
                    quality = self.quality[self._miners[name]]
                factor = noise.lognormvariate(0, NOISE)
                if quality:
                    row[uid] = quality * factor
        return row

    def miner_uid(self, miner: int) -> int:
        """Return the uid a miner of the genesis began with."""
        return self.size.validators + miner

    # -- money ------------------------------------------------------------------------------------

    def wealth(self, party: Party) -> float:
        """Return what a party owns in TAO; alpha at the present price."""
        total = 0.0
        for name in _list_coldkeys(party):
            account = queries.account(self.state, key_of(name))
            total += account.free + sum(part.amount for part in account.unbonding)
            total += sum(stake.amount * self.price(stake.netuid) for stake in account.stakes)
            for each in list_channels_of(self.state, key_of(name)):
                channel = get_channel(self.state, each)
                total += channel.deposit - channel.redeemed
        return total / TAO

    def price(self, netuid: NetUid) -> float:
        """Return the price of a subnet's alpha in TAO."""
        if netuid == 0:
            return 1.0
        market = get_market(self.state, netuid)
        return market.tao / market.alpha

    # -- blocks -----------------------------------------------------------------------------------

    def _drift(self) -> None:
        self.quality = [each * self._rng.lognormvariate(0, DRIFT) for each in self.quality]

    def _commits(self) -> list[tuple[str, Call]]:
        calls: list[tuple[str, Call]] = []
        chain_id = get_network(self.state).chain_id
        permits = get_column(self.state, MARKET, Column.PERMIT)
        for validator in range(self.size.validators):
            if not permits[validator] or not self._is_in(validator):
                continue
            if validator in self.party.validators:
                weights = self.villain.weigh(self, validator)
            else:
                weights = self.weigh_honestly(validator)
            if weights is None:
                continue
            reveal = make_row(weights, self.epoch)
            hotkey = f"hot{validator}"
            digest = compute_digest(chain_id, key_of(hotkey), reveal)
            self._rows[self.epoch, validator] = reveal
            commit = CommitWeights(MARKET, Epoch(self.epoch), digest, ZERO_HASH)
            calls.append((hotkey, commit))
        return calls

    def _is_in(self, validator: int) -> bool:
        """Tell whether a validator has its uid still; newcomers replace whoever earns least."""
        return self.hotkeys[validator] == key_of(f"hot{validator}")

    def _reveals(self) -> list[tuple[str, Call]]:
        calls: list[tuple[str, Call]] = []
        for validator in range(self.size.validators):
            row = self._rows.pop((self.epoch - 1, validator), None)
            is_ours = validator in self.party.validators
            if (
                row is None
                or not self._is_in(validator)
                or (is_ours and not self.villain.reveals(self, validator))
            ):
                continue
            calls.append((f"hot{validator}", row))
        return calls

    def _apply(self, calls: list[tuple[str, Call]]) -> None:
        network = get_network(self.state)
        nonces: dict[str, int] = {}
        signed: list[SignedTransaction] = []
        for name, call in calls:
            nonce = nonces.get(name, queries.nonce(self.state, key_of(name)))
            nonces[name] = nonce + 1
            body = Transaction(
                chain_id=network.chain_id,
                signer=key_of(name),
                nonce=Nonce(nonce),
                valid_until=Height(self.state.height + 10),
                tip=Amount(0),
                call=call,
            )
            signed.append(SignedTransaction(body, NO_SIGNATURE))
        proposer = self._leaders.choices(range(self.size.validators), self.stakes)[0]
        block = make_block(self.state, *signed, proposer=proposer)
        applied = apply_block(self.state, block, _trust)
        self.state = applied.state
        self.hotkeys = get_hotkeys(self.state, MARKET)
        self._settle_down()

    def _settle_down(self) -> None:
        """Let the state forget its ancestors, as storage does."""
        self._reader.absorb(self.state)
        self.state = State.from_reader(self._reader, self.state.height, self.state.root)


def _trust(_transaction_id: Hash32, _signature: Signature) -> bool:
    return True


def make_row(weights: Weights, epoch: int) -> RevealWeights:
    """Return the reveal of `weights` by uid, the largest as 65535."""
    largest = max(weights.values())
    values = {uid: round(U16_MAX * value / largest) for uid, value in weights.items() if value > 0}
    uids = sorted(values)
    return RevealWeights(
        netuid=MARKET,
        epoch=Epoch(epoch),
        salt=Salt(bytes(32)),
        version=U64(1),
        uids=tuple(Uid(uid) for uid in uids),
        values=tuple(Weight(values[uid]) for uid in uids),
    )


def _list_coldkeys(party: Party) -> list[str]:
    validators = [f"cold{validator}" for validator in party.validators]
    return [*validators, *[f"minercold{miner}" for miner in party.miners], *party.others]
