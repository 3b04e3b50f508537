"""The state tree: its root depends on the content alone; its proofs convince only of the truth."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import codec
from consensus.merkle import (
    EMPTY_ROOT,
    Proof,
    compute_place,
    get_root,
    prove,
    prove_keys,
    update,
    verify,
    verify_keys,
)
from consensus.quantities import Hash32


class Nodes:
    """Stored nodes in a dict."""

    def __init__(self) -> None:
        self.by_path: dict[bytes, bytes] = {}

    def get_node(self, path: bytes) -> bytes | None:
        return self.by_path.get(path)

    def apply(self, changes: dict[bytes, bytes | None]) -> Hash32:
        root, nodes = update(self, changes)
        for path, node in nodes.items():
            if node is None:
                del self.by_path[path]
            else:
                self.by_path[path] = node
        return root


def _build(items: dict[bytes, bytes]) -> tuple[Nodes, Hash32]:
    nodes = Nodes()
    return nodes, nodes.apply(dict(items))


def _reference_root(items: dict[bytes, bytes]) -> bytes:
    """The definition, bit by bit, without stored nodes or short-cuts in code."""
    from hashlib import blake2b  # noqa: PLC0415 - the test's own hashing, apart from the product's

    def hashed(person: bytes, data: bytes) -> bytes:
        return blake2b(data, digest_size=32, person=person).digest()

    def root(leaves: list[tuple[str, bytes]], depth: int) -> bytes:
        if not leaves:
            return bytes(32)
        if len(leaves) == 1:
            return leaves[0][1]
        halves = [[leaf for leaf in leaves if leaf[0][depth] == bit] for bit in "01"]
        return hashed(b"neurond/node", b"".join(root(half, depth + 1) for half in halves))

    leaves: list[tuple[str, bytes]] = []
    for key, value in items.items():
        place = hashed(b"neurond/place", key)
        leaf = hashed(b"neurond/leaf", place + hashed(b"neurond/value", value))
        leaves.append((f"{int.from_bytes(place, 'big'):0256b}", leaf))
    return root(leaves, 0)


keys = st.integers(0, 40).map(lambda number: b"key%d" % number)
changes = st.dictionaries(keys, st.none() | st.binary(max_size=3), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(changes, max_size=6))
def test_the_root_is_that_of_the_definition_whatever_the_history(
    batches: list[dict[bytes, bytes | None]],
) -> None:
    nodes, items = Nodes(), dict[bytes, bytes]()
    for batch in batches:
        root = nodes.apply(batch)
        for key, value in batch.items():
            if value is None:
                items.pop(key, None)
            else:
                items[key] = value
        assert root == _reference_root(items) == get_root(nodes)
    assert nodes.by_path == _build(items)[0].by_path


def test_an_empty_tree_has_the_empty_root_and_no_nodes() -> None:
    nodes, _ = _build({b"a": b"1", b"b": b"2"})
    assert nodes.apply({b"a": None, b"b": None}) == EMPTY_ROOT
    assert nodes.by_path == {}
    assert get_root(nodes) == EMPTY_ROOT


def test_deleting_an_absent_key_writes_nothing() -> None:
    nodes, root = _build({b"a": b"1", b"b": b"2", b"c": b"3"})
    assert update(nodes, {b"z": None}) == (root, {})


def test_writing_the_same_value_writes_nothing() -> None:
    nodes, root = _build({b"a": b"1", b"b": b"2"})
    assert update(nodes, {b"a": b"1"}) == (root, {})


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(keys, st.binary(max_size=3), max_size=25), keys)
def test_a_proof_shows_the_value_or_its_absence_and_nothing_else(
    items: dict[bytes, bytes], key: bytes
) -> None:
    nodes, root = _build(items)
    proof = codec.decode(Proof, codec.encode(prove(nodes, key)))
    assert verify(root, key, items.get(key), proof)
    assert not verify(root, key, b"other", proof)
    assert verify(root, key, None, proof) == (key not in items)
    assert not verify(Hash32(bytes([1] * 32)), key, items.get(key), proof)


def test_no_bit_of_a_proof_can_be_changed() -> None:
    rng = random.Random(1)
    nodes, root = _build({rng.randbytes(4): b"v" for _ in range(30)} | {b"here": b"v"})
    for key, value in ((b"here", b"v"), (b"gone", None)):
        proof = prove(nodes, key)
        for index, sibling in enumerate(proof.siblings):
            flipped = Hash32(bytes([sibling[0] ^ 1]) + sibling[1:])
            siblings = (*proof.siblings[:index], flipped, *proof.siblings[index + 1 :])
            assert not verify(root, key, value, Proof(siblings, proof.other))
        assert not verify(root, key, value, Proof(proof.siblings[:-1], proof.other))
        assert not verify(root, key, value, Proof((), proof.other))


def test_absence_is_not_proved_by_a_leaf_of_another_subtree() -> None:
    nodes, root = _build({b"%d" % number: b"v" for number in range(64)})
    for number in range(64):
        key = b"%d" % number
        others = [b"%d" % other for other in range(64) if other != number]
        for other in others:
            proof = prove(nodes, other)
            claim = (Hash32(compute_place(other)), Hash32(bytes(32)))
            assert not verify(root, key, None, proof)
            assert not verify(root, key, None, Proof(proof.siblings, claim))


def test_two_blocks_of_changes_equal_one() -> None:
    rng = random.Random(2)
    items = {rng.randbytes(8): rng.randbytes(4) for _ in range(300)}
    first = dict(list(items.items())[:150])
    nodes, _ = _build(first)
    root = nodes.apply({key: value for key, value in items.items() if key not in first})
    assert root == _build(items)[1]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(keys, st.binary(max_size=3), max_size=25), st.sets(keys, max_size=12))
def test_one_proof_of_many_keys_shows_all_of_them_and_nothing_else(
    items: dict[bytes, bytes], asked: set[bytes]
) -> None:
    nodes, root = _build(items)
    proof = prove_keys(nodes, asked)
    told = {key: items.get(key) for key in asked}
    assert verify_keys(root, told, proof)
    assert not verify_keys(Hash32(bytes([1] * 32)), told, proof)
    for key in asked:
        assert not verify_keys(root, told | {key: b"other"}, proof)
        assert verify_keys(root, told | {key: None}, proof) == (key not in items)


def test_no_bit_of_a_proof_of_many_keys_can_be_changed() -> None:
    rng = random.Random(3)
    items = {rng.randbytes(4): b"v" for _ in range(40)}
    nodes, root = _build(items)
    told = dict.fromkeys(list(items)[:5], b"v") | {b"gone": None, b"none": None}
    proof = prove_keys(nodes, told)
    for at in range(len(proof)):
        for bit in range(8):
            flipped = bytearray(proof)
            flipped[at] ^= 1 << bit
            assert not verify_keys(root, told, bytes(flipped))
        assert not verify_keys(root, told, proof[:at])
    assert not verify_keys(root, told, proof + b"\0")


def test_random_bytes_are_no_proof_of_anything() -> None:
    rng = random.Random(4)
    for size in range(200):
        proof = bytes(rng.choice((0, 1, 2, 3, 4)) for _ in range(size))
        assert not verify_keys(Hash32(bytes([1] * 32)), {b"a": b"v", b"b": None}, proof)
    assert not verify_keys(Hash32(bytes([1] * 32)), {b"a": b"v"}, b"\3" * 5_000)


def test_many_keys_share_the_nodes_of_their_proof() -> None:
    nodes, root = _build({b"%d" % number: b"v" for number in range(2_000)})
    asked = {b"%d" % number: b"v" for number in range(1_000)}
    proof = prove_keys(nodes, asked)
    assert verify_keys(root, asked, proof)
    apart = sum(32 * len(prove(nodes, key).siblings) for key in asked)
    assert len(proof) < apart // 5
