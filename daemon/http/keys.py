"""The keys that open the HTTP door when it has a keys file: read, compared, read anew on SIGHUP.

A key is kept as its digest, so no log or error of ours can show it, and a comparison takes as long
for a wrong key as for a right one: every digest is compared, whole.
"""

import hmac
from hashlib import blake2b
from pathlib import Path

from config.errors import ConfigError, Problem

KEY_LENGTH_MIN = 16
"""Shorter keys can be guessed at the rate the door allows."""
KEYS_MAX = 1_000
"""Each request is compared with each key."""


class ApiKeys:
    """The accepted keys; none at all means that the door needs no key."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._digests: tuple[bytes, ...] = ()
        self.reload()

    @property
    def are_needed(self) -> bool:
        """Tell whether a request must carry a key."""
        return self._file is not None

    def reload(self) -> None:
        """Read the keys file again; on an error the keys stay as they are.

        Raises:
            ConfigError: the file can't be read, is empty, or has a short key.
        """
        if self._file is None:
            return
        try:
            lines = self._file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise _refuse(f"{self._file}", f"It can't be read: {error}.") from error
        problems: list[Problem] = []
        digests: list[bytes] = []
        for number, line in enumerate(map(str.strip, lines), start=1):
            if not line or line.startswith("#"):
                continue
            if len(line) < KEY_LENGTH_MIN:
                where, least = f"{self._file.name}:{number}", f"at least {KEY_LENGTH_MIN}"
                problems.append(
                    Problem(
                        where, "api.keys_file", "The key is too short.", f"Use {least} characters."
                    )
                )
            digests.append(_digest(line))
        if problems:
            raise ConfigError(tuple(problems))
        if not 0 < len(digests) <= KEYS_MAX:
            raise _refuse(str(self._file), f"It holds {len(digests)} keys.")
        self._digests = tuple(digests)

    def is_accepted(self, key: str) -> bool:
        """Tell whether `key` is one of ours, in a time that does not depend on which."""
        digest = _digest(key)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(known, digest)
        return found


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=32, person=b"neurond/api-key").digest()


def _refuse(where: str, message: str) -> ConfigError:
    return ConfigError(
        (Problem(where, "api.keys_file", message, f"Write one key per line, at most {KEYS_MAX}."),)
    )
