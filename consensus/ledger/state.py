"""The ledger as a value: State is frozen; Draft, its scratch copy, dies with the call that made it.

A state is an ordered map from bytes to bytes and the Merkle tree over it. `State` holds only what
its block changed and looks the rest up in its parent, down to a `StateReader` (the disk). Storage
keeps `changes` and `nodes` of each height; a state may then be rebased on a fresh reader with
`State.from_reader`, which forgets its ancestors.

`Draft` collects the writes of one block. It keeps the running totals of every coin: whoever writes
an amount (`consensus/ledger/records.py`) calls `add_total`, so no rule can forget to. A call that
fails is undone to the last `mark`; a block that fails is dropped with its Draft, without a trace.
"""

import heapq
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Protocol

from consensus import merkle
from consensus.ledger import keys
from consensus.quantities import U64_MAX, Hash32, Height, NetUid


class Reading(Protocol):
    """What every rule and query needs of a ledger: State, Draft and StateReader have it."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key begins with `prefix`, keys ascending."""
        ...


class StateReader(Reading, Protocol):
    """One finalised state on the disk, at a height of its own."""

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored Merkle node at `path`, or None (`consensus/merkle.py`)."""
        ...


class MemoryReader:
    """A state in two dicts: the one before genesis, and those of tests and simulations."""

    def __init__(
        self,
        values: Mapping[bytes, bytes] | None = None,
        nodes: Mapping[bytes, bytes] | None = None,
    ) -> None:
        """Hold copies of `values` and Merkle `nodes`; both empty by default."""
        self.values = dict(values or {})
        self.nodes = dict(nodes or {})
        self._sorted: list[bytes] | None = None

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        return self.values.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key begins with `prefix`, keys ascending."""
        if self._sorted is None:
            self._sorted = sorted(self.values)
        ordered = self._sorted
        for at in range(bisect_left(ordered, prefix), len(ordered)):
            if not ordered[at].startswith(prefix):
                return
            yield ordered[at], self.values[ordered[at]]

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored Merkle node at `path`, or None."""
        return self.nodes.get(path)

    def absorb(self, state: "State") -> None:
        """Take over what `state` changed, as storage does when its height is finalised."""
        self._sorted = None
        _absorb(self.values, state.changes)
        _absorb(self.nodes, state.nodes)


class Changes(dict[bytes, bytes | None]):
    """What blocks changed, None for what they deleted; finds a family's keys without all others.

    An epoch step scans a few families while a block has changed a hundred thousand keys of others.
    """

    __slots__ = ("_families",)

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._families: dict[int, dict[bytes, None]] = {}

    def __setitem__(self, key: bytes, value: bytes | None) -> None:
        """Set a key, which begins with the byte of its family."""
        if key not in self:
            self._families.setdefault(key[0], {})[key] = None
        super().__setitem__(key, value)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the changes of keys that begin with `prefix`, in no order."""
        families = self._families
        for number in (prefix[0],) if prefix else tuple(families):
            for key in families.get(number, ()):
                if key.startswith(prefix) and key in self:  # `undo` may have taken it back
                    yield key, self[key]


@dataclass(frozen=True, slots=True)
class State:
    """The ledger after one block: what that block changed, over what was before."""

    height: Height
    root: Hash32
    changes: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]
    base: "State | StateReader"

    @classmethod
    def empty(cls) -> "State":
        """Return the state before genesis: nothing at all."""
        return cls(Height(0), merkle.EMPTY_ROOT, {}, {}, MemoryReader())

    @classmethod
    def from_reader(cls, reader: StateReader, height: Height, root: Hash32) -> "State":
        """Return the state that `reader` holds, with nothing on top."""
        return cls(height, root, {}, {}, reader)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        layer: State | StateReader = self
        while isinstance(layer, State):
            if key in layer.changes:
                return layer.changes[key]
            layer = layer.base
        return layer.get(key)

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored Merkle node at `path`, or None."""
        layer: State | StateReader = self
        while isinstance(layer, State):
            if path in layer.nodes:
                return layer.nodes[path]
            layer = layer.base
        return layer.get_node(path)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key begins with `prefix`, keys ascending."""
        layers, reader = _layers(self)
        return _merge(layers, reader, prefix)


class Total(IntEnum):
    """The columns of a coin's running totals; TAO is netuid 0, alpha its subnet's."""

    ISSUED = 0
    """What was minted less what was destroyed."""
    FREE = 1
    """In accounts."""
    STAKED = 2
    """In share pools."""
    UNBONDING = 3
    """Unstaked and waiting."""
    PENDING = 4
    """Minted for an epoch that is not closed."""
    BURNED = 5
    """Destroyed since genesis; not part of ISSUED."""
    POOLED = 6
    """In the subnets' liquidity pools (of TAO: in all of them)."""
    LOCKED = 7
    """In payment channels, and in locks of subnets that wait for a place."""
    ORDERED = 8
    """Offered in swaps that are not settled."""


