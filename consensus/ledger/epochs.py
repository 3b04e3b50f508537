"""The epoch step: run the epoch law on a subnet's rows, pay its pots, set the next permits.

Everything the law read is kept as one record until the next step, so that each reward can be taken
apart afterwards (`queries.explain`): the law is exact, so running it again on the record gives the
same figures and they need not be stored.

Source: `ledger.md` sections 5 to 7.
"""

from dataclasses import replace

import numpy as np

from consensus.fixed import Matrix
from consensus.ledger import keys
from consensus.ledger.events import EpochClosed, LedgerEvent
from consensus.ledger.history import EpochRecord, put_record
from consensus.ledger.records import destroy, get_hotkey, get_pool
from consensus.ledger.shares import credit_stake, get_stake_weight, reward
from consensus.ledger.state import Draft, Reading, Total
from consensus.ledger.subnets import (
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
from consensus.ledger.weights import get_unopened, process_forfeit
from consensus.params import Params
from consensus.quantities import U16_MAX, Amount, Epoch, Height, NetUid, PublicKey, Ratio16, Uid
from consensus.reward.commit_reveal import get_closed_epoch
from consensus.reward.emission import Payout, divide
from consensus.reward.epoch import EpochInput, EpochTerms, select_params
from consensus.reward.rows import Rows, get_sparse_row
from consensus.reward.yuma import run_epoch

_LONG_AGO = -(1 << 40)
"""The active height, for the law, of a validator that never revealed: past every cutoff."""


def process_epoch_step(
    draft: Draft, params: Params, netuid: NetUid, subnet: Subnet
) -> list[LedgerEvent]:
    """Close the epoch that is due at the Draft's height; return its events."""
    hyper, market = subnet.hyper, get_market(draft, netuid)
    epoch = get_closed_epoch(draft.height, hyper.tempo, hyper.reveal_blocks)
    permits = get_column(draft, netuid, Column.PERMIT)
    unopened = get_unopened(draft, netuid, epoch)
    forfeits = [uid for uid in unopened if permits[uid]]
    inputs = _gather(draft, params, netuid, subnet, frozenset(forfeits))
    record = _make_record(draft, netuid, epoch, inputs, market)
    put_record(draft, netuid, record)
    terms = run_epoch(inputs)
    payout = divide(terms, market.miner_pot, market.validator_pot)
    _pay(draft, netuid, subnet, record, payout)
    put_market(draft, netuid, _empty_pots(market, draft.height))
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
    terms = run_epoch(_gather(draft, params, netuid, subnet, frozenset()))
    put_column(draft, netuid, Column.PERMIT, np.array(terms.permits_next, dtype=np.int64))


def _gather(
    view: Draft, params: Params, netuid: NetUid, subnet: Subnet, forfeits: frozenset[int]
) -> EpochInput:
    """Collect what the law reads, as of the Draft's height."""
    hotkeys = get_hotkeys(view, netuid)
    size = len(hotkeys)
    registered = get_column(view, netuid, Column.REGISTERED)
    registered[[hotkey == NOBODY for hotkey in hotkeys]] = view.height  # masks weights and bonds
    heights = get_column(view, netuid, Column.ACTIVE).tolist()
    active = [_LONG_AGO if height == NEVER else height for height in heights]
    for uid in sorted(forfeits):
        active[uid] = int(view.height)  # its stake stays in the median, with a zero row
    return EpochInput(
        block=view.height,
        last_epoch_block=get_market(view, netuid).stepped_at,
        tempo=subnet.hyper.tempo,
        stake=[
            0 if hotkey == NOBODY else get_stake_weight(view, params, netuid, hotkey)
            for hotkey in hotkeys
        ],
        active_block=active,
        commit_block=get_column(view, netuid, Column.COMMITTED).tolist(),
        registered_block=registered.tolist(),
        permits=[bool(cell) for cell in get_column(view, netuid, Column.PERMIT)],
        weights=scan_rows(view, keys.rows(netuid), size, WEIGHT),
        bonds=scan_rows(view, keys.bond_rows(netuid), size, BOND),
        hyper=select_params(params, subnet.hyper),
        forfeits=forfeits,
    )


def _make_record(
    view: Reading, netuid: NetUid, epoch: Epoch, inputs: EpochInput, market: Market
) -> EpochRecord:
    hotkeys = get_hotkeys(view, netuid)
    takes = [_get_take(view, netuid, hotkey) for hotkey in hotkeys]
    pots = (market.owner_pot, market.miner_pot, market.validator_pot)
    return EpochRecord(epoch, inputs, hotkeys, takes, *pots)


def _get_take(view: Reading, netuid: NetUid, hotkey: PublicKey) -> Ratio16:
    """Return what part of a reward goes to the owner: all of it while nobody has a share."""
    if hotkey == NOBODY:
        return Ratio16(0)
    record = get_hotkey(view, hotkey)
    assert record is not None, f"{hotkey.hex()} is nobody's"
    return record.take if get_pool(view, netuid, hotkey).shares else Ratio16(U16_MAX)


def _pay(draft: Draft, netuid: NetUid, subnet: Subnet, record: EpochRecord, payout: Payout) -> None:
    """Empty the pots: stake for owners of miners, pools of validators, the rest is destroyed."""
    pots = record.owner_pot + record.miner_pot + record.validator_pot
    draft.add_total(netuid, Total.PENDING, -pots)
    for hotkey in subnet.owner:
        _pay_owner(draft, netuid, hotkey, record.owner_pot)
    for hotkey, mined in zip(record.hotkeys, payout.miners, strict=True):
        if mined:  # always somebody's: nobody has no weights and no stake
            _pay_owner(draft, netuid, hotkey, mined)
    for hotkey, earned in zip(record.hotkeys, payout.validators, strict=True):
        if earned:
            reward(draft, netuid, hotkey, earned)
    if payout.recycled:
        destroy(draft, netuid, payout.recycled)


def _pay_owner(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Stake `amount` on a hotkey for the coldkey that owns it; delegators have no part in it."""
    owner = get_hotkey(draft, hotkey)
    assert owner is not None, f"{hotkey.hex()} is nobody's"
    credit_stake(draft, netuid, hotkey, owner.owner, amount)


def _empty_pots(market: Market, height: Height) -> Market:
    none = Amount(0)
    return replace(market, owner_pot=none, miner_pot=none, validator_pot=none, stepped_at=height)


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
