"""The address book of peers as the disk keeps it: opaque bytes by peer id, bounded.

Whoever keeps the book in memory decides who is in it; here it is saved as a whole and loaded as a
whole. Losing it costs a slower start, nothing else.
"""

from collections.abc import Mapping

from storage.db import Database
from storage.schema import Txn

PEERS_MAX = 4_096
"""Entries of a saved book: a few megabytes at the most."""
PEER_ID_BYTES_MAX = 64
ENTRY_BYTES_MAX = 2_048


class Peers:
    """The stored book. One per open store."""

    __slots__ = ("_database", "_table")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.tables["peers"]

    async def save(self, book: Mapping[bytes, bytes]) -> None:
        """Replace the stored book by `book`; what did not change is not written."""
        assert len(book) <= PEERS_MAX, "the book's owner bounds it"
        for peer, entry in book.items():
            assert 0 < len(peer) <= PEER_ID_BYTES_MAX
            assert len(entry) <= ENTRY_BYTES_MAX
        copy = dict(book)
        await self._database.write(lambda txn: self._save(txn, copy))

    async def load(self) -> dict[bytes, bytes]:
        """Return the stored book.

        Raises:
            Corrupt: a row does not match its checksum.
        """
        return await self._database.read(lambda txn: dict(self._table.scan(txn)))

    def _save(self, txn: Txn, book: Mapping[bytes, bytes]) -> None:
        stored = dict(self._table.scan(txn))
        for peer in stored.keys() - book.keys():
            self._table.delete(txn, peer)
        for peer, entry in book.items():
            if stored.get(peer) != entry:
                self._table.put(txn, peer, entry)
