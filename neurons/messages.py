"""Query, Completion, Busy, Refusal: what users, validators and miners say to each other.

A query is signed by the asker's hotkey and names the one miner it is for, so that no stranger can
spend a validator's standing and no miner can pass it on as its own. Its body belongs to the task.
A completion carries a receipt signed by the miner over (query hash, answer hash, miner, time): a
relay can't claim another's answer, an old receipt fits no new query, and both sides can prove what
was said. Both signatures cover the chain id.

On the wire a reply is one byte (which of the three) and then the canonical CBOR of its dataclass:
the tag table of `consensus.codec` is the chain's law and neuron traffic is not.
"""

from dataclasses import dataclass
from enum import IntEnum

from consensus import codec, crypto
from consensus.errors import DecodeError
from consensus.quantities import (
    U32,
    Bytes16,
    Bytes64K,
    Hash32,
    NetUid,
    PublicKey,
    ShortText,
    Signature,
    TimeMs,
)
from neurons.errors import MalformedAnswer

QUERY_BYTES_MAX = 66 * 1024
"""A query never encodes longer: 64 KiB of body and 2 KiB for all the rest."""
REPLY_BYTES_MAX = 66 * 1024
"""A reply never encodes longer: give it to `ask` as `size_max`."""
RETRY_MS_MIN = 50
RETRY_MS_MAX = 60_000
MESSAGE_CHARS_MAX = 120
"""Longest refusal text kept, so that it fits 128 bytes when it is ASCII."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question of `asker` to `miner`; `body` is the task's, `query_id` is never used twice."""

    netuid: NetUid
    query_id: Bytes16
    asker: PublicKey
    miner: PublicKey
    time_ms: TimeMs
    body: Bytes64K


@dataclass(frozen=True, slots=True)
class SignedQuery:
    """A query and its asker's signature over `compute_query_hash`."""

    query: Query
    signature: Signature


@dataclass(frozen=True, slots=True)
class AnswerReceipt:
    """What a miner signs: which answer it gave to which query, and when by its own clock."""

    query_hash: Hash32
    answer_hash: Hash32
    miner: PublicKey
    time_ms: TimeMs


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer (its bytes belong to the task) and the miner's signed receipt for it."""

    answer: Bytes64K
    receipt: AnswerReceipt
    signature: Signature


@dataclass(frozen=True, slots=True)
class Busy:
    """Full for now, said at once and honestly; ask again in `retry_ms` milliseconds."""

    retry_ms: U32


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """What a validator keeps of an answer: who signed for which answer to which query."""

    receipt: AnswerReceipt
    signature: Signature


class RefusalCode(IntEnum):
    """Why a miner will not answer this query, however often it is asked."""

    MALFORMED = 1
    FORGED = 2
    REPLAYED = 3
    STALE = 4
    NOT_FOR_ME = 5
    NOT_ALLOWED = 6
    MODEL_FAILED = 7


@dataclass(frozen=True, slots=True)
class Refusal:
    """A typed no, with a sentence for the asker's log."""

    code: RefusalCode
    message: ShortText


Reply = Completion | Busy | Refusal

_KINDS: dict[int, type[Completion] | type[Busy] | type[Refusal]] = {
    1: Completion,
    2: Busy,
    3: Refusal,
}
_BYTES: dict[type, bytes] = {kind: bytes([number]) for number, kind in _KINDS.items()}


def encode_reply(reply: Reply) -> bytes:
    """Return one byte for the kind of `reply` and its canonical CBOR."""
    return _BYTES[type(reply)] + codec.encode(reply)


def decode_reply(data: bytes) -> Reply:
    """Return the reply that encodes to `data`.

    Raises:
        DecodeError: empty, unknown kind, over `REPLY_BYTES_MAX`, or not canonical.
    """
    kind = _KINDS.get(data[0]) if data else None
    if kind is None:
        raise DecodeError("a reply starts with 1 (completion), 2 (busy) or 3 (refusal)")
    return codec.decode(kind, data[1:], REPLY_BYTES_MAX)


def refuse(code: RefusalCode, message: str) -> Refusal:
    """Return a refusal whose text fits the wire whatever `message` holds."""
    text = message.encode("ascii", "replace").decode("ascii")
    return Refusal(code, ShortText(text[:MESSAGE_CHARS_MAX]))


def clip_retry(retry_ms: float) -> U32:
    """Return a retry hint for the wire: whole milliseconds from 50 to a minute."""
    return U32(round(min(max(retry_ms, RETRY_MS_MIN), RETRY_MS_MAX)))


# -- hashes and signatures ----------------------------------------------------------------------


def compute_query_hash(chain_id: Hash32, query: Query) -> Hash32:
    """Hash a query under its chain: what the asker signs and the receipt repeats."""
    return crypto.hash32(b"neurond/query", chain_id, codec.encode(query))


def compute_answer_hash(answer: bytes) -> Hash32:
    """Hash an answer's bytes; equal answers of two miners are seen by it."""
    return crypto.hash32(b"neurond/answer", answer)


def compute_receipt_hash(receipt: AnswerReceipt) -> Hash32:
    """Hash a receipt: what the miner signs (the chain id is inside the query's hash)."""
    return crypto.hash32(b"neurond/served", codec.encode(receipt))


def is_query_signed(chain_id: Hash32, signed: SignedQuery) -> bool:
    """Tell whether the signature is that of `signed.query.asker` on this chain."""
    message = compute_query_hash(chain_id, signed.query)
    return crypto.is_signed(signed.query.asker, message, signed.signature)


def check_completion(completion: Completion, query_hash: Hash32, miner: PublicKey) -> None:
    """Check that `completion` is `miner`'s answer to the query of `query_hash`.

    Raises:
        MalformedAnswer: another query's or miner's receipt, another answer, or a forged signature.
    """
    receipt = completion.receipt
    if receipt.query_hash != query_hash:
        raise MalformedAnswer("the receipt is for another query")
    if receipt.miner != miner:
        raise MalformedAnswer("the receipt names another miner")
    if receipt.answer_hash != compute_answer_hash(completion.answer):
        raise MalformedAnswer("the receipt is for another answer")
    if not crypto.is_signed(miner, compute_receipt_hash(receipt), completion.signature):
        raise MalformedAnswer("the receipt is not signed by the miner")
