"""Calls of who has money, stake, keys, channels or votes, as `purposes.py` describes."""

from consensus import codec, crypto
from consensus.calls import governance, payments, rotation, staking
from consensus.calls.accounts import Transfer
from consensus.ledger.channels import Channel, make_voucher
from consensus.ledger.identity.rotation import list_announcements
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    get_network,
    get_vault_hotkey,
)
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import State
from consensus.ledger.voting.governable import GOVERNABLE
from consensus.ledger.voting.proposals import get_governance
from consensus.quantities import (
    I64,
    U32,
    ZERO_HASH,
    Amount,
    Hash32,
    Height,
    LongText,
    NetUid,
    PublicKey,
    Ratio16,
    ShortText,
)
from tests.builders import TAO, beacon_chain, key_of, sign_as, signer_of
from tests.consensus.ledger.picks import (
    COLDKEYS,
    NAME_OF,
    NAMES,
    NEW_COLDKEYS,
    NEW_HOTKEYS,
    Made,
    Pick,
    consent_of,
    list_neurons,
    list_owned,
    list_stakes,
    pick_hotkey,
    pick_netuid,
)

# -- money and stake ------------------------------------------------------------------------------


def make_transfer(_state: State, pick: Pick) -> Made:
    call = Transfer(key_of(pick.of(NAMES)), pick.amount(3 * TAO))
    return pick.of(COLDKEYS), call


def make_stake_root(state: State, pick: Pick) -> Made:
    return pick.of(COLDKEYS), staking.StakeRoot(pick_hotkey(state, pick), pick.amount(9 * TAO))


def make_unstake_root(state: State, pick: Pick) -> Made:
    _, hotkey, name = pick.of([each for each in list_stakes(state) if each[0] == ROOT])
    held = get_stake(state, ROOT, hotkey, key_of(name))
    return name, staking.UnstakeRoot(hotkey, pick.amount(held))


