"""Every verb of `neurond tx`: the entries of all families, by name."""

from daemon.cli.tx.entries import (
    accounts,
    governance,
    neurons,
    payments,
    rotation,
    staking,
    subnets,
)
from daemon.cli.tx.entry import TxEntry

ENTRIES: tuple[TxEntry, ...] = (
    *accounts.ENTRIES,
    *staking.ENTRIES,
    *neurons.ENTRIES,
    *payments.ENTRIES,
    *subnets.ENTRIES,
    *rotation.ENTRIES,
    *governance.ENTRIES,
)
"""In the order in which help lists them."""


def get_entry(verb: str) -> TxEntry:
    """Return the entry of a verb that exists."""
    return next(entry for entry in ENTRIES if entry.verb == verb)
