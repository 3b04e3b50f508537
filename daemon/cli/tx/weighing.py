"""Fields of weight commitments and reveals, and the file that leads from one to the other.

`tx commit-weights` draws a salt and writes row and salt to a file for its owner alone before the
commitment is sent; `tx reveal-weights` reads it. A commitment whose salt is lost can't be opened,
which costs a slash: keep the file until the epoch after has begun.
"""

import json
import re
import secrets
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

from config.address import format_address
from consensus.calls.weights import RevealWeights
from consensus.quantities import (
    U16_MAX,
    U64,
    U64_MAX,
    Epoch,
    Hash32,
    NetUid,
    PublicKey,
    Salt,
    Uid,
    Weight,
)
from consensus.reward.commit_reveal import compute_digest
from daemon.cli.amounts import misused, parse_number
from daemon.cli.output import CliError, Exit
from daemon.cli.tx.desk import Desk, read_int
from daemon.cli.tx.entry import Field, Given, Prompt
from daemon.cli.tx.fields import computed, parse_hash, read_file
from storage.keys.private import read_own, write_new

_PAIR = re.compile(r"([0-9]{1,5})=([0-9]{1,20}(?:\.[0-9]{1,12})?)")
_SALT_BYTES = 32
_FILE_BYTES_MAX = 1 << 20
ROW = "row"
"""The note that holds the row while a call is read."""
SALT_FILE = Prompt(
    "salt_file",
    "File of the row and its salt; else one in the folder weights beside the keys.",
    metavar="FILE",
)
VERSION = Prompt("version", "Version of the scorer; else the subnet's.", metavar="NUMBER")
SCORER = Prompt("scorer", "Hash of the scorer; else the subnet's.", metavar="HASH")


def parse_weights(written: list[str]) -> tuple[tuple[Uid, ...], tuple[Weight, ...]]:
    """Return uids ascending and their weights, the largest 65535, from `UID=WEIGHT` or @FILE.

    Weights are in any unit; the file has one pair per line, or is JSON: {"0": 1, "3": 0.5}.

    Raises:
        CliError: `usage`: no pair, a uid twice, or nothing above zero.
    """
    pairs = [pair for text in written for pair in _split(text)]
    found: dict[int, Fraction] = {}
    for pair in pairs:
        match = _PAIR.fullmatch(pair)
        if match is None or int(match.group(1)) > U16_MAX:
            raise misused(f"{pair[:40]!r} is no weight.", "Write UID=WEIGHT, like 3=0.5.")
        if int(match.group(1)) in found:
            raise misused(f"uid {match.group(1)} is there twice.", "Give each uid one weight.")
        found[int(match.group(1))] = Fraction(match.group(2))
    most = max(found.values(), default=Fraction(0))
    if most == 0:
        raise misused("There is no weight above zero.", "Give at least one: 3=1.")
    uids = sorted(found)
    values = [int(found[uid] / most * U16_MAX) for uid in uids]
    return tuple(map(Uid, uids)), tuple(map(Weight, values))


def commit_fields() -> tuple[Field, ...]:
    """Return the fields of a commitment beside its subnet: epoch, digest and scorer."""
    weights = Prompt(
        "weights", "UID=WEIGHT in any unit, or @FILE of them.", is_argument=True, is_list=True
    )
    epoch = Prompt(
        "epoch", "The epoch it is for; else the one of the next block.", metavar="NUMBER"
    )
    return (
        Field("epoch", _read_commit_epoch, lambda _desk, value: str(value), (epoch,)),
        Field("digest", _seal, lambda _desk, _value: "sealed", (weights, VERSION, SALT_FILE)),
        Field("scorer", _read_scorer, lambda _desk, value: cast("Hash32", value).hex(), (SCORER,)),
    )


def reveal_fields() -> tuple[Field, ...]:
    """Return the fields of a reveal: all of them come from the file of the commitment."""
    epoch = Prompt(
        "epoch", "The committed epoch; else the one that has just ended.", metavar="NUMBER"
    )

    def part(name: str) -> Field:
        return computed(name, lambda _desk, given: getattr(given.notes[ROW], name))

    opened = Field("epoch", _open, lambda _desk, value: str(value), (epoch, SALT_FILE))
    return (opened, *(part(name) for name in ("salt", "version", "uids", "values")))


def keep_salt(desk: Desk, given: Given) -> None:
    """Write the row and its salt where the reveal finds them, before the commitment is sent.

    Raises:
        CliError, StorageError: the file is there, or can't be written.
    """
    row = given.notes[ROW]
    assert isinstance(row, RevealWeights)
    file = _choose_file(desk, given, row.netuid, row.epoch)
    if file.exists():  # a second commitment of one epoch counts instead of the first
        file.rename(file.with_name(f"{file.name}.{secrets.token_hex(4)}.old"))
    text = {
        "netuid": row.netuid,
        "epoch": row.epoch,
        "hotkey": format_address(desk.signer),
        "salt": row.salt.hex(),
        "version": row.version,
        "uids": row.uids,
        "values": row.values,
    }
    write_new(file, json.dumps(text).encode() + b"\n")


