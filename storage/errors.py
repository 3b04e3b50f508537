"""What can be wrong with the disk (damaged, foreign, full, locked) and with a key file.

Every error says what happened, where, and what the operator can do about it (`remedy`). None of
them is retried here: the owner of the store decides, and most of them end the daemon.
"""

from pathlib import Path

from consensus.errors import NeurondError


class StorageError(NeurondError):
    """Root of what can be wrong with the disk; `remedy` is one sentence for the operator."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}. {remedy}")
        self.message = message
        self.remedy = remedy


class Corrupt(StorageError):
    """Bytes on the disk that are not what we wrote: a flipped bit, a cut file, a lost page."""

    def __init__(self, path: Path, table: str, key: bytes, detail: str) -> None:
        where = f"{path}, table {table or '?'}, key {key.hex() or '?'}"
        super().__init__(f"damaged data in {where}: {detail}", _corrupt_remedy(path))
        self.path = path
        self.table = table
        self.key = key
        self.detail = detail


class WrongNetwork(StorageError):
    """The data folder belongs to another chain."""

    def __init__(self, path: Path, found: bytes, wanted: bytes) -> None:
        super().__init__(
            f"{path} holds chain {found.hex()}, this node runs chain {wanted.hex()}",
            "Choose another data folder, or the network file this folder was made with.",
        )
        self.found = found
        self.wanted = wanted


class SchemaTooNew(StorageError):
    """A later version of neurond wrote this folder."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} has schema version {found}, this program knows up to {known}",
            "Run the neurond version that wrote it, or a later one.",
        )
        self.found = found
        self.known = known


class StorageFull(StorageError):
    """No room: the disk, a quota, or the configured size of the database."""

    def __init__(self, path: Path, detail: str, remedy: str) -> None:
        super().__init__(f"cannot write to {path}: {detail}", remedy)


class StorageFailed(StorageError):
    """The system refused: permissions, a read-only disk, an input or output error."""

    def __init__(self, path: Path, detail: str, remedy: str) -> None:
        super().__init__(f"cannot use {path}: {detail}", remedy)


class Locked(StorageError):
    """Another daemon already runs on this data folder."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"{path} is in use by process {holder}",
            "Stop that process, or give this node its own data folder.",
        )
        self.holder = holder


class NotKept(StorageError):
    """The state of that height is not stored: pruned already, or not final yet."""

    def __init__(self, height: int, oldest: int, newest: int) -> None:
        super().__init__(
            f"no state of height {height}: heights {oldest}..{newest} are kept",
            "Ask for a later height, or keep a longer history.",
        )
        self.height = height


class WrongOrder(StorageError):
    """A block that should become final does not follow the stored head."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, "This is a bug of the caller; nothing was written.")


class JournalLost(StorageError):
    """The journal is younger than the chain beside it, so what we signed before is unknown."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the journal in {path} is new or older than the chain beside it",
            "Sign nothing until a block newer than this start is final, then accept the loss.",
        )


class DoubleVote(StorageError):
    """A vote that contradicts one in the journal; it was not stored and must not be sent."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"refused to sign twice: {detail}",
            "Make sure that no other node uses this consensus key.",
        )


class StaleStandings(StorageError):
    """A write of scores over scores that this writer has never read."""

    def __init__(self, netuid: int) -> None:
        super().__init__(
            f"the scores of subnet {netuid} changed since they were loaded",
            "Run one validator per subnet and data folder; load again before writing.",
        )


class KeyFileError(StorageError):
    """Root of what can be wrong with a key file."""


class BadKeyName(KeyFileError):
    """A key name that could not be a file name everywhere."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:64]!r} is not a key name",
            "Use 1 to 32 of a-z, 0-9, '-' and '_', beginning with a letter or digit.",
        )


class KeyExists(KeyFileError):
    """A key of that name is there already; keys are never overwritten."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists", "Choose another name; key files are never replaced.")


class KeyMissing(KeyFileError):
    """No key of that name and kind."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no {path}", "Create it with 'neurond wallet create'.")


class KeyExposed(KeyFileError):
    """Others on this machine can read or write the key file."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path} has mode {mode:04o}, open to others", f"Run: chmod 600 '{path}'")
        self.path = path


class WrongPassword(KeyFileError):
    """The file is intact but the password does not open it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"wrong password for {path}", "Try again with the right password.")


class WrongKind(KeyFileError):
    """The key of that name is for something else."""

    def __init__(self, path: Path, found: str, wanted: str) -> None:
        super().__init__(
            f"{path} is a {found} key, a {wanted} key is needed",
            "Name another key; neurond wallet list shows their kinds.",
        )


class WeakPassword(KeyFileError):
    """An empty password for a key that is not for a devnet."""

    def __init__(self) -> None:
        super().__init__(
            "a key needs a password", "Give one; only devnet keys may go without, and say so."
        )


class StretchFailed(KeyFileError):
    """Too little memory to turn a password into a key."""

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(
            f"stretching the password needs {memory_bytes >> 20} MiB of memory",
            "Free some memory, or raise the process's limit.",
        )


class KeyDamaged(KeyFileError):
    """The key file is not what we wrote."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(
            f"{path} is damaged: {detail}",
            "Restore it from a copy or its words: neurond wallet import.",
        )
        self.path = path


def _corrupt_remedy(path: Path) -> str:
    if path.name == "sign":
        return (
            f"Move {path} away and start again: the node will follow without signing until it is "
            "certain that it signs nothing twice."
        )
    return f"Check the disk, move {path} away and start again: the chain is fetched from peers."
