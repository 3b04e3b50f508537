"""One-way channels from a buyer to a miner, and the vouchers that are paid from them.

A payer locks a deposit for one payee. Off chain it signs vouchers, each over all that was earned on
the channel so far, so the newest one is enough. The payee redeems it for the difference to what was
redeemed before: nothing is ever paid twice, and the order in which vouchers come can't matter. A
part of every payment is burned, counted on the running total: however many vouchers a payee makes
of one sum, the burn is the same. The rest goes to the coldkey that owns the payee's hotkey.

A channel belongs to the payee's vault, so it follows a hotkey that is swapped. Vouchers may be
signed by the key that opened the channel or by the coldkey it was swapped to: what a miner holds
stays good. A channel ends at its expiry, at once when the payee says so, and a dispute window after
the payer does; what is left goes back to the payer.

Source: `docs/spec/ledger.md` 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from nacl.signing import SigningKey

from consensus import codec
from consensus.calls.payments import CloseChannel, OpenChannel, RedeemVoucher, Voucher
from consensus.crypto import compute_channel_id, is_signed, sign, voucher_message
from consensus.ledger import agenda, keys
from consensus.ledger.accounts import withdraw
from consensus.ledger.agenda import Errand
from consensus.ledger.events import (
    ChannelClosed,
    ChannelClosing,
    ChannelOpened,
    LedgerEvent,
    VoucherRedeemed,
)
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    MARK,
    ROOT,
    credit,
    destroy,
    get_account,
    get_hotkey,
    get_network,
    get_vault,
    get_vault_hotkey,
)
from consensus.ledger.state import Draft, Reading, Total
from consensus.ledger.subnet.records import find_subnet, get_market, get_subnet, get_uid, put_market
from consensus.quantities import Amount, Hash32, Height, NetUid, PublicKey
from consensus.refusals import (
    AlreadyClosing,
    AmountTooSmall,
    ChannelEnded,
    ExpiryOutOfBounds,
    NotParty,
    NotPayee,
    UnknownChannel,
    VoucherForged,
    VoucherStale,
    VoucherTooLarge,
)

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Channel:
    """A deposit for one payee, and what of it has been redeemed; rao."""

    payer: PublicKey
    """Who gets the rest back."""
    opener: PublicKey
    """Who signs vouchers, as the payer may: they differ after a coldkey swap."""
    vault: PublicKey
    """The payee's: the first hotkey of its line of swaps."""
    netuid: NetUid
    deposit: Amount
    redeemed: Amount
    opened_at: Height
    end: Height
    """The first block in which no voucher is redeemed."""
    is_closing: bool
    """Whether the payer has asked for the end."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel under its id, with the hotkey it pays now."""

    id: Hash32
    payee: PublicKey
    channel: Channel


# -- off chain: buyers make vouchers, miners check them -----------------------------------------


def make_voucher(
    key: SigningKey, channel: Hash32, amount: Amount, receipts_root: Hash32
) -> Voucher:
    """Sign that `amount` rao in all have been earned on `channel`; `key` is the payer's."""
    message = voucher_message(channel, amount, receipts_root)
    return Voucher(channel, amount, receipts_root, sign(key, message))


def check_voucher(view: Reading, payee: PublicKey, voucher: Voucher, height: Height) -> Channel:
    """Return the channel from which the block at `height` would pay `voucher` to `payee`.

    Raises:
        CallError: UnknownChannel, NotPayee, ChannelEnded, VoucherTooLarge, VoucherStale,
            VoucherForged.
    """
    channel = get_channel(view, voucher.channel)
    if get_vault_hotkey(view, channel.vault) != payee:
        raise NotPayee(f"channel {voucher.channel.hex()} does not pay {payee.hex()}")
    if height >= channel.end:
        raise ChannelEnded(f"it ended at {channel.end}, this is {height}")
    if voucher.amount > channel.deposit:
        raise VoucherTooLarge(f"{voucher.amount} rao of a deposit of {channel.deposit}")
    if voucher.amount <= channel.redeemed:
        raise VoucherStale(f"{voucher.amount} rao, {channel.redeemed} are redeemed")
    message = voucher_message(voucher.channel, voucher.amount, voucher.receipts_root)
    signers = (channel.payer, channel.opener)
    if not any(is_signed(signer, message, voucher.signature) for signer in signers):
        raise VoucherForged(f"not signed by {channel.opener.hex()}")
    return channel


