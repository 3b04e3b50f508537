"""Turn the chain's values into what the HTTP door shows: addresses, hexadecimal, fractions."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import cast, get_args, get_origin, get_type_hints

import base58

from config.address import format_address
from consensus import crypto
from consensus.ledger import queries
from consensus.ledger.events import LedgerEvent
from consensus.ledger.subnet.records import NOBODY, Served
from consensus.ledger.supply import Supply
from consensus.params import Q32
from consensus.quantities import U16_MAX, Hash32, PublicKey, Uid
from consensus.types import Block, Call, Header, Receipt, SignedTransaction, ValidatorEntry
from daemon.http.figures import name_code
from daemon.http.view import (
    AccountView,
    BlockSummary,
    BlockView,
    EndpointView,
    ExplainView,
    MetagraphView,
    NeuronView,
    StakeView,
    SupplyView,
    TransactionView,
    UnbondingView,
)
from daemon.views.events import EventKind


def format_peer_id(peer_id: bytes) -> str:
    """Return a libp2p peer id as people know it: base58."""
    return base58.b58encode(peer_id).decode()


def present_supply(supply: Supply) -> SupplyView:
    """Return where a coin is."""
    return SupplyView(
        issued=supply.issued,
        free=supply.free,
        staked=supply.staked,
        unbonding=supply.unbonding,
        pending=supply.pending,
        burned=supply.burned,
        pooled=supply.pooled,
        locked=supply.locked,
        ordered=supply.ordered,
    )


def present_summary(
    header: Header, digest: Hash32, transaction_count: int, entries: tuple[ValidatorEntry, ...]
) -> BlockSummary:
    """Return a block without its transactions; `entries` is its era's validator set."""
    is_genesis = header.height == 0
    return BlockSummary(
        height=header.height,
        digest=digest.hex(),
        parent=header.parent.hex(),
        view=header.view,
        era=header.era,
        proposer="" if is_genesis else format_address(entries[header.proposer].hotkey),
        time_ms=header.time_ms,
        transaction_count=transaction_count,
        state_root=header.state_root.hex(),
    )


def present_block(
    block: Block,
    digest: Hash32,
    receipts: tuple[Receipt, ...] | None,
    entries: tuple[ValidatorEntry, ...],
    signers: tuple[str, ...] = (),
) -> BlockView:
    """Return a block; `receipts` are those of its transactions, None while they are not known."""
    known: tuple[Receipt | None, ...] = receipts or (None,) * len(block.transactions)
    pairs = zip(block.transactions, known, strict=True)
    return BlockView(
        summary=present_summary(block.header, digest, len(block.transactions), entries),
        transactions=tuple(present_transaction(signed, receipt) for signed, receipt in pairs),
        signers=signers,
    )


def present_transaction(signed: SignedTransaction, receipt: Receipt | None) -> TransactionView:
    """Return an included transaction and what became of it."""
    transaction = signed.transaction
    return TransactionView(
        id=crypto.compute_transaction_id(transaction).hex(),
        signer=format_address(transaction.signer),
        nonce=transaction.nonce,
        call=_snake(type(transaction.call).__name__),
        fields=present_call(transaction.call),
        tip=transaction.tip,
        fee=None if receipt is None else receipt.fee,
        code=None if receipt is None else receipt.code,
        error=None if receipt is None else name_code(receipt.code),
    )


def present_call(call: Call) -> dict[str, object]:
    """Return the call's fields as JSON values."""
    hints = get_type_hints(type(call))
    return {
        entry.name: _plain(hints[entry.name], getattr(call, entry.name)) for entry in fields(call)
    }


