"""What a block issues and to whom: the proposer's security share and each subnet's alpha.

TAO: of the block's emission the security share goes to the proposer's hotkey, its owner and root
delegators; the subnets' part is injected into their pools, and is not minted while there are none.
Fees are destroyed, tips go to the owner of the proposer's hotkey.

Alpha: each subnet's emission waits in three pots (owner, miners, validators) for the epoch step. A
subnet without an owner does not mint the owner's share. The registration price decays each block.

Source: `ledger.md` section 2 and 4.
"""

from dataclasses import replace

from consensus.fixed import compute_decay_factor, decay
from consensus.ledger.records import ROOT, Member, credit, destroy, get_hotkey, mint
from consensus.ledger.shares import reward
from consensus.ledger.state import Draft, Total
from consensus.ledger.subnets import Subnet, get_market, put_market
from consensus.params import Params
from consensus.quantities import Amount, NetUid
from consensus.reward.emission import (
    compute_block_emission,
    split_block_emission,
    split_subnet_emission,
)


def process_coinbase(draft: Draft, params: Params, proposer: Member, fees: int, tips: int) -> None:
    """Destroy the block's fees, pay its tips, and mint the security share; all in rao."""
    if fees:
        destroy(draft, ROOT, fees)
    hotkey = proposer.entry.hotkey
    if tips:
        record = get_hotkey(draft, hotkey)
        assert record is not None, "a validator's hotkey is nobody's"
        credit(draft, record.owner, tips)
    emission = compute_block_emission(draft.get_total(ROOT, Total.ISSUED), params.block_reward)
    share = split_block_emission(emission, params).security
    mint(draft, ROOT, share)
    reward(draft, ROOT, hotkey, share)


def process_subnet_block(draft: Draft, params: Params, netuid: NetUid, subnet: Subnet) -> None:
    """Mint one block's alpha into the subnet's pots and let its registration price decay."""
    issued = draft.get_total(netuid, Total.ISSUED)
    parts = split_subnet_emission(compute_block_emission(issued, params.block_reward), params)
    owner = parts.owner if subnet.owner else 0
    minted = owner + parts.miners + parts.validators
    mint(draft, netuid, minted)
    draft.add_total(netuid, Total.PENDING, minted)
    market = get_market(draft, netuid)
    hyper = subnet.hyper
    factor = compute_decay_factor(hyper.burn_half_life)
    changed = replace(
        market,
        burn=Amount(decay(market.burn, factor, 1, hyper.min_burn, hyper.max_burn)),
        owner_pot=Amount(market.owner_pot + owner),
        miner_pot=Amount(market.miner_pot + parts.miners),
        validator_pot=Amount(market.validator_pot + parts.validators),
    )
    put_market(draft, netuid, changed)
