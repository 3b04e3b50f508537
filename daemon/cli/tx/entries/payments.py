"""Channels from buyers to miners."""

from consensus.calls.payments import CloseChannel, OpenChannel, RedeemVoucher
from daemon.cli.tx.entry import Role, TxEntry
from daemon.cli.tx.fields import amount, hash32, height, key, netuid
from daemon.cli.tx.governing import name_channel, voucher

ENTRIES = (
    TxEntry(
        "open-channel",
        OpenChannel,
        Role.COLDKEY,
        "Lock a deposit for vouchers to a miner.",
        "neurond tx open-channel 1 miner 2.5 --expiry +7200",
        "Lock {deposit} for vouchers to {payee} of subnet {netuid}, until {expiry}.",
        (
            netuid(),
            key("payee", "The miner's hotkey."),
            amount("deposit", "How much."),
            height("expiry", "Until when vouchers can be redeemed."),
        ),
        tell=name_channel,
    ),
    TxEntry(
        "redeem-voucher",
        RedeemVoucher,
        Role.HOTKEY,
        "Be paid what a voucher says beyond what its channel has paid.",
        "neurond tx redeem-voucher voucher.json",
        "Redeem a voucher over {voucher}.",
        (voucher(),),
    ),
    TxEntry(
        "close-channel",
        CloseChannel,
        Role.EITHER,
        "End a channel: at once as its payee, after the dispute window as its payer.",
        f"neurond tx close-channel {'ab' * 32}",
        "End channel {channel}.",
        (hash32("channel", "Its id."),),
    ),
)
"""The entries of this family."""
