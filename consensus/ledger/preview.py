"""What a transaction would do if the next block had it: the dry run behind every mutation.

The call runs on a scratch copy of a state, the pools get the block's TAO and settle what was
ordered, and once more if it swaps between subnets, which buys a block later. The same is done
without the call; an effect is where the two differ. No signature is needed, and nothing is kept.

It leaves out the other transactions of the block, its proposer's pay, epoch steps and what is due
at its height: they can move a price and what stake is worth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from consensus import codec
from consensus.errors import CallError, InvalidTransaction
from consensus.ledger.calls import process_call
from consensus.ledger.channels import Channel
from consensus.ledger.earnings.coinbase import process_emission
from consensus.ledger.events import LedgerEvent
from consensus.ledger.fees import Measured, check_ahead, check_form, check_window, is_free, measure
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    Account,
    get_account,
    get_hotkey,
    get_network,
    get_vault_hotkey,
    put_account,
)
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.stake.staking import get_unbonding
from consensus.ledger.state import Draft, Reading, State, Total, get_totals
from consensus.ledger.subnet.records import find_market, find_subnet, get_netuids
from consensus.ledger.trade.pools import process_settlement
from consensus.quantities import Amount, Hash32, Height, NetUid, Nonce, PublicKey, Signature
from consensus.reward.clearing import PRICE_UNIT
from consensus.reward.emission import compute_block_emission, split_block_emission
from consensus.types import SignedTransaction, Transaction

_NO_SIGNATURE = Signature(bytes(64))
"""Stands for the signature that will come: a fee depends on its size, not on what it says."""


class What(StrEnum):
    """What an effect is about; amounts in rao of TAO or of the subnet's alpha."""

    FREE = "free"
    """TAO of an account."""
    STAKE = "stake"
    """Of a coldkey on a hotkey; netuid 0 is root."""
    UNBONDING = "unbonding"
    """TAO of a coldkey on its way out from a hotkey."""
    POOL_TAO = "pool_tao"
    POOL_ALPHA = "pool_alpha"
    PRICE = "price"
    """Rao of TAO for 10^9 alpha rao, rounded down."""
    REGISTRATION = "registration"
    """The price of a uid, rao of TAO."""
    TAKE = "take"
    """Of a hotkey, over 65535."""
    UID = "uid"
    """Of a hotkey; -1 for none."""
    CHANNEL = "channel"
    """TAO left in a channel of a coldkey."""
    BURNED = "burned"
    """Of a coin since genesis."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One figure that the call would change; `who` are the keys it belongs to, coldkey first."""

    what: What
    netuid: NetUid
    who: tuple[PublicKey, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a transaction in the block at `height`.

    With a `problem` no block can include it; with a `refusal` it would cost its fee alone.
    """

    height: Height
    fee: Amount
    problem: InvalidTransaction | None
    refusal: CallError | None
    events: tuple[LedgerEvent, ...]
    effects: tuple[Effect, ...]
    writes: tuple[str, ...]
    """Names of the families of records it would write, sorted."""


def preview(state: State, transaction: Transaction) -> Preview:
    """Return what the block after `state` would make of `transaction`, signed by its signer.

    Its nonce is not looked at: a client that asks may have others on their way.
    """
    network = get_network(state)
    measured = measure(network.params, SignedTransaction(transaction, _NO_SIGNATURE))
    draft = Draft(state)
    found: list[LedgerEvent] = []
    refusal: CallError | None = None
    problem = _find_problem(state, measured)
    if problem is None:
        _charge(draft, transaction, measured.fee)
        try:
            event = process_call(draft, transaction.signer, transaction.call)
        except CallError as error:
            draft.undo()
            refusal = error
            if is_free(transaction.call):
                problem = InvalidTransaction(f"a free call that fails: {error}", is_final=False)
                draft = Draft(state)
        else:
            found = [] if event is None else [event]
    control = Draft(state)
    events, others = _end_block(draft), _end_block(control)
    if any(draft.scan(bytes((Family.SECOND_LEG,)))):
        events, others = events + _end_block(draft), others + _end_block(control)
    found += [event for event in events if event not in others]
    effects = tuple(_find_effects(state, draft, control))
    return Preview(
        height=draft.height,
        fee=measured.fee,
        problem=problem,
        refusal=refusal,
        events=tuple(found),
        effects=effects,
        writes=_name_writes(draft, control),
    )


def _find_problem(state: State, measured: Measured) -> InvalidTransaction | None:
    """Return why no block could include the transaction, its nonce and signature aside."""
    network, transaction = get_network(state), measured.signed.transaction
    account = get_account(state, transaction.signer)
    try:
        check_form(network, measured, _is_verified)
        check_window(network.params, measured, Height(state.height + 1))
        check_ahead(measured, Account(account.free, transaction.nonce))
    except InvalidTransaction as error:
        return error
    return None


def _is_verified(_transaction_id: Hash32, _signature: Signature) -> bool:
    """Take the signature that will come for good."""
    return True


def _charge(draft: Draft, transaction: Transaction, fee: int) -> None:
    """Take fee and tip, and count the transaction; `undo` goes back to here."""
    account = get_account(draft, transaction.signer)
    left = account.free - fee - transaction.tip
    put_account(draft, transaction.signer, Account(Amount(left), Nonce(account.nonce + 1)))
    draft.mark()


def _end_block(draft: Draft) -> list[LedgerEvent]:
    """Let the pools get what a block gives them, and settle."""
    params = get_network(draft).params
    emission = compute_block_emission(draft.get_total(ROOT, Total.ISSUED), params.block_reward)
    found = ((netuid, find_subnet(draft, netuid)) for netuid in get_netuids(draft))
    subnets = [(netuid, each) for netuid, each in found if each is not None and not each.is_closed]
    process_emission(draft, params, subnets, split_block_emission(emission, params).subnets)
    return process_settlement(draft, params)


# -- effects --------------------------------------------------------------------------------------


def _find_effects(state: State, draft: Draft, control: Draft) -> Iterator[Effect]:
    """Yield what `draft` changed that `control` did not change alike, by key."""
    for key in sorted(draft.changes):
        for what, netuid, who in _name_figures(draft, key):
            after = _read(draft, what, netuid, who, key)
            if after != _read(control, what, netuid, who, key):
                yield Effect(what, netuid, who, _read(state, what, netuid, who, key), after)
    for netuid in draft.coins():
        before = get_totals(state, netuid)[Total.BURNED]
        after = draft.get_total(netuid, Total.BURNED)
        if after != control.get_total(netuid, Total.BURNED):
            yield Effect(What.BURNED, netuid, (), before, after)


def _name_figures(
    view: Reading, key: bytes
) -> Iterator[tuple[What, NetUid, tuple[PublicKey, ...]]]:
    """Yield the figures that an entry of the state holds, and whose they are."""
    match key[0]:
        case Family.ACCOUNT:
            yield What.FREE, ROOT, (PublicKey(key[1:]),)
        case Family.SHARES:
            hotkey = get_vault_hotkey(view, PublicKey(key[3:35]))
            yield What.STAKE, _netuid(key[1:3]), (PublicKey(key[35:]), hotkey)
        case Family.UNBONDING:
            hotkey = get_vault_hotkey(view, PublicKey(key[1:33]))
            yield What.UNBONDING, ROOT, (PublicKey(key[41:]), hotkey)
        case Family.MARKET:
            for what in (What.POOL_TAO, What.POOL_ALPHA, What.PRICE, What.REGISTRATION):
                yield what, _netuid(key[1:3]), ()
        case Family.HOTKEY:
            yield What.TAKE, ROOT, (PublicKey(key[1:]),)
        case Family.UID:
            yield What.UID, _netuid(key[33:35]), (PublicKey(key[1:33]),)
        case Family.CHANNEL:
            data = view.get(key)
            payer = () if data is None else (codec.decode(Channel, data).payer,)
            yield What.CHANNEL, ROOT, payer
        case _:
            return


def _read(view: Reading, what: What, netuid: NetUid, who: tuple[PublicKey, ...], key: bytes) -> int:
    match what:
        case What.FREE:
            return get_account(view, who[0]).free
        case What.STAKE:
            return get_stake(view, netuid, who[1], who[0])
        case What.UNBONDING:
            due = Height(int.from_bytes(key[33:41], "big"))
            return get_unbonding(view, PublicKey(key[1:33]), due, who[0])
        case What.TAKE:
            record = get_hotkey(view, who[0])
            return 0 if record is None else record.take
        case What.UID:
            data = view.get(key)
            return -1 if data is None else int.from_bytes(data, "big")
        case What.CHANNEL:
            data = view.get(key)
            channel = None if data is None else codec.decode(Channel, data)
            return 0 if channel is None else channel.deposit - channel.redeemed
        case _:
            return _read_market(view, what, netuid)


def _read_market(view: Reading, what: What, netuid: NetUid) -> int:
    market = find_market(view, netuid)
    if market is None:
        return 0
    match what:
        case What.POOL_TAO:
            return market.tao
        case What.POOL_ALPHA:
            return market.alpha
        case What.PRICE:
            return market.tao * PRICE_UNIT // market.alpha if market.alpha else 0
        case _:
            return market.burn


def _name_writes(draft: Draft, control: Draft) -> tuple[str, ...]:
    changed = [key for key, value in draft.changes.items() if control.get(key) != value]
    return tuple(sorted({Family(key[0]).name.lower() for key in changed}))


def _netuid(data: bytes) -> NetUid:
    return NetUid(int.from_bytes(data, "big"))