def _split(text: str) -> list[str]:
    if not text.startswith("@"):
        return [part for part in text.replace(",", " ").split() if part]
    content = read_file(Path(text[1:])).decode(errors="replace")
    if content.lstrip().startswith("{"):
        try:
            table: object = json.loads(content, parse_float=str, parse_int=str)
        except ValueError as error:
            raise misused(
                f"{text[1:]} is no JSON: {error}.", 'Write {"0": 1, "3": 0.5}.'
            ) from error
        pairs = cast("Mapping[str, object]", table)
        return [f"{uid}={weight}" for uid, weight in pairs.items()]
    return [part for line in content.splitlines() for part in line.partition("#")[0].split()]


def _read_commit_epoch(desk: Desk, given: Given) -> Epoch:
    text, tempo = given.text("epoch"), _get_tempo(desk, given)
    now = (desk.height + 1) // tempo
    epoch = Epoch(now if text is None else parse_number(text, 0, U64_MAX))
    given.last_block = (epoch + 1) * tempo - 1
    return epoch


def _seal(desk: Desk, given: Given) -> Hash32:
    uids, values = parse_weights(given.all("weights"))
    netuid, epoch = _get(given, "netuid"), _get(given, "epoch")
    version = given.text(VERSION.name)
    number = _get_version(desk, netuid) if version is None else parse_number(version, 0, U64_MAX)
    salt = Salt(secrets.token_bytes(_SALT_BYTES))
    row = RevealWeights(NetUid(netuid), Epoch(epoch), salt, U64(number), uids, values)
    given.notes[ROW] = row
    return compute_digest(desk.chain_id, desk.signer, row)


def _open(desk: Desk, given: Given) -> Epoch:
    netuid, text = _get(given, "netuid"), given.text("epoch")
    if text is None:
        epoch = (desk.height + 1) // _get_tempo(desk, given) - 1
    else:
        epoch = parse_number(text, 0, U64_MAX)
    file = _choose_file(desk, given, netuid, epoch)
    row = _read_row(file)
    if (row.netuid, row.epoch) != (netuid, epoch):
        message = f"{file} is for epoch {row.epoch} of subnet {row.netuid}, not epoch {epoch}."
        raise CliError(Exit.USAGE, "wrong_file", message, "Name it with --salt-file, or --epoch.")
    given.notes[ROW] = row
    given.last_block = read_int(desk.subnet(NetUid(netuid)), "next_step") - 1
    return row.epoch


def _read_row(file: Path) -> RevealWeights:
    if not file.exists():
        message = f"There is no file {file}: nothing was committed here for that epoch."
        remedy = "Name the file of the commitment with --salt-file, or its epoch with --epoch."
        raise CliError(Exit.FAILED, "no_salt_file", message, remedy)
    try:
        found: dict[str, object] = json.loads(read_own(file, _FILE_BYTES_MAX))
        uids, values = cast("list[int]", found["uids"]), cast("list[int]", found["values"])
        return RevealWeights(
            NetUid(_whole(found, "netuid")),
            Epoch(_whole(found, "epoch")),
            Salt(bytes.fromhex(str(found["salt"]))),
            U64(_whole(found, "version")),
            tuple(map(Uid, uids)),
            tuple(map(Weight, values)),
        )
    except (ValueError, KeyError, TypeError) as error:
        message = f"{file} is no file of commit-weights: {error}."
        remedy = "Take the file that tx commit-weights wrote, unchanged."
        raise CliError(Exit.FAILED, "bad_salt_file", message, remedy) from error


def _whole(found: Mapping[str, object], name: str) -> int:
    value = found[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no number")
    return value


def _choose_file(desk: Desk, given: Given, netuid: int, epoch: int) -> Path:
    named = given.text(SALT_FILE.name)
    if named is not None:
        return Path(named).expanduser().absolute()
    name = f"{netuid}-{epoch}-{format_address(PublicKey(desk.signer))}.json"
    return desk.keys.keystore.parent / "weights" / name


def _get_tempo(desk: Desk, given: Given) -> int:
    return max(1, read_int(desk.subnet(NetUid(_get(given, "netuid"))), "tempo"))


def _get_version(desk: Desk, netuid: int) -> int:
    return read_int(_get_mechanism(desk, netuid), "scorer_version")


def _read_scorer(desk: Desk, given: Given) -> Hash32:
    text = given.text(SCORER.name)
    if text is not None:
        return parse_hash(text)
    return parse_hash(str(_get_mechanism(desk, _get(given, "netuid"))["scorer_hash"]))


def _get_mechanism(desk: Desk, netuid: int) -> Mapping[str, object]:
    return cast("Mapping[str, object]", desk.subnet(NetUid(netuid)).get("mechanism"))


def _get(given: Given, name: str) -> int:
    value = given.values[name]
    assert isinstance(value, int)
    return value
