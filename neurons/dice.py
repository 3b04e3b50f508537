"""Numbers drawn from a seed, the same on every machine and in every Python version.

`random.Random` promises its bits to stay, not what `shuffle` or `randrange` make of them; a
challenge must be computed again years later by a stranger, so the draw is spelled out here.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of 64-bit words: BLAKE2b-512 of (seed, counter), eight words a block."""

    __slots__ = ("_words",)

    def __init__(self, seed: bytes) -> None:
        self._words = _draw_words(seed)

    def below(self, count: int) -> int:
        """Return a number in 0..count-1; its bias is count / 2^64."""
        return next(self._words) % count

    def choose(self, items: Sequence[T]) -> T:
        """Return one of `items`, which is not empty."""
        return items[self.below(len(items))]

    def shuffle(self, items: Sequence[T]) -> list[T]:
        """Return `items` in random order (Fisher-Yates, from the last place down)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result


def _draw_words(seed: bytes) -> Iterator[int]:
    counter = 0
    while True:
        block = blake2b(seed + counter.to_bytes(8, "big"), person=b"neurond/dice").digest()
        for start in range(0, 64, 8):
            yield int.from_bytes(block[start : start + 8], "big")
        counter += 1
