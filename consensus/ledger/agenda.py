"""What is due at a height: marks that a rule leaves for a later block, oldest first.

A block does at most `DUE_MAX` of them and leaves the rest to the next one, so nobody can stall a
block by making a million things fall due together. They may come a few blocks late, never early.
"""

from collections.abc import Iterator
from enum import IntEnum
from itertools import islice

from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import MARK
from consensus.ledger.state import Draft, Reading
from consensus.quantities import Height

DUE_MAX = 512
"""Entries one block does; each is a few writes."""
_SUBJECT_AT = 10


class Errand(IntEnum):
    """What is to be done; the number is part of the key. `subject` is what follows it."""

    CHANNEL_END = 0
    """channel id: give what is left in a payment channel back."""
    TALLY = 1
    """proposal u32: count the votes."""
    ENACT = 2
    """proposal u32: do what was decided."""
    CHILDREN = 5
    """netuid u16, parent hotkey: lend stake weight as announced."""


def add(draft: Draft, height: Height, topic: Errand, subject: bytes) -> None:
    """Let `topic` be done with `subject` at `height`, at the earliest in the next block."""
    draft.put(_key(height, topic, subject), MARK)


def remove(draft: Draft, height: Height, topic: Errand, subject: bytes) -> None:
    """Take an entry off the agenda; nothing happens if it is not there."""
    draft.delete(_key(height, topic, subject))


def take_due(draft: Draft) -> list[tuple[Errand, bytes]]:
    """Take at most `DUE_MAX` entries due at the Draft's height off the agenda, oldest first."""
    due = list(islice(_scan_due(draft, draft.height), DUE_MAX))
    for key in due:
        draft.delete(key)
    return [(Errand(key[_SUBJECT_AT - 1]), key[_SUBJECT_AT:]) for key in due]


def _scan_due(view: Reading, height: Height) -> Iterator[bytes]:
    for key, _ in view.scan(bytes((Family.AGENDA,))):
        if int.from_bytes(key[1:9], "big") > height:
            return
        yield key


def _key(height: Height, topic: Errand, subject: bytes) -> bytes:
    return keys.of(Family.AGENDA, keys.u64(height), bytes((topic,)), subject)
