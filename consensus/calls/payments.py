"""Channels from buyers to miners."""

from dataclasses import dataclass

from consensus.quantities import Amount, Hash32, Height, NetUid, PublicKey, Signature


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """Lock `deposit` rao of the signing coldkey for vouchers to `payee`, a hotkey of `netuid`.

    Vouchers can be redeemed before the block `expiry`; then what is left goes back.
    """

    payee: PublicKey
    netuid: NetUid
    deposit: Amount
    expiry: Height


@dataclass(frozen=True, slots=True)
class Voucher:
    """The payer's word that `amount` rao in all have been earned on `channel`."""

    channel: Hash32
    amount: Amount
    receipts_root: Hash32
    signature: Signature


@dataclass(frozen=True, slots=True)
class RedeemVoucher:
    """Be paid what `voucher` says beyond what the channel has paid; the payee's hotkey signs."""

    voucher: Voucher


@dataclass(frozen=True, slots=True)
class CloseChannel:
    """End `channel`: at once if the payee signs, after the dispute window if the payer does."""

    channel: Hash32
