"""Holders do what they can in any order: stake stays theirs, counts once, and adds up."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consensus.calls.rotation import AnnounceColdkeySwap, SwapColdkey, SwapHotkey
from consensus.calls.staking import (
    Child,
    MoveStake,
    SetAutoStake,
    SetChildren,
    StakeRoot,
    TransferStake,
    UnstakeRoot,
)
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.dues import process_agenda
from consensus.ledger.genesis import GenesisAccount, GenesisStake
from consensus.ledger.queries import account
from consensus.ledger.records import ROOT, get_hotkey, get_vault_hotkey, mint
from consensus.ledger.stake.shares import reward
from consensus.ledger.stake.staking import process_releases, process_slash
from consensus.ledger.state import Draft, State
from consensus.ledger.supply import check_invariants
from consensus.quantities import U32, Amount, Height, NetUid, PublicKey, Ratio16
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    key_of,
    make_consent,
    make_genesis,
    make_params,
    make_state,
)
from tests.consensus.ledger.holders import check_loans

PEOPLE = ("alice", "bob", "cold0", "cold1")
HOTKEYS = ("hot0", "hot1", "hot2")
SPARES = tuple(f"spare{index}" for index in range(4))
NAMES = {key_of(name): name for name in (*PEOPLE, *SPARES, "cold2", "cold3")}

steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "move",
                "give",
                "stake",
                "unstake",
                "auto",
                "lend",
                "hotkey",
                "coldkey",
                "pay",
                "slash",
            ]
        ),
        st.sampled_from(PEOPLE),
        st.sampled_from(HOTKEYS),
        st.sampled_from(HOTKEYS),
        st.sampled_from([1, 1_999_999, 2_000_000, TAO, 3 * TAO + 1, 9 * TAO, 10 * TAO, 11 * TAO]),
    ),
    max_size=40,
)


def _start() -> State:
    stakes = tuple(
        GenesisStake(NetUid(netuid), key_of(hotkey), key_of(name), Amount(10 * TAO))
        for netuid in (0, 1)
        for name in PEOPLE
        for hotkey in HOTKEYS[:2]
    )
    params = make_params(
        children_delay_blocks=U32(2), coldkey_swap_blocks=U32(0), hotkey_swap_fee=Amount(TAO // 9)
    )
    rich = tuple(GenesisAccount(key_of(f"cold{i}"), Amount(20 * TAO)) for i in (1, 2))
    return make_state(params=params, stakes=stakes, accounts=make_genesis().accounts + rich)


class Play:
    """One Draft in which calls come one after another."""

    def __init__(self) -> None:
        self.start = _start()
        self.draft = Draft(self.start)
        self.heirs = {name: key_of(name) for name in PEOPLE}
        self.spares = list(SPARES)

    def step(self, kind: str, who: str, first: str, second: str, amount: int) -> None:
        hotkey, other = (get_vault_hotkey(self.draft, key_of(name)) for name in (first, second))
        netuid = SUBNET if amount % 2 else ROOT
        match kind:
            case "pay":
                mint(self.draft, netuid, amount)
                reward(self.draft, netuid, hotkey, amount)
            case "slash":
                process_slash(self.draft, hotkey, 100_000)
            case "hotkey":
                self._swap_hotkey(hotkey)
            case "coldkey":
                self._swap_coldkey(who)
            case _:
                self._call(self.heirs[who], self._make(kind, who, hotkey, other, amount))
        self.draft.height = Height(self.draft.height + 1)
        process_releases(self.draft)
        process_agenda(self.draft)

    def _make(self, kind: str, who: str, hotkey: PublicKey, other: PublicKey, amount: int) -> Call:
        netuid = SUBNET if amount % 2 else ROOT
        match kind:
            case "move":
                return MoveStake(SUBNET, hotkey, other, Amount(amount))
            case "give":
                to = self.heirs[PEOPLE[(PEOPLE.index(who) + 1) % len(PEOPLE)]]
                return TransferStake(netuid, hotkey, to, Amount(amount))
            case "stake":
                return StakeRoot(hotkey, Amount(amount))
            case "unstake":
                return UnstakeRoot(hotkey, Amount(amount))
            case "auto":
                return SetAutoStake(SUBNET, hotkey)
            case _:
                share = Ratio16(amount % 65_535 + 1)
                return SetChildren(SUBNET, hotkey, (Child(other, share),))

    def _swap_hotkey(self, hotkey: PublicKey) -> None:
        record = get_hotkey(self.draft, hotkey)
        assert record is not None
        if not self.spares or record.owner not in NAMES:
            return
        new = self.spares.pop()
        consent = (make_consent(self.start, new, NAMES[record.owner]),)
        self._call(record.owner, SwapHotkey(hotkey, key_of(new), consent))

    def _swap_coldkey(self, who: str) -> None:
        if not self.spares:
            return
        old, new = self.heirs[who], key_of(self.spares.pop())
        before = account(self.draft, old)
        self._call(old, AnnounceColdkeySwap(new))
        self._call(old, SwapColdkey(new))
        after = account(self.draft, new)
        assert (after.stakes, after.unbonding) == (before.stakes, before.unbonding)
        assert after.free == before.free
        self.heirs[who] = new

    def _call(self, signer: PublicKey, call: Call) -> None:
        self.draft.mark()
        try:
            process_call(self.draft, signer, call)
        except CallError:
            self.draft.undo()


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_whatever_holders_do_stake_counts_once_and_adds_up(
    moves: list[tuple[str, str, str, str, int]],
) -> None:
    play = Play()
    for move in moves:
        play.step(*move)
        check_loans(play.draft)
    check_invariants(play.draft.freeze())