def compute_burn(redeemed: int, amount: int, burn_ppm: int) -> int:
    """Return what is burned of the step from `redeemed` to `amount` rao in all.

    The burn of a total is rounded down, and a step burns the difference of two totals.
    """
    return amount * burn_ppm // PPM - redeemed * burn_ppm // PPM


# -- calls ----------------------------------------------------------------------------------------


def process_open(draft: Draft, signer: PublicKey, call: OpenChannel) -> ChannelOpened:
    """Lock TAO of the signer for vouchers to a hotkey with a uid in the subnet.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotRegistered, AmountTooSmall, ExpiryOutOfBounds,
            NotEnoughFunds.
    """
    network = get_network(draft)
    get_subnet(draft, call.netuid)
    get_uid(draft, call.netuid, call.payee)
    if call.deposit < network.params.stake_min:
        raise AmountTooSmall(f"{call.deposit} rao, at least {network.params.stake_min}")
    last = draft.height + network.params.channel_blocks_max
    if not draft.height < call.expiry <= last:
        raise ExpiryOutOfBounds(f"{call.expiry}; after {draft.height}, at most {last}")
    withdraw(draft, signer, call.deposit)
    draft.add_total(ROOT, Total.LOCKED, call.deposit)
    name = compute_channel_id(network.chain_id, signer, get_account(draft, signer).nonce)
    channel = Channel(
        payer=signer,
        opener=signer,
        vault=get_vault(draft, call.payee),
        netuid=call.netuid,
        deposit=call.deposit,
        redeemed=Amount(0),
        opened_at=draft.height,
        end=call.expiry,
        is_closing=False,
    )
    _put_channel(draft, name, channel)
    draft.put(keys.of(Family.PAYER, signer, name), MARK)
    draft.put(keys.of(Family.PAYEE, channel.vault, name), MARK)
    agenda.add(draft, call.expiry, Errand.CHANNEL_END, name)
    return ChannelOpened(name, call.netuid, signer, call.payee, call.deposit, call.expiry)


def process_redeem(draft: Draft, signer: PublicKey, call: RedeemVoucher) -> VoucherRedeemed:
    """Pay what a voucher says beyond what was redeemed: a part is burned, the rest its owner's.

    The whole payment counts as demand for the subnet, if it is still the one the channel is for.

    Raises:
        CallError: as `check_voucher`.
    """
    voucher = call.voucher
    channel = check_voucher(draft, signer, voucher, draft.height)
    record = get_hotkey(draft, signer)
    assert record is not None, f"{signer.hex()} has a channel and is nobody's"
    paid = voucher.amount - channel.redeemed
    burn_ppm = get_network(draft).params.payment_burn_ppm
    burned = compute_burn(channel.redeemed, voucher.amount, burn_ppm)
    _put_channel(draft, voucher.channel, replace(channel, redeemed=voucher.amount))
    draft.add_total(ROOT, Total.LOCKED, -paid)
    destroy(draft, ROOT, burned)
    credit(draft, record.owner, paid - burned)
    _count_demand(draft, channel, paid)
    return VoucherRedeemed(
        voucher.channel, channel.netuid, signer, Amount(paid), Amount(burned), voucher.receipts_root
    )


def process_close(
    draft: Draft, signer: PublicKey, call: CloseChannel
) -> ChannelClosed | ChannelClosing:
    """End a channel: at once for the payee, after the dispute window for the payer.

    Raises:
        CallError: UnknownChannel, ChannelEnded, NotParty, AlreadyClosing.
    """
    channel = get_channel(draft, call.channel)
    if draft.height >= channel.end:
        raise ChannelEnded(f"it ended at {channel.end}, this is {draft.height}")
    if get_vault_hotkey(draft, channel.vault) == signer:
        return _settle(draft, call.channel, channel)
    if channel.payer != signer:
        raise NotParty(f"channel {call.channel.hex()} is not of {signer.hex()}")
    if channel.is_closing:
        raise AlreadyClosing(f"it ends at {channel.end}")
    window = get_network(draft).params.dispute_blocks
    end = Height(min(channel.end, draft.height + window))
    agenda.remove(draft, channel.end, Errand.CHANNEL_END, call.channel)
    agenda.add(draft, end, Errand.CHANNEL_END, call.channel)
    _put_channel(draft, call.channel, replace(channel, end=end, is_closing=True))
    return ChannelClosing(call.channel, channel.netuid, get_payee(draft, channel), end)


def process_channel_end(draft: Draft, subject: bytes) -> list[LedgerEvent]:
    """Give back what is left in a channel whose end has come."""
    name = Hash32(subject)
    channel = find_channel(draft, name)
    if channel is None or channel.end > draft.height:
        return []
    return [_settle(draft, name, channel)]


