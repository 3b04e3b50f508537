"""Weights: a commitment in epoch e, its opening before the epoch step in e + 1, or a forfeit.

Three heights are kept per neuron, since they answer three questions: COMMITTED is the commit behind
the row in force (a weight can't know who registered later), ACTIVE the last valid reveal (who is
silent for long stops counting), LIMITER the last commit of any epoch (how soon the next may come).

A withheld reveal is a forfeit: a zero row, no dividends, no permit until the next epoch step, and a
slash of root stake that doubles with every forfeit within `forfeit_window_epochs`. Forfeits are
kept by the height of their epoch step: a subnet may change its tempo, and so number its epochs
anew.

Source: `docs/spec/agreement.md` 3, `docs/spec/ledger.md` 5.
"""

from dataclasses import dataclass

import numpy as np

from consensus import codec
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.fixed import is_limited
from consensus.ledger import keys
from consensus.ledger.events import WeightsForfeited, WeightsRevealed
from consensus.ledger.keys import Family
from consensus.ledger.records import get_network
from consensus.ledger.stake.children import slash_support
from consensus.ledger.stake.lending import get_stake_weight
from consensus.ledger.stake.staking import PPM
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import (
    NEVER,
    Column,
    Subnet,
    get_cell,
    get_hotkeys,
    get_subnet,
    get_uid,
    put_cell,
    put_column,
)
from consensus.ledger.tables import WEIGHT, encode_row
from consensus.params import Hyperparameters, Params
from consensus.quantities import U16_MAX, ZERO_HASH, Epoch, Hash32, Height, NetUid, PublicKey, Uid
from consensus.refusals import (
    CommitClosed,
    InvalidRow,
    NoCommitment,
    NoPermit,
    RateLimited,
    RevealClosed,
    RevealMismatch,
)
from consensus.reward.commit_reveal import (
    compute_epoch,
    get_step_offset,
    is_commit_open,
    is_commit_spaced,
    is_opened_by,
    is_reveal_open,
)


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment that is not opened yet, the height it came in, and who made the scores."""

    digest: Hash32
    height: Height
    scorer: Hash32


def process_commit(draft: Draft, signer: PublicKey, call: CommitWeights) -> None:
    """Bind the signing hotkey to a digest of its weights; the last one of an epoch counts.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotRegistered, CommitClosed, NoPermit, RateLimited.
    """
    params = get_network(draft).params
    hyper = get_subnet(draft, call.netuid).hyper
    uid = get_uid(draft, call.netuid, signer)
    if not is_commit_open(draft.height, call.epoch, hyper.tempo):
        current = compute_epoch(draft.height, hyper.tempo)
        raise CommitClosed(f"epoch {call.epoch}, at {draft.height} it is {current}")
    stake = get_stake_weight(draft, params, call.netuid, signer)
    if not get_cell(draft, call.netuid, Column.PERMIT, uid) or stake == 0:
        raise NoPermit(f"uid {uid} with stake weight {stake}")
    last = get_cell(draft, call.netuid, Column.LIMITER, uid)
    interval = params.commit_interval_blocks
    if not is_commit_spaced(draft.height, None if last == NEVER else Height(last), interval):
        raise RateLimited(f"last commit at {last}, next at {last + interval}")
    put_cell(draft, call.netuid, Column.LIMITER, uid, draft.height)
    commit = Commitment(call.digest, draft.height, call.scorer)
    draft.put(keys.commit(call.netuid, call.epoch, uid), codec.encode(commit))


def process_reveal(draft: Draft, signer: PublicKey, call: RevealWeights) -> WeightsRevealed:
    """Open the signing hotkey's commitment; its row replaces the one in force.

    A row made by another scorer than the active one is opened and then counts as empty.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotRegistered, RevealClosed, NoCommitment,
            RevealMismatch, InvalidRow.
    """
    subnet = get_subnet(draft, call.netuid)
    hyper = subnet.hyper
    uid = get_uid(draft, call.netuid, signer)
    offset = get_step_offset(call.netuid, hyper.tempo, hyper.reveal_blocks)
    if not is_reveal_open(draft.height, call.epoch, hyper.tempo, offset):
        raise RevealClosed(f"epoch {call.epoch} at height {draft.height}")
    commit = find_commit(draft, call.netuid, call.epoch, uid)
    if commit is None:
        raise NoCommitment(f"uid {uid} in epoch {call.epoch}")
    if not is_opened_by(commit.digest, get_network(draft).chain_id, signer, call):
        raise RevealMismatch(f"uid {uid} in epoch {call.epoch}")
    _check_row(call, hyper, len(get_hotkeys(draft, call.netuid)))
    is_masked = not _is_scored_by(subnet, call.version, commit.scorer)
    cells = [cell for cell in zip(call.uids, call.values, strict=True) if cell[1] and not is_masked]
    row = encode_row([cell[0] for cell in cells], [cell[1] for cell in cells], WEIGHT)
    draft.put(keys.row(call.netuid, uid), row)
    draft.delete(keys.commit(call.netuid, call.epoch, uid))
    put_cell(draft, call.netuid, Column.COMMITTED, uid, commit.height)
    put_cell(draft, call.netuid, Column.ACTIVE, uid, draft.height)
    return WeightsRevealed(call.netuid, call.epoch, uid, signer, is_masked)


def find_commit(view: Reading, netuid: NetUid, epoch: Epoch, uid: Uid) -> Commitment | None:
    """Return the commitment of `epoch` that `uid` has not opened, or None."""
    data = view.get(keys.commit(netuid, epoch, uid))
    return None if data is None else codec.decode(Commitment, data)


def get_unopened(view: Reading, netuid: NetUid, epoch: Epoch) -> list[Uid]:
    """Return the uids with a commitment of `epoch` that is not opened, ascending."""
    prefix = keys.commits(netuid, epoch)
    return [Uid(int.from_bytes(key[-2:], "big")) for key, _ in view.scan(prefix)]


def process_forfeit(
    draft: Draft, params: Params, netuid: NetUid, epoch: Epoch, uid: Uid
) -> WeightsForfeited:
    """Empty the row of a validator that withheld its reveal, and burn part of its root stake."""
    hotkey = get_hotkeys(draft, netuid)[uid]
    tempo = get_subnet(draft, netuid).hyper.tempo
    oldest = draft.height - params.forfeit_window_epochs * tempo
    recent = [each for each in get_forfeits(draft, netuid, hotkey) if each > oldest]
    ppm = min(PPM, params.forfeit_slash_ppm << len(recent))
    slashed = slash_support(draft, netuid, hotkey, ppm)
    heights = b"".join([each.to_bytes(8, "big") for each in [*recent, draft.height]])
    draft.put(keys.forfeits(netuid, hotkey), heights)
    draft.delete(keys.row(netuid, uid))
    return WeightsForfeited(netuid, epoch, uid, hotkey, slashed)


def get_forfeits(view: Reading, netuid: NetUid, hotkey: PublicKey) -> list[Height]:
    """Return at which epoch steps a hotkey had withheld its reveal, as far as they still count."""
    data = view.get(keys.forfeits(netuid, hotkey)) or b""
    return [Height(int.from_bytes(data[at : at + 8], "big")) for at in range(0, len(data), 8)]


def forget_commitments(draft: Draft, netuid: NetUid) -> None:
    """Drop every commitment of a subnet, and let everybody commit again at once."""
    prefix = keys.of(Family.COMMIT, keys.u16(netuid))
    for key, _ in list(draft.scan(prefix)):
        draft.delete(key)
    never = np.full(len(get_hotkeys(draft, netuid)), NEVER, dtype=np.int64)
    put_column(draft, netuid, Column.LIMITER, never)


def forget_rows(draft: Draft, netuid: NetUid) -> None:
    """Drop every row of weights in force in a subnet."""
    for key, _ in list(draft.scan(keys.rows(netuid))):
        draft.delete(key)


def _is_scored_by(subnet: Subnet, version: int, scorer: Hash32) -> bool:
    """Tell whether a row was made by the active scorer; a subnet may leave the hash open."""
    is_pinned = subnet.scorer_hash != ZERO_HASH
    return version == subnet.scorer_version and (not is_pinned or scorer == subnet.scorer_hash)


def _check_row(row: RevealWeights, hyper: Hyperparameters, size: int) -> None:
    """Raise InvalidRow unless the row has the form of `docs/spec/ledger.md` 5."""
    if any(a >= b for a, b in zip(row.uids, row.uids[1:], strict=False)):
        raise InvalidRow("uids must ascend")
    if not row.uids or row.uids[-1] >= size:
        raise InvalidRow(f"no uid, or one beyond the {size} that exist")
    if max(row.values) != U16_MAX:
        raise InvalidRow("the largest value must be 65535")
    if len(row.uids) < min(hyper.min_allowed_weights, size):
        raise InvalidRow(f"{len(row.uids)} weights, at least {hyper.min_allowed_weights}")
    if not is_limited(row.values, hyper.max_weight):
        raise InvalidRow(f"a weight above {hyper.max_weight} / 65535 of the sum")
