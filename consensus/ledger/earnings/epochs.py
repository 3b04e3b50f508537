"""The epoch step: run the epoch law on a subnet's rows, pay its pots, set the next permits.

Everything the law read is kept as one record until the next step, so that each reward can be taken
apart afterwards (`queries.explain`): the law is exact, so running it again on the record gives the
same figures and they need not be stored.

Source: `docs/spec/ledger.md` 5 to 7.
"""

from dataclasses import replace

import numpy as np

from consensus.fixed import Matrix
from consensus.ledger import keys
from consensus.ledger.earnings.history import EpochRecord, put_record
from consensus.ledger.earnings.payout import compute_miner_burned, find_owned, process_payout
from consensus.ledger.events import EpochClosed, LedgerEvent
from consensus.ledger.membership.weights import get_unopened, process_forfeit
from consensus.ledger.stake.lending import Support, list_supports
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import (
    NEVER,
    NOBODY,
    Column,
    Market,
    Subnet,
    get_column,
    get_hotkeys,
    get_market,
    put_column,
    put_market,
)
from consensus.ledger.tables import BOND, WEIGHT, encode_row, scan_rows
from consensus.params import Params
from consensus.quantities import U64, Amount, Height, NetUid, Uid
from consensus.reward.backing import compute_weight
from consensus.reward.commit_reveal import get_closed_epoch, get_step_offset
from consensus.reward.emission import Payout, divide
from consensus.reward.epoch import EpochInput, EpochTerms, select_params
from consensus.reward.rows import Rows, get_sparse_row
from consensus.reward.yuma import run_epoch

_LONG_AGO = -(1 << 40)
"""The active height, for the law, of a validator that never revealed: past every cutoff."""


def process_epoch_step(
    draft: Draft, params: Params, netuid: NetUid, subnet: Subnet
) -> list[LedgerEvent]:
    """Close the epoch that is due at the Draft's height; return its events.

    A subnet that is not started, or closed, has no epochs.
    """
    if not subnet.is_started:
        return []
    hyper, market = subnet.hyper, get_market(draft, netuid)
    offset = get_step_offset(netuid, hyper.tempo, hyper.reveal_blocks)
    epoch = get_closed_epoch(draft.height, hyper.tempo, offset)
    permits = get_column(draft, netuid, Column.PERMIT)
    unopened = get_unopened(draft, netuid, epoch)
    forfeits = [uid for uid in unopened if permits[uid]]
    supports = list_supports(draft, params, netuid, get_hotkeys(draft, netuid))
    inputs = _gather(draft, params, netuid, subnet, (supports, frozenset(forfeits)))
    record = EpochRecord(
        epoch=epoch,
        inputs=inputs,
        supports=supports,
        owned=find_owned(draft, subnet, [support.hotkeys[0] for support in supports]),
        owner_pot=market.owner_pot,
        miner_pot=market.miner_pot,
        validator_pot=market.validator_pot,
    )
    put_record(draft, netuid, record)
    terms = run_epoch(inputs)
    payout = divide(terms, market.miner_pot, market.validator_pot)
    process_payout(draft, netuid, subnet, record, payout)
    burned = compute_miner_burned(payout.miners, record.owned)
    put_market(draft, netuid, _empty_pots(market, draft.height, burned))
    _write_terms(draft, netuid, terms, payout, forfeits)
    events: list[LedgerEvent] = [
        process_forfeit(draft, params, netuid, epoch, uid) for uid in forfeits
    ]
    for uid in unopened:
        draft.delete(keys.commit(netuid, epoch, uid))
    miners, validators = Amount(sum(payout.miners)), Amount(sum(payout.validators))
    recycled = Amount(payout.recycled)
    closed = EpochClosed(netuid, epoch, market.owner_pot, miners, validators, recycled)
    return [*events, closed]


def process_first_permits(draft: Draft, params: Params, netuid: NetUid, subnet: Subnet) -> None:
    """Give the neurons of genesis their permits, so that the first epoch can have commits."""
    supports = list_supports(draft, params, netuid, get_hotkeys(draft, netuid))
    terms = run_epoch(_gather(draft, params, netuid, subnet, (supports, frozenset())))
    put_column(draft, netuid, Column.PERMIT, np.array(terms.permits_next, dtype=np.int64))


def _gather(
    view: Draft,
    params: Params,
    netuid: NetUid,
    subnet: Subnet,
    standing: tuple[list[Support], frozenset[int]],
) -> EpochInput:
    """Collect what the law reads, as of the Draft's height; `standing` is stake and forfeits."""
    supports, forfeits = standing
    size = len(supports)
    registered = get_column(view, netuid, Column.REGISTERED)
    gone = [support.hotkeys[0] == NOBODY for support in supports]
    registered[gone] = view.height  # masks weights and bonds
    heights = get_column(view, netuid, Column.ACTIVE).tolist()
    active = [_LONG_AGO if height == NEVER else height for height in heights]
    for uid in sorted(forfeits):
        active[uid] = int(view.height)  # its stake stays in the median, with a zero row
    return EpochInput(
        block=view.height,
        last_epoch_block=get_market(view, netuid).stepped_at,
        tempo=subnet.hyper.tempo,
        stake=[compute_weight(support.backings) for support in supports],
        active_block=active,
        commit_block=get_column(view, netuid, Column.COMMITTED).tolist(),
        registered_block=registered.tolist(),
        permits=[bool(cell) for cell in get_column(view, netuid, Column.PERMIT)],
        weights=scan_rows(view, keys.rows(netuid), size, WEIGHT),
        bonds=scan_rows(view, keys.bond_rows(netuid), size, BOND),
        hyper=select_params(params, subnet.hyper),
        forfeits=forfeits,
    )


def _empty_pots(market: Market, height: Height, miner_burned: U64) -> Market:
    none = Amount(0)
    return replace(
        market,
        owner_pot=none,
        miner_pot=none,
        validator_pot=none,
        stepped_at=height,
        miner_burned=miner_burned,
    )


def _write_terms(
    draft: Draft, netuid: NetUid, terms: EpochTerms, payout: Payout, forfeits: list[Uid]
) -> None:
    """Write what the step decided; a forfeit suspends the permit until the next one."""
    permits = np.array(terms.permits_next, dtype=np.int64)
    permits[forfeits] = 0
    emission = [a + b for a, b in zip(payout.miners, payout.validators, strict=True)]
    columns: dict[Column, Matrix] = {
        Column.PERMIT: permits,
        Column.CONSENSUS: np.array(terms.consensus, dtype=np.int64),
        Column.INCENTIVE: np.array(terms.incentive, dtype=np.int64),
        Column.DIVIDENDS: np.array(terms.dividends, dtype=np.int64),
        Column.TRUST: np.array(terms.validator_trust, dtype=np.int64),
        Column.EMISSION: np.array(emission, dtype=np.int64),
    }
    for column, values in columns.items():
        put_column(draft, netuid, column, values)
    _replace_bonds(draft, netuid, terms.bonds)


def _replace_bonds(draft: Draft, netuid: NetUid, bonds: Rows) -> None:
    for key, _ in list(draft.scan(keys.bond_rows(netuid))):
        draft.delete(key)
    for uid in bonds.uids:
        columns, values = get_sparse_row(bonds, uid)
        draft.put(keys.bond_row(netuid, Uid(uid)), encode_row(columns, values, BOND))
