"""Which validator set leads and votes when, and how the next one follows from root stake.

An era is `era_blocks` blocks. Its last block fixes what comes: the next era begins with the set
that every header of this era has named (`next_vset_hash`) and with a seed from the beacon's mix
after that very block; and the set of the era after that is computed from the stakes as they then
are. So a set and its beacon chains are known a whole era before they matter, and nobody can fit
stake or a chain to a seed.

A set is the `validators_max` largest root stakes among the hotkeys with a consensus key. From one
set to the next at most `era_churn_ppm` of the earlier one's stake may come and go in all. If more
wants to, every change is cut in the same proportion: whoever joins begins with a part of its stake,
whoever leaves keeps a part of it (and must go on voting), and both go on in the next era. A key
that replaces another is no change of stake. A set that nobody wants to be in stays as it is.

A consensus key has one beacon chain for ever, so no value that a chain has shown can serve again; a
validator that needs a new chain takes a new key.

Source: `docs/spec/agreement.md` 2.4, 2.5; `docs/spec/ledger.md` 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consensus import codec, crypto
from consensus.calls.rotation import SetConsensusKey
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    Member,
    get_beacon_tip,
    get_head,
    get_hotkey,
    get_network,
    get_pool,
    put_beacon_tip,
)
from consensus.ledger.state import Draft, Reading
from consensus.params import Params
from consensus.quantities import (
    U64_MAX,
    Amount,
    Era,
    Hash32,
    Height,
    PublicKey,
)
from consensus.refusals import KeyInUse, KeyRefused, NotOwner, UnknownHotkey
from consensus.types import ValidatorEntry

FIRST_ERA = Era(1)
PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class EraRecord:
    """The era of the next block: what the agreement of its blocks needs beside the set itself."""

    era: Era
    last: Height
    """Its last block; the highest height there is for an era without end."""
    seed: Hash32
    """What draws its leaders."""
    vset_hash: Hash32
    next_vset_hash: Hash32


# -- calls ----------------------------------------------------------------------------------------


def process_set_consensus_key(draft: Draft, signer: PublicKey, call: SetConsensusKey) -> None:
    """Note which key is to vote for a hotkey; it does from the era after the next boundary on.

    Raises:
        CallError: UnknownHotkey, NotOwner, KeyInUse, KeyRefused.
    """
    record = get_hotkey(draft, call.hotkey)
    if record is None:
        raise UnknownHotkey(call.hotkey.hex())
    if record.owner != signer:
        raise NotOwner(f"{call.hotkey.hex()} belongs to {record.owner.hex()}")
    if get_beacon_tip(draft, call.consensus_key) is not None:
        raise KeyInUse(f"consensus key {call.consensus_key.hex()} was registered before")
    chain_id = get_network(draft).chain_id
    message = crypto.consensus_message(chain_id, call.hotkey, call.beacon_tip)
    if not crypto.is_signed(call.consensus_key, message, call.consensus_signature):
        raise KeyRefused(f"consensus key {call.consensus_key.hex()}")
    put_consensus_key(draft, call.hotkey, call.consensus_key, call.beacon_tip)


# -- eras -----------------------------------------------------------------------------------------


def process_first_era(draft: Draft, members: Sequence[Member], mix: Hash32) -> None:
    """Begin era 1 with genesis's validators, who are the set of era 2 too."""
    vset_hash = compute_set_hash(members)
    _put_set(draft, Family.VALIDATOR, (), members)
    _put_set(draft, Family.NEXT_SET, (), members)
    last = _compute_last(get_network(draft).params, Height(0))
    seed = crypto.compute_seed(FIRST_ERA, mix)
    put_era(draft, EraRecord(FIRST_ERA, last, seed, vset_hash, vset_hash))


def process_era(draft: Draft, params: Params) -> None:
    """After an era's last block, begin the next one and fix the set of the one after it."""
    ended = get_era(draft)
    if draft.height != ended.last:
        return
    members = get_next_set(draft)
    _put_set(draft, Family.VALIDATOR, get_set(draft), members)
    following = compute_next_set(draft, params, members)
    _put_set(draft, Family.NEXT_SET, members, following)
    era = Era(ended.era + 1)
    begun = EraRecord(
        era=era,
        last=_compute_last(params, draft.height),
        seed=crypto.compute_seed(era, get_head(draft).mix),
        vset_hash=ended.next_vset_hash,
        next_vset_hash=compute_set_hash(following),
    )
    put_era(draft, begun)


def compute_next_set(
    view: Reading, params: Params, before: tuple[Member, ...]
) -> tuple[Member, ...]:
    """Return the set that follows `before` by the stakes in `view`, within the bound on change.

    Largest stake first; ties: lowest hotkey.
    """
    wanted = rank_candidates(view, params)
    if not wanted:
        return before
    was = {find_current(view, member.entry.hotkey): member for member in before}
    stakes = limit_churn(
        {hotkey: member.entry.stake for hotkey, member in was.items()}, wanted, params.era_churn_ppm
    )
    ranked = sorted(stakes, key=lambda hotkey: (-stakes[hotkey], hotkey))
    staying = [hotkey for hotkey in ranked if hotkey in was]
    room = max(0, params.validators_max - len(staying))
    joining = [hotkey for hotkey in ranked if hotkey not in was][:room]
    chosen = {*staying, *joining}
    return tuple(
        _make_member(view, hotkey, stakes[hotkey], was.get(hotkey))
        for hotkey in ranked
        if hotkey in chosen
    )


