"""What people see of accounts, stake, payments, votes and blocks."""

from typing import cast

from daemon.cli.query.sheet import (
    Fields,
    Part,
    Sheet,
    Table,
    coin,
    figure,
    percent,
    plain,
    set_height,
    short,
    tao,
    yes,
)


def _registrations(value: object, _row: Fields) -> str:
    """Write the (netuid, uid) pairs where a hotkey is registered."""
    pairs = cast("list[list[int]]", value) if isinstance(value, list) else []
    return ", ".join(f"{pair[0]}: uid {pair[1]}" for pair in pairs) or "nowhere"


def _place(value: object, _row: Fields) -> str:
    return "root" if value == 0 else str(value)


ACCOUNT = Sheet(
    "Account {address} at height {height}",
    (
        Part("free", "free", tao),
        Part("transactions", "nonce"),
        Part("hotkey of", "owner"),
        Part("take", "take", percent),
        Part("registered in", "neurons", _registrations),
    ),
    (
        Table(
            "Stake",
            "stakes",
            (
                Part("subnet", "netuid", _place),
                Part("hotkey", "hotkey"),
                Part("amount", "amount", coin),
            ),
        ),
        Table(
            "Unbonding",
            "unbonding",
            (
                Part("hotkey", "hotkey"),
                Part("amount", "amount", tao),
                Part("paid out at", "release_height"),
            ),
        ),
    ),
)
_DELEGATE_COLUMNS = (
    Part("hotkey", "hotkey"),
    Part("root stake", "stake", tao),
    Part("take", "take", percent),
    Part("owner", "owner", short),
    Part("registered in", "neurons", _registrations),
)
DELEGATES = Sheet(
    "Delegates at height {height}",
    (Part("all", "count"), Part("their stake", "stake", tao)),
    (Table("The largest", "delegates", _DELEGATE_COLUMNS),),
)
DELEGATE = Sheet(
    "Delegate at height {height}",
    (
        Part("hotkey", "delegate.hotkey"),
        Part("owner", "delegate.owner"),
        Part("root stake", "delegate.stake", tao),
        Part("take", "delegate.take", percent),
        Part("delegators", "delegators"),
        Part("registered in", "delegate.neurons", _registrations),
    ),
)
VALIDATORS = Sheet(
    "Validators at height {height}",
    (),
    (
        Table(
            "Validators",
            "validators",
            (
                Part("hotkey", "hotkey"),
                Part("stake", "stake", tao),
                Part("consensus key", "consensus_key", short),
            ),
        ),
    ),
)
_SPREAD = (
    ("holders", "holders", plain),
    ("total", "total", tao),
    ("Gini", "gini", figure),
    ("hold a third", "nakamoto_third", plain),
    ("hold half", "nakamoto_half", plain),
)
CONCENTRATION = Sheet(
    "Concentration at height {height}",
    tuple(Part(f"root: {label}", f"root.{name}", write) for label, name, write in _SPREAD),
    (
        Table(
            "Validators of each subnet",
            "subnets",
            (
                Part("subnet", "netuid"),
                *(Part(label, f"validators.{name}", write) for label, name, write in _SPREAD),
            ),
        ),
    ),
)
IDENTITY = Sheet(
    "Coldkey {address} at height {height}",
    (
        Part("name", "identity.name"),
        Part("url", "identity.url"),
        Part("contact", "identity.contact"),
        Part("about", "identity.about"),
        Part("will become", "next_coldkey"),
        Part("from", "swap_from"),
    ),
    (
        Table(
            "Where its miners' pay is staked",
            "auto_stake",
            (Part("subnet", "netuid"), Part("hotkey", "hotkey")),
        ),
        Table("Its hotkeys", "hotkeys", (Part("hotkey", "value"),)),
    ),
)
SWAPS = Sheet(
    "Announced coldkey swaps at height {height}",
    (),
    (
        Table(
            "Swaps",
            "swaps",
            (Part("coldkey", "coldkey"), Part("to", "new_coldkey"), Part("from block", "due_at")),
        ),
    ),
)
_CHANNEL = (
    Part("id", "id"),
    Part("subnet", "netuid"),
    Part("payer", "payer", short),
    Part("payee", "payee", short),
    Part("deposit", "deposit", tao),
    Part("left", "left", tao),
    Part("ends at", "end"),
    Part("closing", "is_closing", yes),
)
CHANNELS = Sheet(
    "Channels of {address} at height {height}",
    (Part("at most of each kind", "count"),),
    (Table("Pays", "pays", _CHANNEL), Table("Is paid by", "earns", _CHANNEL)),
)
CHANNEL = Sheet(
    "Channel at height {height}",
    (
        Part("id", "channel.id"),
        Part("subnet", "channel.netuid"),
        Part("payer", "channel.payer"),
        Part("payee", "channel.payee"),
        Part("deposit", "channel.deposit", tao),
        Part("redeemed", "channel.redeemed", tao),
        Part("left", "channel.left", tao),
        Part("opened at", "channel.opened_at"),
        Part("ends at", "channel.end"),
        Part("closing", "channel.is_closing", yes),
    ),
)
PROPOSALS = Sheet(
    "Proposals at height {height}",
    (),
    (
        Table(
            "Proposals",
            "proposals",
            (
                Part("number", "number"),
                Part("what", "what"),
                Part("standing", "standing"),
                Part("yes", "yes", tao),
                Part("no", "no", tao),
                Part("of", "stake", tao),
                Part("votes until", "closes_at"),
                Part("effect from", "effect_at", set_height),
            ),
        ),
        Table(
            "Decided protocol versions",
            "upgrades",
            (Part("version", "version"), Part("from block", "height")),
        ),
    ),
)
PROPOSAL = Sheet(
    "Proposal at height {height}",
    tuple(
        Part(label, f"proposal.{name}", write)
        for label, name, write in (
            ("number", "number", plain),
            ("what", "what", plain),
            ("standing", "standing", plain),
            ("proposer", "proposer", plain),
            ("ballots", "ballots", plain),
            ("yes", "yes", tao),
            ("no", "no", tao),
            ("all root stake", "stake", tao),
            ("votes until", "closes_at", plain),
            ("wanted from", "activation", plain),
            ("effect from", "effect_at", set_height),
        )
    ),
)
BLOCK = Sheet(
    "Block {summary[height]}",
    (
        Part("digest", "summary.digest"),
        Part("parent", "summary.parent"),
        Part("proposer", "summary.proposer"),
        Part("view", "summary.view"),
        Part("time, ms since 1970", "summary.time_ms"),
        Part("signed by", "signers"),
    ),
    (
        Table(
            "Transactions",
            "transactions",
            (
                Part("id", "id", short),
                Part("call", "call"),
                Part("signer", "signer"),
                Part("fee", "fee", tao),
                Part("code", "code"),
                Part("refusal", "error"),
            ),
        ),
    ),
)
BLOCKS = Sheet(
    "Final blocks",
    (),
    (
        Table(
            "Blocks",
            "blocks",
            (
                Part("height", "height"),
                Part("digest", "digest", short),
                Part("proposer", "proposer"),
                Part("transactions", "transaction_count"),
                Part("time, ms since 1970", "time_ms"),
            ),
        ),
    ),
)
RECEIPT = Sheet(
    "Transaction {id}",
    (
        Part("status", "status"),
        Part("block", "height"),
        Part("place in it", "index"),
        Part("fee", "fee", tao),
        Part("code", "code"),
        Part("refusal", "error"),
        Part("remedy", "remedy"),
    ),
)
