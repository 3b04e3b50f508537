"""What the network may become, and who is for it."""

from consensus.calls.governance import CastVote, Propose
from daemon.cli.tx.entry import Field, Role, TxEntry
from daemon.cli.tx.fields import height, number
from daemon.cli.tx.governing import change_param, change_protocol, declaration, vote

_U32_MAX = 2**32 - 1


def _activation() -> Field:
    return height("activation", "When it takes effect at the earliest.")


ENTRIES = (
    TxEntry(
        "propose-param",
        Propose,
        Role.HOTKEY,
        "Put another value of a network parameter to the vote.",
        "neurond tx propose-param stake_min 5000000 --activation +200000",
        "Propose {change}, from {activation} on.",
        (change_param(), _activation()),
    ),
    TxEntry(
        "propose-protocol",
        Propose,
        Role.HOTKEY,
        "Put a protocol version that nodes must have to the vote.",
        "neurond tx propose-protocol 2 --activation +200000",
        "Propose {change}, from {activation} on.",
        (change_protocol(), _activation()),
    ),
    TxEntry(
        "propose-text",
        Propose,
        Role.HOTKEY,
        "Put a text in the name of the network to the vote.",
        "neurond tx propose-text 'We thank our miners.' --activation +200000",
        "Propose that the network says {change}, from {activation} on.",
        (declaration(), _activation()),
    ),
    TxEntry(
        "vote",
        CastVote,
        Role.HOTKEY,
        "Vote with all root stake behind the hotkey; the last vote counts.",
        "neurond tx vote 3 yes",
        "Vote {is_yes} on proposal {proposal}.",
        (number("proposal", "Its number.", (0, _U32_MAX)), vote()),
    ),
)
"""The entries of this family."""
