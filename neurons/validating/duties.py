"""When a validator owes the chain a commitment or a reveal; pure.

All by the final height h; what is submitted now may be in block h + 1 or later.

- Reveal epoch e from its last block on (a mempool takes it then, not before) until the chain says
  it is revealed or R blocks of e + 1 are over. The secret is the one whose digest the chain holds.
- Commit epoch e once, late, so that the row knows as much as it can: from `compute_commit_phase`,
  which leaves a margin of blocks for inclusion and spreads hotkeys. A secret kept for e, by this
  process or the one before it, is committed as it is; another is never made in the same epoch.
- A subnet may change its rules right after an epoch step; the chain then drops what was committed
  before. A secret whose row breaks the rules of now is not committed again: it could not be opened.
- A call is submitted again every `RESUBMIT_BLOCKS` until the chain shows it: a publication may be
  lost, a leader may be silent, and the same call twice changes nothing.
"""

from collections.abc import Iterable

from consensus.fixed import is_limited
from consensus.quantities import ZERO_HASH, Epoch, Hash32, Height, PublicKey
from consensus.reward.commit_reveal import WeightSecret
from neurons.ports import MetagraphView, WeightsState

RESUBMIT_BLOCKS = 2
MARGIN_MIN = 3
MARGIN_MAX = 30
SPREAD_MAX = 30


def compute_commit_phase(tempo: int, reveal_blocks: int, hotkey: PublicKey) -> int:
    """Return the first block of an epoch, counted from 0, that `hotkey` aims its commit at.

    A sixth of the epoch (3 to 30 blocks) is left behind it for inclusion; in front of that,
    hotkeys spread over a twentieth (1 to 30 blocks). Never among the reveals.
    """
    margin = min(max(tempo // 6, MARGIN_MIN), MARGIN_MAX)
    spread = min(max(tempo // 20, 1), SPREAD_MAX)
    jitter = int.from_bytes(hotkey[:4], "big") % spread
    return max(reveal_blocks, tempo - 1 - margin - jitter)


def find_due_reveal(
    height: Height, meta: MetagraphView, state: WeightsState, secrets: Iterable[WeightSecret]
) -> WeightSecret | None:
    """Return the secret to open now; None when none is due, or none is known that opens it."""
    following = height + 1
    if following % meta.tempo >= meta.reveal_blocks:
        return None
    epoch = following // meta.tempo - 1
    if epoch < 0 or state.commit_epoch != epoch or state.revealed_epoch == epoch:
        return None
    return next((each for each in secrets if each.digest == state.commit_digest), None)


def get_commit_epoch(height: Height, meta: MetagraphView, hotkey: PublicKey) -> Epoch | None:
    """Return the epoch to commit to now; None while it is too early."""
    following = height + 1
    phase = compute_commit_phase(meta.tempo, meta.reveal_blocks, hotkey)
    return Epoch(following // meta.tempo) if following % meta.tempo >= phase else None


def is_committed(epoch: Epoch, state: WeightsState, secrets: Iterable[WeightSecret]) -> bool:
    """Tell whether the chain holds a commitment for `epoch` that one of `secrets` opens."""
    if state.commit_epoch != epoch:
        return False
    return any(secret.digest == state.commit_digest for secret in secrets)


def is_allowed(secret: WeightSecret, meta: MetagraphView) -> bool:
    """Tell whether the chain would take the row of `secret` by the subnet's rules of now."""
    is_full = len(secret.row.uids) >= meta.min_allowed_weights
    is_current = secret.row.version == meta.scorer_version
    return is_current and is_full and is_limited(secret.row.values, meta.max_weight)


def find_misfit(meta: MetagraphView, scorer: Hash32) -> str:
    """Return why rows made by `scorer` would not count in the subnet; empty if they would."""
    if meta.scorer_hash in (ZERO_HASH, scorer):
        return ""
    wanted, ours = meta.scorer_hash.hex()[:16], scorer.hex()[:16]
    return (
        f"subnet {meta.netuid} counts only rows of scorer {wanted} (version "
        f"{meta.scorer_version}), this node has {ours}: update neurond"
    )


def compute_weights_age(
    height: Height, meta: MetagraphView, revealed: Epoch | None, registered: Height
) -> int:
    """Return for how many closed epochs we have set no weights; 0 is healthy.

    An epoch counts as closed when its reveals are over. A neuron owes nothing for epochs that began
    before it was registered.
    """
    epoch, phase = divmod(height, meta.tempo)
    closed = epoch - 1 if phase >= meta.reveal_blocks else epoch - 2
    owed_from = -(-registered // meta.tempo)  # the first epoch that began after registration
    last = owed_from - 1 if revealed is None else max(revealed, owed_from - 1)
    return max(0, closed - last)
