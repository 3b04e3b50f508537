"""Subnets come and go for hundreds of blocks; every coin is audited in every one of them."""

import random
from collections import Counter

import pytest

from consensus.calls.neurons import LeaveSubnet
from consensus.calls.staking import StakeAlpha, SwapStake, UnstakeAlpha
from consensus.calls.subnets import SetHyperparameter, SetMechanism, StartSubnet
from consensus.errors import InvalidTransaction
from consensus.ledger.calls import check_free
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.queries import list_subnets, nonce
from consensus.ledger.records import get_hotkey
from consensus.ledger.state import MemoryReader, State
from consensus.ledger.subnet.hyperparameters import BOUNDS
from consensus.ledger.subnet.records import NOBODY, Column, find_subnet, get_column, get_hotkeys
from consensus.ledger.supply import check_invariants
from consensus.ledger.transition import Applied
from consensus.quantities import U16, U32, U64_MAX, Amount, NetUid, PublicKey
from consensus.refusals import SubnetClosed
from consensus.types import Call, SignedTransaction
from tests.builders import (
    TAO,
    apply,
    key_of,
    make_commit,
    make_params,
    make_registration,
    make_reveal,
    make_serve,
    make_state,
    make_transaction,
)
from tests.consensus.ledger.subnets import make_foundation, make_owned, set_mechanism, set_rule

OWNERS = ("alice", "bob", "carol")
ANY = Amount(U64_MAX)


class Life:
    """A chain and a die that decides who does what to which subnet."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.state = self._begin(seed % 2)
        self.reader = MemoryReader()
        self.reader.absorb(self.state)
        self.seen: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self.sent: Counter[str] = Counter()
        self.rows: dict[tuple[int, str], tuple[int, dict[int, int]]] = {}

    @staticmethod
    def _begin(notice_epochs: int) -> State:
        params = make_params(
            subnets_max=U16(3),
            subnet_lock_min=Amount(TAO),
            subnet_lock_blocks=U32(20),
            subnet_start_blocks=U32(4),
            subnet_immunity_blocks=U32(30),
            dissolve_notice_epochs=U16(notice_epochs),
            average_half_life_blocks=U32(20),
        )
        people = (*OWNERS, "cold0", "cold1", "hot0", "hot1")
        accounts = tuple(GenesisAccount(key_of(name), Amount(2_000 * TAO)) for name in people)
        return make_state(params=params, accounts=accounts, subnets=(make_owned(),))

    def play(self, blocks: int) -> None:
        for _ in range(blocks):
            self.sent.clear()
            signed = [each for _ in range(self.dice.randrange(4)) for each in self._act()]
            applied = apply(self.state, *signed, *self._weigh())
            self._note(applied)
            check_invariants(applied.state)
            self.reader.absorb(applied.state)
            self.state = State.from_reader(self.reader, applied.state.height, applied.state.root)

    def _note(self, applied: Applied) -> None:
        self.seen.update(type(event).__name__ for event in applied.events)
        self.codes.update(int(receipt.code) for receipt in applied.receipts)
        for netuid in list_subnets(applied.state):
            hotkeys = get_hotkeys(applied.state, netuid)
            named = [each for each in hotkeys if each != NOBODY]
            assert len(set(named)) == len(named)
            for column in Column:
                if column is not Column.HOTKEY:
                    assert len(get_column(applied.state, netuid, column)) == len(hotkeys)

    def _act(self) -> list[SignedTransaction]:
        name = self.dice.choice(OWNERS)
        call = self._choose(name)
        owner = self._find_owner(call)
        signer = owner if owner is not None and self.dice.random() < 0.9 else name
        held = nonce(self.state, key_of(signer)) + self.sent[signer]
        self.sent[signer] += 1
        return [make_transaction(self.state, signer, call, nonce=held)]

    def _find_owner(self, call: Call) -> str | None:
        """Return whose subnet `call` is about; None: it is no owner's call."""
        if not isinstance(call, StartSubnet | SetHyperparameter | SetMechanism):
            return None
        subnet = find_subnet(self.state, call.netuid)
        records = [get_hotkey(self.state, hotkey) for hotkey in subnet.owner] if subnet else []
        owners = [record.owner for record in records if record is not None]
        return next((name for name in (*OWNERS, "cold0") if key_of(name) in owners), None)

    def _choose(self, name: str) -> Call:
        dice, netuid = self.dice, NetUid(self.dice.randrange(1, 4))
        hot = key_of(dice.choice(["hot0", "hot1", f"{name}-{dice.randrange(6)}"]))
        tao = Amount(dice.randrange(TAO))
        mine = f"{name}-{dice.randrange(6)}"
        kind = dice.randrange(10)
        if kind == 0:
            return make_foundation(self.state, mine, name)
        if kind == 1:
            return StartSubnet(netuid)
        if kind in (2, 3):
            call = make_registration(self.state, mine, name)
            return type(call)(netuid, call.hotkey, call.max_price, call.consent)
        if kind == 4:
            return LeaveSubnet(netuid, key_of(mine))
        if kind in (5, 6):
            return StakeAlpha(netuid, hot, tao, ANY)
        if kind == 7:
            return self._trade(netuid, hot, tao)
        if kind == 8:
            return set_mechanism(self.state.height + dice.choice([5, 400]), netuid=netuid)
        rule = dice.choice(sorted(BOUNDS))
        bounds = BOUNDS[rule]
        value = dice.choice([bounds.low, bounds.high, (bounds.low + bounds.high) // 2, 16, 40])
        return set_rule(rule, value, netuid)

    def _trade(self, netuid: NetUid, hot: PublicKey, amount: Amount) -> Call:
        if self.dice.random() < 0.5:
            return UnstakeAlpha(netuid, hot, amount, Amount(0))
        to = NetUid(self.dice.randrange(1, 4))
        return SwapStake(netuid, hot, to, hot, amount, Amount(0), ANY)

    def _weigh(self) -> list[SignedTransaction]:
        """Let the first validators commit and, mostly, reveal; serve at times."""
        signed: list[SignedTransaction] = []
        for name in ("hot0", "hot1"):
            for call in self._due(name):
                held = nonce(self.state, key_of(name)) + self.sent[name]
                transaction = make_transaction(self.state, name, call, nonce=held)
                try:
                    check_free(self.state, transaction)
                except InvalidTransaction:
                    continue
                self.sent[name] += 1
                signed.append(transaction)
                break
        return signed

    def _due(self, name: str) -> list[Call]:
        size = len(get_hotkeys(self.state, NetUid(1)))
        if self.dice.random() < 0.05:
            return [make_serve(self.state, name)]
        kept = self.rows.pop((1, name), None)
        if kept is not None and self.dice.random() < 0.9:
            self.rows[1, name] = kept
            reveal = make_reveal(kept[1], kept[0])
            due: list[Call] = [reveal]
        else:
            due = []
        row = {uid: 65_535 for uid in range(size) if self.dice.random() < 0.8}
        for tempo in (8, 10, 16, 40):
            epoch = (self.state.height + 1) // tempo
            if row:
                self.rows.setdefault((1, name), (epoch, row))
                due.append(make_commit(self.state, name, make_reveal(row, epoch)))
        return due


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_money_adds_up_while_subnets_come_and_go(seed: int) -> None:
    life = Life(seed)
    life.play(420)
    for event in ("SubnetFounded", "SubnetNoticed", "SubnetDissolved", "SubnetStarted"):
        assert life.seen[event], life.seen
    assert life.seen["NeuronLeft"] >= 2, life.seen
    assert life.codes[SubnetClosed.code], life.codes
