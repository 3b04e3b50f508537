"""The committees of this chain's eras, read from the ledger, and the sets of eras that are over."""

from consensus.agreement.certificates import Committee
from consensus.ledger import genesis
from consensus.ledger.genesis import Genesis
from consensus.ledger.records import get_network
from consensus.ledger.state import State
from consensus.ledger.validators import eras
from consensus.ledger.validators.eras import FIRST_ERA
from consensus.quantities import U64_MAX, ZERO_HASH, Era, Height
from consensus.types import ValidatorEntry
from storage.store import Store


def read_committee(state: State) -> Committee:
    """Return who votes on the block after `state`, and leads when."""
    record = eras.get_era(state)
    return Committee(
        era=record.era,
        chain_id=get_network(state).chain_id,
        entries=tuple(member.entry for member in eras.get_set(state)),
        seed=record.seed,
        last=record.last,
        named=record.next_vset_hash,
    )


def read_next_committee(state: State) -> Committee:
    """Return who will vote in the era after; nobody knows yet who will lead."""
    return Committee(
        era=Era(eras.get_era(state).era + 1),
        chain_id=get_network(state).chain_id,
        entries=tuple(member.entry for member in eras.get_next_set(state)),
        seed=ZERO_HASH,
    )


def build_committee(first: Genesis) -> Committee:
    """Return the committee of era 1, as `read_committee` does from the state of genesis."""
    return Committee(
        era=FIRST_ERA,
        chain_id=genesis.compute_chain_id(first),
        entries=genesis.get_entries(first),
        seed=genesis.compute_first_seed(first),
        last=Height(first.params.era_blocks or U64_MAX),
        named=None,
    )


def get_entries(store: Store, current: Committee, era: Era) -> tuple[ValidatorEntry, ...]:
    """Return the validator set of the current era or of one that is over; of others nothing."""
    if era == current.era:
        return current.entries
    # Genesis's validators vote in the first two eras, so the first hand-off names both sets.
    before = store.blocks.hand_off(max(FIRST_ERA, era - 1))
    return () if before is None or era > current.era else before.entries
