"""Money between accounts, and what a key says of itself."""

from dataclasses import dataclass

from consensus.quantities import Amount, Identity, PublicKey


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move `amount` rao from the signer to `to`."""

    to: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class SetIdentity:
    """Say who the signing coldkey is."""

    identity: Identity
