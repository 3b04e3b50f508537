"""Whose stake stands behind a validator, and who is paid what it earned.

A hotkey's stake weight in a subnet is its own, less what it lends, and what other hotkeys, its
parents, lend it. Each of them brings two kinds: alpha, and TAO at root that counts by `tao_weight`.
What the validator earned is split over all of these by largest remainder, so every rao of it was
earned by one kind of one hotkey's stake:

- own alpha: the owner's take, the rest raises the hotkey's alpha pool;
- own TAO: sold at the block's price; the proceeds are a reward of the hotkey's root pool;
- lent alpha or TAO: first the validator's take, which its owner gets in alpha; the rest is the
  parent's, as if it had earned it itself: with the parent's own take for its own delegators.

Source: `docs/spec/ledger.md` 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consensus.fixed import split_largest_remainder
from consensus.quantities import U16_MAX
from consensus.reward.emission import split_take


@dataclass(frozen=True, slots=True)
class Backing:
    """One hotkey's part of a stake weight, in rao, and the take of its owner over 65535."""

    alpha: int
    root: int
    """Its TAO times `tao_weight`."""
    take: int


@dataclass(frozen=True, slots=True)
class BackingPart:
    """What one hotkey's stake behind a validator earned; alpha rao.

    `child_take`, `owner`, `delegators` and `sold` add up to `alpha` and `root`.
    """

    alpha: int
    """Earned by its alpha."""
    root: int
    """Earned by its TAO."""
    child_take: int
    """What the owner of the validator keeps of what lent stake earned; 0 of its own stake."""
    owner: int
    """The take of the owner of the stake's hotkey."""
    delegators: int
    """What raises the alpha pool of the stake's hotkey."""
    sold: int
    """What is sold for a reward of its root pool, where the same take applies."""


def lend(amount: int, share: int) -> int:
    """Return what `share` of 65535 of an amount is, rounded down."""
    return amount * share // U16_MAX


def compute_weight(backings: Sequence[Backing]) -> int:
    """Return the stake weight that `backings` make up, in rao."""
    return sum(backing.alpha + backing.root for backing in backings)


def split_dividends(amount: int, backings: Sequence[Backing]) -> tuple[BackingPart, ...]:
    """Return what each of `backings` gets of the `amount` that a validator earned.

    The first is the validator's own, the others were lent to it. Nothing behind it: all its own.
    """
    weights = [weight for each in backings for weight in (each.alpha, each.root)]
    if not any(weights):
        weights[0] = 1
    earned = split_largest_remainder(amount, weights)
    pairs = list(zip(earned[::2], earned[1::2], strict=True))
    own, *lent = zip(pairs, backings, strict=True)
    parts = [_make_part(*own[0], 0, own[1])]
    parts += [_make_part(*pair, backings[0].take, backing) for pair, backing in lent]
    return tuple(parts)


def _make_part(alpha: int, root: int, child_take: int, backing: Backing) -> BackingPart:
    """Divide what one hotkey's stake earned; `child_take` is the part the validator keeps."""
    taken, left = split_take(alpha, child_take)
    taken_of_root, sold = split_take(root, child_take)
    owner, delegators = split_take(left, backing.take)
    return BackingPart(alpha, root, taken + taken_of_root, owner, delegators, sold)
