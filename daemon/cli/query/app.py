"""The verbs of `neurond query`, made from their entries; asking, proving, printing."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from config.reader import Loaded
from consensus.quantities import Hash32, Height
from daemon.cli.client import connect
from daemon.cli.groups import make_group
from daemon.cli.keys import find_keys
from daemon.cli.options import (
    API,
    CONFIG,
    HEIGHT,
    JSON,
    KEYSTORE,
    NETWORK,
    PROOF,
    SET,
    Common,
    Verb,
)
from daemon.cli.output import print_json, print_note
from daemon.cli.query.catalog import QUERIES
from daemon.cli.query.query import Query, Seeker
from daemon.cli.query.sheet import Fields
from daemon.cli.sources import load
from daemon.cli.tx.flow import check_network

COMMON = (CONFIG, SET, NETWORK, API, KEYSTORE, JSON)
OF_STATE = (HEIGHT, PROOF, *COMMON)


def make_query(question: Query, group: str) -> click.Command:
    """Return the verb of `question` in `group`."""

    def run(common: Common, **typed: object) -> None:
        answer = ask_node(question, common, typed)
        if common.as_json:
            print_json(answer)
        else:
            question.sheet.print(answer)

    options = COMMON if question.question is None else OF_STATE
    example = question.example.replace("neurond query", f"neurond {group}", 1)
    return Verb(
        question.verb,
        callback=run,
        params=[*(prompt.make_parameter() for prompt in question.prompts), *options],
        help=question.summary,
        epilog=f"Example: {example}",
    )


def ask_node(query: Query, common: Common, typed: Mapping[str, object]) -> Fields:
    """Return the answer to a question, proven if that is wanted.

    Raises:
        ConfigError, CliError: settings, the node, or what it says.
    """
    loaded, seeker = open_seeker(common, typed)
    height, network = common.height, common.network
    if common.proof:
        return _ask_proved(query, seeker, loaded, network, height)
    if network is not None:
        told = str(seeker.client.get_ok("/chain/status").get("chain_id", ""))
        check_network(loaded, network, Hash32(bytes.fromhex(told)))
    path = query.path(seeker)
    if height is not None:
        path += f"{'&' if '?' in path else '?'}height={height}"
    return seeker.client.get_ok(path)


def open_seeker(common: Common, typed: Mapping[str, object]) -> tuple[Loaded, Seeker]:
    """Return the settings in force and who asks, by a verb's parameters.

    Raises:
        ConfigError, CliError: settings.
    """
    loaded = load(common)
    return loaded, Seeker(connect(common), find_keys(common), loaded.settings, typed)


def _ask_proved(
    query: Query, seeker: Seeker, loaded: Loaded, network: str | None, height: int | None
) -> Fields:
    """Return an answer computed from entries that a final block vouches for."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - proofs load the ledger and the door

    from config.network import load_network  # noqa: PLC0415 - as above
    from daemon.cli.asking import ask_proved, trust_genesis  # noqa: PLC0415 - as above

    named = loaded.settings.node.network
    if network is not None:
        named = str(Path(network).expanduser().absolute())
    committee = trust_genesis(load_network(named))
    assert query.question is not None, "only what has a question has --proof"
    at = None if height is None else Height(height)
    proven = ask_proved(seeker.client, committee, query.question(seeker), at)
    whole = TypeAdapter[object](type(proven.answer)).dump_json(proven.answer)
    shown = {
        "verified": True,
        "height": proven.height,
        "time_ms": proven.time_ms,
        "complete": proven.is_complete,
    }
    words = f"Proven: as of block {proven.height}, by the genesis of {named}."
    if not proven.is_complete:
        words += " Nothing in it is wrong, but lists may lack something."
    print_note(words)
    return {**json.loads(whole), "proof": shown}


query = make_group("query", "Ask about the chain: accounts, subnets, prices, delegates and more.")
for _query in QUERIES:
    query.add_command(make_query(_query, "query"))
