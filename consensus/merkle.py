"""Roots and proofs of the state: a binary sparse Merkle tree, stored sixteen ways.

The tree. A key's *place* is BLAKE2b-256 of the key, read as 256 bits from the top. A subtree
without a leaf is `EMPTY_ROOT`; one with a single leaf *is* that leaf, however high (the short-cut
that keeps the depth near log2 n); any other is the hash of its two halves. Leaves and nodes are
hashed under domains of their own, so neither can be passed off as the other:

    leaf = H("neurond/leaf", place, H("neurond/value", value))
    node = H("neurond/node", left, right)

The store. Four binary levels share one stored node with sixteen slots, addressed by its *path*: one
byte (0..15) per nibble of the place that leads to it; the root's path is empty. A slot is empty, a
leaf (place and value hash, 64 bytes) or the hash of a stored node below (32 bytes). Every stored
node but the root's holds two leaves or more. So about log16 n nodes are touched per key while
proofs stay binary, 32 bytes a level.

`update` takes all changes of a block at once: it sorts them by place and visits each touched node
once. The root is a function of the key-value pairs alone, never of the order they came in.

Source: Dahlberg, Pulls, Peeters, "Efficient Sparse Merkle Trees" (2016); the short-cut and the
grouping of levels as in Diem's Jellyfish tree (2021).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Protocol

from consensus.quantities import ZERO_HASH, CountMax, Hash32

EMPTY_ROOT = ZERO_HASH
"""The root of a tree without leaves; no input is known to hash to it."""
WIDTH = 16
LEAF_SIZE = 64
HASH_SIZE = 32
PATH_BITS = 256

Slot = bytes | None
"""None: empty. 64 bytes: a leaf, place and value hash. 32 bytes: the hash of what lies below."""
Change = tuple[bytes, bytes | None]
"""A place, and the hash of its new value or None when the key goes."""

_LEAF = blake2b(digest_size=32, person=b"neurond/leaf")
_NODE = blake2b(digest_size=32, person=b"neurond/node")
_VALUE = blake2b(digest_size=32, person=b"neurond/value")
_PLACE = blake2b(digest_size=32, person=b"neurond/place")
# Constants, copied for every use: a copy costs half of what a fresh personalised hash does.


class NodeReader(Protocol):
    """Where stored nodes are found."""

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored node at `path` (one byte per nibble), or None."""
        ...


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows a stranger that a key has a value, or none, under a root.

    `siblings` from the top down. `other` is empty, or for an absent key the place and value hash of
    the only leaf in the subtree where the key would be.
    """

    siblings: Annotated[tuple[Hash32, ...], CountMax(PATH_BITS)]
    other: Annotated[tuple[Hash32, ...], CountMax(2)]


def compute_place(key: bytes) -> bytes:
    """Return the 32 bytes that say where `key` lies in the tree."""
    return _hash(_PLACE, key)


def update(
    reader: NodeReader, changes: Mapping[bytes, bytes | None]
) -> tuple[Hash32, dict[bytes, bytes | None]]:
    """Return the root after `changes` (None deletes) and the stored nodes that differ, by path.

    A node that is gone stands as None. Nothing is written; deleting an absent key changes nothing.
    """
    entries: list[Change] = sorted(
        (compute_place(key), None if value is None else _hash(_VALUE, value))
        for key, value in changes.items()
    )
    written: dict[bytes, bytes | None] = {}
    top = _update_node(reader, b"", entries, written)
    return _hash_slot(top), written


def get_root(reader: NodeReader) -> Hash32:
    """Return the root that the stored root node stands for."""
    return _hash_slot(_fold(_decode(reader.get_node(b""))))


def prove(reader: NodeReader, key: bytes) -> Proof:
    """Return the proof of `key`'s value, or of its absence, under the reader's root."""
    place = compute_place(key)
    siblings: list[Hash32] = []
    for depth in range(PATH_BITS // 4):
        levels = _fold_levels(_decode(reader.get_node(_to_path(place, depth))))
        nibble = _nibble(place, depth)
        for shift in range(4, -1, -1):
            slot = levels[4 - shift][nibble >> shift]
            if slot is None:
                return Proof(tuple(siblings), ())
            if len(slot) == LEAF_SIZE:
                return Proof(tuple(siblings), _other_leaf(slot, place))
            if shift:
                siblings.append(_hash_slot(levels[5 - shift][(nibble >> (shift - 1)) ^ 1]))
    raise AssertionError("two keys share all 256 bits of their place")


def verify(root: Hash32, key: bytes, value: bytes | None, proof: Proof) -> bool:
    """Tell whether `proof` shows that `key` has `value` (None: no value) under `root`."""
    place = compute_place(key)
    depth = len(proof.siblings)
    bits = int.from_bytes(place, "big") >> (PATH_BITS - depth)
    if value is not None:
        if proof.other:
            return False
        node = _hash(_LEAF, place + _hash(_VALUE, value))
    elif not proof.other:
        node = EMPTY_ROOT
    else:
        if len(proof.other) != 2 or proof.other[0] == place:  # noqa: PLR2004 - place, value hash
            return False
        if int.from_bytes(proof.other[0], "big") >> (PATH_BITS - depth) != bits:
            return False
        node = _hash(_LEAF, proof.other[0] + proof.other[1])
    for sibling in reversed(proof.siblings):
        node = _hash(_NODE, sibling + node if bits & 1 else node + sibling)
        bits >>= 1
    return node == root


# -- many keys at once ----------------------------------------------------------------------------

_EMPTY, _OURS, _OTHER, _BRANCH, _CUT = (bytes((mark,)) for mark in range(5))


class _Refuted(Exception):
    """A proof of many keys that can't be read, or that says something else."""