def present_metagraph(graph: queries.Metagraph) -> MetagraphView:
    """Return a subnet's neurons, one row each."""
    hyper = graph.subnet.hyper
    return MetagraphView(
        netuid=graph.netuid,
        height=graph.height,
        task=graph.subnet.task,
        tempo=hyper.tempo,
        epoch=graph.height // hyper.tempo,
        burn=graph.market.burn,
        neurons=tuple(
            _present_neuron(graph, uid) for uid in graph.uids if graph.hotkeys[uid] != NOBODY
        ),
        supply=present_supply(graph.supply),
    )


def present_account(account: queries.AccountView, height: int) -> AccountView:
    """Return what a key has and is after block `height`."""
    return AccountView(
        address=format_address(account.key),
        free=account.free,
        nonce=account.nonce,
        stakes=tuple(
            StakeView(stake.netuid, format_address(stake.hotkey), stake.amount)
            for stake in account.stakes
        ),
        unbonding=tuple(
            UnbondingView(format_address(part.hotkey), part.amount, part.release)
            for part in account.unbonding
        ),
        owner=None if account.owner is None else format_address(account.owner),
        take=None if account.take is None else account.take / U16_MAX,
        neurons=tuple((int(netuid), int(uid)) for netuid, uid in account.neurons),
        height=height,
    )


def present_reward(reward: queries.RewardView, height: int) -> ExplainView:
    """Return one reward, the last as of block `height`, taken apart."""
    return ExplainView(
        netuid=reward.netuid,
        uid=reward.explanation.uid,
        hotkey=format_address(reward.hotkey),
        epoch=reward.epoch,
        lenders=tuple(format_address(lender) for lender in reward.lenders),
        explanation=reward.explanation,
        height=height,
    )


def _present_neuron(graph: queries.Metagraph, uid: Uid) -> NeuronView:
    served = graph.served[uid]
    return NeuronView(
        uid=uid,
        hotkey=format_address(graph.hotkeys[uid]),
        coldkey=format_address(graph.coldkeys[uid]),
        stake=graph.stake[uid],
        has_permit=graph.permits[uid],
        is_active=graph.active[uid],
        consensus=graph.consensus[uid] / Q32,
        incentive=graph.incentive[uid] / Q32,
        dividends=graph.dividends[uid] / Q32,
        validator_trust=graph.validator_trust[uid] / Q32,
        emission=graph.emission[uid],
        registered_block=graph.registered_block[uid],
        commit_block=graph.commit_block[uid],
        endpoint=None if served is None else _present_endpoint(served),
    )


def _present_endpoint(served: Served) -> EndpointView:
    return EndpointView(
        peer_id=format_peer_id(crypto.compute_peer_id(served.node_key)),
        protocols=served.protocols,
        price=served.price,
        capacity=served.capacity,
        model_hash=served.model_hash.hex(),
    )


def _plain(hint: object, value: object) -> object:
    if isinstance(value, bytes):
        return format_address(PublicKey(value)) if hint is PublicKey else value.hex()
    if isinstance(value, tuple):
        inner = get_args(hint)[0] if get_origin(hint) is tuple else None
        return [_plain(inner, item) for item in cast("tuple[object, ...]", value)]
    return value


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


EVENT_KINDS: Mapping[str, EventKind] = {
    "epoch": "reward",
    "weights": "weights",
    "neuron": "neuron",
    "subnet": "subnet",
    "hyperparameter": "subnet",
    "mechanism": "subnet",
    "stake": "stake",
    "order": "stake",
    "children": "stake",
    "channel": "channel",
    "voucher": "channel",
    "proposal": "governance",
}
"""What the ledger's events are about, by the first word of their names."""


def present_event(event: LedgerEvent) -> tuple[EventKind, dict[str, object]]:
    """Return what the ledger did as an event of the stream."""
    hints = get_type_hints(type(event))
    details: dict[str, object] = {"what": _snake(type(event).__name__)}
    for entry in fields(event):
        details[entry.name] = _plain(hints[entry.name], getattr(event, entry.name))
    return EVENT_KINDS.get(str(details["what"]).partition("_")[0], "ledger"), details
