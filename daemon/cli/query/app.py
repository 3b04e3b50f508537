"""The verbs of `neurond query`, made from their entries; asking, proving, printing."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import typer

from config.reader import Loaded
from consensus.quantities import Hash32, Height
from daemon.cli.client import open_client
from daemon.cli.keys import KeystoreOption, find_keys
from daemon.cli.output import JsonFlag, print_json, print_note
from daemon.cli.query.catalog import QUERIES
from daemon.cli.query.options import HeightOption, ProofFlag
from daemon.cli.query.query import Query, Seeker
from daemon.cli.query.sheet import Fields
from daemon.cli.sources import ConfigOption, SetOption, load
from daemon.cli.status import ApiOption
from daemon.cli.tx.flow import check_network
from daemon.cli.tx.options import NetworkOption
from daemon.cli.tx.signatures import give_signature, make_parameter

COMMON: Mapping[str, tuple[object, object]] = {
    "config": (ConfigOption, None),
    "settings": (SetOption, None),
    "network": (NetworkOption, None),
    "api": (ApiOption, None),
    "keystore": (KeystoreOption, None),
    "as_json": (JsonFlag, False),
}
OF_STATE: Mapping[str, tuple[object, object]] = {
    "height": (HeightOption, None),
    "proof": (ProofFlag, False),
}


def make_query_app() -> typer.Typer:
    """Return the group of verbs, one per question."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    for query in QUERIES:
        add_query(app, query, "query")
    return app


def add_query(app: typer.Typer, query: Query, group: str) -> None:
    """Add the verb of `query` to `app`."""
    example = query.example.replace("neurond query", f"neurond {group}", 1)
    made = app.command(query.verb, help=query.summary, epilog=f"Example: {example}")
    made(_make_verb(query))


def _make_verb(query: Query) -> Callable[..., None]:
    def verb(**typed: object) -> None:
        answer = ask_node(query, typed)
        if typed["as_json"]:
            print_json(answer)
        else:
            query.sheet.print(answer)

    common = COMMON if query.question is None else {**OF_STATE, **COMMON}
    give_signature(verb, [make_parameter(ask) for ask in query.asks], common)
    verb.__doc__ = query.summary
    return verb


def ask_node(query: Query, typed: Mapping[str, object]) -> Fields:
    """Return the answer to a question, proven if that is wanted.

    Raises:
        ConfigError, CliError: settings, the node, or what it says.
    """
    loaded, seeker = open_seeker(typed)
    height = cast("int | None", typed.get("height"))
    network = cast("str | None", typed.get("network"))
    if typed.get("proof"):
        return _ask_proved(query, seeker, loaded, network, height)
    if network is not None:
        told = str(seeker.client.get_ok("/chain/status").get("chain_id", ""))
        check_network(loaded, network, Hash32(bytes.fromhex(told)))
    path = query.path(seeker)
    if height is not None:
        path += f"{'&' if '?' in path else '?'}height={height}"
    return seeker.client.get_ok(path)


def open_seeker(typed: Mapping[str, object]) -> tuple[Loaded, Seeker]:
    """Return the settings in force and who asks, by a verb's parameters.

    Raises:
        ConfigError, CliError: settings.
    """
    config = cast("Path | None", typed.get("config"))
    chosen = cast("list[str] | None", typed.get("settings"))
    loaded = load(config, chosen)
    keys = find_keys(config, chosen, cast("Path | None", typed.get("keystore")), None)
    client = open_client(loaded.settings.api, cast("str | None", typed.get("api")))
    return loaded, Seeker(client, keys, loaded.settings, typed)


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
