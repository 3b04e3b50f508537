"""Turn delegates, concentration, receipts and replayed epochs into what the HTTP door shows."""

from functools import cache

from config.address import format_address
from consensus import crypto
from consensus.errors import CallError
from consensus.ledger.earnings.history import EpochRecord
from consensus.ledger.earnings.what_if import Earned, Edits, Outcome
from consensus.ledger.earnings.what_if import RowEdit as LedgerRowEdit
from consensus.ledger.stake.delegates import Concentration, Delegate, Delegates, Spread
from consensus.params import Q32
from consensus.quantities import U16_MAX, Hash32, NetUid
from consensus.refusals import UnknownSubnet
from consensus.types import Receipt, SignedTransaction, ValidatorEntry
from daemon.http.values import (
    ConcentrationView,
    DelegatesAnswer,
    DelegateView,
    EarnedView,
    OutcomeView,
    ReceiptView,
    SpreadView,
    SubnetSpreadView,
    ValidatorView,
    WhatIfEdits,
    WhatIfView,
)


def present_validators(entries: tuple[ValidatorEntry, ...]) -> tuple[ValidatorView, ...]:
    """Return a validator set."""
    return tuple(
        ValidatorView(entry.consensus_key.hex(), format_address(entry.hotkey), entry.stake)
        for entry in entries
    )


def present_delegate(delegate: Delegate) -> DelegateView:
    """Return one delegate."""
    return DelegateView(
        hotkey=format_address(delegate.hotkey),
        owner=format_address(delegate.owner),
        take=delegate.take / U16_MAX,
        stake=delegate.stake,
        neurons=tuple((int(netuid), int(uid)) for netuid, uid in delegate.neurons),
    )


def present_delegates(found: Delegates) -> DelegatesAnswer:
    """Return the largest delegates."""
    delegates = tuple(present_delegate(delegate) for delegate in found.largest)
    return DelegatesAnswer(found.height, found.count, found.stake, delegates)


def present_concentration(found: Concentration) -> ConcentrationView:
    """Return how stake is spread."""
    subnets = tuple(
        SubnetSpreadView(netuid, _present_spread(spread)) for netuid, spread in found.subnets
    )
    return ConcentrationView(found.height, _present_spread(found.root), subnets)


def present_receipt(receipt: Receipt, height: int, index: int) -> ReceiptView:
    """Return what became of a final transaction."""
    refusal = _refusals().get(receipt.code)
    return ReceiptView(
        id=receipt.transaction_id.hex(),
        status="final",
        height=height,
        index=index,
        fee=receipt.fee,
        code=receipt.code,
        error=name_code(receipt.code),
        remedy=None if refusal is None else refusal.remedy,
    )


def present_pending(signed: SignedTransaction) -> ReceiptView:
    """Return a transaction that waits."""
    return ReceiptView(crypto.compute_transaction_id(signed.transaction).hex(), "pending")


def name_code(code: int) -> str | None:
    """Return the name of a receipt's code; None for success."""
    if code == 0:
        return None
    refusal = _refusals().get(code)
    return "CallError" if refusal is None else refusal.__name__


def read_edits(edits: WhatIfEdits) -> Edits:
    """Return what a client wants to be different, in the ledger's terms."""
    return Edits(
        rows=tuple(LedgerRowEdit(row.uid, row.uids, row.values) for row in edits.weights),
        stakes=tuple((edit.uid, edit.stake) for edit in edits.stakes),
        hyper=tuple(sorted(edits.hyperparameters.items())),
    )


def present_outcomes(
    netuid: NetUid, height: int, record: EpochRecord, outcomes: tuple[Outcome, ...]
) -> WhatIfView:
    """Return the recorded epoch as it was and edited."""
    neurons = tuple(
        OutcomeView(
            outcome.uid,
            format_address(outcome.hotkey),
            _present_earned(outcome.before),
            _present_earned(outcome.after),
        )
        for outcome in outcomes
    )
    return WhatIfView(netuid, height, record.epoch, neurons)


def read_hash(text: str) -> Hash32 | None:
    """Return a hash given in hexadecimal; None if it is not one."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return Hash32(data) if len(data) == len(Hash32(bytes(32))) else None


def _present_earned(earned: Earned) -> EarnedView:
    return EarnedView(earned.incentive / Q32, earned.dividends / Q32, earned.emission)


def _present_spread(spread: Spread) -> SpreadView:
    return SpreadView(
        holders=spread.holders,
        total=spread.total,
        gini=spread.gini / Q32,
        nakamoto_third=spread.third,
        nakamoto_half=spread.half,
    )


@cache
def _refusals() -> dict[int, type[CallError]]:
    """Return every way a call fails, by its code; one import brings them all in."""
    assert issubclass(UnknownSubnet, CallError)
    return {refusal.code: refusal for refusal in CallError.__subclasses__()}