def prove_keys(reader: NodeReader, keys: Iterable[bytes]) -> bytes:
    """Return one proof of the values, or the absence, of all `keys` under the reader's root.

    It is the tree from the top, left before right, with everything that was not asked for cut off:
    one byte per subtree, 0 empty, 1 the leaf of a key asked for, 2 another leaf (its place and
    value hash follow) where a key would be, 3 two halves (which follow), 4 cut (its hash follows).
    """
    places = sorted({compute_place(key) for key in keys})
    parts: list[bytes] = []
    _prune_node(reader, b"", places, parts)
    return b"".join(parts)


def verify_keys(root: Hash32, values: Mapping[bytes, bytes | None], proof: bytes) -> bool:
    """Tell whether `proof` shows that each key has its value (None: no value) under `root`."""
    targets: list[Change] = sorted(
        (compute_place(key), None if value is None else _hash(_VALUE, value))
        for key, value in values.items()
    )
    try:
        node, end = _rebuild(proof, 0, 0, targets)
    except _Refuted:
        return False
    return end == len(proof) and node == root


def _prune_node(reader: NodeReader, path: bytes, places: list[bytes], parts: list[bytes]) -> None:
    """Append the proof of `places`, all under the stored node at `path`."""
    levels = _fold_levels(_decode(reader.get_node(path)))

    def prune(level: int, index: int, inside: list[bytes]) -> None:
        slot = levels[level][index]
        if slot is None:
            parts.append(_EMPTY)
        elif not inside:
            parts.append(_CUT + _hash_slot(slot))
        elif len(slot) == LEAF_SIZE:
            parts.append(_OURS if slot[:HASH_SIZE] in inside else _OTHER + slot)
        elif level == 4:  # noqa: PLR2004 - the last of a stored node's five levels
            _prune_node(reader, path + bytes((index,)), inside, parts)
        else:
            parts.append(_BRANCH)
            halves = _halve(inside, 4 * len(path) + level)
            for side, half in enumerate(halves):
                prune(level + 1, 2 * index + side, half)

    prune(0, 0, places)


