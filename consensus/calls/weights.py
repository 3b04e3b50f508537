"""A validator's weights: bound first, opened later."""

from dataclasses import dataclass
from typing import Annotated

from consensus.quantities import U64, CountMax, Epoch, Hash32, NetUid, Salt, Uid, Weight


@dataclass(frozen=True, slots=True)
class CommitWeights:
    """Bind the signing hotkey to the digest of its weights for `epoch` of `netuid`.

    `scorer` is the content hash of the evaluation code that made them.
    """

    netuid: NetUid
    epoch: Epoch
    digest: Hash32
    scorer: Hash32


@dataclass(frozen=True, slots=True)
class RevealWeights:
    """Open the signing hotkey's commitment of `epoch`: uids ascending, largest value 65535."""

    netuid: NetUid
    epoch: Epoch
    salt: Salt
    version: U64
    uids: Annotated[tuple[Uid, ...], CountMax(4096)]
    values: Annotated[tuple[Weight, ...], CountMax(4096)]
