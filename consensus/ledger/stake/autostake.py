"""Where a coldkey wants what its miners earn in a subnet to be staked.

A coldkey names one hotkey per subnet, its own or a validator's; unless it does, each miner's pay is
staked on the miner. Naming the coldkey itself ends it. The choice stands under the hotkey's vault,
so it follows a swap, and names the subnet by when it was made too: it does not hold for another
subnet that gets the same number later.

Source: `docs/spec/ledger.md` 7.
"""

from consensus.calls.staking import SetAutoStake
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import get_vault_hotkey
from consensus.ledger.stake.staking import get_known_hotkey
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import Subnet, get_subnet
from consensus.quantities import NetUid, PublicKey

_KEY_SIZE = 32


def process_set_auto_stake(draft: Draft, signer: PublicKey, call: SetAutoStake) -> None:
    """Choose where the pay of the signer's miners in a subnet is staked; itself: nowhere else.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey.
    """
    subnet = get_subnet(draft, call.netuid)
    key = keys.of(Family.AUTOSTAKE, signer, keys.u16(call.netuid))
    if call.hotkey == signer:
        draft.delete(key)
        return
    vault = get_known_hotkey(draft, call.hotkey).vault
    draft.put(key, vault + keys.u64(subnet.created_at))


def get_auto_stake(
    view: Reading, coldkey: PublicKey, netuid: NetUid, subnet: Subnet
) -> PublicKey | None:
    """Return the hotkey on which a coldkey wants its pay in a subnet; None: where it is earned."""
    data = view.get(keys.of(Family.AUTOSTAKE, coldkey, keys.u16(netuid)))
    if data is None or data[_KEY_SIZE:] != keys.u64(subnet.created_at):
        return None
    return get_vault_hotkey(view, PublicKey(data[:_KEY_SIZE]))
