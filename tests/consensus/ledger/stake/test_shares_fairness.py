"""Nobody gains at another's expense: every sequence of share operations against exact fractions.

The model keeps each holder's stake as a fraction and knows no shares. What the ledger says may lag
behind it by less than one rao per operation, and nobody may ever be ahead of it by more than that.
"""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.ledger import keys
from consensus.ledger.records import Pool, get_pool, get_shares, put_pool
from consensus.ledger.stake.shares import (
    SHARE_BITS,
    deposit,
    get_stake,
    move_shares,
    price_stake,
    raise_pool,
    reward,
    withdraw_stake,
)
from consensus.ledger.state import Draft
from consensus.quantities import Amount, PublicKey
from consensus.refusals import NotEnoughStake
from consensus.reward.emission import split_take
from tests.builders import SUBNET, TAO, key_of, make_state

HOT, OWNER = key_of("hot0"), key_of("cold0")
PEOPLE = [key_of("alice"), key_of("bob"), OWNER]
LEAST = 2_000_000
TAKE = 11_796

amounts = st.one_of(
    st.integers(1, 10**12),
    st.sampled_from([1, 2, LEAST - 1, LEAST, LEAST + 1, 10**9, 10**15, 21 * 10**14]),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "all", "give", "reward", "raise"]),
        st.integers(0, 2),
        st.integers(1, 2),
        amounts,
    ),
    max_size=40,
)


class Exact:
    """Stakes as fractions; what is withdrawn is what the ledger said."""

    def __init__(self) -> None:
        self.stakes = dict.fromkeys(PEOPLE, Fraction(0))

    def add(self, who: PublicKey, amount: int) -> None:
        self.stakes[who] += amount

    def give(self, who: PublicKey, other: PublicKey, part: Fraction, amount: int) -> None:
        """Let a part of a stake, which the ledger says is `amount`, be another's."""
        moved = self.stakes[who] * part
        assert abs(moved - amount) <= 2
        self.stakes[who] -= moved
        self.stakes[other] += moved

    def leave(self, who: PublicKey) -> None:
        """Let what rounding left a leaver, less than a rao, be the others', as in the pool."""
        rest, self.stakes[who] = self.stakes[who], Fraction(0)
        assert abs(rest) <= 2
        self.grow(rest)

    def grow(self, amount: int | Fraction) -> None:
        total = sum(self.stakes.values())
        factor = (total + amount) / total if total else Fraction(1)
        for who in PEOPLE:
            self.stakes[who] *= factor


class Play:
    """One pool in a Draft, and its exact twin."""

    def __init__(self) -> None:
        self.draft = Draft(make_state())
        self.exact = Exact()
        self.count = 0

    def do(self, kind: str, who: PublicKey, other: PublicKey, amount: int) -> None:
        pool = get_pool(self.draft, SUBNET, HOT)
        if pool.amount + amount > 21 * 10**15:
            return
        self.count += 1
        match kind:
            case "in":
                deposit(self.draft, SUBNET, HOT, who, max(amount, LEAST))
                self.exact.add(who, max(amount, LEAST))
            case "reward":
                take, rest = split_take(amount, TAKE)
                if pool.shares:
                    self.exact.grow(rest)
                else:
                    take = amount
                self.exact.add(OWNER, take)
                reward(self.draft, SUBNET, HOT, amount)
            case "raise":
                if pool.shares:
                    self.exact.grow(amount)
                else:
                    self.exact.add(OWNER, amount)
                raise_pool(self.draft, SUBNET, HOT, amount)
            case _:
                self._leave(kind, who, other, amount)

    def _leave(self, kind: str, who: PublicKey, other: PublicKey, amount: int) -> None:
        holder = (SUBNET, HOT, who)
        if kind == "all":
            amount = get_stake(self.draft, *holder)
        held = get_shares(self.draft, *holder)
        try:
            if kind == "give":
                taken, shares = price_stake(self.draft, holder, amount, LEAST)
                move_shares(self.draft, holder, other, shares)
                self.exact.give(who, other, Fraction(shares, held), taken)
                return
            taken = withdraw_stake(self.draft, holder, amount, LEAST)
        except NotEnoughStake:
            return
        self.exact.add(who, -taken)
        if get_shares(self.draft, *holder) == 0:
            self.exact.leave(who)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(steps)
