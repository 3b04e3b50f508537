"""A record that needs no chain: series made by arithmetic, for the golden vector and for tests.

Each series repeats after `SEASON` blocks: now and then a spike at a fixed phase, beside it a level
that drifts, and noise drawn by a hash. The numbers never change: judgements are pinned on them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from consensus.quantities import Height
from neurons.errors import SeriesNotKept
from neurons.ports import FEES_RAO, INTERVAL_MS, SIZE_BYTES, TRANSACTIONS

SEASON = 24
END = Height(10 * SEASON)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A series' level, its noise (each value is up to so much above), and its spikes."""

    level: int
    noise: int
    spike: int
    phases: tuple[int, ...]
    """Where in the season a spike stands."""


_SHAPES: Mapping[str, _Shape] = {
    INTERVAL_MS: _Shape(12_000, 40, 900, (0,)),
    TRANSACTIONS: _Shape(2, 4, 11, (5, 6, 18)),
    FEES_RAO: _Shape(20_000, 90_000, 400_000, (5, 12)),
    SIZE_BYTES: _Shape(900, 700, 2_500, (5, 6, 18)),
}


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A `neurons.ports.ChainRecord` that knows what is after its height too."""

    height: Height = END

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        """Return `count` values of the series `name` from height `first` on.

        Raises:
            SeriesNotKept: no such series, or heights below 1.
        """
        shape = _SHAPES.get(name)
        if shape is None or first < 1 or count < 0:
            raise SeriesNotKept(f"no series {name!r} of {count} blocks from {first} on")
        return tuple(_compute_value(name, shape, height) for height in range(first, first + count))


def _compute_value(name: str, shape: _Shape, height: int) -> int:
    draw = blake2b(f"{name} {height}".encode(), digest_size=4, person=b"neurond/forecast").digest()
    noise = int.from_bytes(draw, "big") * (shape.noise + 1) >> 32
    drift = shape.level * (height // (3 * SEASON) % 4) // 40
    spike = shape.spike if height % SEASON in shape.phases else 0
    return shape.level + drift + noise + spike
