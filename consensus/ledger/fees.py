"""What a transaction must be to be included at all, and what inclusion costs.

The fee of a paid call is `fee_base + fee_per_byte * size` of the signed encoding, burned; the tip
on top goes to the proposer. Both are the price of inclusion: a call that fails has paid them. A
call that makes every node do the work of many others pays as many base fees (`WORK`).
Commits, reveals and announcements of registered hotkeys are free, so they must not fail: one that
would is not included (otherwise anybody could fill blocks for nothing).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from consensus import codec, crypto
from consensus.calls.neurons import LeaveSubnet, Serve
from consensus.calls.rotation import SwapColdkey, SwapHotkey
from consensus.calls.staking import SetChildren
from consensus.calls.subnets import RegisterSubnet
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.errors import InvalidTransaction, MalformedTransaction
from consensus.ledger.records import Account, Rules
from consensus.params import Params
from consensus.quantities import Amount, Hash32, Height, Signature
from consensus.types import Call, SignedTransaction

IsVerified = Callable[[Hash32, Signature], bool]
"""Tells whether this signature on this transaction id was found good before."""
ENCODING_BYTES_MAX = 64 * 1024
"""Largest transaction of any kind (`Params.weights_bytes_max`); its own kind's cap comes later."""
_HEAD, _SIGNATURE_HEAD = b"\x82", b"\x58\x40"
"""What precedes transaction and signature in the encoding of both (RFC 8949 section 3)."""
_FREE = (CommitWeights, RevealWeights, Serve)
WORK: Mapping[type, int] = {
    SetChildren: 50,  # the stake of every parent of each child is compared, now and when it is due
    SwapHotkey: 50,  # a look at every subnet
    RegisterSubnet: 50,  # the same
    LeaveSubnet: 10,  # a subnet's columns are written anew
    SwapColdkey: 500,  # moves up to `rotation.ENTRIES_MAX` entries
}
"""Base fees of a call, by its most work in units of a transfer's; all others pay one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A transaction with what its encoding tells; made by `measure` only."""

    signed: SignedTransaction
    transaction_id: Hash32
    encoding: bytes
    """Of the signed transaction; a block's body is these, one after another."""
    fee: Amount

    @property
    def size_bytes(self) -> int:
        """Return the size of the signed encoding."""
        return len(self.encoding)


def never_verified(_transaction_id: Hash32, _signature: Signature) -> bool:
    """Know no signature: every one is checked."""
    return False


def is_free(call: Call) -> bool:
    """Tell whether inclusion of `call` costs nothing."""
    return isinstance(call, _FREE)


def measure(params: Params, signed: SignedTransaction) -> Measured:
    """Encode `signed` once; find its id, size and fee."""
    inner = codec.encode(signed.transaction)
    return _measure(params, signed, inner, _HEAD + inner + _SIGNATURE_HEAD + signed.signature)


def read_measured(params: Params, encoding: bytes) -> Measured:
    """Return the transaction that `encoding` is; nothing of it is encoded again.

    Raises:
        DecodeError: it is not the canonical encoding of a SignedTransaction.
    """
    signed = codec.decode(SignedTransaction, encoding, ENCODING_BYTES_MAX)
    tail = len(_SIGNATURE_HEAD) + len(signed.signature)
    return _measure(params, signed, encoding[len(_HEAD) : -tail], encoding)


def _measure(params: Params, signed: SignedTransaction, inner: bytes, encoding: bytes) -> Measured:
    fee = _compute_fee(params, signed.transaction.call, len(encoding))
    return Measured(signed, crypto.hash32(b"neurond/tx", inner), encoding, fee)


def reprice(params: Params, measured: Measured) -> Measured:
    """Return `measured` at the fee that `params` ask for, which votes may have changed since."""
    fee = _compute_fee(params, measured.signed.transaction.call, measured.size_bytes)
    return measured if fee == measured.fee else replace(measured, fee=fee)


def _compute_fee(params: Params, call: Call, size_bytes: int) -> Amount:
    if is_free(call):
        return Amount(0)
    return Amount(params.fee_base * WORK.get(type(call), 1) + params.fee_per_byte * size_bytes)


def encode_list_head(count: int) -> bytes:
    """Return what precedes `count` encodings in a CBOR list of them; `count` below 65536."""
    if count < 24:  # noqa: PLR2004 - RFC 8949 section 3: the count fits the first byte
        return bytes((0x80 | count,))
    if count < 256:  # noqa: PLR2004 - one byte follows
        return bytes((0x98, count))
    return b"\x99" + count.to_bytes(2, "big")


def check_form(network: Rules, measured: Measured, is_verified: IsVerified) -> None:
    """Check what no later state can mend: network, size, signature.

    Raises:
        MalformedTransaction: one of them is wrong.
    """
    check_shape(network, measured)
    check_signature(measured, is_verified)


def check_shape(network: Rules, measured: Measured) -> None:
    """Check network and size, which cost next to nothing.

    Raises:
        MalformedTransaction: one of them is wrong.
    """
    signed, params = measured.signed, network.params
    if signed.transaction.chain_id != network.chain_id:
        raise MalformedTransaction("made for another network")
    is_row = isinstance(signed.transaction.call, RevealWeights)
    size_max = params.weights_bytes_max if is_row else params.transaction_bytes_max
    if measured.size_bytes > size_max:
        raise MalformedTransaction(f"{measured.size_bytes} bytes, at most {size_max} are allowed")


def check_signature(measured: Measured, is_verified: IsVerified) -> None:
    """Check that its signer signed it, unless `is_verified` knows.

    Raises:
        MalformedTransaction: the signature is not the signer's.
    """
    signed = measured.signed
    if is_verified(measured.transaction_id, signed.signature):
        return
    if not crypto.is_signed(signed.transaction.signer, measured.transaction_id, signed.signature):
        raise MalformedTransaction("the signature is not the signer's")


def check_window(params: Params, measured: Measured, height: Height) -> None:
    """Check that the block at `height` lies in the transaction's time of validity.

    Raises:
        InvalidTransaction: expired, or valid further ahead than mempools remember.
    """
    valid_until = measured.signed.transaction.valid_until
    if valid_until < height:
        raise InvalidTransaction(f"expired at {valid_until}, this is {height}", is_final=True)
    if valid_until > height + params.validity_blocks_max:
        raise InvalidTransaction(
            f"valid until {valid_until}: more than {params.validity_blocks_max} blocks ahead",
            is_final=False,
        )


def check_account(measured: Measured, account: Account) -> None:
    """Check that it is this nonce's turn and that the signer can pay fee and tip.

    Raises:
        InvalidTransaction: replayed, ahead of its turn, or unaffordable.
    """
    nonce = measured.signed.transaction.nonce
    if nonce > account.nonce:
        raise InvalidTransaction(f"nonce {nonce} must wait for {account.nonce}", is_final=False)
    check_ahead(measured, account)


def check_ahead(measured: Measured, account: Account) -> None:
    """Check the same of a transaction whose turn may come later.

    Raises:
        InvalidTransaction: replayed, or unaffordable.
    """
    transaction = measured.signed.transaction
    if transaction.nonce < account.nonce:
        raise InvalidTransaction(
            f"nonce {transaction.nonce} was used, next is {account.nonce}", is_final=True
        )
    price = measured.fee + transaction.tip
    if price > account.free:
        raise InvalidTransaction(
            f"fee and tip of {price} rao exceed the balance of {account.free}", is_final=False
        )