def _rebuild(proof: bytes, at: int, depth: int, targets: list[Change]) -> tuple[Hash32, int]:
    """Return the hash of the subtree that `proof` describes from `at` on, and where it ends."""
    mark, at = proof[at : at + 1], at + 1
    present = [target for target in targets if target[1] is not None]
    if mark == _EMPTY and not present:
        return EMPTY_ROOT, at
    if mark == _OURS and len(present) == 1:
        return _hash(_LEAF, present[0][0] + (present[0][1] or b"")), at
    if mark == _OTHER and targets and not present:
        leaf = proof[at : at + LEAF_SIZE]
        _check_other(leaf, depth, [place for place, _ in targets])
        return _hash(_LEAF, leaf), at + LEAF_SIZE
    if mark == _CUT and not targets and at + HASH_SIZE <= len(proof):
        return Hash32(proof[at : at + HASH_SIZE]), at + HASH_SIZE
    if mark == _BRANCH and targets and depth < PATH_BITS:
        zeros = [target for target in targets if not _bit(target[0], depth)]
        left, at = _rebuild(proof, at, depth + 1, zeros)
        right, at = _rebuild(proof, at, depth + 1, targets[len(zeros) :])
        return _hash(_NODE, left + right), at
    raise _Refuted


def _check_other(leaf: bytes, depth: int, places: list[bytes]) -> None:
    """Raise _Refuted unless `leaf` lies in the subtree where `places` would be and is none."""
    place, shift = leaf[:HASH_SIZE], PATH_BITS - depth
    if len(leaf) != LEAF_SIZE or place in places:
        raise _Refuted
    if int.from_bytes(place, "big") >> shift != int.from_bytes(places[0], "big") >> shift:
        raise _Refuted


def _halve(places: list[bytes], depth: int) -> tuple[list[bytes], list[bytes]]:
    """Split sorted places by their bit at `depth`."""
    zeros = [place for place in places if not _bit(place, depth)]
    return zeros, places[len(zeros) :]


def _bit(place: bytes, depth: int) -> int:
    return place[depth >> 3] >> (7 - (depth & 7)) & 1


# -- the sorted pass ------------------------------------------------------------------------------


def _update_node(
    reader: NodeReader, path: bytes, entries: list[Change], written: dict[bytes, bytes | None]
) -> Slot:
    """Apply `entries` (sorted, all under `path`) to the stored node at `path`; return its fold."""
    before = reader.get_node(path)
    slots = _decode(before)
    for nibble, part in _group(entries, len(path)):
        slot = slots[nibble]
        below = path + bytes((nibble,))
        if slot is not None and len(slot) == HASH_SIZE:
            slots[nibble] = _update_node(reader, below, part, written)
        else:
            slots[nibble] = _grow(below, slot, part, written)
    top = _fold(slots)
    stays = top is not None and (len(top) == HASH_SIZE or not path)
    after = _encode(slots) if stays else None
    if after != before:
        written[path] = after
    return top


def _grow(
    path: bytes, slot: Slot, entries: list[Change], written: dict[bytes, bytes | None]
) -> Slot:
    """Return the slot over `path`, where no node is stored yet, after `entries`."""
    leaves = {} if slot is None else {slot[:HASH_SIZE]: slot}
    for place, value in entries:
        if value is None:
            leaves.pop(place, None)
        else:
            leaves[place] = place + value
    return _build(path, sorted(leaves.values()), written)


