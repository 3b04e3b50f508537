"""Getting a uid and giving it up: the price, the free place or the neuron that must go.

The price decays by half per `burn_half_life` blocks and rises by `burn_increase_ppm` with each
registration; it buys alpha at the block's end, which is destroyed. The lowest uid that was left is
given again, then one is appended while there is room. Then the neuron with the lowest (last
emission, registered block, uid) among those past immunity is replaced; if fewer than
`NON_IMMUNE_MIN` of those would remain, among the immune. A replaced neuron's row, bonds,
commitments and announcement are deleted. Weights and bonds to it stay where they are and count for
nothing: the epoch law masks whatever is older than its target's registration. A uid that was left
keeps its number and is nobody's (`subnet.records.NOBODY`): a uid changes hands by a registration
only.

Source: `docs/spec/ledger.md` 4; subtensor `subnets/registration.rs` (get_neuron_to_prune).
"""

from dataclasses import replace

from consensus.calls.neurons import LeaveSubnet, RegisterNeuron
from consensus.crypto import claim_message, is_signed
from consensus.fixed import Matrix, bump
from consensus.ledger import keys
from consensus.ledger.accounts import withdraw
from consensus.ledger.events import NeuronLeft, NeuronRegistered
from consensus.ledger.keys import Family
from consensus.ledger.records import Hotkey, get_hotkey, get_network, put_hotkey
from consensus.ledger.state import Draft
from consensus.ledger.subnet.hyperparameters import get_room
from consensus.ledger.subnet.records import (
    NEW_NEURON,
    NOBODY,
    Column,
    find_uid,
    get_column,
    get_hotkeys,
    get_market,
    get_subnet,
    get_uid,
    put_cell,
    put_hotkeys,
    put_market,
)
from consensus.ledger.trade.orders import buy_and_destroy
from consensus.quantities import Amount, Epoch, Height, NetUid, PublicKey, Signature, Uid
from consensus.refusals import (
    AlreadyRegistered,
    HotkeyRefused,
    KeyInUse,
    NotOwner,
    PriceTooHigh,
    RegistrationClosed,
    TooEarly,
    UnknownHotkey,
)
from consensus.reward.commit_reveal import get_step_height, get_step_offset

NON_IMMUNE_MIN = 10
"""How many neurons past immunity a replacement leaves, so that newcomers compete with somebody."""


def process_register(draft: Draft, signer: PublicKey, call: RegisterNeuron) -> NeuronRegistered:
    """Give a hotkey of the signer a uid for the current price; an unclaimed hotkey becomes its own.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, RegistrationClosed, NotOwner, HotkeyRefused,
            KeyInUse, AlreadyRegistered, PriceTooHigh, NotEnoughFunds.
    """
    subnet = get_subnet(draft, call.netuid)
    if not subnet.hyper.registration_open:
        raise RegistrationClosed(f"subnet {call.netuid}")
    claim_hotkey(draft, call.hotkey, signer, call.consent)
    if find_uid(draft, call.netuid, call.hotkey) is not None:
        raise AlreadyRegistered(f"{call.hotkey.hex()} in subnet {call.netuid}")
    market = get_market(draft, call.netuid)
    if market.burn > call.max_price:
        raise PriceTooHigh(f"the price is {market.burn} rao, the limit {call.max_price}")
    withdraw(draft, signer, market.burn)
    buy_and_destroy(draft, call.netuid, market.burn)
    hyper = subnet.hyper
    price = bump(market.burn, hyper.burn_increase_ppm, hyper.min_burn, hyper.max_burn)
    put_market(draft, call.netuid, replace(market, burn=Amount(price)))
    uid, replaced = _choose_uid(draft, call.netuid)
    assign_uid(draft, call.netuid, uid, call.hotkey)
    return NeuronRegistered(call.netuid, uid, call.hotkey, replaced, market.burn)


def process_leave(draft: Draft, signer: PublicKey, call: LeaveSubnet) -> NeuronLeft:
    """Take its uid from a hotkey of the signer; its stake stays where it is.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, NotOwner, NotRegistered,
            TooEarly (it owes the opening of a commitment).
    """
    get_subnet(draft, call.netuid)
    record = get_hotkey(draft, call.hotkey)
    if record is None:
        raise UnknownHotkey(call.hotkey.hex())
    if record.owner != signer:
        raise NotOwner(f"{call.hotkey.hex()} belongs to {record.owner.hex()}")
    uid = get_uid(draft, call.netuid, call.hotkey)
    for epoch in _open_epochs(draft, call.netuid):
        if draft.get(keys.commit(call.netuid, epoch, uid)) is not None:
            hyper = get_subnet(draft, call.netuid).hyper
            offset = get_step_offset(call.netuid, hyper.tempo, hyper.reveal_blocks)
            due = get_step_height(epoch, hyper.tempo, offset) + 1
            raise TooEarly(
                f"uid {uid} must open its weights first; otherwise it may leave in block {due}"
            )
    clear_uid(draft, call.netuid, uid, call.hotkey)
    assign_uid(draft, call.netuid, uid, NOBODY)
    return NeuronLeft(call.netuid, uid, call.hotkey)


