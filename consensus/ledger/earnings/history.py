"""What the last epoch step of each subnet read, kept until the next one.

Parts of one record stand under keys of their own: arrays of int64 (plain numbers, or one per uid)
and the tables of weights and bonds. The terms are not kept: the law is exact, so running it on the
record again gives them, with every table in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from enum import IntEnum
from struct import Struct

import numpy as np

from consensus.ledger import keys
from consensus.ledger.stake.lending import Support
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import KEY_SIZE
from consensus.ledger.tables import BOND, WEIGHT, decode_table, encode_table
from consensus.quantities import Amount, Epoch, NetUid, PublicKey
from consensus.reward.backing import Backing
from consensus.reward.epoch import EpochInput, YumaParams


@dataclass(frozen=True, slots=True, eq=False)
class EpochRecord:
    """What an epoch step read: the law's input, and who was to be paid what. Lists are by uid."""

    epoch: Epoch
    inputs: EpochInput
    supports: list[Support]
    """Whose stake stood behind each neuron; its own first."""
    owned: list[int]
    """The uids that belonged to the coldkey that owns the subnet."""
    owner_pot: Amount
    miner_pot: Amount
    validator_pot: Amount

    @property
    def hotkeys(self) -> list[PublicKey]:
        """Return the hotkey of each uid."""
        return [support.hotkeys[0] for support in self.supports]


_LOAN = Struct(">H32sQQH")


class _Part(IntEnum):
    """The parts of a record; the number is part of the key."""

    FIGURES = 0
    """Epoch, block, last epoch's block, tempo, three pots, then the numbers of the law."""
    HOTKEYS = 1
    STAKE = 2
    ACTIVE = 3
    COMMITTED = 4
    REGISTERED = 5
    PERMITS = 6
    TAKES = 7
    WEIGHTS = 8
    BONDS = 9
    FORFEITS = 10
    ALPHA = 11
    ROOT = 12
    """The two kinds of each neuron's own stake, less what it lends."""
    LOANS = 13
    """uid u16, parent hotkey, alpha u64, root u64, take u16 of each loan."""
    OWNED = 14


def put_record(draft: Draft, netuid: NetUid, record: EpochRecord) -> None:
    """Write the record of an epoch step over the one before."""
    inputs = record.inputs
    figures = [record.epoch, inputs.block, inputs.last_epoch_block, inputs.tempo]
    figures += [record.owner_pot, record.miner_pot, record.validator_pot]
    parts = {
        _Part.FIGURES: _pack([*figures, *map(int, astuple(inputs.hyper))]),
        _Part.HOTKEYS: b"".join(record.hotkeys),
        _Part.TAKES: _pack([support.backings[0].take for support in record.supports]),
        _Part.ALPHA: _pack([support.backings[0].alpha for support in record.supports]),
        _Part.ROOT: _pack([support.backings[0].root for support in record.supports]),
        _Part.LOANS: _pack_loans(record.supports),
        _Part.OWNED: _pack(record.owned),
        _Part.STAKE: _pack(inputs.stake),
        _Part.ACTIVE: _pack(inputs.active_block),
        _Part.COMMITTED: _pack(inputs.commit_block),
        _Part.REGISTERED: _pack(inputs.registered_block),
        _Part.PERMITS: bytes(inputs.permits),
        _Part.WEIGHTS: encode_table(inputs.weights, WEIGHT),
        _Part.BONDS: encode_table(inputs.bonds, BOND),
        _Part.FORFEITS: _pack(sorted(inputs.forfeits)),
    }
    for part, data in parts.items():
        draft.put(keys.record(netuid, part), data)


def find_record(view: Reading, netuid: NetUid) -> EpochRecord | None:
    """Return the record of a subnet's last epoch step, or None if there was none."""
    parts = {part: view.get(keys.record(netuid, part)) or b"" for part in _Part}
    if not parts[_Part.FIGURES]:
        return None
    epoch, block, last, tempo, *rest = _unpack(parts[_Part.FIGURES])
    size = len(parts[_Part.HOTKEYS]) // KEY_SIZE
    inputs = EpochInput(
        block=block,
        last_epoch_block=last,
        tempo=tempo,
        stake=_unpack(parts[_Part.STAKE]),
        active_block=_unpack(parts[_Part.ACTIVE]),
        commit_block=_unpack(parts[_Part.COMMITTED]),
        registered_block=_unpack(parts[_Part.REGISTERED]),
        permits=[bool(cell) for cell in parts[_Part.PERMITS]],
        weights=decode_table(parts[_Part.WEIGHTS], size, WEIGHT),
        bonds=decode_table(parts[_Part.BONDS], size, BOND),
        hyper=_build_hyper(rest[3:]),
        forfeits=frozenset(_unpack(parts[_Part.FORFEITS])),
    )
    return EpochRecord(
        epoch=Epoch(epoch),
        inputs=inputs,
        supports=_unpack_supports(parts),
        owned=_unpack(parts[_Part.OWNED]),
        owner_pot=Amount(rest[0]),
        miner_pot=Amount(rest[1]),
        validator_pot=Amount(rest[2]),
    )


def _pack_loans(supports: Sequence[Support]) -> bytes:
    return b"".join(
        [
            _LOAN.pack(uid, hotkey, backing.alpha, backing.root, backing.take)
            for uid, support in enumerate(supports)
            for hotkey, backing in zip(support.hotkeys[1:], support.backings[1:], strict=True)
        ]
    )


def _unpack_supports(parts: Mapping[_Part, bytes]) -> list[Support]:
    keyed = parts[_Part.HOTKEYS]
    hotkeys = [[PublicKey(keyed[at : at + KEY_SIZE])] for at in range(0, len(keyed), KEY_SIZE)]
    own = (_unpack(parts[part]) for part in (_Part.ALPHA, _Part.ROOT, _Part.TAKES))
    backings = [[Backing(*figures)] for figures in zip(*own, strict=True)]
    loans: list[tuple[int, bytes, int, int, int]] = list(_LOAN.iter_unpack(parts[_Part.LOANS]))
    for uid, hotkey, alpha, root, take in loans:
        hotkeys[uid].append(PublicKey(hotkey))
        backings[uid].append(Backing(alpha, root, take))
    pairs = zip(hotkeys, backings, strict=True)
    return [Support(tuple(keys_of_one), tuple(each)) for keys_of_one, each in pairs]


def _build_hyper(figures: list[int]) -> YumaParams:
    names = [field.name for field in fields(YumaParams)]
    numbers = dict(zip(names, figures, strict=True))
    is_liquid = bool(numbers.pop("liquid_alpha"))
    return YumaParams(**numbers, liquid_alpha=is_liquid)


def _pack(values: Sequence[int]) -> bytes:
    return np.array(values, dtype="<i8").tobytes()


def _unpack(data: bytes) -> list[int]:
    values: list[int] = np.frombuffer(data, dtype="<i8").tolist()
    return values
