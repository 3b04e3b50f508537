"""Questions about what the families of calls keep: channels, proposals, models, loans and such."""

from typing import Literal

from config.address import format_address
from consensus.ledger import channels
from consensus.ledger.identity.identities import find_identity
from consensus.ledger.identity.rotation import find_announcement, list_announcements
from consensus.ledger.membership.models import list_models
from consensus.ledger.queries import RowView, list_owned, list_rows
from consensus.ledger.records import get_head
from consensus.ledger.stake import children
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import find_subnet, get_hotkeys, get_netuids
from consensus.ledger.supply import get_supply
from consensus.ledger.voting import proposals
from consensus.params import Q32, SUPPLY_CAP
from consensus.quantities import U16_MAX, U32, Hash32, Identity, NetUid, PublicKey, Uid
from consensus.refusals import SubnetClosed, UnknownSubnet
from daemon.engine.errors import NodeError, not_found
from daemon.http.family_values import (
    AutoStakeRow,
    ChannelAnswer,
    ChannelRow,
    ChannelsAnswer,
    ChildrenAnswer,
    ColdkeyAnswer,
    IdentityView,
    LoanRow,
    ModelRow,
    ModelsAnswer,
    ProposalAnswer,
    ProposalRow,
    ProposalsAnswer,
    RowOfWeights,
    SupplyAnswer,
    SwapRow,
    SwapsAnswer,
    UpgradeRow,
    WeightsAnswer,
)
from daemon.http.view import Question

HOTKEYS_MAX = 256
"""A coldkey's hotkeys in one answer."""

_STANDINGS: dict[
    proposals.MotionState, Literal["open", "passed", "rejected", "enacted", "failed"]
] = {
    proposals.MotionState.OPEN: "open",
    proposals.MotionState.PASSED: "passed",
    proposals.MotionState.REJECTED: "rejected",
    proposals.MotionState.ENACTED: "enacted",
    proposals.MotionState.FAILED: "failed",
}


# -- payments -------------------------------------------------------------------------------------


def ask_channel(name: Hash32) -> Question[ChannelAnswer]:
    """Ask for one open channel."""

    def answer(view: Reading) -> ChannelAnswer:
        found = channels.view_channel(view, name)
        if found is None:
            raise not_found(f"open channel {name.hex()}", "A channel that ended is gone.")
        return ChannelAnswer(get_head(view).height, _present_channel(found))

    return Question(f"/chain/channels/{name.hex()}", answer)


def ask_channels(key: PublicKey, count: int) -> Question[ChannelsAnswer]:
    """Ask for the open channels of a coldkey or a hotkey."""

    def answer(view: Reading) -> ChannelsAnswer:
        pays = channels.list_paid_by(view, key, count)
        earns = channels.list_paid_to(view, key, count)
        return ChannelsAnswer(
            height=get_head(view).height,
            address=format_address(key),
            count=count,
            pays=tuple(map(_present_channel, pays)),
            earns=tuple(map(_present_channel, earns)),
        )

    return Question(f"/chain/account/{format_address(key)}/channels?count={count}", answer)


def _present_channel(found: channels.ChannelView) -> ChannelRow:
    channel = found.channel
    return ChannelRow(
        id=found.id.hex(),
        payer=format_address(channel.payer),
        opener=format_address(channel.opener),
        payee=format_address(found.payee),
        netuid=channel.netuid,
        deposit=channel.deposit,
        redeemed=channel.redeemed,
        left=channel.deposit - channel.redeemed,
        opened_at=channel.opened_at,
        end=channel.end,
        is_closing=channel.is_closing,
    )


# -- governance -----------------------------------------------------------------------------------


def ask_proposal(number: U32) -> Question[ProposalAnswer]:
    """Ask for one proposal."""

    def answer(view: Reading) -> ProposalAnswer:
        found = proposals.view_proposal(view, number)
        if found is None:
            raise not_found(f"proposal {number}", "GET /chain/proposals lists them.")
        return ProposalAnswer(get_head(view).height, _present_proposal(found))

    return Question(f"/chain/proposals/{number}", answer)


def ask_proposals(count: int) -> Question[ProposalsAnswer]:
    """Ask for the newest proposals."""

    def answer(view: Reading) -> ProposalsAnswer:
        found = proposals.list_proposals(view, None, count)
        upgrades = proposals.list_upgrades(view)
        return ProposalsAnswer(
            height=get_head(view).height,
            proposals=tuple(map(_present_proposal, found)),
            upgrades=tuple(UpgradeRow(each.version, each.height) for each in upgrades),
        )

    return Question(f"/chain/proposals?count={count}", answer)


def _present_proposal(found: proposals.ProposalView) -> ProposalRow:
    proposal = found.proposal
    return ProposalRow(
        number=found.number,
        what=proposals.describe_change(proposal.change),
        standing=_STANDINGS[proposal.standing],
        proposer=format_address(proposal.hotkey),
        opened_at=proposal.opened_at,
        closes_at=proposal.closes_at,
        activation=proposal.activation,
        effect_at=proposal.effect_at,
        ballots=proposal.ballots,
        yes=proposal.yes,
        no=proposal.no,
        stake=proposal.stake,
    )


# -- coldkeys -------------------------------------------------------------------------------------


