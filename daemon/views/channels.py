"""Payment channels, from buyers to miners."""

from dataclasses import dataclass
from typing import Annotated

from config.address import format_address
from consensus.ledger import channels as open_channels
from consensus.ledger.records import get_head
from consensus.ledger.state import Reading
from daemon import unit
from daemon.engine.errors import not_found
from daemon.views.inputs import CountInput, IdInput, KeyInput
from daemon.views.view import AtHeight, Proof, of_state


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel: from a buyer to a miner."""

    id: Annotated[str, unit.data("Its id.")]
    payer: Annotated[str, unit.address("The coldkey that pays.", is_cut=True)]
    opener: Annotated[
        str,
        unit.address(
            "Who opened it: its vouchers stay good when the payer is swapped.", shown="never"
        ),
    ]
    payee: Annotated[str, unit.address("The hotkey that is paid.", is_cut=True)]
    netuid: Annotated[int, unit.netuid("The market.", "subnet")]
    deposit: Annotated[int, unit.rao("What was locked.")]
    redeemed: Annotated[int, unit.rao("What was paid so far.", shown="alone")]
    left: Annotated[int, unit.rao("What can still be paid.")]
    opened_at: Annotated[int, unit.height("When.", shown="alone")]
    end: Annotated[int, unit.height("The first block in which no voucher is redeemed.", "ends at")]
    is_closing: Annotated[bool, unit.flag("Whether the payer has asked for the end.", "closing")]


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """One open channel."""

    height: AtHeight
    channel: Annotated[ChannelRow, unit.part("The channel.", "")]
    proof: Proof = None


@of_state("/chain/channels/{channel}", "query channel", "ab" * 32, "Channel at height {height}")
def channel(state: Reading, channel: IdInput) -> ChannelAnswer:
    """One open payment channel."""
    found = open_channels.view_channel(state, channel)
    if found is None:
        raise not_found(f"open channel {channel.hex()}", "A channel that ended is gone.")
    return ChannelAnswer(get_head(state).height, _present(found))


@dataclass(frozen=True, slots=True)
class ChannelsAnswer:
    """The open channels of a key: what it pays for as a coldkey, is paid by as a hotkey."""

    height: AtHeight
    address: Annotated[str, unit.address("The key.", shown="never")]
    count: Annotated[int, unit.count("At most so many of each kind.", "at most of each kind")]
    pays: Annotated[tuple[ChannelRow, ...], unit.part("What it pays for.", "Pays")]
    earns: Annotated[tuple[ChannelRow, ...], unit.part("What it is paid by.", "Is paid by")]
    proof: Proof = None


@of_state(
    "/chain/account/{address}/channels",
    "query channels",
    "alice",
    "Channels of {address} at height {height}",
)
def channels(state: Reading, address: KeyInput, count: CountInput = 100) -> ChannelsAnswer:
    """The open channels that a key pays for, or is paid by."""
    pays = open_channels.list_paid_by(state, address, count)
    earns = open_channels.list_paid_to(state, address, count)
    return ChannelsAnswer(
        height=get_head(state).height,
        address=format_address(address),
        count=count,
        pays=tuple(map(_present, pays)),
        earns=tuple(map(_present, earns)),
    )


def _present(found: open_channels.ChannelView) -> ChannelRow:
    kept = found.channel
    return ChannelRow(
        id=found.id.hex(),
        payer=format_address(kept.payer),
        opener=format_address(kept.opener),
        payee=format_address(found.payee),
        netuid=kept.netuid,
        deposit=kept.deposit,
        redeemed=kept.redeemed,
        left=kept.deposit - kept.redeemed,
        opened_at=kept.opened_at,
        end=kept.end,
        is_closing=kept.is_closing,
    )
