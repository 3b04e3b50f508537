"""Any calls in any order: money is conserved, only typed errors come, a failed call costs its fee.

A hypothesis state machine plays blocks of random calls by keys of the little network: absurd ones,
and ones that somebody would really make (`purposes.py`), of every kind there is. Subnets come, go
and come again, tempos and keys change, eras end. Every block is audited in full.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.governance import (
    CastVote,
    Change,
    ChangeParam,
    ChangeProtocol,
    Declare,
    Propose,
)
from consensus.calls.neurons import PublishModel, RegisterNeuron
from consensus.calls.payments import CloseChannel, OpenChannel, RedeemVoucher
from consensus.calls.rotation import AnnounceColdkeySwap, SwapColdkey, SwapHotkey
from consensus.calls.staking import (
    Child,
    SetChildren,
    SetTake,
    StakeAlpha,
    StakeRoot,
    SwapStake,
    UnstakeAlpha,
    UnstakeRoot,
)
from consensus.calls.subnets import SetSubnetIdentity
from consensus.errors import CallError, InvalidTransaction
from consensus.ledger.calls import process_call
from consensus.ledger.channels import list_paid_by, make_voucher
from consensus.ledger.genesis import GenesisAccount, GenesisStake
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.queries import list_subnets
from consensus.ledger.records import get_vault_hotkey
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import NOBODY, get_hotkeys
from consensus.ledger.supply import check_invariants
from consensus.ledger.transition import apply_block
from consensus.ledger.voting.governable import GOVERNABLE
from consensus.ledger.voting.proposals import get_governance
from consensus.quantities import (
    I64,
    U16,
    U32,
    ZERO_HASH,
    Amount,
    Hash32,
    Height,
    Identity,
    LongText,
    NetUid,
    Ratio16,
    ShortText,
)
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    admit,
    advance,
    key_of,
    make_block,
    make_commit,
    make_consent,
    make_genesis,
    make_hyper,
    make_params,
    make_reveal,
    make_serve,
    make_state,
    make_subnet,
    make_transaction,
    signer_of,
)
from tests.consensus.ledger.holders import NEW_KEYS, calls_of_holders, check_loans
from tests.consensus.ledger.picks import NAMES
from tests.consensus.ledger.purposes import PURPOSES, make_call
from tests.consensus.ledger.subnets import calls_of_owners
from tests.house.calls import find_rules

PEOPLE = ("alice", "bob", "cold0", "cold1", "hot0", "hot1", "hot2", "new0", "new1", "nobody")
PAYERS = ("alice", "bob", "cold0")
people = st.sampled_from(PEOPLE)
payers = st.sampled_from(PAYERS)
hotkeys = st.sampled_from(("hot0", "hot1", "hot2"))
amounts = st.one_of(
    st.integers(0, 20 * TAO), st.sampled_from([0, 1, 1_999_999, 1_000 * TAO, 2**64 - 1])
)
netuids = st.sampled_from([1, 1, 1, 0, 2, 3, 65_535])
texts = st.sampled_from(["", "a", "größer", "a\nb", "\u202e"])
KINDS = [kind for kind in PURPOSES if kind.__name__ in find_rules()]
kinds = st.sampled_from(KINDS)
limits = st.sampled_from([0, 2**64 - 1, TAO // 2, TAO, 2 * TAO])


def _paid_calls() -> st.SearchStrategy[Call]:
    keys = people.map(key_of)
    money = amounts.map(Amount)
    return st.one_of(
        st.builds(Transfer, keys, money),
        st.builds(RegisterNeuron, netuids.map(NetUid), keys, st.just(Amount(2**64 - 1))),
        st.builds(RegisterNeuron, netuids.map(NetUid), keys, money),
        st.builds(StakeRoot, keys, money),
        st.builds(UnstakeRoot, keys, money),
        st.builds(SetTake, keys, st.integers(0, 20_000).map(Ratio16)),
        _trades(),
        _payments(),
        st.builds(Propose, _changes(), st.integers(0, 99).map(Height)),
        st.builds(CastVote, st.integers(0, 3).map(U32), st.booleans()),
        _words(),
        calls_of_owners(keys, netuids.map(NetUid)),
        calls_of_holders(keys, netuids.map(NetUid), money),
    )


def _trades() -> st.SearchStrategy[Call]:
    keys, subnets = people.map(key_of), netuids.map(NetUid)
    money, price = amounts.map(Amount), limits.map(Amount)
    return st.one_of(
        st.builds(StakeAlpha, subnets, keys, money, price),
        st.builds(UnstakeAlpha, subnets, keys, money, price),
        st.builds(SwapStake, subnets, keys, subnets, keys, money, price, price),
    )


def _payments() -> st.SearchStrategy[Call]:
    keys, ends = people.map(key_of), st.integers(0, 60).map(Height)
    return st.builds(OpenChannel, keys, netuids.map(NetUid), amounts.map(Amount), ends)


def _changes() -> st.SearchStrategy[Change]:
    values = st.sampled_from([each for b in GOVERNABLE.values() for each in (b.low, b.high)])
    names = st.sampled_from([*GOVERNABLE, "block_ms", "nonsense"])
    return st.one_of(
        st.builds(ChangeParam, names.map(ShortText), values.map(I64)),
        st.builds(ChangeProtocol, st.integers(0, 3).map(U32)),
        st.builds(Declare, texts.map(LongText)),
    )


def _words() -> st.SearchStrategy[Call]:
    short, subnets = texts.map(ShortText), netuids.map(NetUid)
    identities = st.builds(Identity, short, short, short, texts.map(LongText))
    contents = st.sampled_from([ZERO_HASH, Hash32(b"\1" * 32)])
    return st.one_of(
        st.builds(SetIdentity, identities),
        st.builds(SetSubnetIdentity, subnets, identities),
        st.builds(PublishModel, subnets, contents, short),
    )


def _make_start() -> State:
    """Return two subnets, the second without neurons, and people with stake in both.

    Votes and channels are short, and hotkeys can pay fees. There is room for one subnet more; who
    comes then makes another end soon.
    """
    stakes = tuple(
        GenesisStake(NetUid(netuid), key_of(hotkey), key_of(name), Amount(10 * TAO))
        for netuid in (1, 2)
        for name, hotkey in (("alice", "hot0"), ("bob", "hot0"), ("bob", "hot1"))
    )
    second = make_subnet(netuid=NetUid(2), neurons=())
    accounts = make_genesis().accounts
    others = [name for name in NAMES if key_of(name) not in {each.key for each in accounts}]
    rich = tuple(GenesisAccount(key_of(name), Amount(50 * TAO)) for name in others)
    return make_state(
        params=make_params(
            voting_blocks=U32(8),
            enactment_blocks=U32(3),
            dispute_blocks=U32(3),
            quorum_ppm=U32(0),
            subnets_max=U16(3),
            subnet_lock_min=Amount(TAO // 10),
            subnet_lock_blocks=U32(8),
            subnet_start_blocks=U32(3),
            subnet_immunity_blocks=U32(8),
            dissolve_notice_epochs=U16(1),
            children_delay_blocks=U32(2),
            coldkey_swap_blocks=U32(2),
            hotkey_swap_fee=Amount(TAO // 100),
            era_blocks=U32(16),
            new_subnet=make_hyper(max_uids=U16(6)),
        ),
        accounts=accounts + rich,
        subnets=(make_subnet(owner=(key_of("hot0"),)), second),
        stakes=stakes,
    )


class AnyCalls(RuleBasedStateMachine):
    """Blocks of any calls on the little network."""

    def __init__(self) -> None:
        super().__init__()
        self.state = _make_start()
        self.pool = Mempool()
        self.rows: dict[tuple[str, int], dict[int, int]] = {}

    @rule(signer=people, call=_paid_calls(), tip=st.integers(0, 10_000))
    def send(self, signer: str, call: Call, tip: int) -> None:
        nonce = self.pool.next_nonce(self.state, key_of(signer))
        signed = make_transaction(self.state, signer, call, nonce=nonce, tip=Amount(tip))
        try:
            admit(self.pool, self.state, signed)
        except InvalidTransaction:
            return

    @rule(steps=st.lists(st.tuples(kinds, st.integers(0, 2**96)), min_size=1, max_size=8))
    def act(self, steps: list[tuple[type, int]]) -> None:
        """Let people do what they may in one block; what one does may be in another's way."""
        for kind, number in steps:
            made = make_call(self.state, kind, number)
            if made is not None:
                self.send(*made, 0)
        self.block()

    @rule(signer=people, row=st.dictionaries(st.integers(0, 7), st.integers(1, 65_535), min_size=1))
    def commit(self, signer: str, row: dict[int, int]) -> None:
        epoch = (self.state.height + 1) // 8
        row = row | {max(row): 65_535}
        self._send_free(signer, make_commit(self.state, signer, make_reveal(row, epoch)))
        self.rows[signer, epoch] = row

    @rule(signer=people)
    def reveal(self, signer: str) -> None:
        epoch = (self.state.height + 1) // 8 - 1
        row = self.rows.get((signer, epoch))
        if row is not None:
            self._send_free(signer, make_reveal(row, epoch))

    @rule(
        row=st.dictionaries(st.integers(0, 4), st.integers(1, 65_535), min_size=1),
        reveals=st.sampled_from([("hot0", "hot1"), ("hot0",), ("hot1",), ()]),
    )
    def weigh(self, row: dict[int, int], reveals: tuple[str, ...]) -> None:
        """Play one whole epoch in which both validators commit and some reveal."""
        start = (self.state.height // 8 + 1) * 8
        self.state = advance(self.state, start + 2)
        for name in ("hot0", "hot1"):
            self.commit(name, row)
        self.block()
        self.state = advance(self.state, start + 7)
        for name in reveals:
            self.reveal(name)
        self.block()
        self.state = advance(self.state, start + 10)
        self.pool.advance(self.state)

    @rule(signer=people)
    def serve(self, signer: str) -> None:
        self._send_free(signer, make_serve(self.state, signer))

    @rule(payer=payers, deposit=st.integers(TAO // 100, 4 * TAO), blocks=st.integers(1, 40))
    def open_channel(self, payer: str, deposit: int, blocks: int) -> None:
        end = Height(self.state.height + 1 + blocks)
        self.send(payer, OpenChannel(key_of("hot2"), SUBNET, Amount(deposit), end), 0)
        self.block()

    @rule(percents=st.lists(st.integers(1, 110), max_size=3), signer=people, is_payee=st.booleans())
    def redeem(self, percents: list[int], signer: str, *, is_payee: bool) -> None:
        """Send vouchers on every channel, in any order, by whom it pays or by somebody."""
        for payer in PAYERS:
            for shown in list_paid_by(self.state, key_of(payer), 4):
                for percent in percents:
                    amount = Amount(shown.channel.deposit * percent // 100)
                    paper = make_voucher(signer_of(payer), shown.id, amount, ZERO_HASH)
                    self.send("hot2" if is_payee else signer, RedeemVoucher(paper), 0)

    @rule(payer=payers, signer=people, is_payer=st.booleans())
    def close(self, payer: str, signer: str, *, is_payer: bool) -> None:
        for shown in list_paid_by(self.state, key_of(payer), 2):
            self.send(payer if is_payer else signer, CloseChannel(shown.id), 0)

    @rule(change=_changes(), other=_changes(), voter=people)
    def decide(self, change: Change, other: Change, voter: str) -> None:
        """Put two changes to the vote, pass what is open, and wait until it holds."""
        at = Height(self.state.height + 2)
        self.send("hot0", Propose(change, at), 0)
        self.send("hot1", Propose(other, at), 0)
        self.block()
        for vote in get_governance(self.state).votes:
            for name in dict.fromkeys((voter, "hot0", "hot1")):
                self.send(name, CastVote(vote.number, is_yes=True), 0)
        self.block()
        self.wait(12)

    @rule(parent=hotkeys, child=hotkeys, share=st.integers(1, 65_535))
    def lend(self, parent: str, child: str, share: int) -> None:
        parts = (Child(get_vault_hotkey(self.state, key_of(child)), Ratio16(share)),)
        hotkey = get_vault_hotkey(self.state, key_of(parent))
        self.send(f"cold{parent[-1]}", SetChildren(SUBNET, hotkey, parts), 0)
        self.block()

    @rule(first=hotkeys, new=st.sampled_from(NEW_KEYS))
    def swap_hotkey(self, first: str, new: str) -> None:
        """Swap whatever stands for a hotkey of genesis now."""
        owner = f"cold{first[-1]}"
        hotkey = get_vault_hotkey(self.state, key_of(first))
        consent = (make_consent(self.state, new, owner),)
        self.send(owner, SwapHotkey(hotkey, key_of(new), consent), 0)
        self.block()

    @rule(old=payers, new=st.sampled_from(NEW_KEYS))
    def swap_coldkey(self, old: str, new: str) -> None:
        self.send(old, AnnounceColdkeySwap(key_of(new)), 0)
        self.block()
        self.wait(2)
        self.send(old, SwapColdkey(key_of(new)), 0)
        self.block()

    @rule()
    def block(self) -> None:
        body = build_body(self.state, self.pool)
        applied = apply_block(self.state, make_block(self.state, *body), self.pool.is_verified)
        assert len(applied.receipts) == len(body)
        self.state = applied.state
        self.pool.remove(body)
        self.pool.advance(self.state)

    @rule(count=st.integers(1, 9))
    def wait(self, count: int) -> None:
        self.state = advance(self.state, self.state.height + count)
        self.pool.advance(self.state)

    @rule(signer=people, call=_paid_calls())
    def fail_without_trace(self, signer: str, call: Call) -> None:
        draft = Draft(self.state)
        before = dict(draft.changes)
        draft.mark()
        try:
            process_call(draft, key_of(signer), call)
        except CallError:
            draft.undo()
            assert draft.changes == before
            assert all(draft.get(key) == self.state.get(key) for key in self.state.changes)

    def _send_free(self, signer: str, call: Call) -> None:
        nonce = self.pool.next_nonce(self.state, key_of(signer))
        try:
            admit(self.pool, self.state, make_transaction(self.state, signer, call, nonce=nonce))
        except InvalidTransaction:
            return

    @invariant()
    def the_money_adds_up(self) -> None:
        check_invariants(self.state)
        check_loans(self.state)
        for netuid in list_subnets(self.state):
            seated = [each for each in get_hotkeys(self.state, netuid) if each != NOBODY]
            assert len(set(seated)) == len(seated) <= 100


AnyCalls.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_calls = pytest.mark.slow(AnyCalls.TestCase)
