"""A maker for every type of field a call has: what is asked, how it is read, how it is shown."""

from pathlib import Path
from typing import cast

from config.address import format_address
from consensus.quantities import (
    U16_MAX,
    ZERO_HASH,
    Hash32,
    Identity,
    LongText,
    PublicKey,
    ShortText,
)
from daemon.cli.amounts import (
    format_ratio,
    misused,
    parse_amount,
    parse_height,
    parse_number,
    parse_ratio,
)
from daemon.cli.output import CliError, Exit
from daemon.cli.tx.desk import Desk
from daemon.cli.tx.entry import Field, Given, Prompt, Read
from daemon.unit import format_amount
from storage.keys.keyfile import KeyKind

SHORT_BYTES_MAX, LONG_BYTES_MAX = 128, 1_024
FILE_BYTES_MAX = 1 << 20
_HASH_BYTES = 32


def _show(_desk: Desk, value: object) -> str:
    return str(value)


# -- keys -----------------------------------------------------------------------------------------


def key(name: str, about: str) -> Field:
    """Return a field for somebody's key, an argument: an address or a local key's name."""
    prompt = Prompt(name, f"{about} An address, or a key's name here.", is_argument=True)
    return Field(name, lambda desk, given: desk.find(given.needed(name)), show_key, (prompt,))


def hotkey(name: str = "hotkey", about: str = "The hotkey.") -> Field:
    """Return a field for a hotkey, an option: the configured one unless named."""
    who = "An address or a key's name; else neuron.hotkey of the settings."
    return local(name, KeyKind.HOTKEY, about, who)


def local(name: str, kind: KeyKind, about: str, who: str = "A local key's name.") -> Field:
    """Return a field for a key of this machine, an option: the configured one unless named."""

    def read(desk: Desk, given: Given) -> PublicKey:
        text = given.text(name)
        return desk.find_default(kind) if text is None else desk.find(text)

    return Field(name, read, show_key, (Prompt(name, f"{about} {who}", metavar="KEY"),))


def show_key(desk: Desk, value: object) -> str:
    """Return a key as people read it: its address, and its name if it is here."""
    public_key = PublicKey(value if isinstance(value, bytes) else b"")
    address, name = format_address(public_key), desk.name(public_key)
    return address if name is None else f"{name} ({address})"


def computed(name: str, read: Read) -> Field:
    """Return a field that follows from others: nothing is asked."""
    return Field(name, read, _show)


# -- numbers --------------------------------------------------------------------------------------


def amount(name: str, about: str, coin: str = "TAO", *, is_option: bool = False) -> Field:
    """Return a field for an amount of TAO or alpha."""
    prompt = Prompt(
        name,
        f"{about} In {coin}: 1.5, or 1500000000rao.",
        not is_option,
        is_needed=True,
        metavar="AMOUNT",
    )

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, int)
        return format_amount(value, coin)

    return Field(name, lambda _, given: parse_amount(given.needed(name)), show, (prompt,))


def number(name: str, about: str, bounds: tuple[int, int], default: int | None = None) -> Field:
    """Return a field for a whole number: an argument, or with a default an option."""
    prompt = Prompt(
        name,
        about if default is None else f"{about} Else {default}.",
        default is None,
        metavar="NUMBER",
    )

    def read(_desk: Desk, given: Given) -> int:
        text = given.text(name)
        return (
            default if text is None and default is not None else parse_number(text or "", *bounds)
        )

    return Field(name, read, _show, (prompt,))


def netuid(name: str = "netuid", about: str = "The subnet.") -> Field:
    """Return a field for a subnet's number, an argument."""
    return number(name, about, (0, U16_MAX))


def height(name: str, about: str) -> Field:
    """Return a field for a height, an option that must be given."""
    prompt = Prompt(
        name, f"{about} A height, or +100 from the head.", is_needed=True, metavar="HEIGHT"
    )

    def read(desk: Desk, given: Given) -> int:
        return parse_height(given.needed(name), desk.height)

    return Field(name, read, _show, (prompt,))


def ratio(name: str, about: str) -> Field:
    """Return a field for a proportion, an argument."""
    prompt = Prompt(name, f"{about} 18%, 0.18 or 11796/65535.", is_argument=True)

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, int)
        return format_ratio(value)

    return Field(name, lambda _, given: parse_ratio(given.needed(name)), show, (prompt,))


# -- bytes and texts ------------------------------------------------------------------------------


