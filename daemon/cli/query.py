"""The verbs of `neurond query`, made from the declared reads: asking, proving, printing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from config.reader import Loaded
from consensus.quantities import Hash32, Height
from daemon.cli.amounts import misused
from daemon.cli.client import NodeClient, connect
from daemon.cli.groups import make_group
from daemon.cli.keys import find_keys, resolve_address
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
from daemon.cli.output import print_fields, print_json, print_note, print_table
from daemon.cli.sources import load
from daemon.cli.tx.desk import find_usual
from daemon.cli.tx.flow import check_network
from daemon.engine.errors import NodeError
from daemon.unit import Fields
from daemon.views import node
from daemon.views.catalog import FaceView, StateView, list_verbs
from daemon.views.inputs import AddressInput, Input, KeysInput
from daemon.views.plain import write_answer
from daemon.views.sheet import lay_out
from daemon.views.view import Lens, StateAnswer, StateQuestion
from storage.keys.keyfile import KeyKind

if TYPE_CHECKING:
    from config.settings import Settings

COMMON = (CONFIG, SET, NETWORK, API, KEYSTORE, JSON)
OF_STATE = (HEIGHT, PROOF, *COMMON)


def make_query(name: str, view: StateView | FaceView, lens: Lens) -> click.Command:
    """Return the verb that asks `view` and prints what `lens` shows of it."""

    def run(common: Common, **typed: object) -> None:
        answer = ask_node(view, common, typed)
        if common.as_json:
            print_json(answer)
        else:
            print_answer(view.kind, answer, lens)

    return Verb(
        name,
        callback=run,
        params=[*_list_parameters(view), *(OF_STATE if view.is_of_state else COMMON)],
        help=lens.summary,
        epilog=f"Example: neurond {lens.verb} {lens.example}".rstrip(),
    )


def print_answer(kind: type, answer: Fields, lens: Lens) -> None:
    """Print an answer for people."""
    sheet = lay_out(kind, answer, lens)
    click.echo(sheet.title)
    if sheet.lines:
        print_fields("", sheet.lines)
    elif not sheet.listings:
        click.echo("  none")
    for each in sheet.listings:
        print_table(each.title, each.headings, each.rows)


def ask_node(view: StateView | FaceView, common: Common, typed: Mapping[str, object]) -> Fields:
    """Return the answer to a question, proven if that is wanted.

    Raises:
        ConfigError, CliError: settings, the node, what it says, or something typed.
    """
    loaded = load(common)
    client, height, network = connect(common), common.height, common.network
    question = view(**_read_typed(view, common, loaded.settings, typed))
    if common.proof:
        return _ask_proved(cast("StateQuestion[StateAnswer]", question), client, loaded, common)
    if network is not None:
        told = str(client.get_ok(node.status.path).get("chain_id", ""))
        check_network(loaded, network, Hash32(bytes.fromhex(told)))
    return client.get_ok(question.at(height))


def _list_parameters(view: StateView | FaceView) -> list[click.Parameter]:
    """Return what a verb asks for: what is in the path as arguments, in its order."""
    found: list[click.Parameter] = []
    for name, kind in view.inputs.items():
        is_needed = name not in view.defaults and not isinstance(kind, AddressInput)
        if view.is_in_path(name):
            found.append(click.Argument([name], required=is_needed, help=_explain(kind)))
        else:
            is_many = isinstance(kind, KeysInput)
            flag = f"--{name.replace('_', '-')}"
            found.append(
                click.Option([flag], required=is_needed, multiple=is_many, help=kind.about)
            )
    return found


def _explain(kind: Input) -> str:
    if not isinstance(kind, AddressInput):
        return kind.about
    usual = "neuron.hotkey of the settings" if kind.use == "hotkey" else "the configured coldkey"
    return f"An address or a key's name; else {usual}."


def _read_typed(
    view: StateView | FaceView, common: Common, settings: "Settings", typed: Mapping[str, object]
) -> dict[str, object]:
    """Return the parameters of a question by what was typed; what is left out has its default.

    Raises:
        CliError, AddressError: something typed makes no sense, or a key is missing.
    """
    values: dict[str, object] = {}
    for name, kind in view.inputs.items():
        given = typed.get(name)
        texts = [str(each) for each in (given if isinstance(given, tuple) else (given,)) if each]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if isinstance(kind, AddressInput):
            values[name] = _find_address(kind, common, settings, texts)
        elif texts:
            try:
                values[name] = kind.read(name, texts)
            except NodeError as error:
                raise misused(error.message, error.remedy) from None
    return values


def _find_address(
    kind: AddressInput, common: Common, settings: "Settings", texts: list[str]
) -> bytes:
    keys = find_keys(common)
    if texts:
        return resolve_address(texts[0], Path(keys.keystore))
    return find_usual(settings, keys, KeyKind(kind.use))


def _ask_proved(
    question: StateQuestion[StateAnswer], client: NodeClient, loaded: Loaded, common: Common
) -> Fields:
    """Return an answer computed from entries that a final block vouches for."""
    from config.network import load_network  # noqa: PLC0415 - for a proof alone
    from daemon.cli.asking import ask_proved, trust_genesis  # noqa: PLC0415 - as above

    named = loaded.settings.node.network
    if common.network is not None:
        named = str(Path(common.network).expanduser().absolute())
    committee = trust_genesis(load_network(named))
    at = None if common.height is None else Height(common.height)
    proven = ask_proved(client, committee, question, at)
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
    return {**json.loads(write_answer(proven.answer)), "proof": shown}


query = make_group("query", "Ask about the chain: accounts, subnets, prices, delegates and more.")
for _name, _view, _lens in list_verbs("query"):
    query.add_command(make_query(_name, _view, _lens))
