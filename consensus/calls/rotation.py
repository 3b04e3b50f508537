"""Old keys for new ones."""

from dataclasses import dataclass

from consensus.quantities import Consent, Hash32, PublicKey, Signature


@dataclass(frozen=True, slots=True)
class SwapHotkey:
    """Replace `hotkey` by `new_hotkey` everywhere for a fee; the owner coldkey signs."""

    hotkey: PublicKey
    new_hotkey: PublicKey
    consent: Consent


@dataclass(frozen=True, slots=True)
class AnnounceColdkeySwap:
    """Say that all the signing coldkey has will go to `new_coldkey`, after a delay."""

    new_coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class CancelColdkeySwap:
    """Dispute and end the announced swap of the signing coldkey."""


@dataclass(frozen=True, slots=True)
class SwapColdkey:
    """Move all the signing coldkey has to the one it announced long enough ago."""

    new_coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class SetConsensusKey:
    """Let `consensus_key` vote on blocks for `hotkey` from a later era on; its coldkey signs.

    `consensus_signature` over `crypto.consensus_message` is the key's consent; `beacon_tip` is the
    last link of a fresh beacon hash chain.
    """

    hotkey: PublicKey
    consensus_key: PublicKey
    consensus_signature: Signature
    beacon_tip: Hash32
