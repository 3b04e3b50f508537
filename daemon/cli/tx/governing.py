"""Fields of governance, payments and lending that no other family has."""

import json
from collections.abc import Mapping
from pathlib import Path

from config.address import format_address
from consensus.calls.governance import ChangeParam, ChangeProtocol, Declare
from consensus.calls.payments import Voucher
from consensus.calls.staking import Child
from consensus.crypto import compute_channel_id
from consensus.quantities import (
    I64,
    U32,
    Amount,
    Hash32,
    LongText,
    Nonce,
    PublicKey,
    Ratio16,
    ShortText,
    Signature,
)
from consensus.types import Transaction
from daemon.cli.amounts import (
    format_ratio,
    misused,
    parse_number,
    parse_ratio,
)
from daemon.cli.output import CliError, Exit
from daemon.cli.tx.desk import Desk
from daemon.cli.tx.entry import Field, Given, Prompt
from daemon.cli.tx.fields import LONG_BYTES_MAX, parse_text, read_file
from daemon.unit import format_amount

_I64_MAX, _U32_MAX = 2**63 - 1, 2**32 - 1
_YES = {"yes": True, "no": False}


# -- governance -----------------------------------------------------------------------------------


def change_param() -> Field:
    """Return the field for another value of a network parameter."""
    prompts = (
        Prompt("parameter", "Its name; neurond query params lists all.", is_argument=True),
        Prompt("value", "Its new value, a whole number in its own unit.", is_argument=True),
    )

    def read(_desk: Desk, given: Given) -> ChangeParam:
        name = ShortText(parse_text(given.needed("parameter"), "parameter"))
        value = parse_number(given.needed("value"), -_I64_MAX - 1, _I64_MAX)
        return ChangeParam(name, I64(value))

    return Field("change", read, _show_change, prompts)


def change_protocol() -> Field:
    """Return the field for another protocol version."""
    prompt = Prompt("version", "The protocol version nodes must have by then.", is_argument=True)

    def read(_desk: Desk, given: Given) -> ChangeProtocol:
        return ChangeProtocol(U32(parse_number(given.needed("version"), 0, _U32_MAX)))

    return Field("change", read, _show_change, (prompt,))


def declaration() -> Field:
    """Return the field for a text in the name of the network."""
    prompt = Prompt("text", "What the network is to say, at most 1024 bytes.", is_argument=True)

    def read(_desk: Desk, given: Given) -> Declare:
        return Declare(LongText(parse_text(given.needed("text"), "text", LONG_BYTES_MAX)))

    return Field("change", read, _show_change, (prompt,))


def vote() -> Field:
    """Return the field for yes or no."""
    prompt = Prompt("vote", "yes or no.", is_argument=True)

    def read(_desk: Desk, given: Given) -> bool:
        text = given.needed("vote").lower()
        if text not in _YES:
            raise misused(f"{text[:40]!r} is neither yes nor no.", "Write yes or no.")
        return _YES[text]

    return Field("is_yes", read, lambda _desk, value: "yes" if value else "no", (prompt,))


def _show_change(_desk: Desk, value: object) -> str:
    match value:
        case ChangeParam(name, number):
            return f"{name} = {number}"
        case ChangeProtocol(version):
            return f"protocol version {version}"
        case Declare(text):
            return repr(text)
        case _:
            return str(value)


# -- children -------------------------------------------------------------------------------------


def children() -> Field:
    """Return the field for the hotkeys that stake weight is lent to."""
    prompt = Prompt(
        "child",
        "Whom and how much, like alice-hotkey=30%. Repeatable, at most five; none: lend nothing.",
        is_list=True,
        metavar="HOTKEY=SHARE",
    )

    def read(desk: Desk, given: Given) -> tuple[Child, ...]:
        return tuple(_read_child(desk, text) for text in given.all("child"))

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, tuple)
        found: list[str] = []
        for each in value:  # pyright: ignore[reportUnknownVariableType]
            assert isinstance(each, Child)
            found.append(f"{format_ratio(each.share)} to {format_address(each.hotkey)}")
        return ", ".join(found) or "nothing to anybody"

    return Field("children", read, show, (prompt,))


def _read_child(desk: Desk, text: str) -> Child:
    who, equals, share = text.rpartition("=")
    if not equals:
        raise misused(f"{text[:60]!r} has no '='.", "Write --child HOTKEY=30%.")
    return Child(PublicKey(desk.find(who)), Ratio16(parse_ratio(share)))


# -- vouchers -------------------------------------------------------------------------------------


def voucher() -> Field:
    """Return the field for a voucher, the file that its payer sent."""
    prompt = Prompt(
        "voucher", "File of the voucher, as neurond voucher make wrote it.", is_argument=True
    )

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, Voucher)
        return f"{format_amount(value.amount)} in all on channel {value.channel.hex()}"

    def read(_desk: Desk, given: Given) -> Voucher:
        return read_voucher(Path(given.needed("voucher")))

    return Field("voucher", read, show, (prompt,))


def name_channel(transaction: Transaction) -> dict[str, str]:
    """Return the id of the channel that a transaction opens."""
    after = Nonce(transaction.nonce + 1)
    name = compute_channel_id(transaction.chain_id, transaction.signer, after)
    return {"channel": name.hex()}


def read_voucher(file: Path) -> Voucher:
    """Return the voucher in a file.

    Raises:
        CliError: `unreadable`, or `bad_voucher`: it is not a voucher.
    """
    try:
        found: Mapping[str, object] = json.loads(read_file(file))
        channel, root = (bytes.fromhex(str(found[name])) for name in ("channel", "receipts_root"))
        signature = bytes.fromhex(str(found["signature"]))
        amount = int(str(found["amount"]))
        if [len(channel), len(root), len(signature)] != [32, 32, 64]:
            raise ValueError("a field of another length")  # noqa: TRY301 - told like the others
        if not 0 <= amount < 1 << 64:
            raise ValueError("amount is no number of rao")  # noqa: TRY301 - told like the others
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} is no voucher: {error}."
        remedy = "Take the file that neurond voucher make wrote, unchanged."
        raise CliError(Exit.FAILED, "bad_voucher", message, remedy) from error
    return Voucher(Hash32(channel), Amount(amount), Hash32(root), Signature(signature))


def write_voucher(given: Voucher) -> dict[str, object]:
    """Return a voucher as its file has it."""
    return {
        "channel": given.channel.hex(),
        "amount": str(given.amount),
        "receipts_root": given.receipts_root.hex(),
        "signature": given.signature.hex(),
    }
