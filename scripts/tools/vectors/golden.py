"""Our own vectors: one value of every type and what it encodes, hashes and signs to.

The values are built from the types themselves, so a new type or field changes a vector, and nobody
changes bytes on the wire without noticing. `tests/vectors/codec.json` and `crypto.json` hold what
`build_golden` returned when they were last written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from nacl.signing import SigningKey

from consensus import codec, crypto, types
from consensus.calls.weights import RevealWeights
from consensus.quantities import CountMax, Era, Hash32, NetUid, PublicKey, View
from consensus.reward import commit_reveal
from consensus.types import (
    Block,
    Certificate,
    Header,
    Receipt,
    SignedTransaction,
    Transaction,
    ValidatorEntry,
    VoteKind,
)

FILES = ("codec.json", "crypto.json")
ITEMS = 2
"""Items of every list in a sample."""

Golden = dict[str, Any]


@dataclass(slots=True)
class _Counter:
    """Gives every number and byte string of one sample a value of its own."""

    last: int = field(default=0)

    def take(self) -> int:
        self.last += 1
        return self.last


def build_golden(name: str) -> Golden:
    """Return what the file `name` should hold."""
    return {"codec.json": _build_codec, "crypto.json": _build_crypto}[name]()


def list_types() -> list[type]:
    """Return every dataclass of `consensus/types.py` that travels, in its order."""
    found = [kind for kind in vars(types).values() if isinstance(kind, type)]
    return [kind for kind in found if is_dataclass(kind) and kind is not CountMax]


def build_sample(kind: type, call: int = 0) -> Any:  # noqa: ANN401 - a value of `kind`
    """Return the sample of a dataclass; `call` says which member any union in it takes."""
    return _build(kind, _Counter(), call)


def iterate_samples() -> Iterator[tuple[str, object]]:
    """Yield a name and a value for every type, and a transaction with every call."""
    for kind in list_types():
        yield kind.__name__, build_sample(kind)
    for index, kind in enumerate(get_args(types.Call)):
        yield f"Transaction of {kind.__name__}", build_sample(Transaction, index)


def _build(kind: Any, counter: _Counter, call: int) -> Any:  # noqa: ANN401 - any declared type
    if kind in codec.BOUNDS:
        return _build_plain(kind, counter.take())
    if get_origin(kind) is Annotated:
        inner, bound = get_args(kind)
        item = get_args(inner)[0]
        return tuple(_build(item, counter, call) for _ in range(min(ITEMS, bound.count)))
    if not isinstance(kind, type):
        arms = get_args(kind)
        return _build(arms[call % len(arms)], counter, call)
    if kind is bool:
        return counter.take() % 2 == 0
    return _build_class(kind, counter, call)


def _build_class(kind: type[object], counter: _Counter, call: int) -> object:
    if issubclass(kind, IntEnum):
        members = list(kind)
        return members[counter.take() % len(members)]
    assert is_dataclass(kind)
    hints = get_type_hints(kind, include_extras=True)
    return kind(*[_build(hints[one.name], counter, call) for one in fields(kind)])


def _build_plain(kind: Any, number: int) -> object:  # noqa: ANN401 - a NewType
    low, high = codec.BOUNDS[kind]
    if kind.__supertype__ is int:
        return low + number * 0x0101_0101_0101 % (high - low + 1)
    data = blake2b(bytes([number % 256]), digest_size=min(64, max(low, min(high, 32)))).digest()
    return data.hex()[: min(high, 12)] if kind.__supertype__ is str else data


def _build_codec() -> Golden:
    cases: list[Golden] = []
    for name, value in iterate_samples():
        data = codec.encode(value)
        digest = blake2b(data, digest_size=32).hexdigest()
        case: Golden = {"type": name, "size": len(data), "blake2b": digest}
        if len(data) <= 200:  # noqa: PLR2004 - small enough to read by eye
            case["hex"] = data.hex()
        cases.append(case)
    return {
        "schema": "Canonical CBOR of one value of every type of consensus/types.py, built by "
        "the vectors tool; the digest is blake2b-256 of the bytes.",
        "cases": cases,
    }


def _build_crypto() -> Golden:
    key = SigningKey(bytes(range(32)))
    public = crypto.compute_public_key(bytes(range(32)))
    chain_id, digest = Hash32(bytes([1]) * 32), Hash32(bytes([2]) * 32)
    message = crypto.vote_message(chain_id, VoteKind.FINALIZE, Era(3), View(4), digest)
    block: Block = build_sample(Block)
    certificate: Certificate = build_sample(Certificate)
    receipt: Receipt = build_sample(Receipt)
    entry: ValidatorEntry = build_sample(ValidatorEntry)
    header: Header = build_sample(Header)
    row: RevealWeights = build_sample(RevealWeights)
    signed: SignedTransaction = build_sample(SignedTransaction)
    figures = {
        "public key": public,
        "peer id": crypto.compute_peer_id(public),
        "transaction id": crypto.compute_transaction_id(signed.transaction),
        "header digest": crypto.compute_header_digest(header),
        "body root": crypto.compute_body_root(block.transactions),
        "body root of nothing": crypto.compute_body_root(()),
        "justify root": crypto.compute_justify_root((certificate,)),
        "receipts root": crypto.compute_receipts_root((receipt,)),
        "validator set": crypto.compute_vset_hash((entry, entry)),
        "beacon link": crypto.hash_beacon(digest),
        "beacon mix": crypto.compute_mix(chain_id, digest),
        "era seed": crypto.compute_seed(Era(3), digest),
        "vote message": message,
        "vote signature": crypto.sign(key, message),
        "serve message": crypto.serve_message(chain_id, NetUid(5), PublicKey(public)),
        "weight commitment": commit_reveal.compute_digest(chain_id, public, row),
    }
    cases = [{"what": name, "hex": data.hex()} for name, data in figures.items()]
    return {
        "schema": "Hashes, messages and a signature over the samples of the vectors tool; "
        "the key's seed is 00 01 .. 1f, chain id 32 x 01, digest 32 x 02.",
        "cases": cases,
    }
