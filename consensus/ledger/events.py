"""What a block did that is worth telling people; no rule reads them and no root covers them."""

from dataclasses import dataclass

from consensus.quantities import Amount, Epoch, NetUid, PublicKey, Uid


@dataclass(frozen=True, slots=True)
class NeuronRegistered:
    """A hotkey got a uid; `replaced` is whose it was (empty: nobody's)."""

    netuid: NetUid
    uid: Uid
    hotkey: PublicKey
    replaced: tuple[PublicKey, ...]
    price: Amount


@dataclass(frozen=True, slots=True)
class WeightsRevealed:
    """A validator opened its commitment of `epoch`; masked: made by a scorer that doesn't count."""

    netuid: NetUid
    epoch: Epoch
    uid: Uid
    hotkey: PublicKey
    is_masked: bool


@dataclass(frozen=True, slots=True)
class WeightsForfeited:
    """A validator withheld its reveal; `slashed` rao of root stake were burned."""

    netuid: NetUid
    epoch: Epoch
    uid: Uid
    hotkey: PublicKey
    slashed: Amount


@dataclass(frozen=True, slots=True)
class EpochClosed:
    """An epoch step paid out its pots; alpha rao."""

    netuid: NetUid
    epoch: Epoch
    owner: Amount
    miners: Amount
    validators: Amount
    recycled: Amount


LedgerEvent = NeuronRegistered | WeightsRevealed | WeightsForfeited | EpochClosed
"""Every event."""