def ask_coldkey(key: PublicKey) -> Question[ColdkeyAnswer]:
    """Ask what a coldkey says of itself, where it goes, and where its miners' pay is staked."""

    def answer(view: Reading) -> ColdkeyAnswer:
        announced = find_announcement(view, key)
        return ColdkeyAnswer(
            height=get_head(view).height,
            address=format_address(key),
            identity=present_identity(find_identity(view, key)),
            next_coldkey=None if announced is None else format_address(announced.new_coldkey),
            swap_from=None if announced is None else announced.due_at,
            auto_stake=_list_auto_stake(view, key),
            hotkeys=tuple(map(format_address, list_owned(view, key, HOTKEYS_MAX))),
        )

    return Question(f"/chain/coldkeys/{format_address(key)}", answer)


def ask_swaps(count: int) -> Question[SwapsAnswer]:
    """Ask for announced coldkey swaps."""

    def answer(view: Reading) -> SwapsAnswer:
        rows = tuple(
            SwapRow(format_address(coldkey), format_address(each.new_coldkey), each.due_at)
            for coldkey, each in list_announcements(view, count)
        )
        return SwapsAnswer(get_head(view).height, rows)

    return Question(f"/chain/swaps?count={count}", answer)


def present_identity(identity: Identity | None) -> IdentityView | None:
    """Return what somebody says of themselves."""
    if identity is None:
        return None
    return IdentityView(identity.name, identity.url, identity.contact, identity.about)


def _list_auto_stake(view: Reading, key: PublicKey) -> tuple[AutoStakeRow, ...]:
    rows: list[AutoStakeRow] = []
    for netuid in get_netuids(view):
        subnet = find_subnet(view, netuid)
        hotkey = None if subnet is None else get_auto_stake(view, key, netuid, subnet)
        if hotkey is not None:
            rows.append(AutoStakeRow(netuid, format_address(hotkey)))
    return tuple(rows)


# -- subnets --------------------------------------------------------------------------------------


def ask_models(netuid: NetUid) -> Question[ModelsAnswer]:
    """Ask for the models that were published in a subnet."""

    def answer(view: Reading) -> ModelsAnswer:
        try:
            found = list_models(view, netuid)
        except (UnknownSubnet, SubnetClosed) as error:
            raise _no_subnet(netuid) from error
        rows = tuple(
            ModelRow(
                hotkey=format_address(each.hotkey),
                content=each.model.content.hex(),
                uri=each.model.uri,
                height=each.model.height,
                first_hotkey=format_address(each.first_hotkey),
                first_height=each.first_height,
            )
            for each in found
        )
        return ModelsAnswer(netuid, get_head(view).height, rows)

    return Question(f"/chain/subnets/{netuid}/models", answer)


def ask_weights(netuid: NetUid, first: Uid, count: int) -> Question[WeightsAnswer]:
    """Ask for the weights and bonds of the `count` uids from `first` on."""

    def answer(view: Reading) -> WeightsAnswer:
        try:
            found = list_rows(view, netuid, first, count)
        except (UnknownSubnet, SubnetClosed) as error:
            raise _no_subnet(netuid) from error
        return WeightsAnswer(
            netuid=netuid,
            height=get_head(view).height,
            first=first,
            neurons=len(get_hotkeys(view, netuid)),
            rows=tuple(map(_present_row, found)),
        )

    return Question(f"/chain/subnets/{netuid}/weights?first={first}&count={count}", answer)


def _present_row(row: RowView) -> RowOfWeights:
    return RowOfWeights(
        uid=row.uid,
        hotkey=format_address(row.hotkey),
        miners=tuple(row.weights[0]),
        weights=tuple(row.weights[1]),
        bonded=tuple(row.bonds[0]),
        bonds=tuple(bond / Q32 for bond in row.bonds[1]),
    )


def ask_children(netuid: NetUid, hotkey: PublicKey) -> Question[ChildrenAnswer]:
    """Ask to whom a hotkey lends its stake weight in a subnet, and who lends to it."""

    def answer(view: Reading) -> ChildrenAnswer:
        try:
            kin = children.view_kin(view, netuid, hotkey)
        except (UnknownSubnet, SubnetClosed) as error:
            raise _no_subnet(netuid) from error
        return ChildrenAnswer(
            netuid=netuid,
            height=get_head(view).height,
            hotkey=format_address(hotkey),
            children=tuple(map(_present_loan, kin.children)),
            parents=tuple(map(_present_loan, kin.parents)),
            announced=tuple(map(_present_loan, kin.announced)),
            effect_at=kin.effect_at,
        )

    return Question(f"/chain/subnets/{netuid}/children/{format_address(hotkey)}", answer)


def ask_supply(netuid: NetUid) -> Question[SupplyAnswer]:
    """Ask where a coin is: TAO for 0, else a subnet's alpha."""

    def answer(view: Reading) -> SupplyAnswer:
        if netuid and find_subnet(view, netuid) is None:
            raise _no_subnet(netuid)
        found = get_supply(view, netuid)
        return SupplyAnswer(
            netuid=netuid,
            height=get_head(view).height,
            cap=SUPPLY_CAP,
            issued=found.issued,
            free=found.free,
            staked=found.staked,
            unbonding=found.unbonding,
            pending=found.pending,
            pooled=found.pooled,
            locked=found.locked,
            ordered=found.ordered,
            burned=found.burned,
        )

    return Question(f"/chain/supply/{netuid}", answer)


def _present_loan(loan: children.LoanView) -> LoanRow:
    return LoanRow(format_address(loan.hotkey), loan.share / U16_MAX)


def _no_subnet(netuid: NetUid) -> NodeError:
    return not_found(f"subnet {netuid}", "GET /chain/subnets lists them.")
