"""Markets: open one, start it, and change its rules."""

from consensus.calls.subnets import (
    RegisterSubnet,
    SetHyperparameter,
    SetMechanism,
    SetSubnetIdentity,
    StartSubnet,
)
from consensus.quantities import U64_MAX
from daemon.cli.tx.consents import consent
from daemon.cli.tx.desk import Desk, read_int
from daemon.cli.tx.entry import Field, Given, Role, TxEntry
from daemon.cli.tx.fields import data, hash32, height, hotkey, identity, netuid, number, text
from daemon.cli.tx.limits import cost_limit

_I64_MAX = 2**63 - 1
_PARAMS_BYTES_MAX = 4_096


def _read_cost(desk: Desk, _given: Given) -> int:
    return read_int(desk.ask("/chain/params"), "subnet_cost")


def _mechanism() -> tuple[Field, ...]:
    return (
        text("task", "Name of the task miners are to do."),
        data("task_params", "What the task wants to know, canonical CBOR.", _PARAMS_BYTES_MAX),
        number("scorer_version", "Version of its scorer.", (0, U64_MAX), 0),
        hash32("scorer_hash", "Hash of its scorer; none: any counts.", is_option=True),
    )


ENTRIES = (
    TxEntry(
        "register-subnet",
        RegisterSubnet,
        Role.COLDKEY,
        "Open a market: the lock becomes its pool, the hotkey its owner.",
        "neurond tx register-subnet text --hotkey alice-hotkey",
        "Open a subnet for {task}, owned by {hotkey}, for a lock of at most {max_cost}.",
        (
            *_mechanism(),
            hotkey("hotkey", "The owner."),
            cost_limit("max_cost", _read_cost, "Most to lock."),
            consent(),
        ),
    ),
    TxEntry(
        "start-subnet",
        StartSubnet,
        Role.COLDKEY,
        "Let emission flow in your subnet.",
        "neurond tx start-subnet 2",
        "Start subnet {netuid}.",
        (netuid(),),
    ),
    TxEntry(
        "set-hyperparameter",
        SetHyperparameter,
        Role.COLDKEY,
        "Change one rule of your subnet, after a delay.",
        "neurond tx set-hyperparameter 2 tempo 360",
        "Change {name} of subnet {netuid} to {value}.",
        (
            netuid(),
            text("name", "The rule; neurond query hyperparameters lists all."),
            number(
                "value", "Its new value, a whole number in its unit.", (-_I64_MAX - 1, _I64_MAX)
            ),
        ),
    ),
    TxEntry(
        "set-mechanism",
        SetMechanism,
        Role.COLDKEY,
        "Change the task or the scorer of your subnet from a height on.",
        "neurond tx set-mechanism 2 text --scorer-version 2 --activation +1000",
        "Let subnet {netuid} do {task}, scored by version {scorer_version}, from {activation} on.",
        (netuid(), *_mechanism(), height("activation", "From when.")),
    ),
    TxEntry(
        "set-subnet-identity",
        SetSubnetIdentity,
        Role.COLDKEY,
        "Say what your subnet is.",
        "neurond tx set-subnet-identity 2 --name 'Text' --url https://text.example",
        "Say that subnet {netuid} is {identity}.",
        (netuid(), identity()),
    ),
)
"""The entries of this family."""
