"""The number of each call on the wire, and of each member of other unions of calls."""

from consensus.calls import governance, payments, staking, subnets
from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.neurons import LeaveSubnet, PublishModel, RegisterNeuron, Serve
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SetConsensusKey,
    SwapColdkey,
    SwapHotkey,
)
from consensus.calls.weights import CommitWeights, RevealWeights

TAGS: dict[type, int] = {
    Transfer: 1,
    RegisterNeuron: 2,
    staking.StakeRoot: 3,
    staking.UnstakeRoot: 4,
    staking.SetTake: 5,
    Serve: 6,
    CommitWeights: 7,
    RevealWeights: 8,
    subnets.RegisterSubnet: 9,
    subnets.StartSubnet: 10,
    subnets.SetHyperparameter: 11,
    subnets.SetMechanism: 12,
    subnets.SetSubnetIdentity: 13,
    LeaveSubnet: 14,
    staking.StakeAlpha: 15,
    staking.UnstakeAlpha: 16,
    staking.MoveStake: 17,
    staking.SwapStake: 18,
    staking.TransferStake: 19,
    staking.SetAutoStake: 20,
    staking.SetChildren: 21,
    SwapHotkey: 22,
    AnnounceColdkeySwap: 23,
    CancelColdkeySwap: 24,
    SwapColdkey: 25,
    SetIdentity: 26,
    PublishModel: 27,
    SetConsensusKey: 28,
    governance.Propose: 29,
    governance.CastVote: 30,
    payments.OpenChannel: 31,
    payments.RedeemVoucher: 32,
    payments.CloseChannel: 33,
    # members of governance.Change
    governance.ChangeParam: 1,
    governance.ChangeProtocol: 2,
    governance.Declare: 3,
}
"""The number in front of each member of a tagged union. Never reuse or renumber one of a union."""
