"""Stake at root and in subnets, where it goes and what a hotkey keeps of its rewards."""

from consensus.calls.staking import (
    MoveStake,
    SetAutoStake,
    SetChildren,
    SetTake,
    StakeAlpha,
    StakeRoot,
    SwapStake,
    TransferStake,
    UnstakeAlpha,
    UnstakeRoot,
)
from daemon.cli.tx.entry import Role, TxEntry
from daemon.cli.tx.fields import amount, hotkey, key, netuid, ratio
from daemon.cli.tx.governing import children
from daemon.cli.tx.limits import buy_limit, sell_limit

ENTRIES = (
    TxEntry(
        "stake-root",
        StakeRoot,
        Role.COLDKEY,
        "Stake TAO on a hotkey at root.",
        "neurond tx stake-root 100 --hotkey alice-hotkey",
        "Stake {amount} on {hotkey} at root.",
        (amount("amount", "How much."), hotkey()),
    ),
    TxEntry(
        "unstake-root",
        UnstakeRoot,
        Role.COLDKEY,
        "Begin to take back root stake; it is paid out after the unbonding time.",
        "neurond tx unstake-root 10 --hotkey alice-hotkey",
        "Begin to unbond {amount} of root stake on {hotkey}.",
        (amount("amount", "How much."), hotkey()),
    ),
    TxEntry(
        "stake",
        StakeAlpha,
        Role.COLDKEY,
        "Buy alpha of a subnet with TAO and stake it on a hotkey.",
        "neurond tx stake 1 25 --hotkey alice-hotkey --slippage 2",
        "Buy alpha of subnet {netuid} for {amount}, at {limit} at the most; stake it on {hotkey}.",
        (netuid(), amount("amount", "What to spend."), hotkey(), buy_limit()),
    ),
    TxEntry(
        "unstake",
        UnstakeAlpha,
        Role.COLDKEY,
        "Sell alpha that is staked on a hotkey, for TAO.",
        "neurond tx unstake 1 25 --hotkey alice-hotkey",
        "Sell {amount} of subnet {netuid} staked on {hotkey}, at {limit} or more.",
        (netuid(), amount("amount", "What to sell.", "alpha"), hotkey(), sell_limit()),
    ),
    TxEntry(
        "move-stake",
        MoveStake,
        Role.COLDKEY,
        "Move alpha from one hotkey to another in the same subnet.",
        "neurond tx move-stake 1 5 bob-hotkey --hotkey alice-hotkey",
        "Move {amount} of subnet {netuid} from {hotkey} to {to_hotkey}.",
        (
            netuid(),
            amount("amount", "How much.", "alpha"),
            key("to_hotkey", "The hotkey it goes to."),
            hotkey("hotkey", "The hotkey it is on."),
        ),
    ),
    TxEntry(
        "swap-stake",
        SwapStake,
        Role.COLDKEY,
        "Sell alpha of one subnet now and buy alpha of another a block later.",
        "neurond tx swap-stake 1 2 5 --hotkey alice-hotkey",
        "Sell {amount} of subnet {netuid} staked on {hotkey}, at {limit} or more, and buy alpha of "
        "subnet {to_netuid} with the proceeds, at {to_limit} at the most, staked on {to_hotkey}.",
        (
            netuid("netuid", "The subnet to leave."),
            netuid("to_netuid", "The subnet to enter."),
            amount("amount", "What to sell.", "alpha"),
            hotkey("hotkey", "The hotkey it is on."),
            hotkey("to_hotkey", "The hotkey to stake on there."),
            sell_limit(),
            buy_limit("to_limit", "to_netuid"),
        ),
    ),
    TxEntry(
        "transfer-stake",
        TransferStake,
        Role.COLDKEY,
        "Give stake to another coldkey; it stays on its hotkey.",
        "neurond tx transfer-stake 1 5 bob --hotkey alice-hotkey",
        "Give {amount} of stake in subnet {netuid} on {hotkey} to {to}.",
        (
            netuid("netuid", "The subnet; 0 is root."),
            amount("amount", "How much.", "alpha"),
            key("to", "The coldkey that gets it."),
            hotkey("hotkey", "The hotkey it is on."),
        ),
    ),
    TxEntry(
        "set-auto-stake",
        SetAutoStake,
        Role.COLDKEY,
        "Stake what your miners earn in a subnet on a hotkey.",
        "neurond tx set-auto-stake 1 --hotkey alice-hotkey",
        "Stake what the signer's miners earn in subnet {netuid} on {hotkey}.",
        (netuid(), hotkey()),
    ),
    TxEntry(
        "set-take",
        SetTake,
        Role.COLDKEY,
        "Set what a hotkey keeps of its delegators' rewards.",
        "neurond tx set-take 9% --hotkey alice-hotkey",
        "Let {hotkey} keep {take} of its delegators' rewards.",
        (ratio("take", "The part it keeps."), hotkey()),
    ),
    TxEntry(
        "set-children",
        SetChildren,
        Role.COLDKEY,
        "Lend parts of a hotkey's stake weight in a subnet to other hotkeys.",
        "neurond tx set-children 1 --child bob-hotkey=30% --hotkey alice-hotkey",
        "In subnet {netuid}, lend of the stake weight of {hotkey}: {children}.",
        (netuid(), hotkey("hotkey", "The hotkey that lends."), children()),
    ),
)
"""The entries of this family."""
