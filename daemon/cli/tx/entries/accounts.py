"""Money between accounts, and what a key says of itself."""

from consensus.calls.accounts import SetIdentity, Transfer
from daemon.cli.tx.entry import Role, TxEntry
from daemon.cli.tx.fields import amount, identity, key

ENTRIES = (
    TxEntry(
        "transfer",
        Transfer,
        Role.COLDKEY,
        "Send TAO to an address.",
        "neurond tx transfer bob 1.5",
        "Send {amount} to {to}.",
        (key("to", "Who gets it."), amount("amount", "How much.")),
    ),
    TxEntry(
        "set-identity",
        SetIdentity,
        Role.COLDKEY,
        "Say who the signing coldkey is.",
        "neurond tx set-identity --name 'Alice' --url https://alice.example",
        "Say that the signing coldkey is {identity}.",
        (identity(),),
    ),
)
"""The entries of this family."""
