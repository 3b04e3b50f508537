"""The state transition function: apply_block, a table of contents of all the rules.

In this order: the block is checked against the head (height, time, the roots after its parent, its
proposer's beacon reveal); its transactions are done one by one; the coinbase pays the proposer and
fills the subnets' pools and pots; epoch steps that are due empty the pots; all that people, rules
and pots have swapped settles, one price per pool; what has unbonded is paid out; what the agenda
has for this height is done; the supply of every coin is checked; the head is written for the next
block. Swaps settle before a subnet is closed, so none is left in it.

After an era's last block the next era begins (`eras.py`).

`header.state_root` and `header.receipts_root` are those after the parent
(`docs/spec/agreement.md` 2.6), so a state is vouched for by the header of the next block. An error
drops the Draft: an invalid block can't leave a trace.

Deviation: fee and tip of a failed call are both paid (the tip bought its place in the block).
"""

from dataclasses import dataclass

from consensus.crypto import compute_mix, compute_receipts_root, hash32, hash_beacon
from consensus.errors import InvalidBlock, InvalidTransaction
from consensus.ledger.calls import process_transaction
from consensus.ledger.dues import process_agenda
from consensus.ledger.earnings.coinbase import process_averages, process_coinbase, process_emission
from consensus.ledger.earnings.epochs import process_epoch_step
from consensus.ledger.events import LedgerEvent
from consensus.ledger.fees import (
    IsVerified,
    check_form,
    check_window,
    encode_list_head,
    measure,
    never_verified,
)
from consensus.ledger.records import (
    Head,
    Member,
    Rules,
    get_beacon_tip,
    get_head,
    get_member,
    get_network,
    put_beacon_tip,
    put_head,
)
from consensus.ledger.stake.staking import process_releases
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.hyperparameters import process_changes
from consensus.ledger.subnet.mechanism import process_mechanism
from consensus.ledger.subnet.netuids import process_places
from consensus.ledger.subnet.records import find_subnet, get_netuids
from consensus.ledger.supply import assert_totals
from consensus.ledger.trade.pools import process_settlement
from consensus.ledger.validators.eras import get_era, process_era
from consensus.params import Params
from consensus.quantities import Amount, Hash32
from consensus.reward.commit_reveal import get_step_offset, is_epoch_step
from consensus.types import Block, BlockKind, Header, Receipt


@dataclass(frozen=True, slots=True)
class Applied:
    """What a block led to; its receipts' root is in the state, for the next header."""

    state: State
    receipts: tuple[Receipt, ...]
    events: tuple[LedgerEvent, ...]


def check_block(state: State, header: Header) -> Member:
    """Check a header against its parent's post-state; return who proposed it.

    Raises:
        InvalidBlock: era, height, time, kind, a root, the proposer or its reveal is wrong.
    """
    head, params = get_head(state), get_network(state).params
    era = get_era(state).era
    if header.era != era:
        raise InvalidBlock(f"era {header.era}, but this is era {era}")
    if header.kind is not BlockKind.BLOCK or header.height != head.height + 1:
        raise InvalidBlock(f"{header.kind.name} {header.height} on top of block {head.height}")
    if header.time_ms < head.time_ms + params.block_ms:
        raise InvalidBlock(f"time {header.time_ms}, its parent's {head.time_ms}")
    if header.state_root != state.root:
        raise InvalidBlock(f"state root {header.state_root.hex()}, ours is {state.root.hex()}")
    if header.receipts_root != head.receipts_root:
        raise InvalidBlock(f"receipts root {header.receipts_root.hex()}")
    member = get_member(state, header.proposer)
    if member is None:
        raise InvalidBlock(f"there is no validator {header.proposer}")
    if hash_beacon(header.reveal) != get_beacon_tip(state, member.entry.consensus_key):
        raise InvalidBlock(f"validator {header.proposer} reveals what is not on its chain")
    return member


def apply_block(state: State, block: Block, is_verified: IsVerified = never_verified) -> Applied:
    """Return what `block` leads to on `state`, the post-state of its parent.

    Args:
        state: the ledger after the parent.
        block: the block; its structure and leadership are the agreement machine's to check.
        is_verified: says which signatures need no second check.

    Raises:
        InvalidBlock: it can't follow its parent.
    """
    proposer = check_block(state, block.header)
    network = get_network(state)
    draft = Draft(state)
    put_beacon_tip(draft, proposer.entry.consensus_key, block.header.reveal)
    events: list[LedgerEvent] = []
    receipts = _process_transactions(draft, network, block, is_verified, events)
    fees = sum(receipt.fee for receipt in receipts)
    tips = sum(signed.transaction.tip for signed in block.transactions)
    subnets_tao = process_coinbase(draft, network.params, proposer, fees, tips)
    events += process_subnets(draft, network.params, subnets_tao)
    process_releases(draft)
    events += process_agenda(draft)
    assert_totals(draft)
    _process_head(draft, block.header, receipts)
    process_era(draft, network.params)
    return Applied(draft.freeze(), tuple(receipts), tuple(events))


def get_receipts_root(state: State) -> Hash32:
    """Return the root of the last block's receipts, which the next header carries."""
    return get_head(state).receipts_root


def process_subnets(draft: Draft, params: Params, tao: Amount) -> list[LedgerEvent]:
    """Fill every subnet's pool and pots, run the epoch steps that are due, settle the swaps.

    After an epoch step, what its owner announced takes effect; subnets that end make way at last.

    Returns:
        What they did.
    """
    found = ((netuid, find_subnet(draft, netuid)) for netuid in get_netuids(draft))
    subnets = [(netuid, each) for netuid, each in found if each is not None and not each.is_closed]
    process_emission(draft, params, subnets, tao)
    events: list[LedgerEvent] = []
    for netuid, subnet in subnets:
        tempo = subnet.hyper.tempo
        offset = get_step_offset(netuid, tempo, subnet.hyper.reveal_blocks)
        if not is_epoch_step(draft.height, tempo, offset):
            continue
        if subnet.is_started:
            events += process_epoch_step(draft, params, netuid, subnet)
        events += process_mechanism(draft, netuid)
        events += process_changes(draft, netuid)
    events += process_settlement(draft, params)
    process_averages(draft, params, subnets)
    events += process_places(draft)
    return events


def _process_transactions(
    draft: Draft,
    network: Rules,
    block: Block,
    is_verified: IsVerified,
    events: list[LedgerEvent],
) -> list[Receipt]:
    """Do every transaction; check on the way that they are the body the header names."""
    parts = [encode_list_head(len(block.transactions))]
    receipts: list[Receipt] = []
    for signed in block.transactions:
        measured = measure(network.params, signed)
        parts.append(measured.encoding)
        try:
            check_form(network, measured, is_verified)
            check_window(network.params, measured, draft.height)
            receipts.append(process_transaction(draft, measured, events.append))
        except InvalidTransaction as error:
            raise InvalidBlock(f"transaction {measured.transaction_id.hex()}: {error}") from error
    body = b"".join(parts)
    if len(body) > network.params.block_bytes_max:
        raise InvalidBlock(f"a body of {len(body)} bytes")
    if hash32(b"neurond/body", body) != block.header.body_root:
        raise InvalidBlock("the transactions are not those the header names")
    return receipts


def _process_head(draft: Draft, header: Header, receipts: list[Receipt]) -> None:
    mix = compute_mix(get_head(draft).mix, header.reveal)
    root = compute_receipts_root(tuple(receipts))
    put_head(draft, Head(header.height, header.time_ms, root, mix))
