"""Distributions over the next byte as bytes: the only numbers of `text` that cross the wire.

One distribution is a row of 256 little-endian u16 that sum to exactly 65535: a probability of each
byte in units of 1 / 65535. An answer is one row per prefix. `quantise` makes rows of a model's
floats, `pack_rows` bytes of rows, `read_answer` rows of a stranger's bytes.
"""

import numpy as np
from numpy.typing import NDArray

from consensus.quantities import U16_MAX
from neurons.errors import MalformedAnswer, ModelFault

SYMBOLS = 256
"""Bytes a distribution ranges over."""
ROW_BYTES = 2 * SYMBOLS
"""One distribution on the wire."""


def quantise(probabilities: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return each row of `probabilities` (count, 256) as u16 that sum to exactly 65535.

    Rows need not sum to one. Each symbol gets 1, so that no byte is ruled out; the other 65279 go
    by share, rounded down, what is left to the largest remainders (lower symbol first on a tie).

    Raises:
        ModelFault: wrong shape, NaN or infinity, a negative value, or a row of zeros.
    """
    rows = probabilities.astype(np.float64)  # (count, 256)
    if rows.ndim != 2 or rows.shape[1] != SYMBOLS:  # noqa: PLR2004 - rows and columns
        raise ModelFault(f"distributions of shape {rows.shape}, not (count, {SYMBOLS})")
    if not bool(np.isfinite(rows).all()):
        raise ModelFault("the model answered NaN or infinity")
    totals = rows.sum(axis=1, keepdims=True)  # (count, 1)
    if bool((rows < 0).any()) or not bool((totals > 0).all()):
        raise ModelFault("the model answered negative or all-zero probabilities")
    shared = U16_MAX - SYMBOLS
    exact = rows / totals * shared
    floors = np.minimum(np.floor(exact), shared).astype(np.int64)
    missing = shared - floors.sum(axis=1, keepdims=True)  # (count, 1), 0..255
    order = np.argsort(floors - exact, axis=1, kind="stable")  # largest remainder first
    ranks = np.argsort(order, axis=1, kind="stable")
    return (1 + floors + (ranks < missing)).astype(np.uint16)


def pack_rows(rows: NDArray[np.uint16]) -> bytes:
    """Return quantised rows as the answer's bytes: little-endian u16, row after row."""
    return rows.astype("<u2").tobytes()


def read_answer(answer: bytes, count: int) -> NDArray[np.uint16]:
    """Return the answer's rows (count, 256).

    Raises:
        MalformedAnswer: wrong length, or a row that does not sum to 65535.
    """
    if len(answer) != count * ROW_BYTES:
        raise MalformedAnswer(f"{len(answer)} bytes for {count} prefixes of {ROW_BYTES} each")
    rows = np.frombuffer(answer, dtype="<u2").reshape(count, SYMBOLS).astype(np.uint16)
    if not bool((rows.sum(axis=1, dtype=np.int64) == U16_MAX).all()):
        raise MalformedAnswer(f"a distribution that does not sum to {U16_MAX}")
    return rows