_TOTALS = Struct(f">{len(Total)}Q")


class Draft:
    """The scratch copy of a State that one block works on."""

    def __init__(self, state: State, height: Height | None = None) -> None:
        """Start from `state` with nothing changed, for the block after it (or at `height`)."""
        self.height = Height(state.height + 1) if height is None else height
        self.changes = Changes()
        self._state = state
        self._totals: dict[NetUid, list[int]] = {}
        self._undo: list[tuple[bytes, bool, bytes | None]] = []
        self._undo_totals: list[tuple[NetUid, Total, int]] = []

    @property
    def before(self) -> State:
        """Return the state that the Draft started from."""
        return self._state

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""
        if key in self.changes:
            return self.changes[key]
        return self._state.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key` to `value`."""
        self._undo.append((key, key in self.changes, self.changes.get(key)))
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        """Forget `key`, if it is there. A key that was set and deleted leaves no trace."""
        self._undo.append((key, key in self.changes, self.changes.get(key)))
        if self._state.get(key) is None:
            self.changes.pop(key, None)
        else:
            self.changes[key] = None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key begins with `prefix`, keys ascending, as of now."""
        layers, reader = _layers(self._state)
        return _merge([*layers, self.changes], reader, prefix)

    def get_total(self, netuid: NetUid, total: Total) -> int:
        """Return a running total of a coin, in rao."""
        return self.get_amounts(netuid)[total]

    def get_amounts(self, netuid: NetUid) -> Sequence[int]:
        """Return the running totals of a coin, in the order of `Total`."""
        return self._load_totals(netuid)

    def add_total(self, netuid: NetUid, total: Total, difference: int) -> None:
        """Add `difference` rao (of either sign) to a running total."""
        amounts = self._load_totals(netuid)
        before = amounts[total]
        after = before + difference
        assert 0 <= after <= U64_MAX, f"{total.name} of coin {netuid} would be {after}"
        self._undo_totals.append((netuid, total, before))
        amounts[total] = after

    def mark(self) -> None:
        """Make this the point to which `undo` goes back."""
        self._undo.clear()
        self._undo_totals.clear()

    def undo(self) -> None:
        """Take back every write since `mark`."""
        for key, was_changed, value in reversed(self._undo):
            if was_changed:
                self.changes[key] = value
            else:
                self.changes.pop(key, None)
        for netuid, total, amount in reversed(self._undo_totals):
            self._totals[netuid][total] = amount
        self.mark()

    def coins(self) -> list[NetUid]:
        """Return the netuids whose totals were looked at, ascending."""
        return sorted(self._totals)

    def freeze(self) -> State:
        """Return the State with every write of this Draft; the Draft is spent."""
        for netuid in self.coins():
            amounts = self._totals[netuid]
            packed = _TOTALS.pack(*amounts) if any(amounts) else None  # a coin that is gone
            self.changes[keys.totals(netuid)] = packed
        root, nodes = merkle.update(self._state, self.changes)
        return State(self.height, root, self.changes, nodes, self._state)

    def _load_totals(self, netuid: NetUid) -> list[int]:
        amounts = self._totals.get(netuid)
        if amounts is None:
            amounts = self._totals[netuid] = list(get_totals(self._state, netuid))
        return amounts


def get_totals(view: Reading, netuid: NetUid) -> tuple[int, ...]:
    """Return a coin's running totals as of the last block, in the order of `Total`."""
    data = view.get(keys.totals(netuid))
    return _TOTALS.unpack(data) if data else (0,) * len(Total)


def _layers(state: State) -> tuple[list[Mapping[bytes, bytes | None]], StateReader]:
    """Return the layers over the reader, oldest first, and the reader."""
    layers: list[Mapping[bytes, bytes | None]] = []
    layer: State | StateReader = state
    while isinstance(layer, State):
        layers.append(layer.changes)
        layer = layer.base
    return layers[::-1], layer


def _merge(
    layers: list[Mapping[bytes, bytes | None]], reader: StateReader, prefix: bytes
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pairs under `prefix` of a reader with layers over it, keys ascending."""
    over: dict[bytes, bytes | None] = {}
    for layer in layers:
        if isinstance(layer, Changes):
            over.update(layer.scan(prefix))
        else:
            over.update([item for item in layer.items() if item[0].startswith(prefix)])
    below = ((key, value) for key, value in reader.scan(prefix) if key not in over)
    above = ((key, value) for key, value in sorted(over.items()) if value is not None)
    return heapq.merge(below, above)


def _absorb(store: dict[bytes, bytes], changes: Mapping[bytes, bytes | None]) -> None:
    for key, value in changes.items():
        if value is None:
            store.pop(key, None)
        else:
            store[key] = value
