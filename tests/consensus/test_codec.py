"""The codec: what goes in comes out, everything else is a DecodeError, and quickly."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import codec
from consensus.calls.accounts import Transfer
from consensus.calls.governance import Change
from consensus.calls.neurons import Serve
from consensus.calls.tags import TAGS
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.codec import decode, encode
from consensus.errors import DecodeError
from consensus.params import Hyperparameters
from consensus.quantities import U16, Amount, CountMax, Epoch, Hash32, NetUid, PublicKey, View
from consensus.types import Call, Receipt, SignedTransaction, Status, Transaction, Vote
from scripts.tools.vectors.golden import build_golden, build_sample, iterate_samples, list_types

GOLDEN = Path(__file__).parents[1] / "vectors" / "codec.json"
TRANSFER = Transfer(PublicKey(b"k" * 32), Amount(5))
STATUS: Status = build_sample(Status)
KINDS = list_types()


def refuse(kind: type, data: bytes, words: str | None = None):
    with pytest.raises(DecodeError, match=words):
        decode(kind, data)


def dump(plain: object) -> bytes:
    return cbor2.dumps(plain, canonical=True)


# -- round trips ----------------------------------------------------------------------------------


def strategy(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any declared type
    """Return a strategy for any declared type, by the codec's own bounds."""
    if kind in codec.BOUNDS:
        return _plain_strategy(kind)
    if get_origin(kind) is Annotated:
        inner, bound = get_args(kind)
        item = strategy(get_args(inner)[0])
        return st.lists(item, max_size=min(3, bound.count)).map(tuple)
    if not isinstance(kind, type):
        return st.one_of([strategy(member) for member in get_args(kind)])
    return _class_strategy(kind)


def _plain_strategy(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a NewType
    low, high = codec.BOUNDS[kind]
    if kind.__supertype__ is int:
        return st.one_of(st.integers(low, high), st.sampled_from([low, high]))
    if kind.__supertype__ is str:
        return st.text(max_size=high // 4)
    return st.binary(min_size=low, max_size=min(high, 64))


def _class_strategy(kind: type[object]) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if issubclass(kind, IntEnum):
        return st.sampled_from(kind)
    assert is_dataclass(kind)
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, *[strategy(hints[field.name]) for field in fields(kind)])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_every_value_of_every_type_comes_back(kind: type[object], data: st.DataObject):
    value = data.draw(strategy(kind))
    encoded = encode(value)
    assert decode(kind, encoded) == value
    assert encode(decode(kind, encoded)) == encoded


def test_golden_bytes_of_every_type_are_unchanged():
    """A failure here is a change of bytes on the wire: `scripts/vectors write`, on purpose."""
    stored = json.loads(GOLDEN.read_text())
    assert build_golden("codec.json") == stored
    named = {case["type"] for case in stored["cases"]}
    assert {kind.__name__ for kind in KINDS} <= named


def test_a_list_encodes_as_its_items_in_order():
    assert codec.encode_list([TRANSFER]) == b"\x81" + encode(TRANSFER)
    assert codec.encode_list([]) == b"\x80"


def test_every_union_member_has_a_tag_of_its_own():
    for union in (Call, Change):
        assert len({TAGS[member] for member in get_args(union)}) == len(get_args(union))


# -- bytes that are no value ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not CBOR"),
        (b"\xff", "not CBOR"),
        (b"\x1c", "not CBOR"),
        (b"\x62\xff\xfe", "not CBOR"),
        (b"\x81" * 100_000 + b"\x00", "not CBOR"),
        (b"\x9b" + b"\xff" * 8, "not CBOR"),
        (b"\x5b" + b"\xff" * 8, "not CBOR"),
        (b"\xbb" + b"\xff" * 8, "not CBOR"),
        (b"\x7a\xff\xff\xff\xff", "not CBOR"),
        (b"\x9a\x00\x10\x00\x00", "not CBOR"),
        (b"\x9f\xff", "not CBOR"),
        (b"\x5f\x41a\xff", "not CBOR"),
        (b"\xa1\x00\x00", "not CBOR"),
    ],
)
def test_malformed_cbor_is_refused(data: bytes, words: str):
    refuse(Status, data, words)


