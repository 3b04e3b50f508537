"""What final blocks made public, one number a block: the series that tasks ask to forecast.

Every number is a function of the block itself, so that all nodes read the same: the header's time,
the receipts, the length of the encoding. The chain keeps every block from genesis, and with it
every number; a few thousand of them stay in memory, because each round reads nearly the same ones.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from consensus.quantities import Height
from neurons.errors import SeriesNotKept
from neurons.ports import FEES_RAO, INTERVAL_MS, SIZE_BYTES, TRANSACTIONS
from storage.blocks import Blocks

FIGURES_MAX = 8_192
"""Blocks whose figures stay in memory: twice the longest window a forecast may ask for, 1 MiB."""


@dataclass(frozen=True, slots=True)
class BlockFigures:
    """What one final block says in numbers."""

    interval_ms: int
    transactions: int
    fees_rao: int
    size_bytes: int


_FIGURES: Mapping[str, Callable[[BlockFigures], int]] = {
    INTERVAL_MS: lambda block: block.interval_ms,
    TRANSACTIONS: lambda block: block.transactions,
    FEES_RAO: lambda block: block.fees_rao,
    SIZE_BYTES: lambda block: block.size_bytes,
}


class FiguresMemory:
    """The figures of the blocks that were read last; one per node, shared by its records."""

    def __init__(self, blocks: Blocks, count_max: int = FIGURES_MAX) -> None:
        self._blocks = blocks
        self._count_max = count_max
        self._kept: OrderedDict[int, BlockFigures] = OrderedDict()

    def __len__(self) -> int:
        """Return how many blocks' figures are held."""
        return len(self._kept)

    def get(self, height: int) -> BlockFigures:
        """Return the figures of the final block at `height`, 1 or more.

        Two threads may read the same block at once; both then keep equal figures.

        Raises:
            SeriesNotKept: there is no such block here.
        """
        kept = self._kept.get(height)
        if kept is None:
            kept = self._kept[height] = self._read(height)
            while len(self._kept) > self._count_max:
                self._kept.popitem(last=False)
        return kept

    def _read(self, height: int) -> BlockFigures:
        blocks = self._blocks
        digest, header, parent = (
            blocks.digest_at(height),
            blocks.header_at(height),
            blocks.header_at(height - 1),
        )
        receipts = blocks.receipts_at(height)
        if digest is None or header is None or parent is None or receipts is None:
            raise SeriesNotKept(f"the block at height {height} is not here")
        return BlockFigures(
            interval_ms=header.time_ms - parent.time_ms,
            transactions=len(receipts),
            fees_rao=sum(receipt.fee for receipt in receipts),
            size_bytes=len(blocks.block_bytes(digest) or b""),
        )


@dataclass(frozen=True, slots=True)
class PublicRecord:
    """What final blocks made public, up to `height`; see `neurons.ports.ChainRecord`."""

    height: Height
    memory: FiguresMemory

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        """Return the series `name` of `count` blocks from `first`; blocking (the disk).

        Raises:
            SeriesNotKept: no such series, or a block that is not final yet, or genesis.
        """
        figure = _FIGURES.get(name)
        if figure is None:
            raise SeriesNotKept(f"no series {name!r}: known are {', '.join(sorted(_FIGURES))}")
        if not 1 <= first <= first + count <= self.height + 1:
            raise SeriesNotKept(f"{count} blocks from {first} on at final height {self.height}")
        return tuple(figure(self.memory.get(height)) for height in range(first, first + count))