def claim_hotkey(
    draft: Draft, hotkey: PublicKey, coldkey: PublicKey, consent: tuple[Signature, ...]
) -> None:
    """Make `coldkey` the owner of a hotkey that has none and consents, with the default take.

    Raises:
        CallError: NotOwner (it is another's), KeyInUse (it was swapped), HotkeyRefused.
    """
    record = get_hotkey(draft, hotkey)
    if record is not None:
        if record.owner != coldkey:
            raise NotOwner(f"{hotkey.hex()} belongs to {record.owner.hex()}")
        return
    message = claim_message(get_network(draft).chain_id, hotkey, coldkey)
    if not any(is_signed(hotkey, message, signature) for signature in consent):
        raise HotkeyRefused(f"{hotkey.hex()} did not sign for {coldkey.hex()}")
    found_hotkey(draft, hotkey, coldkey)


def found_hotkey(draft: Draft, hotkey: PublicKey, coldkey: PublicKey) -> None:
    """Make `coldkey` the owner of an unclaimed hotkey, with the default take.

    Raises:
        KeyInUse: it was swapped for another, whose stake stands under its name.
    """
    if draft.get(keys.of(Family.VAULT, hotkey)) is not None:
        raise KeyInUse(f"{hotkey.hex()} was swapped for another hotkey")
    take = get_network(draft).params.take_max
    put_hotkey(draft, hotkey, Hotkey(coldkey, take, Height(0), hotkey))


def assign_uid(draft: Draft, netuid: NetUid, uid: Uid, hotkey: PublicKey) -> None:
    """Give `uid`, free or cleared, to `hotkey` (or `NOBODY`) as of the Draft's height."""
    hotkeys = get_hotkeys(draft, netuid)
    hotkeys[uid : uid + 1] = [hotkey]
    put_hotkeys(draft, netuid, hotkeys)
    put_cell(draft, netuid, Column.REGISTERED, uid, draft.height)
    for column, value in NEW_NEURON.items():
        put_cell(draft, netuid, column, uid, value)
    if hotkey != NOBODY:
        draft.put(keys.uid(hotkey, netuid), uid.to_bytes(2, "big"))


def choose_pruned(
    emission: Matrix, registered: Matrix, height: int, immunity: int, non_immune_min: int
) -> Uid:
    """Return the uid that makes way for a newcomer at `height`; there must be one.

    `emission` and `registered` have one entry per uid; `immunity` is in blocks.
    """
    order = sorted(zip(emission.tolist(), registered.tolist(), range(len(emission)), strict=True))
    immune = [uid for _, block, uid in order if height - block < immunity]
    others = [uid for _, block, uid in order if height - block >= immunity]
    return Uid(others[0] if len(others) > non_immune_min or not immune else immune[0])


def _choose_uid(draft: Draft, netuid: NetUid) -> tuple[Uid, tuple[PublicKey, ...]]:
    """Return a uid that is free now, and whose it was if it had to be cleared."""
    hotkeys = get_hotkeys(draft, netuid)
    hyper = get_subnet(draft, netuid).hyper
    if NOBODY in hotkeys:
        return Uid(hotkeys.index(NOBODY)), ()
    if len(hotkeys) < get_room(draft, netuid, hyper):
        return Uid(len(hotkeys)), ()
    emission = get_column(draft, netuid, Column.EMISSION)
    registered = get_column(draft, netuid, Column.REGISTERED)
    uid = choose_pruned(emission, registered, draft.height, hyper.immunity_blocks, NON_IMMUNE_MIN)
    clear_uid(draft, netuid, uid, hotkeys[uid])
    return uid, (hotkeys[uid],)


def clear_uid(draft: Draft, netuid: NetUid, uid: Uid, hotkey: PublicKey) -> None:
    """Forget everything about a neuron but its stake and its forfeits."""
    draft.delete(keys.uid(hotkey, netuid))
    draft.delete(keys.served(netuid, uid))
    draft.delete(keys.row(netuid, uid))
    draft.delete(keys.bond_row(netuid, uid))
    for epoch in _open_epochs(draft, netuid):
        draft.delete(keys.commit(netuid, epoch, uid))


def _open_epochs(view: Draft, netuid: NetUid) -> list[Epoch]:
    """Return the epochs of which a commitment may stand that is not opened."""
    epoch = view.height // get_subnet(view, netuid).hyper.tempo
    return [Epoch(each) for each in range(max(0, epoch - 1), epoch + 1)]