def find_current(view: Reading, hotkey: PublicKey) -> PublicKey:
    """Return what a hotkey was swapped for, if it was: sets outlive swaps."""
    while (data := view.get(keys.of(Family.VAULT, hotkey))) is not None:
        hotkey = PublicKey(data)
    return hotkey


def rank_candidates(view: Reading, params: Params) -> dict[PublicKey, Amount]:
    """Return the root stakes that are to make up a set, were there no bound on change."""
    stakes: dict[PublicKey, Amount] = {}
    for key, _ in view.scan(keys.of(Family.CONSENSUS_KEY)):
        hotkey = PublicKey(key[1:])
        stake = get_pool(view, ROOT, hotkey).amount
        if stake and stake >= params.stake_min:
            stakes[hotkey] = stake
    ranked = sorted(stakes, key=lambda hotkey: (-stakes[hotkey], hotkey))
    return {hotkey: stakes[hotkey] for hotkey in ranked[: params.validators_max]}


def limit_churn(
    was: Mapping[PublicKey, Amount], wanted: Mapping[PublicKey, Amount], churn_ppm: int
) -> dict[PublicKey, Amount]:
    """Return the stakes of the next set, as near to `wanted` as the bound lets them come.

    The bound is `churn_ppm` millionths of all stake in `was`; each change is cut in proportion and
    rounded towards none. Nobody is listed with nothing.
    """
    hotkeys = sorted({*was, *wanted})
    changes = {hotkey: wanted.get(hotkey, 0) - was.get(hotkey, 0) for hotkey in hotkeys}
    change = sum(abs(each) for each in changes.values())
    bound = sum(was.values()) * churn_ppm // PPM
    stakes: dict[PublicKey, Amount] = {}
    for hotkey in hotkeys:
        step = abs(changes[hotkey])
        if change > bound:
            step = step * bound // change
        stake = was.get(hotkey, 0) + (step if changes[hotkey] > 0 else -step)
        if stake:
            stakes[hotkey] = Amount(stake)
    return stakes


def compute_set_hash(members: Sequence[Member]) -> Hash32:
    """Return what headers call a set."""
    return crypto.compute_vset_hash(tuple(member.entry for member in members))


# -- what the state holds -------------------------------------------------------------------------


def get_era(view: Reading) -> EraRecord:
    """Return the era of the next block."""
    data = view.get(keys.ERA)
    assert data is not None, "a state without its genesis"
    return codec.decode(EraRecord, data)


def put_era(draft: Draft, record: EraRecord) -> None:
    """Write the era of the next block."""
    draft.put(keys.ERA, codec.encode(record))


def get_set(view: Reading) -> tuple[Member, ...]:
    """Return the validator set of the next block, in order."""
    return _get_set(view, Family.VALIDATOR)


def get_next_set(view: Reading) -> tuple[Member, ...]:
    """Return the validator set of the era after that, in order."""
    return _get_set(view, Family.NEXT_SET)


def get_consensus_key(view: Reading, hotkey: PublicKey) -> PublicKey | None:
    """Return the key that is to vote for a hotkey, in a set or not."""
    data = view.get(keys.of(Family.CONSENSUS_KEY, hotkey))
    return None if data is None else PublicKey(data)


def put_consensus_key(
    draft: Draft, hotkey: PublicKey, consensus_key: PublicKey, beacon_tip: Hash32
) -> None:
    """Write which key is to vote for a hotkey, and where its beacon chain begins."""
    draft.put(keys.of(Family.CONSENSUS_KEY, hotkey), consensus_key)
    put_beacon_tip(draft, consensus_key, beacon_tip)


def _get_set(view: Reading, family: Family) -> tuple[Member, ...]:
    members: list[Member] = []
    while (row := view.get(keys.of(family, keys.u16(len(members))))) is not None:
        members.append(codec.decode(Member, row))
    return tuple(members)


def _put_set(
    draft: Draft, family: Family, before: Sequence[Member], members: Sequence[Member]
) -> None:
    for index, member in enumerate(members):
        draft.put(keys.of(family, keys.u16(index)), codec.encode(member))
    for index in range(len(members), len(before)):
        draft.delete(keys.of(family, keys.u16(index)))


def _make_member(view: Reading, hotkey: PublicKey, stake: Amount, was: Member | None) -> Member:
    """Return a hotkey's place in a set; one that has lost its record since keeps what it had."""
    key, record = get_consensus_key(view, hotkey), get_hotkey(view, hotkey)
    if key is None:
        assert was is not None, "only a member has stake in a set without a consensus key"
        key = was.entry.consensus_key
    if record is None:
        assert was is not None, "only a member has stake in a set without an owner"
        return Member(ValidatorEntry(key, hotkey, stake), was.coldkey)
    return Member(ValidatorEntry(key, hotkey, stake), record.owner)


def _compute_last(params: Params, begin: Height) -> Height:
    return Height(begin + params.era_blocks if params.era_blocks else U64_MAX)
