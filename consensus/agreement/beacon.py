"""The commit-reveal randomness that elects leaders and seeds challenges.

A validator commits to the tip of a hash chain, H^length(seed). Each block it proposes reveals the
value before the tip the ledger knows: one hash checks it, nobody can choose it, and withholding it
means not proposing, which forfeits the block's reward. The mix after a block is
H(mix before, reveal).

Source: `docs/spec/agreement.md` 2.5, after Ethereum's RANDAO with in-block reveals.
"""

from math import isqrt

from consensus import crypto
from consensus.quantities import Hash32

BEACON_LENGTH = 1 << 20
"""Reveals in one chain: most of a year at one proposal per 24 s; a second to compute."""


class HashChain:
    """Every value of one chain, from about a thousand stored ones and a thousand hashes at most."""

    def __init__(self, seed: bytes, length: int = BEACON_LENGTH) -> None:
        """Walk the chain of `length` steps from `seed`, keeping every sqrt(length)-th value."""
        assert length > 0
        self._stride = isqrt(length)
        self._kept: list[Hash32] = []
        value = crypto.hash32(b"neurond/seed", seed)
        for index in range(length):
            if index % self._stride == 0:
                self._kept.append(value)
            value = crypto.hash_beacon(value)
        self.tip: Hash32 = value
        """H^length(seed): what the validator registers."""
        self._index = {kept: i * self._stride for i, kept in enumerate(self._kept)}
        self._index[value] = length
        self._segment: tuple[int, list[Hash32]] = (-1, [])

    def reveal(self, tip: Hash32) -> Hash32 | None:
        """Return the value before `tip`; None if `tip` is not on this chain or is its start.

        Hashing on from a value of the chain meets a kept one within a stride.
        """
        value = tip
        for steps in range(self._stride + 1):
            known = self._index.get(value)
            if known is not None:
                index = known - steps - 1
                return self._value(index) if index >= 0 else None
            value = crypto.hash_beacon(value)
        return None

    def _value(self, index: int) -> Hash32:
        """Return the value `index` steps from the start."""
        number, offset = divmod(index, self._stride)
        if self._segment[0] != number:
            values = [self._kept[number]]
            while len(values) < self._stride:
                values.append(crypto.hash_beacon(values[-1]))
            self._segment = (number, values)
        return self._segment[1][offset]
