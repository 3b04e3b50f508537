"""What every verb of `neurond tx` does: read, preview, ask, keep, sign, send, wait, tell.

A call that would be refused is not sent: it would cost its fee. The key is opened after the yes, so
that a dry run needs no password (unless the call carries another key's consent).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from config.address import format_address
from config.reader import Loaded
from consensus.codec import encode
from consensus.crypto import sign_transaction
from consensus.quantities import ZERO_HASH, Amount, Hash32, Height, Nonce, PublicKey
from consensus.types import Call, SignedTransaction, Transaction
from daemon.cli.amounts import parse_amount
from daemon.cli.client import NodeClient, open_client
from daemon.cli.keys import find_key, find_keys, open_signer, resolve_address
from daemon.cli.options import Common
from daemon.cli.output import CliError, Exit, confirm, print_json, print_note
from daemon.cli.progress import wait_final
from daemon.cli.sources import load
from daemon.cli.tx import show
from daemon.cli.tx.desk import Desk, choose_name, read_int, read_rows
from daemon.cli.tx.entry import Given, TxEntry
from daemon.cli.tx.outcome import UNMET, check_filled, check_limit, find_changes
from daemon.unit import Fields
from storage.keys.keyfile import KeyKind


def run_entry(entry: TxEntry, texts: Mapping[str, object], common: Common) -> None:
    """Do what a verb is for.

    Raises:
        CliError: what can't be done, what would be refused, what was.
    """
    desk = open_desk(common, entry.signer.value)
    call, given = entry.read(desk, texts)
    unsigned = _make(desk, call, given, common)
    words, preview = entry.say(desk, given), ask_preview(desk, unsigned)
    transaction = replace(unsigned, nonce=Nonce(read_int(preview, "nonce")))
    if common.dry_run:
        _tell_dry_run(desk, (entry.verb, words), transaction, preview, common)
        return
    if preview.get("outcome") != "succeeds":
        raise show.make_refusal(preview, "Not sent: ")
    check_limit(preview)
    if not common.yes:
        show.print_preview(desk, words, transaction, preview, is_error=True)
    confirm(words, yes=common.yes)
    signed = _sign(desk, entry, transaction)
    if entry.keep is not None:
        entry.keep(desk, given)
    identity = send(desk.client, signed)
    told: Mapping[str, str] = {} if entry.tell is None else entry.tell(transaction)
    more = {**told, **show.find_made(preview)}
    if not common.wait:
        _tell_sent(identity, words, more, common)
        return
    receipt = wait_final(desk.client, identity, transaction.valid_until)
    if receipt.get("code") != 0:
        raise show.make_failure(receipt)
    changes = find_changes(desk, preview, read_int(receipt, "height"))
    if changes is not None:
        check_filled(preview, changes)
    if common.as_json:
        print_json({**receipt, "words": words, **more, "changes": changes})
    else:
        show.print_receipt(desk, receipt, words, changes or ())
        show.print_more(more)


# -- before ---------------------------------------------------------------------------------------


def open_desk(common: Common, kinds: Sequence[KeyKind]) -> Desk:
    """Return the surroundings of a transaction that a key of one of `kinds` signs.

    Raises:
        ConfigError, CliError: settings, the node, its network, or the key.
    """
    loaded = load(common)
    keys = find_keys(common)
    client = open_client(loaded.settings.api, common.api)
    signer_name = choose_name(common.signer, loaded.settings, keys, kinds[0])
    signer = _find_signer(signer_name, keys.keystore, kinds, common)
    status = client.get_ok("/chain/status")
    chain_id = Hash32(bytes.fromhex(str(status.get("chain_id", ZERO_HASH.hex()))))
    check_network(loaded, common.network, chain_id)
    if status.get("syncing"):
        print_note("The node is catching up: what it tells may be old.")
    height = Height(read_int(status, "height"))
    return Desk(client, keys, loaded.settings, chain_id, height, signer)


def check_network(loaded: Loaded, network: str | None, chain_id: Hash32) -> None:
    """Return if the node is of the network that was named, on the line or in the settings.

    Raises:
        ConfigError: the network file.
        CliError: `wrong_network`.
    """
    if network is None and loaded.origins["node.network"].kind == "default":
        return
    from config.network import list_templates, load_network  # noqa: PLC0415 - costs the ledger
    from consensus.ledger.genesis import compute_chain_id  # noqa: PLC0415 - as above

    named = loaded.settings.node.network
    if network is not None:
        is_file = network not in list_templates()
        named = str(Path(network).expanduser().absolute()) if is_file else network
    wanted = compute_chain_id(load_network(named))
    if wanted != chain_id:
        message = f"The node's chain is {chain_id.hex()}, that of {named} is {wanted.hex()}."
        remedy = "Prompt a node of your network with --api, or name its file with --network."
        raise CliError(Exit.USAGE, "wrong_network", message, remedy)


def _find_signer(
    name: str | None, folder: Path, kinds: Sequence[KeyKind], common: Common
) -> PublicKey:
    try:
        return find_key(name, folder, *kinds).public_key
    except CliError as error:
        # A dry run signs nothing, so anybody's address will do.
        if name is None or not common.dry_run or error.code != "key_missing":
            raise
        return resolve_address(name, folder)


def _make(desk: Desk, call: Call, given: Given, common: Common) -> Transaction:
    tip = Amount(0) if common.tip is None else parse_amount(common.tip)
    last = desk.height + common.valid_for
    if given.last_block is not None:  # past it, the preview says why no block can take the call
        last = max(desk.height + 1, min(last, given.last_block))
    return Transaction(desk.chain_id, desk.signer, Nonce(0), Height(last), tip, call)


def ask_preview(desk: Desk, transaction: Transaction) -> Fields:
    """Return what the node says of an unsigned transaction.

    Raises:
        CliError: none answers, or it is no transaction to it.
    """
    return desk.client.post_ok("/chain/preview", encode(transaction))


# -- sending --------------------------------------------------------------------------------------


def _sign(desk: Desk, entry: TxEntry, transaction: Transaction) -> SignedTransaction:
    signer = open_signer(format_address(desk.signer), desk.keys, *entry.signer.value)
    return sign_transaction(signer.key, transaction)


def send(client: NodeClient, signed: SignedTransaction) -> Hash32:
    """Hand a transaction in and return its id.

    Raises:
        CliError: the node's reason for refusing it.
    """
    answer = client.post_ok("/chain/transactions", encode(signed))
    return Hash32(bytes.fromhex(str(answer.get("id", ""))))


# -- telling --------------------------------------------------------------------------------------


def _tell_dry_run(
    desk: Desk,
    said: tuple[str, str],
    transaction: Transaction,
    preview: Fields,
    common: Common,
) -> None:
    verb, words = said
    if common.as_json:
        print_json(
            {
                "dry_run": True,
                "verb": verb,
                "words": words,
                "signer": format_address(desk.signer),
                "transaction": encode(transaction).hex(),
                "preview": preview,
            }
        )
    else:
        show.print_preview(desk, words, transaction, preview)
    dropped = any(event.get("what") == UNMET for event in read_rows(preview, "events"))
    if dropped or preview.get("outcome") != "succeeds":
        raise click.exceptions.Exit(Exit.FAILED)


def _tell_sent(identity: Hash32, words: str, more: Mapping[str, str], common: Common) -> None:
    if common.as_json:
        print_json({"id": identity.hex(), "status": "pending", "words": words, **more})
        return
    click.echo(f"Sent: {words}")
    click.echo(f"  neurond query receipt {identity.hex()} tells what became of it.")
    show.print_more(more)
