"""What people see of markets, their neurons and the network's rules."""

from daemon.cli.query.sheet import (
    Fields,
    Part,
    Sheet,
    Table,
    alpha,
    block,
    coin,
    figure,
    figures,
    percent,
    short,
    tao,
    yes,
)


def _range(value: object, row: Fields) -> str:
    low, high = row.get("low"), row.get("high")
    return "fixed" if value is None or low is None else f"{low} to {high}"


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
WEIGHTS = Sheet(
    "Weights and bonds in subnet {netuid} at height {height}: uids from {first} on, of {neurons}",
    (),
    (
        Table(
            "Rows",
            "rows",
            (
                Part("validator", "uid"),
                Part("weighs uids", "miners"),
                Part("at, of 65535", "weights"),
                Part("bonds in uids", "bonded"),
                Part("of", "bonds", figures),
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
