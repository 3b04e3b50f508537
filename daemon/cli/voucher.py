"""Vouchers: what a buyer signs for a miner, and what a miner looks at before it answers on.

A voucher is over all that was earned on its channel so far, so only the newest one is needed.
"""

import json
from pathlib import Path
from typing import cast

import click

from config.address import parse_address
from consensus import refusals
from consensus.calls.payments import Voucher
from consensus.crypto import is_signed, voucher_message
from consensus.errors import CallError
from consensus.quantities import ZERO_HASH, PublicKey
from daemon.cli.amounts import parse_amount
from daemon.cli.client import NodeClient, connect
from daemon.cli.groups import make_group
from daemon.cli.keys import find_keys, open_signer
from daemon.cli.options import JSON, NODE, PATH, SECRETS, SIGNER, Common, verb
from daemon.cli.output import CliError, Exit, confirm, print_fields, print_json, snake
from daemon.cli.sources import expand, load
from daemon.cli.tx.desk import choose_name, read_int
from daemon.cli.tx.fields import parse_hash
from daemon.cli.tx.governing import read_voucher, write_voucher
from daemon.unit import Fields, format_amount
from storage.keys.keyfile import KeyKind

_PPM = 1_000_000


voucher = make_group("voucher", "Pay a miner off chain: sign a voucher, or check one.")


@verb("make", f"voucher make {'ab' * 32} 0.5 --out v.json", SIGNER, *SECRETS)
@click.argument("channel", help="The channel's id.")
@click.argument("amount", help="What was earned on it in all, in TAO: 0.5.")
@click.option(
    "--receipts-root", metavar="HASH", help="Root of the receipts it pays for, 64 hex digits."
)
@click.option("--out", type=PATH, help="File to write it to; else it is printed.")
def make(
    common: Common, channel: str, amount: str, receipts_root: str | None, out: Path | None
) -> None:
    """Sign a voucher with the coldkey that pays for a channel. Nothing is sent anywhere."""
    from consensus.ledger.channels import make_voucher  # noqa: PLC0415 - the ledger, when needed

    name, earned = parse_hash(channel), parse_amount(amount)
    root = ZERO_HASH if receipts_root is None else parse_hash(receipts_root)
    keys = find_keys(common)
    usual = choose_name(common.signer, load(common).settings, keys, KeyKind.COLDKEY)
    confirm(f"Sign for {format_amount(earned)} in all on channel {name.hex()}.", yes=common.yes)
    opened = open_signer(usual, keys, KeyKind.COLDKEY)
    told = write_voucher(make_voucher(opened.key, name, earned, root))
    if out is None:
        print_json(told)
        return
    _write(out, json.dumps(told))
    if common.as_json:
        print_json({**told, "file": str(out)})
    else:
        click.echo(f"Signed for {format_amount(earned)} in all: {out}")


@verb("check", "voucher check v.json", *NODE, JSON)
@click.argument("file", type=PATH, help="File of the voucher.")
def check(common: Common, file: Path) -> None:
    """Tell what a voucher would pay now, or why it would not. Exit code 1: it would not."""
    found = read_voucher(file)
    client = connect(common)
    channel = cast("Fields", client.get_ok(f"/chain/channels/{found.channel.hex()}")["channel"])
    _judge(client, found, channel)
    paid = found.amount - read_int(channel, "redeemed")
    rules = cast("Fields", client.get_ok("/chain/params")["params"])
    burn_ppm = read_int(rules, "payment_burn_ppm")
    burned = found.amount * burn_ppm // _PPM - read_int(channel, "redeemed") * burn_ppm // _PPM
    figures = {
        "channel": found.channel.hex(),
        "payee": channel["payee"],
        "payer": channel["payer"],
        "amount": str(found.amount),
        "pays": str(paid - burned),
        "burns": str(burned),
        "left": str(read_int(channel, "deposit") - found.amount),
        "before_block": channel["end"],
    }
    if common.as_json:
        print_json({"valid": True, **figures})
        return
    amounts = {name: format_amount(read_int(figures, name)) for name in ("amount", "pays", "burns")}
    print_fields("Valid", {**figures, **amounts, "left": format_amount(read_int(figures, "left"))})


voucher.add_command(make)
voucher.add_command(check)


def _judge(client: NodeClient, voucher: Voucher, channel: Fields) -> None:
    """Return if the next block would pay a voucher.

    Raises:
        CliError: the refusal it would meet.
    """
    message = voucher_message(voucher.channel, voucher.amount, voucher.receipts_root)
    signers = {PublicKey(parse_address(str(channel[who]))) for who in ("payer", "opener")}
    height = read_int(client.get_ok("/chain/status"), "height")
    if not any(is_signed(signer, message, voucher.signature) for signer in signers):
        raise _refuse(refusals.VoucherForged)
    if height + 1 >= read_int(channel, "end"):
        raise _refuse(refusals.ChannelEnded)
    if voucher.amount > read_int(channel, "deposit"):
        raise _refuse(refusals.VoucherTooLarge)
    if voucher.amount <= read_int(channel, "redeemed"):
        raise _refuse(refusals.VoucherStale)


def _refuse(kind: type[CallError]) -> CliError:
    words = (kind.__doc__ or "").partition("\n")[0]
    return CliError(Exit.FAILED, snake(kind.__name__), words, kind.remedy)


def _write(file: Path, text: str) -> None:
    try:
        expand(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{file} can't be written: {error.strerror}."
        raise CliError(Exit.FAILED, "unwritable", message, "Check the folder.") from error
