"""Domain-separated hashing, signing and verifying; keys are arguments, never globals.

Every hash is BLAKE2b-256 under a `person` (at most 16 bytes), so a digest made for one purpose
can't be presented for another. Two persons serve several purposes, told apart by the length of what
is hashed: "neurond/seed" an era's seed (40 bytes), the start of a beacon chain (32), a challenge's
seed (96); "neurond/mix" the first mix (32) and every later one (64).

Signatures are ed25519 (deterministic) through libsodium.
"""

from hashlib import blake2b

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey

from consensus import codec
from consensus.quantities import (
    Amount,
    Era,
    Hash32,
    NetUid,
    Nonce,
    PublicKey,
    Signature,
    View,
)
from consensus.types import (
    Certificate,
    Header,
    Receipt,
    SignedTransaction,
    Transaction,
    ValidatorEntry,
    Vote,
    VoteKind,
)

VOTE_TAG = b"SX1"
"""First bytes of every signed agreement statement (`docs/spec/agreement.md` 2.1)."""
PEER_ID_PREFIX = bytes.fromhex("002408011220")
"""libp2p: identity multihash of the protobuf-wrapped ed25519 key that follows."""


def hash32(person: bytes, *parts: bytes) -> Hash32:
    """Hash `parts`, joined, under the domain `person`; parts of variable length need a frame."""
    state = blake2b(digest_size=32, person=person)
    for part in parts:
        state.update(part)
    return Hash32(state.digest())


def compute_public_key(seed: bytes) -> PublicKey:
    """Return the ed25519 public key of the 32-byte `seed`."""
    return PublicKey(bytes(SigningKey(seed).verify_key))


def compute_peer_id(node_key: PublicKey) -> bytes:
    """Return the 38-byte libp2p peer id of an ed25519 node key."""
    return PEER_ID_PREFIX + node_key


def sign(key: SigningKey, message: bytes) -> Signature:
    """Sign `message`; the same key and message give the same 64 bytes."""
    return Signature(key.sign(message).signature)


def is_signed(public_key: PublicKey, message: bytes, signature: Signature) -> bool:
    """Tell whether `signature` is that of `public_key` on `message`."""
    if len(signature) != 64 or len(public_key) != 32:  # noqa: PLR2004 - ed25519's sizes
        return False
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, CryptoError, ValueError):
        return False
    return True


# -- transactions -----------------------------------------------------------------------------


def compute_transaction_id(transaction: Transaction) -> Hash32:
    """Hash the canonical encoding of `transaction`; what is signed, and its name everywhere."""
    return hash32(b"neurond/tx", codec.encode(transaction))


def sign_transaction(key: SigningKey, transaction: Transaction) -> SignedTransaction:
    """Sign `transaction`; `key` must be that of `transaction.signer`."""
    assert bytes(key.verify_key) == transaction.signer
    return SignedTransaction(transaction, sign(key, compute_transaction_id(transaction)))


def is_transaction_signed(signed: SignedTransaction) -> bool:
    """Tell whether the transaction's signature is its signer's."""
    message = compute_transaction_id(signed.transaction)
    return is_signed(signed.transaction.signer, message, signed.signature)


def serve_message(chain_id: Hash32, netuid: NetUid, hotkey: PublicKey) -> bytes:
    """Return what a node key signs to let `hotkey` announce it in `netuid`."""
    return hash32(b"neurond/serve", chain_id, netuid.to_bytes(2, "big"), hotkey)


def claim_message(chain_id: Hash32, hotkey: PublicKey, coldkey: PublicKey) -> bytes:
    """Return what an unclaimed hotkey signs to become `coldkey`'s."""
    return hash32(b"neurond/claim", chain_id, hotkey, coldkey)


def consensus_message(chain_id: Hash32, hotkey: PublicKey, beacon_tip: Hash32) -> bytes:
    """Return what a consensus key signs to vote on blocks for `hotkey`."""
    return hash32(b"neurond/consen", chain_id, hotkey, beacon_tip)


def compute_channel_id(chain_id: Hash32, payer: PublicKey, nonce: Nonce) -> Hash32:
    """Return the name of a channel; `nonce` is the payer's after the opening transaction."""
    return hash32(b"neurond/channel", chain_id, payer, nonce.to_bytes(8, "big"))


def voucher_message(channel: Hash32, amount: Amount, receipts_root: Hash32) -> bytes:
    """Return what a payer signs: `amount` rao in all were earned on `channel`."""
    return hash32(b"neurond/voucher", channel, amount.to_bytes(8, "big"), receipts_root)


# -- agreement --------------------------------------------------------------------------------


def compute_header_digest(header: Header) -> Hash32:
    """Hash the canonical encoding of `header`; the block's name in votes and parents."""
    return hash32(b"neurond/header", codec.encode(header))


def compute_body_root(transactions: tuple[SignedTransaction, ...]) -> Hash32:
    """Hash the ordered list of transactions of a block."""
    return hash32(b"neurond/body", codec.encode_list(transactions))


def compute_justify_root(justify: tuple[Certificate, ...]) -> Hash32:
    """Hash the ordered list of certificates a proposal carries."""
    return hash32(b"neurond/justify", codec.encode_list(justify))


def compute_receipts_root(receipts: tuple[Receipt, ...]) -> Hash32:
    """Hash the ordered list of receipts of a block."""
    return hash32(b"neurond/receipt", codec.encode_list(receipts))


def compute_vset_hash(entries: tuple[ValidatorEntry, ...]) -> Hash32:
    """Hash the ordered members of a validator set; what headers call it."""
    return hash32(b"neurond/vset", codec.encode_list(entries))


def hash_beacon(value: Hash32) -> Hash32:
    """Return the link after `value` in a beacon hash chain: a tip is `hash_beacon(reveal)`."""
    return hash32(b"neurond/chain", value)


def compute_mix(mix: Hash32, reveal: Hash32) -> Hash32:
    """Return the beacon's mix after a block that showed `reveal` (`docs/spec/agreement.md` 2.5)."""
    return hash32(b"neurond/mix", mix, reveal)


def compute_seed(era: Era, mix: Hash32) -> Hash32:
    """Return what elects the leaders of `era`; `mix` is the beacon's after the era before it."""
    return hash32(b"neurond/seed", era.to_bytes(8, "big"), mix)


def vote_message(chain_id: Hash32, kind: VoteKind, era: Era, view: View, digest: Hash32) -> bytes:
    """Return the 84 bytes under an agreement signature: fixed width, no CBOR."""
    fixed = kind.to_bytes(1, "big") + era.to_bytes(8, "big") + view.to_bytes(8, "big")
    return VOTE_TAG + chain_id + fixed + digest


def is_vote_signed(chain_id: Hash32, key: PublicKey, vote: Vote) -> bool:
    """Tell whether `vote.signature` is `key`'s on what the vote says."""
    message = vote_message(chain_id, vote.kind, vote.era, vote.view, vote.digest)
    return is_signed(key, message, vote.signature)
