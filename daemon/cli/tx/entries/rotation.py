"""Old keys for new ones."""

from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SetConsensusKey,
    SwapColdkey,
    SwapHotkey,
)
from daemon.cli.tx.consents import beacon_tip, consensus_signature, consent
from daemon.cli.tx.entry import Role, TxEntry
from daemon.cli.tx.fields import hotkey, key, local
from storage.keys.keyfile import KeyKind

ENTRIES = (
    TxEntry(
        "swap-hotkey",
        SwapHotkey,
        Role.COLDKEY,
        "Replace a hotkey by a new one everywhere, for a fee.",
        "neurond tx swap-hotkey miner-2 --hotkey miner",
        "Replace {hotkey} by {new_hotkey} everywhere.",
        (
            key("new_hotkey", "The new hotkey, which was never used."),
            hotkey("hotkey", "The old one."),
            consent("new_hotkey", is_always=True),
        ),
    ),
    TxEntry(
        "announce-coldkey-swap",
        AnnounceColdkeySwap,
        Role.COLDKEY,
        "Say that all the coldkey has will go to another, after a delay.",
        "neurond tx announce-coldkey-swap alice-new",
        "Announce that all of the signing coldkey goes to {new_coldkey}.",
        (key("new_coldkey", "The new coldkey."),),
    ),
    TxEntry(
        "cancel-coldkey-swap",
        CancelColdkeySwap,
        Role.COLDKEY,
        "Dispute and end the announced swap of the coldkey.",
        "neurond tx cancel-coldkey-swap",
        "End the announced swap of the signing coldkey.",
        (),
    ),
    TxEntry(
        "swap-coldkey",
        SwapColdkey,
        Role.COLDKEY,
        "Move all the coldkey has to the one announced long enough ago.",
        "neurond tx swap-coldkey alice-new",
        "Move all of the signing coldkey to {new_coldkey}.",
        (key("new_coldkey", "The announced coldkey."),),
    ),
    TxEntry(
        "set-consensus-key",
        SetConsensusKey,
        Role.COLDKEY,
        "Let a consensus key vote on blocks for a hotkey, from a later era on.",
        "neurond tx set-consensus-key --hotkey alice-hotkey --consensus-key consensus",
        "Let {consensus_key} vote on blocks for {hotkey}.",
        (
            hotkey("hotkey", "The hotkey whose root stake votes."),
            local("consensus_key", KeyKind.CONSENSUS, "The key that will vote."),
            beacon_tip(),
            consensus_signature(),
        ),
    ),
)
"""The entries of this family."""