def test_a_value_too_long_is_refused_before_it_is_read():
    with pytest.raises(DecodeError, match="at most 3"):
        decode(Status, encode(STATUS), size_max=3)


def test_an_overlong_integer_is_refused():
    data = encode(Receipt(Hash32(bytes(32)), U16(7), Amount(1)))
    assert data[-2:] == b"\x07\x01"
    refuse(Receipt, data[:-2] + b"\x18\x07\x01", "canonical")
    refuse(Receipt, data[:-1] + b"\x1b" + bytes(7) + b"\x01", "canonical")


def test_trailing_bytes_are_refused():
    refuse(Status, encode(STATUS) + b"\x00", "canonical")


def test_an_overlong_length_is_refused():
    data = encode(STATUS)
    assert data[0] == 0x84
    refuse(Status, b"\x98\x04" + data[1:], "canonical")


def test_maps_are_refused_sorted_or_not_and_with_duplicate_keys():
    for data in (
        b"\xa0",
        b"\xa2\x61a\x00\x61b\x00",
        b"\xa2\x61b\x00\x61a\x00",
        b"\xa2\x61a\x00\x61a\x01",
    ):
        refuse(Status, data)


@pytest.mark.parametrize("tag", [*range(300), 1004, 43_000, 55_799, 65_535, 2**32])
def test_no_tag_is_read(tag: int):
    inner = b"\x41\x00" if tag in (2, 3) else b"\x80"
    head = bytes([0xC0 + tag]) if tag < 24 else b"\xdb" + tag.to_bytes(8, "big")
    refuse(Status, head + inner, "not CBOR")


def test_a_tag_that_would_compile_or_parse_is_never_run():
    for tag, text in ((35, "a" * 50_000), (36, "Subject: x\n" * 5_000)):
        refuse(Status, b"\xd8" + bytes([tag]) + dump(text), "not CBOR")


# -- values of the wrong kind ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "plain", [0, "x", b"x", None, True, 1.5, [], [1], [1, 2, 3, [], 5], {"a": 1}, [1.0, 1, 1, []]]
)
def test_plain_values_of_another_shape_are_refused(plain: object):
    refuse(Status, dump(plain))


@pytest.mark.parametrize(
    ("index", "wrong"),
    [
        (0, -1),
        (0, 2**64),
        (0, 1.0),
        (0, True),
        (0, "1"),
        (0, None),
        (0, [1]),
        (3, 7),
        (3, [2**64 - 1, -1]),
        (3, [True]),
        (3, [1.0]),
        (3, ["x", 1]),
        (3, [[1]]),
        (3, list(range(17))),
    ],
)
def test_a_field_out_of_its_bounds_is_refused(index: int, wrong: object):
    plain: list[object] = [1, 2, 3, [4]]
    plain[index] = wrong
    refuse(Status, dump(plain))


def test_the_bounds_themselves_are_accepted():
    top = View(2**64 - 1)
    status = replace(STATUS, final_view=top, view=View(0), missing=(top,) * 16)
    assert decode(Status, encode(status)) == status


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_of_another_length_is_refused(length: int):
    refuse(Receipt, dump([bytes(length), 0, 0]), "Hash32")


def test_text_is_bounded_in_bytes_not_letters():
    serve: Serve = build_sample(Serve)
    plain = cbor2.loads(encode(serve))
    plain[4] = ["é" * 64]
    assert decode(Serve, dump(plain)).protocols == ("é" * 64,)
    plain[4] = ["é" * 65]
    refuse(Serve, dump(plain), "ShortText")


def test_an_unknown_vote_kind_is_refused():
    vote: Vote = build_sample(Vote)
    plain = cbor2.loads(encode(vote))
    for wrong in (0, 9, True, "1"):
        refuse(Vote, dump([wrong, *plain[1:]]), "VoteKind")