def _build(path: bytes, leaves: list[bytes], written: dict[bytes, bytes | None]) -> Slot:
    """Store the nodes of a subtree that holds just `leaves` (sorted); return its fold."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else None
    slots: list[Slot] = [None] * WIDTH
    parts: dict[int, list[bytes]] = {}
    for leaf in leaves:
        parts.setdefault(_nibble(leaf, len(path)), []).append(leaf)
    for nibble, part in parts.items():
        slots[nibble] = _build(path + bytes((nibble,)), part, written)
    written[path] = _encode(slots)
    return _fold(slots)


def _group(entries: list[Change], depth: int) -> list[tuple[int, list[Change]]]:
    """Split sorted entries by their nibble at `depth`."""
    groups: list[tuple[int, list[Change]]] = []
    last = -1
    for entry in entries:
        nibble = _nibble(entry[0], depth)
        if nibble != last:
            groups.append((nibble, []))
            last = nibble
        groups[-1][1].append(entry)
    return groups


# -- one stored node ------------------------------------------------------------------------------


def _join(slots: list[Slot]) -> list[Slot]:
    """Return the level above: a lone leaf rises, everything else is hashed in pairs.

    One flat loop, because a block calls for tens of thousands of hashes.
    """
    above: list[Slot] = []
    halves = iter(slots)
    for left in halves:
        right = next(halves)
        if left is None:
            if right is None or len(right) == LEAF_SIZE:
                above.append(right)
                continue
            left = EMPTY_ROOT  # noqa: PLW2901 - what an empty half hashes as
        elif right is None:
            if len(left) == LEAF_SIZE:
                above.append(left)
                continue
            right = EMPTY_ROOT
        if len(left) == LEAF_SIZE:
            left = _hash(_LEAF, left)  # noqa: PLW2901 - as above
        if len(right) == LEAF_SIZE:
            right = _hash(_LEAF, right)
        node = _NODE.copy()
        node.update(left + right)
        above.append(node.digest())
    return above


def _fold(slots: list[Slot]) -> Slot:
    """Return the subtree over all sixteen slots."""
    while len(slots) > 1:
        slots = _join(slots)
    return slots[0]


def _fold_levels(slots: list[Slot]) -> list[list[Slot]]:
    """Return the five binary levels of a stored node, top (one slot) first."""
    levels = [slots]
    while len(levels[-1]) > 1:
        levels.append(_join(levels[-1]))
    return levels[::-1]


def _encode(slots: list[Slot]) -> bytes:
    """Return two 16-bit masks (which slots are filled, which are leaves) and the filled slots."""
    filled = leaf = 0
    for slot in slots:
        filled = filled << 1 | (slot is not None)
        leaf = leaf << 1 | (slot is not None and len(slot) == LEAF_SIZE)
    head = (filled << 16 | leaf).to_bytes(4, "big")
    return head + b"".join([slot for slot in slots if slot is not None])


def _decode(data: bytes | None) -> list[Slot]:
    """Return the slots of a stored node; sixteen empty ones for None."""
    if data is None:
        return [None] * WIDTH
    masks = int.from_bytes(data[:4], "big")
    slots: list[Slot] = []
    at = 4
    for bit in range(WIDTH - 1, -1, -1):
        if not masks >> (16 + bit) & 1:
            slots.append(None)
            continue
        end = at + (LEAF_SIZE if masks >> bit & 1 else HASH_SIZE)
        slots.append(data[at:end])
        at = end
    assert at == len(data), "a damaged Merkle node: storage should have noticed"
    return slots


def _hash(start: "blake2b", data: bytes) -> Hash32:
    state = start.copy()
    state.update(data)
    return Hash32(state.digest())


def _hash_slot(slot: Slot) -> Hash32:
    if slot is None:
        return EMPTY_ROOT
    return _hash(_LEAF, slot) if len(slot) == LEAF_SIZE else Hash32(slot)


def _other_leaf(slot: bytes, place: bytes) -> tuple[Hash32, ...]:
    if slot[:HASH_SIZE] == place:
        return ()
    return Hash32(slot[:HASH_SIZE]), Hash32(slot[HASH_SIZE:])


def _nibble(place: bytes, depth: int) -> int:
    byte = place[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _to_path(place: bytes, depth: int) -> bytes:
    return bytes([_nibble(place, level) for level in range(depth)])