# -- the state ------------------------------------------------------------------------------------


def find_channel(view: Reading, name: Hash32) -> Channel | None:
    """Return the channel of an id, or None."""
    data = view.get(keys.of(Family.CHANNEL, name))
    return None if data is None else codec.decode(Channel, data)


def get_channel(view: Reading, name: Hash32) -> Channel:
    """Return the channel of an id.

    Raises:
        UnknownChannel: there is none.
    """
    channel = find_channel(view, name)
    if channel is None:
        raise UnknownChannel(f"there is no channel {name.hex()}")
    return channel


def get_payee(view: Reading, channel: Channel) -> PublicKey:
    """Return the hotkey that a channel pays now."""
    return get_vault_hotkey(view, channel.vault)


def list_channels_of(view: Reading, coldkey: PublicKey) -> Iterator[Hash32]:
    """Yield the ids of the channels that `coldkey` pays for, ascending."""
    prefix = keys.of(Family.PAYER, coldkey)
    return (Hash32(key[len(prefix) :]) for key, _ in view.scan(prefix))


def set_payer(draft: Draft, name: Hash32, coldkey: PublicKey) -> None:
    """Make `coldkey` the payer of a channel that exists, as a coldkey swap does."""
    channel = get_channel(draft, name)
    draft.delete(keys.of(Family.PAYER, channel.payer, name))
    draft.put(keys.of(Family.PAYER, coldkey, name), MARK)
    _put_channel(draft, name, replace(channel, payer=coldkey))


def count_locked(view: Reading) -> int:
    """Return how many rao all channels hold, by counting; for audits."""
    channels = [codec.decode(Channel, data) for _, data in view.scan(bytes((Family.CHANNEL,)))]
    return sum(channel.deposit - channel.redeemed for channel in channels)


# -- queries --------------------------------------------------------------------------------------


def view_channel(view: Reading, name: Hash32) -> ChannelView | None:
    """Return an open channel, or None."""
    channel = find_channel(view, name)
    return None if channel is None else ChannelView(name, get_payee(view, channel), channel)


def list_paid_by(view: Reading, coldkey: PublicKey, count: int) -> tuple[ChannelView, ...]:
    """Return at most `count` channels that a coldkey pays for, by id."""
    return _view_all(view, islice(list_channels_of(view, coldkey), count))


def list_paid_to(view: Reading, hotkey: PublicKey, count: int) -> tuple[ChannelView, ...]:
    """Return at most `count` channels that pay a hotkey, by id; none for one that was swapped."""
    vault = get_vault(view, hotkey)
    if get_vault_hotkey(view, vault) != hotkey:
        return ()
    prefix = keys.of(Family.PAYEE, vault)
    names = (Hash32(key[len(prefix) :]) for key, _ in view.scan(prefix))
    return _view_all(view, islice(names, count))


def _view_all(view: Reading, names: Iterator[Hash32]) -> tuple[ChannelView, ...]:
    found = (view_channel(view, name) for name in names)
    return tuple(channel for channel in found if channel is not None)


# -- small things ---------------------------------------------------------------------------------


def _settle(draft: Draft, name: Hash32, channel: Channel) -> ChannelClosed:
    """Give the rest back to the payer and forget the channel."""
    rest = channel.deposit - channel.redeemed
    agenda.remove(draft, channel.end, Errand.CHANNEL_END, name)
    draft.add_total(ROOT, Total.LOCKED, -rest)
    if rest:
        credit(draft, channel.payer, rest)
    draft.delete(keys.of(Family.CHANNEL, name))
    draft.delete(keys.of(Family.PAYER, channel.payer, name))
    draft.delete(keys.of(Family.PAYEE, channel.vault, name))
    payee = get_payee(draft, channel)
    return ChannelClosed(name, channel.netuid, channel.payer, payee, channel.redeemed, Amount(rest))


def _count_demand(draft: Draft, channel: Channel, paid: int) -> None:
    """Let a payment count for the subnet, unless another has its number by now."""
    subnet = find_subnet(draft, channel.netuid)
    if subnet is None or subnet.is_closed or subnet.created_at > channel.opened_at:
        return
    market = get_market(draft, channel.netuid)
    put_market(draft, channel.netuid, replace(market, paid=Amount(market.paid + paid)))


def _put_channel(draft: Draft, name: Hash32, channel: Channel) -> None:
    draft.put(keys.of(Family.CHANNEL, name), codec.encode(channel))
