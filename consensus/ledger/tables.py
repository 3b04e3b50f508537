"""Rows of weights and bonds as bytes: only the cells that are not zero.

A row is its column numbers (uids, u16) and then its values, all little-endian: u16 for weights,
int64 for bonds (Q32). A table is one row after another, each behind its uid and cell count (u16).
"""

from collections.abc import Iterator, Sequence

import numpy as np

from consensus.ledger.state import Reading
from consensus.reward.rows import Rows, SparseRow, build_rows, get_sparse_row

WEIGHT = "<u2"
BOND = "<i8"
_CELL_SIZES = {WEIGHT: 4, BOND: 10}
"""Bytes of one cell, its column number included."""


def encode_row(columns: Sequence[int], values: Sequence[int], kind: str) -> bytes:
    """Return one row; `kind` is `WEIGHT` or `BOND`."""
    numbers = np.asarray(columns, dtype=np.int64).astype("<u2").tobytes()
    return numbers + np.asarray(values, dtype=np.int64).astype(kind).tobytes()


def decode_row(data: bytes, kind: str) -> SparseRow:
    """Return the columns and values of one row."""
    count = len(data) // _CELL_SIZES[kind]
    columns = np.frombuffer(data[: 2 * count], dtype="<u2").astype(np.int64)
    values = np.frombuffer(data[2 * count :], dtype=kind).astype(np.int64)
    return columns.tolist(), values.tolist()


def encode_table(rows: Rows, kind: str) -> bytes:
    """Return every row of a table."""
    parts: list[bytes] = []
    for uid in rows.uids:
        columns, values = get_sparse_row(rows, uid)
        parts.append(uid.to_bytes(2, "little") + len(columns).to_bytes(2, "little"))
        parts.append(encode_row(columns, values, kind))
    return b"".join(parts)


def decode_table(data: bytes, size: int, kind: str) -> Rows:
    """Return the table of `size` columns that `encode_table` wrote."""
    rows: dict[int, SparseRow] = {}
    at = 0
    while at < len(data):
        uid = int.from_bytes(data[at : at + 2], "little")
        end = at + 4 + _CELL_SIZES[kind] * int.from_bytes(data[at + 2 : at + 4], "little")
        rows[uid] = decode_row(data[at + 4 : end], kind)
        at = end
    return build_rows(size, rows)


def scan_rows(view: Reading, prefix: bytes, size: int, kind: str) -> Rows:
    """Return the table whose rows stand under `prefix` and their uid."""
    return build_rows(size, dict(_scan(view, prefix, kind)))


def _scan(view: Reading, prefix: bytes, kind: str) -> Iterator[tuple[int, SparseRow]]:
    for key, data in view.scan(prefix):
        yield int.from_bytes(key[-2:], "big"), decode_row(data, kind)
