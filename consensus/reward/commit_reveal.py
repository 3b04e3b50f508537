"""Weight commitments: when a commit is due, whether a reveal opens it, when it expires.

Epoch e of a subnet is the blocks e * tempo .. (e + 1) * tempo - 1. In it a validator binds itself
to a digest of its weights (the last commit counts); in the first blocks of e + 1, R at least, it
opens it; at the block after those, the *epoch step* runs the epoch law on the opened rows. The
first weight of an epoch can be read only when no commit of it can be made any more, and the digest
binds chain, subnet, epoch and hotkey, so a copied digest opens nothing.

Subnets of one tempo would all step in one block, which would take every node many seconds, and
the reveals of all of them would have to find room in the same R blocks, or be forfeited. So a step
waits, by its netuid, for up to half an epoch, and reveals count until then.

Source: `docs/spec/agreement.md` 3, `docs/spec/ledger.md` 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consensus.calls.weights import RevealWeights
from consensus.crypto import hash32
from consensus.quantities import Epoch, Hash32, Height, NetUid, PublicKey

NETUIDS = 256
"""The steps of one tempo are spread over this many netuids; those beyond share an offset."""
PERSON = b"wcommit1"
"""BLAKE2b person of a weight commitment."""


@dataclass(frozen=True, slots=True)
class WeightSecret:
    """What opens one commitment of `hotkey`; durable before the commitment leaves the node."""

    hotkey: PublicKey
    digest: Hash32
    row: RevealWeights


def make_secret(chain_id: Hash32, hotkey: PublicKey, row: RevealWeights) -> WeightSecret:
    """Return what opens the commitment to `row`, its digest computed."""
    return WeightSecret(hotkey, compute_digest(chain_id, hotkey, row), row)


def compute_digest(chain_id: Hash32, hotkey: PublicKey, row: RevealWeights) -> Hash32:
    """Return what `hotkey` must have committed for `row` to open it.

    Fixed widths, big-endian: chain id, netuid u16, epoch u64, hotkey, salt, version u64, count u16,
    uids u16 each, values u16 each. `row.uids` and `row.values` have the same length.
    """
    assert len(row.uids) == len(row.values)
    head = (
        chain_id,
        row.netuid.to_bytes(2, "big"),
        row.epoch.to_bytes(8, "big"),
        hotkey,
        row.salt,
        row.version.to_bytes(8, "big"),
        len(row.uids).to_bytes(2, "big"),
    )
    return hash32(PERSON, *head, _pack_u16(row.uids), _pack_u16(row.values))


def is_opened_by(digest: Hash32, chain_id: Hash32, hotkey: PublicKey, row: RevealWeights) -> bool:
    """Tell whether `row` is what `hotkey` committed as `digest`; False if its lists differ."""
    return len(row.uids) == len(row.values) and compute_digest(chain_id, hotkey, row) == digest


def compute_epoch(height: Height, tempo: int) -> Epoch:
    """Return the epoch that the block at `height` belongs to."""
    return Epoch(height // tempo)


def is_commit_open(height: Height, epoch: Epoch, tempo: int) -> bool:
    """Tell whether a commit of `epoch` may be in the block at `height`: only in that epoch."""
    return height // tempo == epoch


def is_commit_spaced(height: Height, last_commit: Height | None, interval: int) -> bool:
    """Tell whether a hotkey may commit again at `height`; `last_commit` is None if it never did."""
    return last_commit is None or height - last_commit >= interval


def get_step_offset(netuid: NetUid, tempo: int, reveal_blocks: int) -> int:
    """Return in which block of an epoch, from 0, a subnet closes the epoch before.

    For netuid 1 the first after the reveals; for others later, spread evenly over the epoch's first
    half, so that a hotkey that gets its permit then has the other half to commit.
    """
    room = max(0, tempo // 2 - reveal_blocks)
    return reveal_blocks + (netuid - 1) % NETUIDS * room // NETUIDS


def get_step_height(epoch: Epoch, tempo: int, offset: int) -> Height:
    """Return the height at which the epoch step closes `epoch`; commits unopened then expire.

    `offset` is the subnet's `get_step_offset`, here and below.
    """
    return Height((epoch + 1) * tempo + offset)


def is_reveal_open(height: Height, epoch: Epoch, tempo: int, offset: int) -> bool:
    """Tell whether a reveal of `epoch` may be in the block at `height`: until its step."""
    start = (epoch + 1) * tempo
    return start <= height < start + offset


def is_epoch_step(height: Height, tempo: int, offset: int) -> bool:
    """Tell whether the block at `height` runs an epoch step of a subnet that is not new.

    The genesis step at height 0, which only gives permits, is the ledger's own.
    """
    return height >= tempo + offset and (height - offset) % tempo == 0


def get_closed_epoch(height: Height, tempo: int, offset: int) -> Epoch:
    """Return which epoch the step at `height` closes; `is_epoch_step` must hold."""
    return Epoch((height - offset) // tempo - 1)


def _pack_u16(values: Sequence[int]) -> bytes:
    return b"".join([value.to_bytes(2, "big") for value in values])