def hash32(name: str, about: str, *, is_option: bool = False) -> Field:
    """Return a field for a hash of 32 bytes; as an option, all zero unless given."""
    prompt = Prompt(name, f"{about} 64 hex digits.", not is_option, metavar="HASH")

    def read(_desk: Desk, given: Given) -> Hash32:
        text = given.text(name)
        return ZERO_HASH if text is None else parse_hash(text)

    return Field(name, read, _show_hex, (prompt,))


def data(name: str, about: str, bytes_max: int) -> Field:
    """Return a field for bytes, an option: hex, or the content of a file after @."""
    prompt = Prompt(name, f"{about} Hex, or @FILE; else none.", metavar="HEX")

    def read(_desk: Desk, given: Given) -> bytes:
        return _bound(read_bytes(given.text(name) or ""), bytes_max, name)

    return Field(name, read, _show_hex, (prompt,))


def text(name: str, about: str, *, bytes_max: int = SHORT_BYTES_MAX) -> Field:
    """Return a field for a text, an argument."""
    prompt = Prompt(name, f"{about} At most {bytes_max} bytes.", is_argument=True)
    return Field(
        name, lambda _, given: parse_text(given.needed(name), name, bytes_max), _show, (prompt,)
    )


def texts(name: str, option: str, about: str, count_max: int) -> Field:
    """Return a field for a few texts, an option that may be repeated."""

    def read(_desk: Desk, given: Given) -> tuple[ShortText, ...]:
        given_texts = given.all(option)
        if len(given_texts) > count_max:
            raise misused(f"--{option} {len(given_texts)} times.", f"At most {count_max} times.")
        return tuple(ShortText(parse_text(one, option)) for one in given_texts)

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, tuple)
        return ", ".join(map(str, cast("tuple[str, ...]", value))) or "nothing"

    return Field(name, read, show, (Prompt(option, f"{about} Repeatable.", is_list=True),))


def identity() -> Field:
    """Return the field for what somebody says of themselves: four options."""
    prompts = (
        Prompt("name", "A name, at most 128 bytes.", is_needed=True),
        Prompt("url", "A web address."),
        Prompt("contact", "How to reach you."),
        Prompt("about", "A few sentences, at most 1024 bytes."),
    )

    def read(_desk: Desk, given: Given) -> Identity:
        name, url, contact = (
            ShortText(parse_text(given.text(each) or "", each))
            for each in ("name", "url", "contact")
        )
        about = LongText(parse_text(given.text("about") or "", "about", LONG_BYTES_MAX))
        return Identity(name, url, contact, about)

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, Identity)
        return f"{value.name!r}"

    return Field("identity", read, show, prompts)


# -- reading --------------------------------------------------------------------------------------


def parse_hash(written: str) -> Hash32:
    """Return a hash written in hex.

    Raises:
        CliError: `usage`.
    """
    found = read_bytes(written.removeprefix("0x"))
    if len(found) != _HASH_BYTES:
        raise misused(f"{written[:40]!r} is no hash.", "Write its 64 hexadecimal digits.")
    return Hash32(found)


def parse_text(written: str, name: str, bytes_max: int = SHORT_BYTES_MAX) -> str:
    """Return a text that fits.

    Raises:
        CliError: `usage`: too long.
    """
    size = len(written.encode())
    if size > bytes_max:
        raise misused(f"{name}: {size} bytes, at most {bytes_max} are allowed.", "Shorten it.")
    return written


def read_bytes(written: str) -> bytes:
    """Return bytes written in hex, or those of the file after an @.

    Raises:
        CliError: `usage`, or `unreadable`: the file.
    """
    if written.startswith("@"):
        return read_file(Path(written[1:]))
    try:
        return bytes.fromhex(written)
    except ValueError:
        message = f"{written[:40]!r} is not hexadecimal."
        raise misused(message, "Write hex digits, or @FILE for a file's content.") from None


def read_file(file: Path) -> bytes:
    """Return the content of a small file.

    Raises:
        CliError: `unreadable`: it is not there, or not small.
    """
    try:
        with file.expanduser().open("rb") as stream:
            found = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"{file} can't be read: {error.strerror}."
        raise CliError(Exit.FAILED, "unreadable", message, "Check its path.") from error
    if len(found) > FILE_BYTES_MAX:
        message = f"{file} is over {FILE_BYTES_MAX} bytes."
        raise CliError(Exit.FAILED, "unreadable", message, "Is it the file you meant?")
    return found


def _bound(found: bytes, bytes_max: int, name: str) -> bytes:
    if len(found) > bytes_max:
        raise misused(f"{name}: {len(found)} bytes, at most {bytes_max}.", "Shorten it.")
    return found


def _show_hex(_desk: Desk, value: object) -> str:
    return value.hex() if isinstance(value, bytes) and any(value) else "none"
