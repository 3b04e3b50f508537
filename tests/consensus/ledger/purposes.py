"""Calls that somebody would really make in a state, one maker per kind, for machines to play.

A maker looks at the state for things that its call can be about (a neuron, a stake, a channel) and
names who may sign; `None` when there is nothing. What it may choose is chosen by a `Pick`.
"""

from collections.abc import Callable, Mapping

from consensus.calls import governance, neurons, payments, rotation, staking, subnets, weights
from consensus.calls.accounts import SetIdentity, Transfer
from consensus.ledger.state import State
from tests.consensus.ledger import by_holders, by_owners
from tests.consensus.ledger.picks import NAMES, Made, Pick

PURPOSES: Mapping[type, Callable[[State, Pick], Made]] = {
    Transfer: by_holders.make_transfer,
    SetIdentity: by_owners.make_identity,
    staking.StakeRoot: by_holders.make_stake_root,
    staking.UnstakeRoot: by_holders.make_unstake_root,
    staking.StakeAlpha: by_holders.make_stake_alpha,
    staking.UnstakeAlpha: by_holders.make_unstake_alpha,
    staking.MoveStake: by_holders.make_move,
    staking.SwapStake: by_holders.make_swap_stake,
    staking.TransferStake: by_holders.make_transfer_stake,
    staking.SetAutoStake: by_holders.make_auto_stake,
    staking.SetTake: by_holders.make_take,
    staking.SetChildren: by_holders.make_children,
    rotation.SwapHotkey: by_holders.make_swap_hotkey,
    rotation.AnnounceColdkeySwap: by_holders.make_announce,
    rotation.CancelColdkeySwap: by_holders.make_cancel,
    rotation.SwapColdkey: by_holders.make_swap_coldkey,
    rotation.SetConsensusKey: by_holders.make_consensus_key,
    neurons.RegisterNeuron: by_owners.make_register,
    neurons.LeaveSubnet: by_owners.make_leave,
    neurons.Serve: by_owners.make_serve,
    neurons.PublishModel: by_owners.make_publish,
    weights.CommitWeights: by_owners.make_commit,
    weights.RevealWeights: by_owners.make_reveal,
    subnets.RegisterSubnet: by_owners.make_found,
    subnets.StartSubnet: by_owners.make_start,
    subnets.SetHyperparameter: by_owners.make_rule,
    subnets.SetMechanism: by_owners.make_mechanism,
    subnets.SetSubnetIdentity: by_owners.make_subnet_identity,
    payments.OpenChannel: by_holders.make_open,
    payments.RedeemVoucher: by_holders.make_redeem,
    payments.CloseChannel: by_holders.make_close,
    governance.Propose: by_holders.make_propose,
    governance.CastVote: by_holders.make_vote,
}
"""How to make each call there is."""


def make_call(state: State, kind: type, number: int) -> Made:
    """Return a call of `kind` and who signs it, one time in sixteen somebody else."""
    pick = Pick(number)
    stranger = pick.below(16) == 0
    try:
        made = PURPOSES[kind](state, pick)
    except (IndexError, KeyError, ZeroDivisionError):  # nothing there, or nobody we know
        return None
    return (pick.of(NAMES), made[1]) if made is not None and stranger else made
