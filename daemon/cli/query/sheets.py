"""What of each answer people see."""

from typing import cast

from daemon.cli.query.sheet import (
    Fields,
    Part,
    Sheet,
    Table,
    alpha,
    block,
    coin,
    figure,
    percent,
    plain,
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


def _range(value: object, row: Fields) -> str:
    low, high = row.get("low"), row.get("high")
    return "fixed" if value is None or low is None else f"{low} to {high}"


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
METAGRAPH = Sheet(
    "Subnet {netuid} ({task}) at height {height}",
    (
        Part("epoch", "epoch"),
        Part("tempo", "tempo"),
        Part("registration", "burn", tao),
        Part("alpha issued", "supply.issued", alpha),
    ),
    (
        Table(
            "Neurons",
            "neurons",
            (
                Part("uid", "uid"),
                Part("hotkey", "hotkey"),
                Part("stake weight", "stake", alpha),
                Part("permit", "has_permit", yes),
                Part("active", "is_active", yes),
                Part("consensus", "consensus", figure),
                Part("incentive", "incentive", figure),
                Part("dividends", "dividends", figure),
                Part("trust", "validator_trust", figure),
                Part("emission", "emission", alpha),
                Part("since", "registered_block", block),
                Part("serves", "endpoint.peer_id", yes),
            ),
        ),
    ),
)
_SUBNET_COLUMNS = (
    Part("subnet", "netuid"),
    Part("task", "task"),
    Part("state", "state"),
    Part("neurons", "neurons"),
    Part("price", "price", tao),
    Part("registration", "burn", tao),
    Part("TAO per block", "injected", tao),
    Part("owner", "owner", short),
)
SUBNETS = Sheet(
    "{count_max} subnets at most, at height {height}",
    (Part("a new one costs", "cost", tao),),
    (Table("Subnets", "subnets", _SUBNET_COLUMNS),),
)
PRICES = Sheet(
    "Pools at height {height}",
    (),
    (
        Table(
            "Pools",
            "subnets",
            (
                Part("subnet", "netuid"),
                Part("price", "price", tao),
                Part("slow average", "price_average", figure),
                Part("TAO", "tao", tao),
                Part("alpha", "alpha", alpha),
                Part("TAO per block", "injected", tao),
                Part("buyers paid", "demand", tao),
            ),
        ),
    ),
)
HYPERPARAMETERS = Sheet(
    "Rules of subnet {netuid} at height {height}",
    (),
    (
        Table(
            "Rules",
            "hyperparameters",
            (
                Part("name", "name"),
                Part("value", "value"),
                Part("unit", "unit"),
                Part("owner may set", "name", _range),
                Part("will be", "next_value"),
                Part("from", "takes_effect"),
            ),
        ),
    ),
)
SUBNET = Sheet(
    "Subnet {netuid} at height {height}",
    (
        Part("name", "identity.name"),
        Part("about", "identity.about"),
        Part("state", "row.state"),
        Part("task", "mechanism.task"),
        Part("scorer", "mechanism.scorer_version"),
        Part("next task", "next_mechanism.task"),
        Part("from", "next_mechanism.activation"),
        Part("owner's hotkey", "row.owner"),
        Part("owner's coldkey", "owner_coldkey"),
        Part("neurons", "row.neurons"),
        Part("price", "price", tao),
        Part("pool, TAO", "row.tao", tao),
        Part("pool, alpha", "row.alpha", alpha),
        Part("TAO per block", "row.injected", tao),
        Part("registration", "burn", tao),
        Part("created at", "created_at", block),
        Part("may start from", "starts_from", block),
        Part("ends at", "ends_at", block),
        Part("tempo", "tempo"),
        Part("epoch", "epoch"),
        Part("next epoch step", "next_step"),
    ),
)
PARAMS = Sheet(
    "Parameters at height {height}",
    (Part("chain", "chain_id"), Part("a new subnet costs", "subnet_cost", tao)),
    (
        Table("Parameters", "params", (Part("name", "name"), Part("value", "value"))),
        Table("What a vote may set", "bounds", (Part("name", "name"), Part("from, to", "value"))),
    ),
)
SUPPLY = Sheet(
    "Supply of coin {netuid} (0: TAO) at height {height}",
    tuple(
        Part(name, name, coin)
        for name in (
            "issued",
            "free",
            "staked",
            "unbonding",
            "pending",
            "pooled",
            "locked",
            "ordered",
            "burned",
            "cap",
        )
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
MODELS = Sheet(
    "Models of subnet {netuid} at height {height}",
    (),
    (
        Table(
            "Models",
            "models",
            (
                Part("hotkey", "hotkey"),
                Part("content", "content", short),
                Part("uri", "uri"),
                Part("block", "height"),
                Part("first by", "first_hotkey", short),
                Part("in block", "first_height"),
            ),
        ),
    ),
)
_LOAN = (Part("hotkey", "hotkey"), Part("share", "share", percent))
CHILDREN = Sheet(
    "Loans of {hotkey} in subnet {netuid} at height {height}",
    (Part("announced loans hold from", "effect_at"),),
    (
        Table("Lends to", "children", _LOAN),
        Table("Is lent by", "parents", _LOAN),
        Table("Will lend to", "announced", _LOAN),
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
    (Part("decided protocol versions", "upgrades"),),
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
                Part("effect from", "effect_at"),
            ),
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
            ("effect from", "effect_at", plain),
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