def test_nobody_gains_or_loses_more_than_a_rao_per_operation(
    moves: list[tuple[str, int, int, int]],
) -> None:
    play = Play()
    for kind, who, other, amount in moves:
        play.do(kind, PEOPLE[who], PEOPLE[(who + other) % 3], amount)
        pool = get_pool(play.draft, SUBNET, HOT)
        assert pool.amount << SHARE_BITS <= pool.shares + play.count
        for each in PEOPLE:
            has, due = get_stake(play.draft, SUBNET, HOT, each), play.exact.stakes[each]
            assert abs(has - due) <= 1 + play.count, (kind, has, due)


class CountingDraft(Draft):
    """A draft that counts what is written."""

    writes = 0

    def put(self, key: bytes, value: bytes) -> None:
        self.writes += 1
        super().put(key, value)


# -- attacks by name ------------------------------------------------------------------------------


def test_an_only_holder_can_not_make_shares_dear_for_the_next_one() -> None:
    draft = Draft(make_state())
    deposit(draft, SUBNET, HOT, OWNER, LEAST)
    for _ in range(200):  # each round makes a share 500,000 times as dear
        reward(draft, SUBNET, HOT, 1_000 * TAO)
        worth = get_stake(draft, SUBNET, HOT, OWNER)
        withdraw_stake(draft, (SUBNET, HOT, OWNER), worth - LEAST, LEAST)
    assert get_pool(draft, SUBNET, HOT).scale > 1_000
    for who in PEOPLE[:2]:
        deposit(draft, SUBNET, HOT, who, 3 * TAO + 1)
    for who in PEOPLE[:2]:
        assert get_stake(draft, SUBNET, HOT, who) >= 3 * TAO
    assert get_stake(draft, SUBNET, HOT, OWNER) <= LEAST + 1


def test_a_holding_from_before_many_doublings_is_worth_what_it_earned() -> None:
    draft = Draft(make_state())
    deposit(draft, SUBNET, HOT, PEOPLE[0], LEAST)
    deposit(draft, SUBNET, HOT, PEOPLE[1], LEAST)
    due = Fraction(LEAST)
    for _ in range(60):  # the other one takes out all but the least each time
        held = get_stake(draft, SUBNET, HOT, PEOPLE[1])
        withdraw_stake(draft, (SUBNET, HOT, PEOPLE[1]), held - LEAST, LEAST)
        amount = get_pool(draft, SUBNET, HOT).amount
        raise_pool(draft, SUBNET, HOT, amount // 3)
        due = due * (amount + amount // 3) / amount
    alice, rest = get_stake(draft, SUBNET, HOT, PEOPLE[0]), PEOPLE[1]
    whole = get_pool(draft, SUBNET, HOT).amount
    assert abs(alice + get_stake(draft, SUBNET, HOT, rest) - whole) <= 1
    assert abs(alice - due) <= 1


def test_going_in_and_out_a_thousand_times_gains_nothing_and_costs_less_than_a_rao_each() -> None:
    draft = Draft(make_state())
    deposit(draft, SUBNET, HOT, PEOPLE[1], 7 * TAO)
    raise_pool(draft, SUBNET, HOT, 3 * TAO + 1)
    other, has = get_stake(draft, SUBNET, HOT, PEOPLE[1]), LEAST
    for _ in range(1_000):
        deposit(draft, SUBNET, HOT, PEOPLE[0], has)
        worth = get_stake(draft, SUBNET, HOT, PEOPLE[0])
        has = withdraw_stake(draft, (SUBNET, HOT, PEOPLE[0]), worth, LEAST)
    assert LEAST - 1_000 <= has <= LEAST
    assert get_stake(draft, SUBNET, HOT, PEOPLE[1]) - other <= 1_000


@pytest.mark.slow
def test_a_dividend_is_one_write_for_a_hundred_thousand_delegators() -> None:
    draft = CountingDraft(make_state())
    deposit(draft, SUBNET, HOT, OWNER, LEAST)
    one = get_pool(draft, SUBNET, HOT)
    count = 100_000
    holdings = one.shares.to_bytes(16, "big") + one.scale.to_bytes(4, "big")
    for index in range(count):  # as `deposit` writes them
        delegator = PublicKey(index.to_bytes(32, "big"))
        draft.changes[keys.shares(SUBNET, HOT, delegator)] = holdings
    amount = Amount(one.amount * (count + 1))
    put_pool(draft, SUBNET, HOT, Pool(amount, one.shares * (count + 1), one.scale))
    draft.writes = 0
    raise_pool(draft, SUBNET, HOT, amount)
    assert draft.writes == 1
    some = PublicKey((77).to_bytes(32, "big"))
    assert get_stake(draft, SUBNET, HOT, some) == 2 * LEAST
    draft.writes = 0
    reward(draft, SUBNET, HOT, TAO)
    assert draft.writes <= 4  # the pool twice, its owner's take and the mark of it