def test_an_unknown_call_is_refused():
    transaction: Transaction = build_sample(Transaction)
    plain = cbor2.loads(encode(transaction))
    for wrong in ([999, 1], [], 5, ["1"], [True, 1], [[1]], [1]):
        refuse(Transaction, dump([*plain[:-1], wrong]))


def test_a_call_does_not_decode_as_another():
    commit = CommitWeights(NetUid(1), Epoch(2), Hash32(bytes(32)), Hash32(bytes(32)))
    assert decode(CommitWeights, encode(commit)) == commit
    refuse(Transfer, encode(commit), "tag")


def test_a_row_may_be_as_long_as_a_subnet_and_no_longer():
    row: RevealWeights = build_sample(RevealWeights)
    plain = cbor2.loads(encode(row))
    plain[5] = list(range(4096))
    assert len(decode(RevealWeights, dump(plain)).uids) == 4096
    plain[5] = list(range(4097))
    refuse(RevealWeights, dump(plain), "4096 is the most")


def test_fields_that_contradict_each_other_are_refused():
    good = encode(Hyperparameters())
    assert decode(Hyperparameters, good) == Hyperparameters()
    plain = cbor2.loads(good)
    plain[0] = 0  # a tempo of no blocks
    refuse(Hyperparameters, dump(plain), "contradict")


def test_a_refusal_never_quotes_more_than_a_line():
    for plain in ([b"x" * 10**5], ["x" * 10**5], [[0] * 10**5], b"x" * 10**5, "x" * 10**5):
        with pytest.raises(DecodeError) as caught:
            decode(Status, dump(plain))
        assert len(str(caught.value)) < 200


def test_a_type_without_bounds_is_a_bug_not_an_error():
    @dataclass(frozen=True, slots=True)
    class Loose:
        anything: int

    with pytest.raises(AssertionError):
        decode(Loose, b"\x81\x00")
    assert CountMax(3).count == 3


# -- a byte mutator -------------------------------------------------------------------------------


def flip(rng: random.Random, data: bytearray):
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray):
    data[rng.randrange(len(data))] = rng.choice(
        [0, 0x1B, 0x5B, 0x7F, 0x9F, 0xBF, 0xC2, 0xD9, 0xFB, 0xFF]
    )


def insert(rng: random.Random, data: bytearray):
    data.insert(rng.randrange(len(data) + 1), rng.randrange(256))


def cut(rng: random.Random, data: bytearray):
    del data[rng.randrange(len(data)) :]


def repeat(rng: random.Random, data: bytearray):
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.randint(1, 40)]


MUTATIONS: list[Callable[[random.Random, bytearray], None]] = [flip, overwrite, insert, cut, repeat]


def check_total(kind: type[object], data: bytes):
    """Assert that `data` is either refused or exactly the encoding of what it decodes to."""
    try:
        value = decode(kind, data)
    except DecodeError:
        return
    assert encode(value) == data


def mutate_all(rounds: int, seed: int):
    rng = random.Random(seed)
    samples = [(type(value), encode(value)) for _, value in iterate_samples()]
    for kind, encoded in samples:
        for _ in range(rounds):
            data = bytearray(encoded)
            for _ in range(rng.randint(1, 3)):
                if data:
                    rng.choice(MUTATIONS)(rng, data)
            check_total(kind, bytes(data))


def test_damaged_encodings_of_every_type_are_values_or_refused():
    mutate_all(rounds=60, seed=1)


@pytest.mark.slow
def test_a_million_damaged_encodings_are_values_or_refused():
    mutate_all(rounds=40_000, seed=2)


@given(st.binary(max_size=80))
def test_random_bytes_are_values_or_refused(data: bytes):
    for kind in (Status, Transfer, SignedTransaction):
        check_total(kind, data)


plain_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(plain_values)
def test_well_formed_cbor_of_any_shape_is_a_value_or_refused(plain: object):
    for kind in KINDS:
        check_total(kind, dump(plain))