def make_stake_alpha(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick_netuid(state, pick), pick_hotkey(state, pick)
    limit, amount = pick.limit(is_purchase=True), pick.amount(5 * TAO)
    return pick.of(COLDKEYS), staking.StakeAlpha(netuid, hotkey, amount, limit)


def _alpha(state: State, pick: Pick) -> tuple[NetUid, PublicKey, str, Amount]:
    netuid, hotkey, name = pick.of(list_stakes(state))
    held = get_stake(state, netuid, hotkey, key_of(name))
    return netuid, hotkey, name, pick.amount(held)


def make_unstake_alpha(state: State, pick: Pick) -> Made:
    netuid, hotkey, name, amount = _alpha(state, pick)
    limit = pick.limit(is_purchase=False)
    return name, staking.UnstakeAlpha(netuid, hotkey, amount, limit)


def make_move(state: State, pick: Pick) -> Made:
    netuid, hotkey, name, amount = _alpha(state, pick)
    return name, staking.MoveStake(netuid, hotkey, pick_hotkey(state, pick), amount)


def make_swap_stake(state: State, pick: Pick) -> Made:
    netuid, hotkey, name, amount = _alpha(state, pick)
    to, limit = pick_hotkey(state, pick), pick.limit(is_purchase=False)
    onward = pick.limit(is_purchase=True)
    call = staking.SwapStake(netuid, hotkey, pick_netuid(state, pick), to, amount, limit, onward)
    return name, call


def make_transfer_stake(state: State, pick: Pick) -> Made:
    netuid, hotkey, name, amount = _alpha(state, pick)
    to = key_of(pick.of((*COLDKEYS, *NEW_COLDKEYS)))
    return name, staking.TransferStake(netuid, hotkey, to, amount)


def make_auto_stake(state: State, pick: Pick) -> Made:
    return pick.of(COLDKEYS), staking.SetAutoStake(
        pick_netuid(state, pick), pick_hotkey(state, pick)
    )


def make_take(state: State, pick: Pick) -> Made:
    hotkey, owner = pick.of(list_owned(state))
    return owner, staking.SetTake(hotkey, Ratio16(pick.of((0, 6_000, 11_796, 11_797))))


def make_children(state: State, pick: Pick) -> Made:
    hotkey, owner = pick.of(list_owned(state))
    others = [each for each, _ in list_owned(state)]
    chosen = sorted({pick.of(others) for _ in range(pick.below(4))})
    parts = tuple(staking.Child(each, Ratio16(pick.of((1, 9_999, 21_845)))) for each in chosen)
    return owner, staking.SetChildren(pick_netuid(state, pick), hotkey, parts)


# -- keys -----------------------------------------------------------------------------------------


def make_swap_hotkey(state: State, pick: Pick) -> Made:
    hotkey, owner = pick.of(list_owned(state))
    new = pick.of(NEW_HOTKEYS)
    return owner, rotation.SwapHotkey(hotkey, key_of(new), consent_of(state, new, owner))


def make_announce(_state: State, pick: Pick) -> Made:
    new = key_of(pick.of(NEW_COLDKEYS))
    return pick.of((*COLDKEYS, *NEW_COLDKEYS)), rotation.AnnounceColdkeySwap(new)


def _announced(state: State, pick: Pick) -> tuple[str, PublicKey] | None:
    found = [(NAME_OF[old], each) for old, each in list_announcements(state, 99)]
    if not found:
        return None
    name, announcement = pick.of(found)
    return name, announcement.new_coldkey


def make_cancel(state: State, pick: Pick) -> Made:
    found = _announced(state, pick)
    return None if found is None else (found[0], rotation.CancelColdkeySwap())


def make_swap_coldkey(state: State, pick: Pick) -> Made:
    found = _announced(state, pick)
    return None if found is None else (found[0], rotation.SwapColdkey(found[1]))


def make_consensus_key(state: State, pick: Pick) -> Made:
    hotkey, owner = pick.of(list_owned(state))
    number = 4 + pick.below(12)
    name, tip = f"consensus{number}", beacon_chain(number)[0]
    message = crypto.consensus_message(get_network(state).chain_id, hotkey, tip)
    return owner, rotation.SetConsensusKey(hotkey, key_of(name), sign_as(name, message), tip)


# -- payments and votes ---------------------------------------------------------------------------


def make_open(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick.of(list_neurons(state))
    end = Height(state.height + pick.of((3, 20, 60)))
    call = payments.OpenChannel(hotkey, netuid, pick.amount(2 * TAO), end)
    return pick.of(COLDKEYS), call


def _channel(state: State, pick: Pick) -> tuple[Hash32, Channel] | None:
    found = list(state.scan(bytes((Family.CHANNEL,))))
    if not found:
        return None
    key, data = pick.of(found)
    return Hash32(key[1:]), codec.decode(Channel, data)


def make_redeem(state: State, pick: Pick) -> Made:
    found = _channel(state, pick)
    if found is None:
        return None
    name, channel = found
    amount = Amount(channel.deposit * pick.of((10, 50, 99, 100, 101)) // 100)
    paper = make_voucher(signer_of(NAME_OF[channel.opener]), name, amount, ZERO_HASH)
    payee = NAME_OF[get_vault_hotkey(state, channel.vault)]
    return payee, payments.RedeemVoucher(paper)


def make_close(state: State, pick: Pick) -> Made:
    found = _channel(state, pick)
    if found is None:
        return None
    name, channel = found
    payee = NAME_OF[get_vault_hotkey(state, channel.vault)]
    return pick.of((payee, NAME_OF[channel.payer])), payments.CloseChannel(name)


def make_propose(state: State, pick: Pick) -> Made:
    at = Height(state.height + pick.of((2, 20)))
    bounds = pick.of(sorted(GOVERNABLE.items()))
    value = pick.of((bounds[1].low, bounds[1].high))
    change: governance.Change = pick.of(
        (
            governance.ChangeParam(ShortText(bounds[0]), I64(value)),
            governance.ChangeProtocol(U32(2 + pick.below(3))),
            governance.Declare(LongText("words")),
        )
    )
    return NAME_OF[pick_hotkey(state, pick)], governance.Propose(change, at)


def make_vote(state: State, pick: Pick) -> Made:
    votes = get_governance(state).votes
    if not votes:
        return None
    call = governance.CastVote(pick.of(votes).number, is_yes=bool(pick.below(4)))
    return NAME_OF[pick_hotkey(state, pick)], call
