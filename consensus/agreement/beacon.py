"""The commit-reveal randomness that elects leaders and seeds challenges.

A validator commits to the tip of a hash chain, H^length(seed). Each block it proposes reveals the
value before the tip the ledger knows: one hash checks it, nobody can choose it, and withholding it
means not proposing, which forfeits the block's reward. The mix after a block is
H(mix before, reveal).

Source: `agreement.md` 2.5, after Ethereum's RANDAO with in-block reveals.
"""

from math import isqrt

from consensus import crypto
from consensus.types import Hash32

BEACON_LENGTH = 1 << 20
"""Reveals in one chain: at one proposal per 24 s, most of a year; a second to compute."""


REVEALS_LOST_MAX = 1024
"""Reveals of ours in blocks that never became final, at most, before the chain is walked anew."""


def step(value: bytes) -> Hash32:
    """Return the next value of a hash chain."""
    return crypto.hash_beacon(Hash32(value))


def is_reveal(tip: Hash32, reveal: Hash32) -> bool:
    """Tell whether `reveal` is what came before `tip` on its chain."""
    return step(reveal) == tip


def compute_mix(mix: Hash32, reveal: Hash32) -> Hash32:
    """Return the beacon's mix after a block that revealed `reveal`."""
    return crypto.compute_mix(mix, reveal)


class HashChain:
    """Every value of one chain, at the price of about a thousand kept and a thousand hashes."""

    def __init__(self, seed: bytes, length: int = BEACON_LENGTH) -> None:
        """Walk the chain of `length` steps from `seed`, keeping about sqrt(length) values."""
        assert length > 0
        self._stride = max(1, isqrt(length))
        self._kept: list[Hash32] = []
        value = crypto.hash32(b"neurond/seed", seed)
        for index in range(length):
            if index % self._stride == 0:
                self._kept.append(value)
            value = step(value)
        self.tip: Hash32 = value
        """H^length(seed): what the validator registers."""
        self._segment: tuple[int, list[Hash32]] = (-1, [])
        self._length = length
        self._position = length

    def reveal(self, tip: Hash32) -> Hash32 | None:
        """Return the value before `tip`; None if `tip` is not on this chain or is its start.

        Tips walk backwards, one per proposal, so the search begins where the last one ended.
        """
        for index in self._near():
            if step(self._value(index)) == tip:
                self._position = index
                return self._value(index)
        return None

    def _near(self) -> range:
        """Return the indices to try: from a little above the last reveal downward.

        Above, because blocks that carried our last reveals may not have become final.
        """
        return range(min(self._position + REVEALS_LOST_MAX, self._length - 1), -1, -1)

    def _value(self, index: int) -> Hash32:
        """Return the value `index` steps from the start."""
        number, offset = divmod(index, self._stride)
        if self._segment[0] != number:
            values = [self._kept[number]]
            last = min(self._stride, self._length - number * self._stride)
            while len(values) < last:
                values.append(step(values[-1]))
            self._segment = (number, values)
        return self._segment[1][offset]
